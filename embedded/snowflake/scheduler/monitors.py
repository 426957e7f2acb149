"""Resource monitors: what their warehouses used in the current interval, and what follows at their thresholds."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.scheduler.outbox import Notification

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

ACTIONS = ("NOTIFY", "SUSPEND", "SUSPEND_IMMEDIATE")
_ACCOUNT_PROPERTY = "account_property"


def interval_start(frequency: str, start: datetime, now: datetime) -> datetime:
    """When the current interval began: intervals end at midnight UTC, of the day, week, month or year that the start gives."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = start.astimezone(UTC)
    if frequency == "NEVER" or now <= first:
        return first
    began = _STARTS[frequency](midnight, first)
    return max(began, first)


def _weekly(midnight: datetime, first: datetime) -> datetime:
    return midnight - timedelta(days=(midnight.weekday() - first.weekday()) % 7)


def _monthly(midnight: datetime, first: datetime) -> datetime:
    day = _with_day(midnight, midnight.month, midnight.year, first.day)
    if day <= midnight:
        return day
    before = midnight.replace(day=1) - timedelta(days=1)
    return _with_day(midnight, before.month, before.year, first.day)


def _yearly(midnight: datetime, first: datetime) -> datetime:
    day = _with_day(midnight, first.month, midnight.year, first.day)
    return day if day <= midnight else _with_day(midnight, first.month, midnight.year - 1, first.day)


def _with_day(midnight: datetime, month: int, year: int, day: int) -> datetime:
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    last = (following - timedelta(days=1)).day
    return midnight.replace(year=year, month=month, day=min(day, last))


_STARTS = {
    "DAILY": lambda midnight, _: midnight,
    "WEEKLY": _weekly,
    "MONTHLY": _monthly,
    "YEARLY": _yearly,
}


class Monitors:
    """The resource monitors of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.Lock()
        # What was done already in an interval: monitor, interval's start, threshold, action.
        self._done: set[tuple[int, datetime, int, str]] = set()

    def of(self, warehouse: CatalogObject) -> list[CatalogObject]:
        """The monitors that watch a warehouse: its own, and the account's."""
        names = [warehouse.body.get("properties", {}).get("RESOURCE_MONITOR"), self._account_monitor()]
        found = [self._account.catalog.find("RESOURCE MONITOR", ACCOUNT, name) for name in names if name]
        return [monitor for monitor in found if monitor is not None]

    def level(self, monitor: CatalogObject) -> str | None:
        """ACCOUNT or WAREHOUSE, by what the monitor watches; None for one that watches nothing."""
        if self._account_monitor() == monitor.name:
            return "ACCOUNT"
        return "WAREHOUSE" if self.warehouses(monitor) else None

    def warehouses(self, monitor: CatalogObject) -> list[CatalogObject]:
        """The warehouses that a monitor watches."""
        everything = self._account.catalog.all("WAREHOUSE")
        if self._account_monitor() == monitor.name:
            return everything
        return [item for item in everything if item.body.get("properties", {}).get("RESOURCE_MONITOR") == monitor.name]

    def used(self, monitor: CatalogObject) -> float:
        """Credits used in the current interval."""
        watched = {warehouse.oid for warehouse in self.warehouses(monitor)}
        return self._account.warehouses.used_credits(watched, self._interval(monitor)) if watched else 0.0

    def blocking(self, warehouse: CatalogObject) -> CatalogObject | None:
        """The monitor that keeps a warehouse from resuming, or None."""
        return next(
            (item for item in self.of(warehouse) if self._reached(item, ("SUSPEND", "SUSPEND_IMMEDIATE"))), None
        )

    def tend(self) -> None:
        """Do what the thresholds reached ask for, each once in an interval; what is to be suspended stays so."""
        for monitor in self._account.catalog.all("RESOURCE MONITOR"):
            for threshold, action in self._reached(monitor, ACTIONS):
                self._act(monitor, threshold, action)

    def _account_monitor(self) -> str | None:
        return self._account.catalog.record(_ACCOUNT_PROPERTY, "RESOURCE_MONITOR")

    def _interval(self, monitor: CatalogObject) -> datetime:
        properties = monitor.body["properties"]
        start = datetime.fromisoformat(monitor.body["start_time"])
        return interval_start(properties.get("FREQUENCY") or "MONTHLY", start, self._account.clock.now())

    def _reached(self, monitor: CatalogObject, actions: tuple[str, ...]) -> list[tuple[int, str]]:
        properties, now = monitor.body["properties"], self._account.clock.now()
        quota, triggers = properties.get("CREDIT_QUOTA"), monitor.body.get("triggers") or []
        ends = monitor.body.get("end_time")
        if not quota or now < datetime.fromisoformat(monitor.body["start_time"]):
            return []
        if ends is not None and now >= datetime.fromisoformat(ends):
            # From its end on, what the monitor watches stays suspended.
            return [(100, "SUSPEND_IMMEDIATE")] if "SUSPEND_IMMEDIATE" in actions else []
        wanted = [(threshold, action) for threshold, action in triggers if action in actions]
        share = 100 * self.used(monitor) / quota if wanted else 0.0
        return [(threshold, action) for threshold, action in wanted if share >= threshold]

    def _act(self, monitor: CatalogObject, threshold: int, action: str) -> None:
        if action != "NOTIFY":
            for warehouse in self.warehouses(monitor):
                self._account.warehouses.stop(warehouse, immediately=action == "SUSPEND_IMMEDIATE")
        key = (monitor.oid, self._interval(monitor), threshold, action)
        with self._lock:
            if key in self._done:
                return
            self._done.add(key)
        self._account.outbox.deliver(self._notification(monitor, threshold, action))

    def _notification(self, monitor: CatalogObject, threshold: int, action: str) -> Notification:
        """The email to the users that the monitor names, or to the account's administrators."""
        properties, name = monitor.body["properties"], monitor.name
        subject = f"Resource monitor {name} reached {threshold} percent of its quota"
        message = (
            f"Resource monitor {name} of account {self._account.name} used {self.used(monitor):.2f} of"
            f" {properties.get('CREDIT_QUOTA')} credits ({threshold} percent threshold). Action: {action}."
        )
        addresses = [address for user in self._told(properties) if (address := _email(user))]
        return Notification("RESOURCE_MONITOR", "", "EMAIL", message, subject=subject, recipients={"to": addresses})

    def _told(self, properties: dict[str, Any]) -> list[CatalogObject]:
        catalog = self._account.catalog
        if properties.get("NOTIFY_USERS"):
            found = [catalog.find("USER", ACCOUNT, name) for name in properties["NOTIFY_USERS"]]
            return [user for user in found if user is not None]
        return [user for user in catalog.all("USER") if user.body["properties"].get("DEFAULT_ROLE") == "ACCOUNTADMIN"]


def _email(user: CatalogObject) -> str | None:
    return user.body.get("properties", {}).get("EMAIL")
