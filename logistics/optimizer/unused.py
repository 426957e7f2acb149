"""Tables and views that nobody read in the window, by ACCESS_HISTORY, and what their storage costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from logistics.optimizer.findings import Recommendation
from logistics.optimizer.history import OWN_TAG, History
from logistics.settings import PlatformSettings
from logistics.sql import literal

TERABYTE = 10**12
_LIMIT = 100


def judge_unused(history: History, days: int, settings: PlatformSettings) -> Iterator[Recommendation]:
    """Yields the stack's tables and views that were there all the time and that nobody read.

    An object counts as read when a statement reads it, by itself or through a view, a stream or a task; what a statement
    only writes is not read. The optimizer's own measurements do not count.

    Args:
        history: its window is `days` long.
        days: told with each finding.
        settings: price of storage.
    """
    for row in history.rows(_unused_sql(history)):
        yield _recommendation(row, days, float(settings.storage_price_usd))


def covers_window(history: History, days: int) -> bool:
    """Returns whether ACCESS_HISTORY reaches back to the window's begin: a shorter one cannot say that nobody read."""
    row = history.rows(
        f"SELECT COUNT(*) AS N FROM {history.view('ACCESS_HISTORY')} "
        f"WHERE QUERY_START_TIME < DATEADD(DAY, {1 - days}, {literal(history.until.isoformat())}::TIMESTAMP_LTZ)"
    )[0]
    return bool(row["n"])


def _unused_sql(history: History) -> str:
    """Returns the statement that joins the stack's objects to who read and wrote them."""
    since = f"{literal(history.since.isoformat())}::TIMESTAMP_LTZ"
    accesses = f"""
    SELECT QUERY_ID, DIRECT_OBJECTS_ACCESSED, BASE_OBJECTS_ACCESSED, OBJECTS_MODIFIED
    FROM {history.view("ACCESS_HISTORY")} WHERE {history.within("QUERY_START_TIME")} AND QUERY_ID NOT IN (
        SELECT QUERY_ID FROM {history.view("QUERY_HISTORY")} WHERE {history.within()} AND QUERY_TAG = {literal(OWN_TAG)}
    )"""

    def touched(column: str) -> str:
        name = "UPPER(REPLACE(OBJECT.VALUE:objectName::VARCHAR, '\"'))"
        return f"SELECT {name} AS NAME, QUERY_ID FROM ACCESSES, LATERAL FLATTEN(INPUT => {column}) AS OBJECT"

    return f"""
WITH ACCESSES AS ({accesses}),
READS AS (
    SELECT DISTINCT NAME FROM ({touched("DIRECT_OBJECTS_ACCESSED")} UNION ALL {touched("BASE_OBJECTS_ACCESSED")})
),
WRITES AS (SELECT NAME, COUNT(DISTINCT QUERY_ID) AS WRITES FROM ({touched("OBJECTS_MODIFIED")}) GROUP BY NAME),
OBJECTS AS (
    SELECT UPPER(TABLE_CATALOG || '.' || TABLE_SCHEMA || '.' || TABLE_NAME) AS NAME,
        TABLE_CATALOG || '.' || TABLE_SCHEMA || '.' || TABLE_NAME AS FULL_NAME, TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME,
        TABLE_TYPE, ROW_COUNT, BYTES, CREATED, LAST_ALTERED
    FROM {history.view("TABLES")}
    WHERE TABLE_CATALOG = {literal(history.database)} AND DELETED IS NULL AND TABLE_SCHEMA <> 'INFORMATION_SCHEMA' AND CREATED < {since}
),
STORED AS (
    SELECT TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME,
        SUM(ACTIVE_BYTES + TIME_TRAVEL_BYTES + FAILSAFE_BYTES + RETAINED_FOR_CLONE_BYTES) AS STORED_BYTES
    FROM {history.view("TABLE_STORAGE_METRICS")}
    WHERE TABLE_CATALOG = {literal(history.database)} GROUP BY TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME
)
SELECT OBJECTS.FULL_NAME, OBJECTS.TABLE_TYPE, OBJECTS.ROW_COUNT, OBJECTS.CREATED, OBJECTS.LAST_ALTERED,
    COALESCE(STORED.STORED_BYTES, OBJECTS.BYTES, 0) AS STORED_BYTES, COALESCE(WRITES.WRITES, 0) AS WRITES
FROM OBJECTS
LEFT JOIN READS ON READS.NAME = OBJECTS.NAME
LEFT JOIN WRITES ON WRITES.NAME = OBJECTS.NAME
LEFT JOIN STORED ON STORED.TABLE_CATALOG = OBJECTS.TABLE_CATALOG AND STORED.TABLE_SCHEMA = OBJECTS.TABLE_SCHEMA
    AND STORED.TABLE_NAME = OBJECTS.TABLE_NAME
WHERE READS.NAME IS NULL
ORDER BY STORED_BYTES DESC, WRITES DESC, OBJECTS.FULL_NAME LIMIT {_LIMIT}"""


def _recommendation(row: dict[str, Any], days: int, usd_per_terabyte: float) -> Recommendation:
    view = "VIEW" in str(row["table_type"]).upper() and "MATERIALIZED" not in str(row["table_type"]).upper()
    writes, stored = int(row["writes"]), int(row["stored_bytes"] or 0)
    kind = "VIEW" if view else "TABLE"
    written = f"; {writes:,} statements wrote it all the same" if writes else ""
    return Recommendation(
        category="storage",
        kind="unused_object",
        severity="warning" if writes and not view else "info",
        object_type=kind,
        object_name=row["full_name"],
        title=f"nobody read this {kind.lower()} in {days} days",
        reason=f"ACCESS_HISTORY has no statement that reads it, by itself or through a view{written}",
        mend="ask its readers; then take its contract and query out of sql/, and the next deployment drops it (UNDROP brings it back "
        "within its retention)" + ("; stop what fills it" if writes else ""),
        evidence={
            "days_without_read": days,
            "writing_statements": writes,
            "stored_gb": round(stored / 10**9, 6),
            "rows": int(row["row_count"] or 0),
            "created": row["created"].date().isoformat() if row["created"] else None,
            "last_altered": row["last_altered"].date().isoformat() if row["last_altered"] else None,
        },
        saving_usd=stored / TERABYTE * usd_per_terabyte,
        saving_method="its storage, Time Travel and Fail-safe included, by storagePriceUsd; what writes it costs on top",
        confidence=0.8 if days >= 30 else 0.6 if days >= 14 else 0.4,
    )
