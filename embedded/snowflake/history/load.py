"""WAREHOUSE_LOAD_HISTORY: how many statements ran and waited on each warehouse, by five minutes, from the statements' times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

_INTERVAL = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def warehouse_load(account: Account) -> list[dict[str, Any]]:
    """Average numbers of statements running and queued, a row for each warehouse and five minutes in which it had any."""
    found: dict[tuple[int, str, datetime], list[float]] = {}
    for row in account.history.rows("query_history", "warehouse_id is not null"):
        queued = timedelta(milliseconds=row["queued_overload_time"] or 0)
        began, ended = row["start_time"] + queued, row["end_time"]
        for place, (start, end) in enumerate(((began, max(began, ended)), (row["start_time"], began))):
            for interval, seconds in _parts(start, end):
                key = (row["warehouse_id"], row["warehouse_name"], interval)
                found.setdefault(key, [0.0, 0.0])[place] += seconds
    total = _INTERVAL.total_seconds()
    rows = [
        {
            "start_time": interval,
            "end_time": interval + _INTERVAL,
            "warehouse_id": oid,
            "warehouse_name": name,
            "avg_running": running / total,
            "avg_queued_load": queued / total,
            "avg_queued_provisioning": 0.0,
            "avg_blocked": 0.0,
        }
        for (oid, name, interval), (running, queued) in found.items()
    ]
    return sorted(rows, key=lambda row: (row["start_time"], row["warehouse_name"]), reverse=True)


def _parts(start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
    """The intervals that a time touches, each with the seconds in it."""
    interval = _EPOCH + (start - _EPOCH) // _INTERVAL * _INTERVAL
    if start == end:
        yield interval, 0.0
    while start < end:
        until = min(end, interval + _INTERVAL)
        yield interval, (until - start).total_seconds()
        start, interval = until, interval + _INTERVAL
