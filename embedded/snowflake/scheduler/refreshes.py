"""When dynamic tables are refreshed, by their lag and their graph, and materialized views are brought up to date."""

from __future__ import annotations

import re
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.errors import SnowflakeError, SqlExecutionError
from embedded.snowflake.scheduler.refresh import Outcome, owner_session, refresh
from embedded.snowflake.session.session import Session
from embedded.snowflake.sql.run import snowflake_errors

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.scheduler.scheduler import Scheduler

_LAG = re.compile(r"\s*(\d+)\s*(second|minute|hour|day)s?\s*\Z", re.IGNORECASE)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
# Snowflake refreshes at whole multiples of these since 1970, so that the tables of a graph meet.
_BASE_SECONDS = 48
_MOST_FAILURES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def lag_seconds(lag: str) -> int | None:
    """A target lag in seconds; None for DOWNSTREAM."""
    match = _LAG.match(lag)
    return int(match[1]) * _SECONDS[match[2].lower()] if match else None


def period_seconds(lag: int) -> int:
    """How often a table of this lag is refreshed: the longest of 48 seconds, doubled any number of times, within it."""
    period = _BASE_SECONDS
    while period * 2 <= lag:
        period *= 2
    return period


def refreshed_at(item: CatalogObject) -> datetime | None:
    """The time that a stored query's rows are of; None before its first refresh."""
    known = item.body.get("refreshed")
    return datetime.fromisoformat(known["at"]) if known else None


def is_running(item: CatalogObject) -> bool:
    """Whether a dynamic table is scheduled."""
    return item.body.get("scheduling_state") == "RUNNING"


class Refreshes:
    """Refreshes of an account. One chain is refreshed at a time."""

    def __init__(self, account: Account, scheduler: Scheduler) -> None:
        self._account = account
        self._scheduler = scheduler
        self._refreshing = threading.Lock()
        self._seen: dict[int, int] = {}
        # When a table was last tried, so that a failing one is not tried again at once.
        self._tried: dict[int, datetime] = {}
        self._views_begun = False
        self._begun = False

    # -- when

    def tick(self, now: datetime) -> None:
        """Begin the refreshes that are due."""
        due = [table for table in self._tables() if is_running(table) and self._is_due(table, now)]
        if due and not self._begun:
            self._begun = True
            self._scheduler.submit(self._refresh_due, due)
        views = [view for view in self._account.catalog.all("MATERIALIZED VIEW") if self._is_behind(view)]
        if views and not self._views_begun:
            self._views_begun = True
            self._scheduler.submit(self._keep_views, views)

    def upcoming(self, now: datetime) -> list[datetime]:
        """When dynamic tables are due next."""
        times = [self._next_time(table, now) for table in self._tables() if is_running(table)]
        return [time for time in times if time is not None]

    def _tables(self) -> list[CatalogObject]:
        return [table for table in self._account.catalog.all("DYNAMIC TABLE") if table.body.get("stored")]

    def _is_due(self, table: CatalogObject, now: datetime) -> bool:
        time = self._next_time(table, now)
        return time is not None and now >= time

    def _next_time(self, table: CatalogObject, now: datetime) -> datetime | None:
        """When a table is refreshed next; None for one that only others or nobody asks for."""
        lag = self._lag(table, set())
        if lag is None:
            return None
        known = [time for time in (refreshed_at(table), self._tried.get(table.oid)) if time is not None]
        if not known:
            return now
        period = period_seconds(lag)
        return _EPOCH + timedelta(seconds=((max(known) - _EPOCH) // timedelta(seconds=period) + 1) * period)

    def _lag(self, table: CatalogObject, seen: set[int]) -> int | None:
        """A table's lag in seconds; that of the most demanding one below it for DOWNSTREAM."""
        own = lag_seconds(table.body["properties"]["TARGET_LAG"])
        if own is not None or table.oid in seen:
            return own
        below = [self._lag(other, seen | {table.oid}) for other in self.downstream(table) if is_running(other)]
        return min((lag for lag in below if lag is not None), default=None)

    def downstream(self, table: CatalogObject) -> list[CatalogObject]:
        """The dynamic tables that read a table directly (through views too)."""
        return [other for other in self._tables() if table.oid in (other.body.get("reads") or [])]

    def upstream(self, table: CatalogObject) -> list[CatalogObject]:
        """The dynamic tables that a table reads directly."""
        known = {other.oid: other for other in self._tables()}
        return [known[oid] for oid in table.body.get("reads") or [] if oid in known]

    def _chain(self, tables: list[CatalogObject]) -> list[CatalogObject]:
        """Tables and all above them, each after those it reads."""
        order: dict[int, CatalogObject] = {}

        def visit(table: CatalogObject, above: frozenset[int]) -> None:
            if table.oid in order or table.oid in above:
                return
            for other in self.upstream(table):
                visit(other, above | {table.oid})
            order[table.oid] = table

        for table in tables:
            visit(table, frozenset())
        return list(order.values())

    # -- doing it

    def _refresh_due(self, due: list[CatalogObject]) -> None:
        try:
            chain = [table for table in self._chain(due) if is_running(table)]
            self._run_chain(chain, "SCHEDULED")
        finally:
            self._begun = False

    def refresh_now(self, table: CatalogObject, trigger: str = "MANUAL") -> None:
        """Refresh a table, and those above it to the same time.

        Raises:
            SnowflakeError: the table's refresh, or one above it, failed.
        """
        chain = self._chain([table])
        kept = [item for item in chain if item.oid == table.oid or is_running(item)]
        errors = self._run_chain(kept, trigger)
        if errors:
            raise errors[-1]

    def _run_chain(self, chain: list[CatalogObject], trigger: str) -> list[SnowflakeError]:
        """Refresh tables in order, all to the state of the account now; the errors met."""
        with self._refreshing:
            at, versions = self._account.clock.now(), dict(self._account.storage.last)
            failed: dict[int, SnowflakeError] = {}
            for table in chain:
                self._tried[table.oid] = at
                living = self._living(table)
                if living is None:
                    continue
                above = [failed[oid] for oid in living.body.get("reads") or [] if oid in failed]
                try:
                    self._run_one(living, at, versions, trigger, above)
                except SnowflakeError as error:
                    failed[table.oid] = error
                    self._count_failure(living, trigger, upstream=bool(above))
                versions[table.oid] = self._account.storage.last.get(table.oid, 0)
            return list(failed.values())

    def _living(self, table: CatalogObject) -> CatalogObject | None:
        try:
            found = self._account.catalog.get(table.oid)
        except KeyError:
            return None
        return found if self._account.catalog.is_live(found) else None

    def _run_one(
        self,
        table: CatalogObject,
        at: datetime,
        versions: dict[int, int],
        trigger: str,
        above: list[SnowflakeError],
    ) -> None:
        """Refresh one table and record it.

        Raises:
            SnowflakeError: it failed, or one above it did.
        """
        account, query_id = self._account, str(uuid.uuid4())
        started, state, outcome = account.clock.now(), "SUCCEEDED", None
        error: SnowflakeError | None = None
        try:
            if above:
                state = "UPSTREAM_FAILED"
                raise SqlExecutionError("Skipped: a dynamic table upstream failed to refresh.", 2734, "57014")
            outcome = _as_statement(account, table, at, versions, query_id)
        except SnowflakeError as found:
            error, state = found, state if above else "CANCELLED" if found.errno == 604 else "FAILED"
            raise
        finally:
            row = _history_row(account, table, at, trigger, query_id, outcome, error)
            row.update(state=state, refresh_start_time=started, refresh_end_time=account.clock.now())
            account.history.add("dynamic_table_refresh_history", row)

    def _count_failure(self, table: CatalogObject, trigger: str, *, upstream: bool) -> None:
        """Suspend a table at its fifth failed scheduled refresh in a row."""
        if trigger != "SCHEDULED" or upstream:
            return
        with self._account.catalog.transaction() as changes:
            new = changes.get(table.oid).changed()
            count = new.body["failures"] = int(new.body.get("failures") or 0) + 1
            if count >= _MOST_FAILURES:
                suspend(new.body, self._account.clock.now(), "SUSPENDED_DUE_TO_ERRORS")
            changes.put(new)

    # -- materialized views

    def _is_behind(self, view: CatalogObject) -> bool:
        if not view.body.get("stored") or view.body.get("suspended"):
            return False
        try:
            if not self._account.catalog.is_live(self._account.catalog.get(view.body["source"])):
                return False
        except KeyError:
            return False
        last = self._account.storage.last.get(view.body["source"], 0)
        return self._seen.get(view.oid) != last and not is_current(self._account, view)

    def _keep_views(self, views: list[CatalogObject]) -> None:
        try:
            for view in views:
                self._seen[view.oid] = self._account.storage.last.get(view.body["source"], 0)
                living = self._living(view)
                if living is not None:
                    self.refresh_view(living)
        finally:
            self._views_begun = False

    def refresh_view(self, view: CatalogObject) -> None:
        """Bring a materialized view up to date; a query that fails leaves it as it was, and reads then fail like it."""
        account, started = self._account, self._account.clock.now()
        with self._refreshing:
            try:
                _as_statement(account, view, started, dict(account.storage.last), str(uuid.uuid4()), compute=False)
            except SnowflakeError:
                return
        row = {**_place(account, view), "table_name": view.name, "table_id": view.oid, "credits_used": 0.0}
        row.update(start_time=started, end_time=account.clock.now())
        account.history.add("materialized_view_refresh_history", row)


def suspend(body: dict[str, Any], now: datetime, reason: str) -> None:
    """Mark a dynamic table's body suspended."""
    body.update(scheduling_state="SUSPENDED", suspended_on=now.isoformat(), suspend_reason=reason)


def is_current(account: Account, view: CatalogObject) -> bool:
    """Whether a materialized view's rows are those of its table now."""
    source = view.body["source"]
    try:
        if not account.catalog.is_live(account.catalog.get(source)):
            return False
    except KeyError:
        return False
    known = account.storage.offsets.get(view.oid)
    return known is not None and known.get(source) == account.storage.last.get(source, 0) and "refreshed" in view.body


def _as_statement(
    account: Account,
    item: CatalogObject,
    at: datetime,
    versions: dict[int, int],
    query_id: str,
    *,
    compute: bool = True,
) -> Outcome:
    """Refresh as a statement of the owner's: recorded, on the item's warehouse if there is something to compute."""
    session = owner_session(account, item)
    text = f"ALTER {item.kind} {full_name(account.catalog, item)} REFRESH"
    record = account.queries.begin(session, query_id, text)
    session.record, session.statement_id = record, query_id
    error: SnowflakeError | None = None
    try:
        with session.lock:
            return _computed(session, item, at, versions, query_id, compute)
    except SnowflakeError as found:
        error = found
        raise
    finally:
        account.queries.finish(record, None, error)
        session.close()


def _computed(
    session: Session, item: CatalogObject, at: datetime, versions: dict[int, int], query_id: str, compute: bool
) -> Outcome:
    offsets = session.account.storage.offsets.get(item.oid)
    unchanged = offsets is not None and all(versions.get(oid, 0) == version for oid, version in offsets.items())
    with snowflake_errors():
        if unchanged or not compute:
            return refresh(session, item, at, versions)
        with session.account.warehouses.used_by(session, query_id):
            return refresh(session, item, at, versions)


def _place(account: Account, item: CatalogObject) -> dict[str, Any]:
    schema = account.catalog.get(item.container)
    return {"schema_name": schema.name, "database_name": account.catalog.get(schema.container).name}


def _history_row(
    account: Account,
    table: CatalogObject,
    at: datetime,
    trigger: str,
    query_id: str,
    outcome: Outcome | None,
    error: SnowflakeError | None,
) -> dict[str, Any]:
    lag = lag_seconds(table.body["properties"]["TARGET_LAG"])
    statistics = outcome and {
        "numInsertedRows": outcome.inserted,
        "numDeletedRows": outcome.deleted,
        "numCopiedRows": 0,
    }
    return {
        **_place(account, table),
        "name": table.name,
        "qualified_name": full_name(account.catalog, table),
        "table_id": table.oid,
        "state_code": error.code if error else "SUCCESS",
        "state_message": error.message if error else None,
        "query_id": query_id,
        "data_timestamp": at,
        "refresh_action": outcome.action if outcome else None,
        "refresh_trigger": trigger,
        "target_lag": table.body["properties"]["TARGET_LAG"],
        "target_lag_sec": lag,
        "statistics": orjson.dumps(statistics).decode() if statistics else None,
        "warehouse": table.body["properties"].get("WAREHOUSE"),
    }
