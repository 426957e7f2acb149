"""EXECUTE USING POLICY_CONTEXT: a query as it would be for another role, user or account, to try policies out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.policies import uses_of
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.result import Result
from embedded.snowflake.security.privileges import require
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.sql.run import run_query
from embedded.snowflake.sql.translate import Translated, query
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_FUNCTIONS = ("CURRENT_USER", "CURRENT_ROLE", "CURRENT_AVAILABLE_ROLES", "CURRENT_ACCOUNT")


@handles("EXECUTE", "USING")
def execute_using(session: Session, statement: Statement) -> Result:
    """EXECUTE USING POLICY_CONTEXT(CURRENT_ROLE => 'R', …) AS query.

    Raises:
        SnowflakeError: an argument is none (001003), or the session's roles do not own what is protected, or may not apply its
            policies (003001).
    """
    tokens = statement.tokens
    tokens.expect("EXECUTE", "USING", "POLICY_CONTEXT")
    pretended = dict(tokens.parenthesized(lambda: _argument(tokens)))
    tokens.expect("AS")
    if tokens.word() not in ("SELECT", "WITH"):
        raise tokens.unexpected()
    tree = parse_query(tokens.rest())
    session.pretended = pretended
    try:
        translated = query(session, tree, statement=statement)
        _require_rights(session, translated)
        if statement.describe_only:
            return Result(translated.columns, [])
        return Result(translated.columns, arrow=run_query(session, translated))
    finally:
        session.pretended = {}


def _argument(tokens: TokenStream) -> tuple[str, tuple[str, ...]]:
    name = tokens.identifier()
    if name not in _FUNCTIONS:
        raise SqlCompilationError(f"POLICY_CONTEXT does not take '{name}': {', '.join(_FUNCTIONS)}.", 1003, "42000")
    tokens.expect("=>")
    if tokens.at("("):
        return name, tuple(tokens.parenthesized(tokens.string))
    text = tokens.string()
    if text.startswith("["):
        return name, tuple(part.strip().strip("'") for part in text.strip("[]").split(","))
    return name, (text,)


def _require_rights(session: Session, translated: Translated) -> None:
    """Make sure that who tries a policy out owns what it protects, and may apply it."""
    catalog = session.account.catalog
    for oid in sorted(translated.sources):
        item = catalog.get(oid)
        policies = [catalog.get(policy) for policy, _, _ in uses_of(item)]
        if policies:
            require(session, "OWNERSHIP", item)
        for policy in policies:
            require(session, "APPLY", policy)
