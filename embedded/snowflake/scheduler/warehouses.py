"""Warehouses over time: running or suspended, resumed by what needs them, suspended when idle, metered by the second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.parameters import session_setting, setting
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, SqlExecutionError
from embedded.snowflake.security.privileges import active_roles, holds

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.session.session import Session

# Credits an hour for a cluster of each size, and the size as SHOW prints it.
SIZES: dict[str, tuple[int, str]] = {
    "XSMALL": (1, "X-Small"),
    "SMALL": (2, "Small"),
    "MEDIUM": (4, "Medium"),
    "LARGE": (8, "Large"),
    "XLARGE": (16, "X-Large"),
    "XXLARGE": (32, "2X-Large"),
    "XXXLARGE": (64, "3X-Large"),
    "X4LARGE": (128, "4X-Large"),
    "X5LARGE": (256, "5X-Large"),
    "X6LARGE": (512, "6X-Large"),
}
# Each start costs at least this much time.
_LEAST = timedelta(seconds=60)
# How often the load is looked at for fewer clusters, and after how many such looks in a row one stops.
_CHECK = timedelta(seconds=60)
_IDLE_CHECKS = {"STANDARD": 2, "ECONOMY": 5}
# How often a waiting statement looks whether it was cancelled or waited too long, when nobody wakes it.
_QUEUE_LOOK_SECONDS = 0.05
_SNOWPARK_FACTOR = 1.5
_AUTO_SUSPEND_SECONDS = 600


def option(warehouse: CatalogObject, key: str, default: Any) -> Any:
    """The value of a warehouse's property, or what it is when not set."""
    value = warehouse.body.get("properties", {}).get(key)
    return default if value is None else value


def credits_per_hour(warehouse: CatalogObject) -> float:
    """Credits that one cluster of the warehouse costs in an hour."""
    rate = SIZES[option(warehouse, "WAREHOUSE_SIZE", "XSMALL")][0]
    is_snowpark = option(warehouse, "WAREHOUSE_TYPE", "STANDARD") == "SNOWPARK-OPTIMIZED"
    return rate * (_SNOWPARK_FACTOR if is_snowpark else 1.0)


def no_warehouse() -> SqlCompilationError:
    """The error of a statement that needs a warehouse and has none that runs (000606)."""
    return SqlCompilationError(
        "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse'"
        " command.",
        606,
        "57P03",
    )


def _limit_seconds(session: Session, warehouse: CatalogObject, key: str) -> int:
    """A time limit of statements: the lower of the session's and the warehouse's; 0 for none."""
    found = [int(session_setting(session, key).value), int(setting(session.account.catalog, key, warehouse).value)]
    return min((seconds for seconds in found if seconds), default=0)


@dataclass
class Running:
    """What a warehouse does now."""

    started: bool = False
    resumed_on: datetime | None = None
    suspended_on: datetime | None = None
    last_used: datetime | None = None
    # For each cluster by its number, the time up to which its running is counted.
    metered: dict[int, datetime] = field(default_factory=dict)
    rate: float = 0.0
    # Statements that run on it; those inside another (of a procedure or block) have no slot of their own.
    queries: set[str] = field(default_factory=set)
    slots: set[str] = field(default_factory=set)
    # Statements that wait for a slot, the first come first, each with the time when it came.
    queue: dict[str, datetime] = field(default_factory=dict)
    clusters: int = 0
    # When the load was last looked at for fewer clusters, and how often in a row they were too many.
    checked: datetime | None = None
    idle_checks: int = 0
    # A resource monitor wants it to stop when its statements have ended.
    stopping: bool = False


class Warehouses:
    """The warehouses of an account. All are suspended when a server starts."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.RLock()
        self._freed = threading.Condition(self._lock)
        self._states: dict[int, Running] = {}
        # Credits by warehouse and hour that history does not have yet in full: oid, hour -> credits.
        self._hours: dict[tuple[int, datetime], float] = {}

    def state(self, oid: int) -> Running:
        """What a warehouse does now."""
        with self._lock:
            return self._states.setdefault(oid, Running())

    def clusters(self, warehouse: CatalogObject) -> int:
        """The clusters that run."""
        state = self.state(warehouse.oid)
        return state.clusters if state.started else 0

    def queued(self, warehouse: CatalogObject) -> int:
        """The statements that wait for a slot."""
        return len(self.state(warehouse.oid).queue)

    @contextmanager
    def used_by(self, session: Session, query_id: str) -> Iterator[None]:
        """Keep the session's warehouse running for a statement, which waits in its queue while all slots are taken.

        A session that the server itself opened (a serverless task, a refresh) computes without a warehouse.

        Raises:
            SnowflakeError: there is none, it is gone, may not be used, or does not resume by itself (000606); a resource
                monitor keeps it suspended (090073); the statement waited too long (000630) or was cancelled (000604).
        """
        if session.warehouse is None:
            if session.user and session.client_application:
                raise no_warehouse()
            yield
            return
        warehouse = self._usable(session)
        with self._lock:
            state = self._running(warehouse, session, query_id)
            came = self._account.clock.now()
            if session.record is None or session.record.parent is None:
                self._take_slot(warehouse, state, session, query_id)
            state.queries.add(query_id)
            self._note(warehouse, state, session, came)
        try:
            yield
        finally:
            with self._lock:
                self._meter(warehouse, state)
                state.queries.discard(query_id)
                state.slots.discard(query_id)
                self._freed.notify_all()
                state.last_used = self._account.clock.now()
                if state.stopping and not state.queries:
                    self.suspend(warehouse, "RESOURCE_MONITOR")

    def _running(self, warehouse: CatalogObject, session: Session, query_id: str) -> Running:
        """The state of a warehouse, resumed if it was suspended."""
        state = self.state(warehouse.oid)
        if not state.started:
            if not option(warehouse, "AUTO_RESUME", True):
                raise no_warehouse()
            self.resume(warehouse, "WAREHOUSE_AUTORESUME", session, query_id)
        elif state.stopping:
            raise self._quota_exceeded(warehouse)
        self._meter(warehouse, state)
        return state

    def _take_slot(self, warehouse: CatalogObject, state: Running, session: Session, query_id: str) -> None:
        """Wait for a slot of the clusters; more clusters are started for those who wait."""
        came, seconds = (
            self._account.clock.now(),
            _limit_seconds(session, warehouse, "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS"),
        )
        level = max(1, int(setting(self._account.catalog, "MAX_CONCURRENCY_LEVEL", warehouse).value))
        state.queue[query_id] = came
        try:
            while next(iter(state.queue)) != query_id or len(state.slots) >= state.clusters * level:
                self._scale_out(warehouse, state, level, session)
                if next(iter(state.queue)) == query_id and len(state.slots) < state.clusters * level:
                    break
                if query_id in session.cancelled:
                    raise SqlExecutionError("SQL execution canceled", 604, "57014")
                if seconds and self._account.clock.now() - came >= timedelta(seconds=seconds):
                    raise SqlExecutionError(
                        f"Statement reached its queued timeout of {seconds} second(s) and was canceled.", 630, "57014"
                    )
                self._freed.wait(_QUEUE_LOOK_SECONDS)
                if not state.started:
                    self._running(warehouse, session, query_id)
        finally:
            del state.queue[query_id]
            self._freed.notify_all()
        state.slots.add(query_id)

    def _scale_out(self, warehouse: CatalogObject, state: Running, level: int, session: Session) -> None:
        """Start another cluster: STANDARD as soon as a statement waits, ECONOMY when as many wait as fill one."""
        most = option(warehouse, "MAX_CLUSTER_COUNT", 1)
        economy = option(warehouse, "SCALING_POLICY", "STANDARD") == "ECONOMY"
        if state.clusters >= most or len(state.slots) < state.clusters * level:
            return
        if len(state.queue) >= (level if economy else 1):
            self._meter(warehouse, state)
            self._start_clusters(warehouse, state, 1)
            self._event(warehouse, "RESUME_CLUSTER", "MULTICLUSTER_SPINUP", session, cluster=state.clusters)

    def _start_clusters(self, warehouse: CatalogObject, state: Running, count: int) -> None:
        """Start clusters and count the minute that each costs at least."""
        now = self._account.clock.now()
        for _ in range(count):
            state.clusters += 1
            state.metered[state.clusters] = now + _LEAST
        self._count(warehouse, now, now + _LEAST, state.rate * count)

    def _note(self, warehouse: CatalogObject, state: Running, session: Session, came: datetime) -> None:
        """Tell the statement's record where it runs and how long it waited."""
        if session.record is not None:
            waited = (self._account.clock.now() - came).total_seconds()
            level = max(1, int(setting(self._account.catalog, "MAX_CONCURRENCY_LEVEL", warehouse).value))
            session.record.values.update(
                warehouse_id=warehouse.oid,
                warehouse_size=SIZES[option(warehouse, "WAREHOUSE_SIZE", "XSMALL")][1],
                warehouse_type=option(warehouse, "WAREHOUSE_TYPE", "STANDARD"),
                cluster_number=min(max(1, state.clusters), max(0, len(state.slots) - 1) // level + 1),
                queued_overload_time=int(waited * 1000),
            )

    def _usable(self, session: Session) -> CatalogObject:
        catalog = self._account.catalog
        found = catalog.find("WAREHOUSE", ACCOUNT, session.warehouse or "")
        if found is None or not holds(catalog, active_roles(session), "USAGE", found):
            raise no_warehouse()
        return found

    def _quota_exceeded(self, warehouse: CatalogObject) -> SnowflakeError:
        monitor = self._account.monitors.blocking(warehouse)
        name = monitor.name if monitor is not None else ""
        return SnowflakeError(
            f"Warehouse '{warehouse.name}' cannot be resumed because resource monitor '{name}' has exceeded its quota.",
            90073,
            "22000",
        )

    def timeout_seconds(self, session: Session) -> int:
        """How long a statement of the session may run; 0 for ever."""
        name, key = session.warehouse, "STATEMENT_TIMEOUT_IN_SECONDS"
        warehouse = self._account.catalog.find("WAREHOUSE", ACCOUNT, name) if name else None
        if warehouse is None:
            return int(session_setting(session, key).value)
        return _limit_seconds(session, warehouse, key)

    def resume(
        self, warehouse: CatalogObject, reason: str, session: Session | None = None, query_id: str | None = None
    ) -> None:
        """Start a suspended warehouse.

        Raises:
            SnowflakeError: its resource monitor has no credits left (090073).
        """
        if self._account.monitors.blocking(warehouse) is not None:
            raise self._quota_exceeded(warehouse)
        now = self._account.clock.now()
        with self._lock:
            state = self.state(warehouse.oid)
            state.started, state.resumed_on, state.last_used, state.stopping = True, now, now, False
            state.rate = credits_per_hour(warehouse)
            state.clusters, state.metered, state.checked, state.idle_checks = 0, {}, now, 0
            self._start_clusters(warehouse, state, option(warehouse, "MIN_CLUSTER_COUNT", 1))
        self._event(warehouse, "RESUME_WAREHOUSE", reason, session, query_id)

    def suspend(self, warehouse: CatalogObject, reason: str, session: Session | None = None) -> None:
        """Stop a running warehouse; what runs on it goes on to its end."""
        with self._lock:
            state = self.state(warehouse.oid)
            if not state.started:
                return
            self._meter(warehouse, state)
            state.started, state.stopping = False, False
            state.clusters, state.metered = 0, {}
            state.suspended_on = self._account.clock.now()
            self._freed.notify_all()
        self._event(warehouse, "SUSPEND_WAREHOUSE", reason, session)

    def stop(self, warehouse: CatalogObject, *, immediately: bool) -> None:
        """Suspend a warehouse for its monitor: when its statements have ended, or at once by cancelling them."""
        with self._lock:
            state = self.state(warehouse.oid)
            if not state.started:
                return
            state.stopping = True
            queries = list(state.queries)
        if immediately:
            self.abort(queries)
        if immediately or not queries:
            self.suspend(warehouse, "RESOURCE_MONITOR")

    def abort(self, queries: list[str]) -> None:
        """Cancel statements by their ids."""
        for query_id in queries:
            record = self._account.queries.get(query_id)
            if record is not None:
                record.session.cancel(query_id)

    def resized(self, warehouse: CatalogObject) -> None:
        """Count the time until now at the old size, and from now at the new."""
        with self._lock:
            state = self.state(warehouse.oid)
            if state.started:
                self._meter(warehouse, state)
                state.rate = credits_per_hour(warehouse)
        self.resized_clusters(warehouse)

    def forget(self, warehouse: CatalogObject) -> None:
        """A warehouse is dropped: count what it used and stop."""
        self.suspend(warehouse, "WAREHOUSE_DROP")
        with self._lock:
            self._states.pop(warehouse.oid, None)

    def tend(self) -> None:
        """Count what runs, suspend what is idle for AUTO_SUSPEND seconds, and write full hours to history."""
        now = self._account.clock.now()
        for warehouse in self._account.catalog.all("WAREHOUSE"):
            with self._lock:
                state = self.state(warehouse.oid)
                if not state.started:
                    continue
                self._meter(warehouse, state)
                self._scale_in(warehouse, state, now)
                idle = now - (state.last_used or now)
                # NULL and 0 both mean never.
                limit = warehouse.body.get("properties", {}).get("AUTO_SUSPEND", _AUTO_SUSPEND_SECONDS)
                if not state.queries and limit and idle >= timedelta(seconds=limit):
                    self.suspend(warehouse, "WAREHOUSE_AUTOSUSPEND")
        self.write()

    def upcoming(self, now: datetime) -> list[datetime]:
        """When warehouses are to be suspended for being idle."""
        times = []
        for warehouse in self._account.catalog.all("WAREHOUSE"):
            state = self.state(warehouse.oid)
            limit = warehouse.body.get("properties", {}).get("AUTO_SUSPEND", _AUTO_SUSPEND_SECONDS)
            if state.started and not state.queries and limit:
                times.append((state.last_used or now) + timedelta(seconds=limit))
        return times

    def used_credits(self, warehouse_ids: set[int] | None, since: datetime) -> float:
        """Credits used since a time by some warehouses, or by all; hours count whole."""
        self.write()
        hour = since.replace(minute=0, second=0, microsecond=0)
        rows = self._account.history.rows("warehouse_metering_history", "start_time >= ?", [hour])
        return sum(row["credits_used"] for row in rows if warehouse_ids is None or row["warehouse_id"] in warehouse_ids)

    def write(self) -> None:
        """Bring history's hours up to date."""
        with self._lock:
            hours = dict(self._hours)
            current = self._account.clock.now().replace(minute=0, second=0, microsecond=0)
            self._hours = {key: value for key, value in self._hours.items() if key[1] >= current}
        rows = [_hour_row(self._name(oid), oid, hour, used) for (oid, hour), used in hours.items()]
        self._account.history.replace("warehouse_metering_history", ("warehouse_id", "start_time"), rows)

    def _name(self, oid: int) -> str:
        try:
            return self._account.catalog.get(oid).name
        except KeyError:
            return ""

    def _meter(self, warehouse: CatalogObject, state: Running) -> None:
        """Count the running of each cluster up to now."""
        now = self._account.clock.now()
        for cluster, until in state.metered.items() if state.started else ():
            if until < now:
                self._count(warehouse, until, now, state.rate)
                state.metered[cluster] = now

    def _scale_in(self, warehouse: CatalogObject, state: Running, now: datetime) -> None:
        """Shut a cluster down after its load fitted on the others at two checks in a row (ECONOMY: five), a minute apart."""
        if state.checked is not None and now - state.checked < _CHECK:
            return
        state.checked = now
        level = max(1, int(setting(self._account.catalog, "MAX_CONCURRENCY_LEVEL", warehouse).value))
        least = option(warehouse, "MIN_CLUSTER_COUNT", 1)
        fits = not state.queue and len(state.slots) <= (state.clusters - 1) * level
        state.idle_checks = state.idle_checks + 1 if state.clusters > least and fits else 0
        if state.idle_checks >= _IDLE_CHECKS[option(warehouse, "SCALING_POLICY", "STANDARD")]:
            state.idle_checks = 0
            self._event(warehouse, "SUSPEND_CLUSTER", "MULTICLUSTER_SPINDOWN", cluster=state.clusters)
            del state.metered[state.clusters]
            state.clusters -= 1

    def resized_clusters(self, warehouse: CatalogObject) -> None:
        """Start or stop clusters that a new MIN_ or MAX_CLUSTER_COUNT asks for or forbids."""
        with self._lock:
            state = self.state(warehouse.oid)
            if not state.started:
                return
            self._meter(warehouse, state)
            least, most = option(warehouse, "MIN_CLUSTER_COUNT", 1), option(warehouse, "MAX_CLUSTER_COUNT", 1)
            self._start_clusters(warehouse, state, max(0, least - state.clusters))
            while state.clusters > most:
                del state.metered[state.clusters]
                state.clusters -= 1

    def _count(self, warehouse: CatalogObject, start: datetime, end: datetime, rate: float) -> None:
        """Add the credits of a time to the hours that it touches."""
        while start < end:
            hour = start.replace(minute=0, second=0, microsecond=0)
            until = min(end, hour + timedelta(hours=1))
            key = (warehouse.oid, hour)
            if key not in self._hours:
                self._hours[key] = self._known(key)
            self._hours[key] += rate * (until - start).total_seconds() / 3600
            start = until

    def _known(self, key: tuple[int, datetime]) -> float:
        """What history has of an hour, from before the server's start."""
        rows = self._account.history.rows(
            "warehouse_metering_history", "warehouse_id = ? and start_time = ?", [key[0], key[1]]
        )
        return sum(row["credits_used"] for row in rows)

    def _event(
        self,
        warehouse: CatalogObject,
        name: str,
        reason: str,
        session: Session | None = None,
        query_id: str | None = None,
        cluster: int | None = None,
    ) -> None:
        row = {
            "timestamp": self._account.clock.now(),
            "warehouse_id": warehouse.oid,
            "warehouse_name": warehouse.name,
            "cluster_number": cluster,
            "event_name": name,
            "event_reason": reason,
            "event_state": "COMPLETED",
            "user_name": session.user_name if session else None,
            "role_name": session.role_name if session else None,
            "query_id": query_id,
            "size": SIZES[option(warehouse, "WAREHOUSE_SIZE", "XSMALL")][1],
            "cluster_count": self.clusters(warehouse),
        }
        self._account.history.add("warehouse_events_history", row)


def _hour_row(name: str, oid: int, hour: datetime, used: float) -> dict[str, Any]:
    return {
        "start_time": hour,
        "end_time": hour + timedelta(hours=1),
        "warehouse_id": oid,
        "warehouse_name": name,
        "credits_used": used,
        "credits_used_compute": used,
        "credits_used_cloud_services": 0.0,
        "credits_attributed_compute_queries": None,
    }
