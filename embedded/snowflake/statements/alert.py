"""EXECUTE ALERT; what else is done with alerts is made from their description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.result import Result, StatementType, status
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.session.dispatch import Statement, handles

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


@handles("EXECUTE", "ALERT", commits=True)
def execute_alert(session: Session, statement: Statement) -> Result:
    """Look at an alert's condition now, once, and do its action if it holds; the answer does not wait for it."""
    tokens = statement.tokens
    tokens.expect("EXECUTE", "ALERT")
    alert = reach(session, "ALERT", tokens.name())
    tokens.end()
    require(session, "OPERATE", alert)
    if alert.body["state"] != "started" and alert.owner != session.role:
        require(session, "OWNERSHIP", alert)
    session.account.scheduler.alerts.execute_now(alert)
    return status(f"Alert {alert.name} is scheduled to run immediately.", StatementType.DDL)


__all__ = ["SnowflakeError", "execute_alert"]
