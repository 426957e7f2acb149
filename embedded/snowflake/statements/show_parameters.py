"""SHOW PARAMETERS: of the session, the account, or an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from embedded.snowflake.catalog.kinds import find_kind, read_kind
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import PARAMETERS, Setting, keys, session_setting, setting
from embedded.snowflake.catalog.show import matches_like
from embedded.snowflake.errors import unsupported
from embedded.snowflake.result import Result, listing
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.session.dispatch import Statement, handles

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

COLUMNS = ("key", "value", "default", "level", "description", "type")


@handles("SHOW", "PARAMETERS")
def show_parameters(session: Session, statement: Statement) -> Result:
    """List parameters with their values, defaults and the level that they were set at."""
    tokens = statement.tokens
    tokens.expect("SHOW", "PARAMETERS")
    like = tokens.string() if tokens.accept("LIKE") else None
    level, value = _read_scope(session, tokens)
    tokens.end()
    rows = []
    for key in keys(level):
        if like is None or matches_like(like, key):
            parameter, found = PARAMETERS[key], value(key)
            rows.append((key, found.value, parameter.default, found.level, parameter.description, parameter.type))
    return listing(COLUMNS, rows)


def _read_scope(session: Session, tokens: TokenStream) -> tuple[str, Callable[[str], Setting]]:
    catalog = session.account.catalog
    if not (tokens.accept("IN") or tokens.accept("FOR")) or tokens.accept("SESSION"):
        return "session", lambda key: session_setting(session, key)
    if tokens.accept("ACCOUNT"):
        return "account", lambda key: setting(catalog, key, None)
    item = _read_object(session, tokens)
    kind = find_kind(item.kind)
    if kind is None or kind.level is None:
        raise unsupported(f"SHOW PARAMETERS IN {item.kind}")
    return kind.level, lambda key: setting(catalog, key, item)


def _read_object(session: Session, tokens: TokenStream) -> CatalogObject:
    from embedded.snowflake.statements.objects import check_kind, read_signature

    kind = read_kind(tokens)
    if not tokens:
        current = {"DATABASE": session.current_database, "SCHEMA": session.current_schema}.get(kind.name)
        if current is None:
            raise tokens.unexpected()
        from embedded.snowflake.names import ObjectName

        return reach(session, kind.name, ObjectName(None, None, current()))
    name = tokens.name()
    item = reach(session, kind.name, name, None, read_signature(tokens) if kind.has_signature else "")
    check_kind(kind, item)
    return item
