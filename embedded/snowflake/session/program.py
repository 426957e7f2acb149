"""What a program changes about its session while it runs: its own transactions, and the rights of a procedure's owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import SqlCompilationError, SqlExecutionError

if TYPE_CHECKING:
    from embedded.snowflake.catalog.model import CatalogObject
    from embedded.snowflake.session.session import Session


@dataclass(frozen=True)
class Program:
    """A block or procedure under way.

    Attributes:
        outer: the program that called it, or None.
        outer_transaction: the transaction that was open when it was called, or None.
        owners_rights: whether it works with its owner's rights: then the caller's session is not its own.
        depth: how many programs call each other.
    """

    outer: Program | None
    outer_transaction: Any | None
    owners_rights: bool
    depth: int


_DEEPEST = 16
# What a procedure with its owner's rights may not do to the caller's session.
_REFUSED = {"USE": "USE", "SET": "SET", "UNSET": "UNSET"}


def check_allowed(session: Session, words: tuple[str, str]) -> None:
    """Refuse a statement, by its first two words, that the program under way may not run.

    Raises:
        SnowflakeError: a procedure with its owner's rights would change the caller's session (090236).
    """
    if session.program is None or not session.program.owners_rights:
        return
    refused = _REFUSED.get(words[0]) or ("ALTER_SESSION" if words == ("ALTER", "SESSION") else None)
    if refused is not None:
        raise SqlExecutionError(
            f"Stored procedure execution error: Unsupported statement type '{refused}'.", 90236, "42601"
        )


@contextmanager
def running(session: Session, *, owners_rights: bool = False) -> Iterator[None]:
    """Run a program inside the block: a transaction that it opens is its own, and must be ended by it.

    Raises:
        SnowflakeError: it left its transaction open, which is undone (090232), or programs call each other too deeply (090237).
    """
    outer = session.program
    depth = outer.depth + 1 if outer is not None else 1
    if depth > _DEEPEST:
        raise SqlExecutionError(f"Stored procedure call depth exceeds the maximum of {_DEEPEST}.", 90237, "54001")
    before = session.transaction
    inherited = outer is not None and outer.owners_rights
    session.program = Program(outer, before, owners_rights or inherited, depth)
    try:
        try:
            yield
        except BaseException:
            _undo_own(session, before)
            raise
        if _undo_own(session, before):
            raise SqlExecutionError(
                "Stored procedure execution error: Scoped transaction started in stored procedure is incomplete"
                " and it was rolled back.",
                90232,
                "57014",
            )
    finally:
        session.program = outer


def _undo_own(session: Session, before: Any | None) -> bool:
    """Undo the transaction that the program opened and did not end, and say whether there was one."""
    if session.transaction is None or session.transaction is before:
        return False
    session.rollback()
    return True


class _NoVariables(dict[str, Any]):
    """The session variables as a procedure with its owner's rights has them: it may not use any."""

    def __contains__(self, name: object) -> bool:
        raise SqlCompilationError(
            f"Use of session variable '${name}' is not allowed in owners rights stored procedure", 1423, "42601"
        )


@contextmanager
def as_owner(session: Session, procedure: CatalogObject) -> Iterator[None]:
    """Give the session a procedure owner's role and the procedure's schema inside the block; the caller's come back after it."""
    catalog = session.account.catalog
    schema = catalog.get(procedure.container)
    kept = {key: getattr(session, key) for key in _SWAPPED}
    session.role, session.secondary_roles, session.variables = procedure.owner, False, _NoVariables()
    session.schema, session.database = schema.name, catalog.get(schema.container).name
    try:
        yield
    finally:
        for key, value in kept.items():
            setattr(session, key, value)


_SWAPPED = ("role", "secondary_roles", "variables", "database", "schema")

__all__ = ["Program", "as_owner", "check_allowed", "running"]
