"""The statements of a stack by their parameterized hash and warehouse: sums that Snowflake makes, and the texts of the few that matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from logistics.optimizer.history import History
from logistics.optimizer.thresholds import GIB, MONTH_DAYS, Thresholds
from logistics.sql import literal


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A statement as it ran on one warehouse, whatever its literals; times in seconds over all runs unless said otherwise.

    Attributes:
        fingerprint: QUERY_PARAMETERIZED_HASH, else QUERY_HASH, else the text's MD5.
        credits: its share, by execution time, of the credits that the warehouse's statements used (idle time left out).
        credit_share: the same, of 1.
        repeats: runs that read rows for an answer that was given before: the same text, bytes and rows.
        sample: the query_id of the run that took longest.
        text: of that run.
        error: the message of one run that failed.
    """

    fingerprint: str
    warehouse: str
    query_type: str
    runs: int
    users: int
    failed: int
    repeats: int
    elapsed_p95: float
    elapsed_max: float
    elapsed: float
    execution: float
    compilation: float
    queued: float
    blocked: float
    bytes_scanned: int
    partitions_scanned: int
    partitions_total: int
    spilled_local: int
    spilled_remote: int
    spilled_runs: int
    rows_produced: int
    cached_share: float
    credits: float
    credit_share: float
    sample: str
    text: str = ""
    error: str = ""

    @property
    def scanned_share(self) -> float:
        """Share of the partitions that were read."""
        return self.partitions_scanned / self.partitions_total if self.partitions_total else 0.0

    @property
    def spilled(self) -> int:
        """Bytes spilled to local and to remote storage."""
        return self.spilled_local + self.spilled_remote

    @property
    def queued_share(self) -> float:
        """Share of the elapsed time in the queue of a busy warehouse."""
        return self.queued / self.elapsed if self.elapsed else 0.0


def patterns(history: History, limits: Thresholds) -> list[Pattern]:
    """Returns the patterns that one of the thresholds points at, those with most credits first, with a text of each."""
    rows = history.rows(_patterns_sql(history, limits))
    texts = _texts(history, [row["sample"] for row in rows] + [row["failed_sample"] for row in rows])
    return [_pattern(row, texts) for row in rows]


_SUMS = """
    ANY_VALUE(QUERY_TYPE) AS QUERY_TYPE,
    COUNT(*) AS RUNS,
    COUNT(DISTINCT USER_NAME) AS USERS,
    COUNT_IF(EXECUTION_STATUS <> 'SUCCESS') AS FAILED,
    COUNT_IF(READS) - COUNT(DISTINCT CASE WHEN READS THEN ANSWER END) AS REPEATS,
    APPROX_PERCENTILE(TOTAL_ELAPSED_TIME, 0.95) / 1000 AS ELAPSED_P95,
    MAX(TOTAL_ELAPSED_TIME) / 1000 AS ELAPSED_MAX,
    SUM(TOTAL_ELAPSED_TIME) / 1000 AS ELAPSED,
    SUM(EXECUTION_TIME) / 1000 AS EXECUTION,
    SUM(COMPILATION_TIME) / 1000 AS COMPILATION,
    SUM(QUEUED_OVERLOAD_TIME) / 1000 AS QUEUED,
    SUM(TRANSACTION_BLOCKED_TIME) / 1000 AS BLOCKED,
    SUM(BYTES_SCANNED) AS BYTES_SCANNED,
    SUM(PARTITIONS_SCANNED) AS PARTITIONS_SCANNED,
    SUM(PARTITIONS_TOTAL) AS PARTITIONS_TOTAL,
    SUM(BYTES_SPILLED_TO_LOCAL_STORAGE) AS SPILLED_LOCAL,
    SUM(BYTES_SPILLED_TO_REMOTE_STORAGE) AS SPILLED_REMOTE,
    COUNT_IF(BYTES_SPILLED_TO_LOCAL_STORAGE + BYTES_SPILLED_TO_REMOTE_STORAGE > 0) AS SPILLED_RUNS,
    SUM(ROWS_PRODUCED) AS ROWS_PRODUCED,
    SUM(PERCENTAGE_SCANNED_FROM_CACHE * BYTES_SCANNED) / NULLIF(SUM(BYTES_SCANNED), 0) AS CACHED_SHARE,
    MAX_BY(QUERY_ID, TOTAL_ELAPSED_TIME) AS SAMPLE,
    MAX(CASE WHEN EXECUTION_STATUS <> 'SUCCESS' THEN QUERY_ID END) AS FAILED_SAMPLE"""

_NUMBERS = [
    "EXECUTION_TIME",
    "TOTAL_ELAPSED_TIME",
    "COMPILATION_TIME",
    "QUEUED_OVERLOAD_TIME",
    "TRANSACTION_BLOCKED_TIME",
    "BYTES_SCANNED",
    "PARTITIONS_SCANNED",
    "PARTITIONS_TOTAL",
    "BYTES_SPILLED_TO_LOCAL_STORAGE",
    "BYTES_SPILLED_TO_REMOTE_STORAGE",
    "ROWS_PRODUCED",
    "PERCENTAGE_SCANNED_FROM_CACHE",
]
"""Columns of QUERY_HISTORY that are NULL where they do not apply."""

FINGERPRINT = "COALESCE(QUERY_PARAMETERIZED_HASH, QUERY_HASH, MD5(QUERY_TEXT))"


def spent_by_statements(history: History) -> str:
    """Returns the query for the credits of each warehouse that its statements used, without those of idle time where history tells."""
    return (
        "SELECT WAREHOUSE_NAME, SUM(COALESCE(CREDITS_ATTRIBUTED_COMPUTE_QUERIES, CREDITS_USED_COMPUTE)) AS CREDITS "
        f"FROM {history.view('WAREHOUSE_METERING_HISTORY')} WHERE {history.within()} AND {history.of_stack} GROUP BY WAREHOUSE_NAME"
    )


def _patterns_sql(history: History, limits: Thresholds) -> str:
    """Returns the one statement that reads QUERY_HISTORY for the patterns; a row leaves Snowflake only if a threshold points at it."""
    large = f"COALESCE(CREDIT_SHARE, 0) >= {limits.min_credit_share}"
    least_credits = limits.min_saving_credits * max(history.extent[1], 1.0) / MONTH_DAYS
    numbers = ", ".join(f"COALESCE({name}, 0) AS {name}" for name in _NUMBERS)
    return f"""
WITH STATEMENTS AS (
    SELECT QUERY_ID, USER_NAME, WAREHOUSE_NAME, QUERY_TYPE, EXECUTION_STATUS, {numbers},
        {FINGERPRINT} AS FINGERPRINT,
        QUERY_TYPE = 'SELECT' AND EXECUTION_STATUS = 'SUCCESS' AND COALESCE(BYTES_SCANNED, 0) > 0 AS READS,
        HASH(COALESCE(QUERY_HASH, QUERY_TEXT), BYTES_SCANNED, ROWS_PRODUCED) AS ANSWER
    FROM {history.view("QUERY_HISTORY")}
    WHERE {history.work}
),
PATTERNS AS (SELECT FINGERPRINT, WAREHOUSE_NAME, {_SUMS} FROM STATEMENTS GROUP BY FINGERPRINT, WAREHOUSE_NAME),
TOTALS AS (SELECT WAREHOUSE_NAME, SUM(EXECUTION) AS EXECUTION FROM PATTERNS GROUP BY WAREHOUSE_NAME),
SPENT AS ({spent_by_statements(history)}),
WEIGHED AS (
    SELECT PATTERNS.*, PATTERNS.EXECUTION / NULLIF(TOTALS.EXECUTION, 0) AS CREDIT_SHARE,
        PATTERNS.EXECUTION / NULLIF(TOTALS.EXECUTION, 0) * SPENT.CREDITS AS CREDITS
    FROM PATTERNS JOIN TOTALS ON PATTERNS.WAREHOUSE_NAME = TOTALS.WAREHOUSE_NAME
    LEFT JOIN SPENT ON PATTERNS.WAREHOUSE_NAME = SPENT.WAREHOUSE_NAME
)
SELECT * FROM WEIGHED
WHERE (ELAPSED_P95 > {limits.slow_seconds} AND (RUNS >= {limits.min_runs} OR {large}))
    OR (REPEATS >= {limits.repeated_runs} AND (CREDITS * REPEATS / RUNS >= {least_credits} OR {large}))
    OR SPILLED_REMOTE > 0 OR SPILLED_LOCAL >= {GIB}
    OR (PARTITIONS_TOTAL >= {limits.min_partitions} * RUNS AND PARTITIONS_SCANNED >= {limits.scanned_share} * PARTITIONS_TOTAL
        AND (ELAPSED_P95 > {limits.slow_seconds} OR {large}))
    OR (RUNS >= {limits.min_runs} AND FAILED >= {limits.failed_share} * RUNS AND (FAILED >= {limits.repeated_runs} OR {large}))
ORDER BY COALESCE(CREDITS, 0) DESC, EXECUTION DESC, FINGERPRINT, WAREHOUSE_NAME
LIMIT {limits.max_patterns}"""


def _texts(history: History, query_ids: list[Any]) -> dict[str, tuple[str, str]]:
    """Returns text and error message of the statements of those ids."""
    wanted = sorted({str(found) for found in query_ids if found})
    if not wanted:
        return {}
    rows = history.rows(
        f"SELECT QUERY_ID, QUERY_TEXT, ERROR_MESSAGE FROM {history.view('QUERY_HISTORY')} WHERE {history.within()} "
        f"AND QUERY_ID IN ({', '.join(literal(found) for found in wanted)})"
    )
    return {row["query_id"]: (row["query_text"] or "", row["error_message"] or "") for row in rows}


_COUNTS = [
    "runs",
    "users",
    "failed",
    "repeats",
    "bytes_scanned",
    "partitions_scanned",
    "partitions_total",
    "spilled_local",
    "spilled_remote",
    "spilled_runs",
    "rows_produced",
]
_MEASURES = [
    "elapsed_p95",
    "elapsed_max",
    "elapsed",
    "execution",
    "compilation",
    "queued",
    "blocked",
    "cached_share",
    "credits",
    "credit_share",
]


def _pattern(row: dict[str, Any], texts: dict[str, tuple[str, str]]) -> Pattern:
    figures: dict[str, Any] = {name: int(row[name] or 0) for name in _COUNTS}
    figures |= {name: float(row[name] or 0.0) for name in _MEASURES}
    return Pattern(
        fingerprint=row["fingerprint"],
        warehouse=row["warehouse_name"],
        query_type=row["query_type"],
        sample=row["sample"],
        text=texts.get(row["sample"], ("", ""))[0],
        error=texts.get(row["failed_sample"] or "", ("", ""))[1],
        **figures,
    )
