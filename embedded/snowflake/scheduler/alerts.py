"""Alerts: when they are due, their condition, their action, and what history keeps of each run."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.scheduler.schedule import parse_schedule
from embedded.snowflake.session.session import Session

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.scheduler.scheduler import Scheduler


@dataclass
class AlertRun:
    """One run of an alert; `last_success` is the scheduled time of the last one that ended without an error."""

    alert: CatalogObject
    scheduled_time: datetime
    last_success: datetime
    state: str = "EXECUTING"
    condition_query_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    action_query_id: str | None = None
    error: SnowflakeError | None = None
    completed: datetime | None = None


# The run that a session works for.
_current: WeakKeyDictionary[Session, AlertRun] = WeakKeyDictionary()


def current_run(session: Session) -> AlertRun | None:
    """The alert's run that a session works for, or None."""
    return _current.get(session)


@dataclass
class _Due:
    since: str
    schedule: str
    next_time: datetime


class Alerts:
    """The alerts of an account over time."""

    def __init__(self, account: Account, scheduler: Scheduler) -> None:
        self._account = account
        self._scheduler = scheduler
        self._due: dict[int, _Due] = {}
        self._running: dict[int, AlertRun] = {}
        self._lock = threading.Lock()

    def tick(self, now: datetime) -> None:
        """Begin the alerts that are due; one that still runs is left out this time."""
        alerts = [alert for alert in self._account.catalog.all("ALERT") if alert.body["state"] == "started"]
        self._due = {alert.oid: self._known(alert, now) for alert in alerts}
        for alert in alerts:
            due = self._due[alert.oid]
            if now >= due.next_time:
                scheduled = due.next_time
                due.next_time = parse_schedule(due.schedule).next(now, _since(alert, now))
                self._begin(alert, scheduled)

    def upcoming(self, now: datetime) -> list[datetime]:
        """When alerts are due next."""
        del now
        return [due.next_time for due in self._due.values()]

    def _known(self, alert: CatalogObject, now: datetime) -> _Due:
        written, since = alert.body["properties"]["SCHEDULE"], alert.body.get("since") or ""
        due = self._due.get(alert.oid)
        if due is not None and (due.since, due.schedule) == (since, written):
            return due
        return _Due(since, written, parse_schedule(written).next(now, _since(alert, now)))

    def execute_now(self, alert: CatalogObject) -> None:
        """Run an alert at once, resumed or not."""
        self._begin(alert, self._account.clock.now())

    def _begin(self, alert: CatalogObject, scheduled: datetime) -> None:
        with self._lock:
            if self._scheduler.stopping or alert.oid in self._running:
                return
            self._running[alert.oid] = AlertRun(alert, scheduled, self._last_success(alert))
        self._scheduler.submit(self._run, self._running[alert.oid])

    def _last_success(self, alert: CatalogObject) -> datetime:
        rows = self._account.history.rows(
            "alert_history", "alert_id = ? and state in ('TRIGGERED', 'CONDITION_FALSE')", [alert.oid]
        )
        return rows[-1]["scheduled_time"] if rows else _since(alert, alert.created_on)

    def _run(self, run: AlertRun) -> None:
        try:
            run_alert(self._account, run)
        finally:
            with self._lock:
                self._running.pop(run.alert.oid, None)

    def current(self) -> list[dict[str, Any]]:
        """Runs under way and the next run of each alert, as rows of ALERT_HISTORY."""
        rows = [history_row(self._account, run) for run in list(self._running.values())]
        for oid, due in list(self._due.items()):
            alert = self._account.catalog.get(oid)
            planned = AlertRun(alert, due.next_time, due.next_time, "SCHEDULED")
            rows.append({**history_row(self._account, planned), "condition_query_id": None})
        return rows


def _since(alert: CatalogObject, default: datetime) -> datetime:
    written = alert.body.get("since")
    return datetime.fromisoformat(written) if written else default


def run_alert(account: Account, run: AlertRun) -> None:
    """Look at an alert's condition, do its action if it holds, and record the run."""
    session = alert_session(account, run.alert)
    _current[session] = run
    try:
        run.state = "CONDITION_FAILED"
        found = session.execute(f"select exists ({run.alert.body['condition']})", query_id=run.condition_query_id).arrow
        run.state = "CONDITION_FALSE"
        if found is not None and found.column(0)[0].as_py():
            run.action_query_id, run.state = str(uuid.uuid4()), "ACTION_FAILED"
            session.execute(run.alert.body["action"], query_id=run.action_query_id)
            session.commit()
            run.state = "TRIGGERED"
    except SnowflakeError as error:
        run.error = error
    finally:
        run.completed = account.clock.now()
        session.close()
        account.history.add("alert_history", history_row(account, run))


def alert_session(account: Account, alert: CatalogObject) -> Session:
    """A session for an alert: its owner's role, its warehouse and schema; the user is SYSTEM."""
    session = Session(account, 0, alert.owner)
    session.secondary_roles = False
    schema = account.catalog.get(alert.container)
    session.schema, session.database = schema.name, account.catalog.get(schema.container).name
    session.warehouse = alert.body["properties"].get("WAREHOUSE")
    session.client_application = "ALERT"
    return session


def history_row(account: Account, run: AlertRun) -> dict[str, Any]:
    """An alert's run as a row of ALERT_HISTORY."""
    alert, catalog = run.alert, account.catalog
    schema = catalog.get(alert.container)
    database = catalog.get(schema.container)
    return {
        "name": alert.name,
        "database_name": database.name,
        "database_id": database.oid,
        "schema_name": schema.name,
        "schema_id": schema.oid,
        "alert_id": alert.oid,
        "condition": alert.body["condition"],
        "condition_query_id": run.condition_query_id,
        "action": alert.body["action"],
        "action_query_id": run.action_query_id,
        "state": run.state,
        "sql_error_code": run.error.code if run.error else None,
        "sql_error_message": run.error.message if run.error else None,
        "scheduled_time": run.scheduled_time,
        "completed_time": run.completed,
    }
