"""CREATE and ALTER DYNAMIC TABLE: the refreshes in them are done without keeping others from the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.kinds import kind_of
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import find
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.result import Result, status
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.session.dispatch import (
    Statement,
    create_options,
    handles,
    if_exists,
    if_not_exists,
)
from embedded.snowflake.statements import objects

if TYPE_CHECKING:
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.session import Session

_KIND = "DYNAMIC TABLE"


@handles("CREATE", "DYNAMIC", "TABLE")
def create(session: Session, statement: Statement) -> Result:
    """Create a dynamic table; with INITIALIZE = ON_CREATE its rows are there when the statement ends."""
    session.commit()
    catalog, kind, name = session.account.catalog, kind_of(_KIND), _name(statement)
    before = find(session, _KIND, name)
    with catalog.alone():
        result = objects.create(session, statement, kind)
    made = find(session, _KIND, name)
    if made is None or (before is not None and made.oid == before.oid):
        return result
    if made.body["properties"]["INITIALIZE"] == "ON_CREATE" and not made.body.get("refreshed"):
        try:
            session.account.scheduler.refreshes.refresh_now(made, "CREATION")
        except SnowflakeError:
            _undo(session, made, before)
            raise
    session.account.scheduler.wake()
    return result


def _name(statement: Statement) -> ObjectName:
    """The name in the statement, which is left at its start."""
    tokens, start = statement.tokens, statement.tokens.index
    create_options(tokens)
    tokens.expect("DYNAMIC", "TABLE")
    if_not_exists(tokens)
    name = tokens.name()
    tokens.index = start
    return name


def _undo(session: Session, made: CatalogObject, before: CatalogObject | None) -> None:
    """Take out a table whose first refresh failed, and bring back what it replaced."""
    with session.account.catalog.transaction() as changes:
        changes.remove(made)
        if before is not None:
            changes.put(changes.get(before.oid).changed(dropped_on=None))


@handles("ALTER", "DYNAMIC", "TABLE")
def alter(session: Session, statement: Statement) -> Result:
    """Change a dynamic table; REFRESH brings it and those above it to the present."""
    session.commit()
    tokens, start = statement.tokens, statement.tokens.index
    tokens.expect("ALTER", "DYNAMIC", "TABLE")
    lenient, name = if_exists(tokens), tokens.name()
    if not tokens.accept("REFRESH"):
        tokens.index = start
        with session.account.catalog.alone():
            return objects.alter(session, statement, kind_of(_KIND))
    tokens.accept("COPY", "SESSION")
    tokens.end()
    try:
        item = reach(session, _KIND, name)
    except SnowflakeError as error:
        if lenient and error.errno in (2003, 2043):
            return status(objects.DONE)
        raise
    objects.check_kind(kind_of(_KIND), item)
    require(session, "OPERATE", item)
    session.account.scheduler.refreshes.refresh_now(item)
    return status(objects.DONE)
