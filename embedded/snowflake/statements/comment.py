"""COMMENT ON: the comment of any object or column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.kinds import read_kind
from embedded.snowflake.catalog.tables import column_body
from embedded.snowflake.catalog.tags import change
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.names import ObjectName
from embedded.snowflake.result import Result, status
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.session.dispatch import Statement, handles, if_exists

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

DONE = "Statement executed successfully."


@handles("COMMENT", commits=True)
def comment(session: Session, statement: Statement) -> Result:
    """Do `COMMENT [IF EXISTS] ON kind name IS 'text'`, or the same of a column."""
    from embedded.snowflake.statements.objects import check_kind, read_signature

    tokens = statement.tokens
    tokens.expect("COMMENT")
    lenient = if_exists(tokens)
    tokens.expect("ON")
    try:
        if tokens.accept("COLUMN"):
            _comment_column(session, tokens)
            return status(DONE)
        kind = read_kind(tokens)
        name = tokens.name()
        item = reach(session, kind.name, name, "OWNERSHIP", read_signature(tokens) if kind.has_signature else "")
    except SnowflakeError as error:
        if lenient and error.errno in (2003, 2043):
            return status(DONE)
        raise
    check_kind(kind, item)
    text = _read_text(tokens)
    with session.account.catalog.transaction() as changes:
        changes.put(item.changed(comment=text))
    return status(DONE)


def _read_text(tokens: TokenStream) -> str:
    tokens.expect("IS")
    text = tokens.string()
    tokens.end()
    return text


def _comment_column(session: Session, tokens: TokenStream) -> None:
    parts = [tokens.identifier()]
    while tokens.accept("."):
        parts.append(tokens.identifier())
    column = parts.pop()
    if not parts:
        raise tokens.unexpected()
    table = reach(session, "TABLE", ObjectName.of(parts), "OWNERSHIP")
    text = _read_text(tokens)
    change(session, table, lambda body: column_body(body, column).update(comment=text))
