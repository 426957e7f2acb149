"""CLONE: what a CREATE … CLONE names, and the copies it makes of a container's contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Kind
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

# Kinds that a clone of a schema leaves out: they hold nothing, or would act twice.
_NOT_CLONED = frozenset({"DATABASE ROLE"})


def read_clone(session: Session, tokens: TokenStream, kind: Kind) -> dict[str, Any] | None:
    """Read `CLONE source [AT|BEFORE (…)]` if it comes next: the source's oid and the text of the time."""
    if not tokens.accept("CLONE"):
        return None
    source = reach(session, kind.name, tokens.name(), "USAGE")
    return {"source": source.oid, "at": read_time(tokens)}


def read_time(tokens: TokenStream) -> str | None:
    """Read `AT (…)` or `BEFORE (…)` if it comes next, as source text."""
    if tokens.word() not in ("AT", "BEFORE") or tokens.word(1) != "(":
        return None
    word = tokens.next().text.upper()
    return f"{word} ({tokens.skip_parenthesis()})"


def clone_children(session: Session, changes: CatalogTransaction, clone: dict[str, Any], target: CatalogObject) -> None:
    """Copy what a database or schema holds into its clone, data included."""
    from embedded.snowflake.statements.physical import create_table

    for child in changes.catalog.children(clone["source"]):
        if (
            child.kind in _NOT_CLONED
            or child.name == "INFORMATION_SCHEMA"
            or child.body.get("temporary_session") is not None
        ):
            continue
        body = child.changed().body
        if child.kind == "TASK":
            body["state"] = "suspended"
        copy = changes.create(
            child.kind,
            target.oid,
            child.name,
            owner=child.owner,
            comment=child.comment,
            signature=child.signature,
            body=body,
        )
        inner = {"source": child.oid, "at": clone["at"]}
        if child.kind == "SCHEMA":
            clone_children(session, changes, inner, copy)
        elif child.kind == "TABLE":
            copy.body["clone"] = inner
            create_table(session, changes, copy)
