"""Warehouses over time: running or suspended, resumed by what needs them, suspended when idle, metered by the second."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.parameters import setting
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError
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


@dataclass
class Running:
    """What a warehouse does now; `metered_until` is the time up to which its running is counted."""

    started: bool = False
    resumed_on: datetime | None = None
    suspended_on: datetime | None = None
    last_used: datetime | None = None
    metered_until: datetime | None = None
    rate: float = 0.0
    queries: set[str] = field(default_factory=set)
    # A resource monitor wants it to stop when its statements have ended.
    stopping: bool = False


class Warehouses:
    """The warehouses of an account. All are suspended when a server starts."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.RLock()
        self._states: dict[int, Running] = {}
        # Credits by warehouse and hour that history does not have yet in full: oid, hour -> credits.
        self._hours: dict[tuple[int, datetime], float] = {}

    def state(self, oid: int) -> Running:
        """What a warehouse does now."""
        with self._lock:
            return self._states.setdefault(oid, Running())

    def clusters(self, warehouse: CatalogObject) -> int:
        """The clusters that run: as many as the statements need, between least and most."""
        state = self.state(warehouse.oid)
        if not state.started:
            return 0
        least, most = option(warehouse, "MIN_CLUSTER_COUNT", 1), option(warehouse, "MAX_CLUSTER_COUNT", 1)
        level = int(setting(self._account.catalog, "MAX_CONCURRENCY_LEVEL", warehouse).value)
        return max(least, min(most, math.ceil(len(state.queries) / max(1, level))))

    @contextmanager
    def used_by(self, session: Session, query_id: str) -> Iterator[None]:
        """Keep the session's warehouse running for a statement; a session without one computes all the same.

        Raises:
            SnowflakeError: it is gone, may not be used, or does not resume by itself (000606); or a resource
                monitor keeps it suspended (090073).
        """
        if session.warehouse is None:
            yield
            return
        warehouse = self._usable(session)
        with self._lock:
            state = self.state(warehouse.oid)
            if not state.started:
                if not option(warehouse, "AUTO_RESUME", True):
                    raise no_warehouse()
                self.resume(warehouse, "WAREHOUSE_AUTORESUME", session, query_id)
            elif state.stopping:
                raise self._quota_exceeded(warehouse)
            self._meter(warehouse, state)
            state.queries.add(query_id)
        try:
            yield
        finally:
            with self._lock:
                self._meter(warehouse, state)
                state.queries.discard(query_id)
                state.last_used = self._account.clock.now()
                if state.stopping and not state.queries:
                    self.suspend(warehouse, "RESOURCE_MONITOR")

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
            least = option(warehouse, "MIN_CLUSTER_COUNT", 1)
            state.metered_until = now
            self._count(warehouse, now, now + _LEAST, state.rate * least)
            state.metered_until = now + _LEAST
        self._event(warehouse, "RESUME_WAREHOUSE", reason, session, query_id)

    def suspend(self, warehouse: CatalogObject, reason: str, session: Session | None = None) -> None:
        """Stop a running warehouse; what runs on it goes on to its end."""
        with self._lock:
            state = self.state(warehouse.oid)
            if not state.started:
                return
            self._meter(warehouse, state)
            state.started, state.stopping = False, False
            state.suspended_on = self._account.clock.now()
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
        now = self._account.clock.now()
        if state.started and state.metered_until is not None and state.metered_until < now:
            self._count(warehouse, state.metered_until, now, state.rate * max(1, self.clusters(warehouse)))
            state.metered_until = now

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
    ) -> None:
        row = {
            "timestamp": self._account.clock.now(),
            "warehouse_id": warehouse.oid,
            "warehouse_name": warehouse.name,
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
