"""CREATE, ALTER and DROP RESOURCE MONITOR: ACCOUNTADMIN alone creates and drops them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.descriptions.resource_monitors import RESOURCE_MONITOR
from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.errors import insufficient_privileges
from embedded.snowflake.result import Result, status
from embedded.snowflake.security.privileges import active_roles
from embedded.snowflake.session.dispatch import Statement, create_options, handles, if_not_exists
from embedded.snowflake.statements.objects import alter, drop, install

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def _require_accountadmin(session: Session) -> None:
    role = session.account.catalog.find("ROLE", ACCOUNT, "ACCOUNTADMIN")
    if role is None or role.oid not in active_roles(session):
        raise insufficient_privileges("account", session.account.account_name)


@handles("CREATE", "RESOURCE", "MONITOR", commits=True)
def create_monitor(session: Session, statement: Statement) -> Result:
    """Create a resource monitor."""
    _require_accountadmin(session)
    tokens = statement.tokens
    options = create_options(tokens)
    tokens.expect("RESOURCE", "MONITOR")
    if_missing = if_not_exists(tokens)
    name = tokens.name()
    if if_missing and session.account.catalog.find("RESOURCE MONITOR", ACCOUNT, name.name):
        return status(f"{name.name} already exists, statement succeeded.")
    assert RESOURCE_MONITOR.read is not None
    definition = RESOURCE_MONITOR.read(session, tokens, options, name)
    tokens.end()
    return install(session, RESOURCE_MONITOR, name, ACCOUNT, definition, options, if_missing)


@handles("ALTER", "RESOURCE", "MONITOR", commits=True)
def alter_monitor(session: Session, statement: Statement) -> Result:
    """Change a resource monitor."""
    return alter(session, statement, RESOURCE_MONITOR)


@handles("DROP", "RESOURCE", "MONITOR", commits=True)
def drop_monitor(session: Session, statement: Statement) -> Result:
    """Drop a resource monitor."""
    return drop(session, statement, RESOURCE_MONITOR)
