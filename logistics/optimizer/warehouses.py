"""What the stack's warehouses are, and what the history says of their work: sums, gaps and load, made in Snowflake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from logistics.connection import shown
from logistics.optimizer.history import History
from logistics.optimizer.patterns import FINGERPRINT
from logistics.settings import PlatformSettings
from logistics.settings.values import WAREHOUSE_SIZES
from logistics.sql import literal, quoted

CREDITS_PER_HOUR = {size: 2**rank for rank, size in enumerate(WAREHOUSE_SIZES)}
"""Of one cluster of a standard warehouse: an X-SMALL takes 1, each further size twice the one before."""

SUSPEND_CANDIDATES = (30, 60, 120, 180, 300, 600, 900, 1800, 3600)
"""Idle seconds that are tried on the recorded gaps."""

NEVER = 10**9
"""Stands for a warehouse that is never suspended."""

_DEFAULT_CONCURRENCY = 8
_LEAST_RUNS = 3


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The keys of the stack file that say a warehouse's size, most clusters and idle seconds; empty where none does."""

    size: str = ""
    clusters: str = ""
    auto_suspend: str = ""


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    """A warehouse as it stands in the account now."""

    name: str
    size: str
    min_clusters: int
    max_clusters: int
    auto_suspend: int
    standard: bool
    keys: Keys
    monitor: str = ""
    concurrency: int = _DEFAULT_CONCURRENCY

    @property
    def smaller(self) -> str | None:
        """The size below."""
        rank = WAREHOUSE_SIZES.index(self.size)
        return WAREHOUSE_SIZES[rank - 1] if rank else None

    @property
    def larger(self) -> str | None:
        """The size above."""
        rank = WAREHOUSE_SIZES.index(self.size) + 1
        return WAREHOUSE_SIZES[rank] if rank < len(WAREHOUSE_SIZES) else None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a warehouse did in the window; times in seconds.

    Attributes:
        busy: in which at least one statement ran.
        idle: by idle seconds until suspension, the time in which it would have run without work.
        resumes: by the same, how often it would have been resumed.
        cold_extra: by how much longer a statement ran after a resume than otherwise; None where nothing tells.
        slowdown: how many times longer the same statements ran on the size below; None where none ran on both.
        speedup: share of their time that the same statements needed on the size above; likewise.
        queued_intervals: five minutes in which statements waited.
        peak_load: statements running and waiting in those, 95th percentile.
    """

    statements: int
    credits: float
    busy: float
    idle: Mapping[int, float]
    resumes: Mapping[int, int]
    execution: float
    execution_p95: float
    elapsed: float
    queued: float
    queued_statements: int
    bytes_p95: float
    spilled_local: int
    spilled_remote: int
    spilling_execution: float
    cached_share: float
    cold_extra: float | None = None
    slowdown: float | None = None
    speedup: float | None = None
    compared: Mapping[str, int] = field(default_factory=dict)
    active_intervals: int = 0
    queued_intervals: int = 0
    queued_seconds: float = 0.0
    peak_load: float = 0.0
    running_p95: float = 0.0


def stack_warehouses(cursor: Any, settings: PlatformSettings) -> list[Warehouse]:
    """Returns those of the stack's warehouses that the account has."""
    keys = warehouse_keys(settings)
    rows = [row for row in shown(cursor, "SHOW WAREHOUSES") if row["name"] in keys]
    return [_warehouse(cursor, row, keys[row["name"]]) for row in rows]


def warehouse_keys(settings: PlatformSettings) -> dict[str, Keys]:
    """Returns which settings say the properties of each of the stack's warehouses."""
    return {
        settings.warehouse: Keys(
            size="warehouseSize", clusters="warehouseMaxClusters", auto_suspend="warehouseAutoSuspendSeconds"
        ),
        settings.named("compute_wh_xs"): Keys(auto_suspend="xsAutoSuspendSeconds"),
        settings.named("compute_wh_multi"): Keys(
            size="multiClusterSize", clusters="multiClusterMaxClusters", auto_suspend="multiClusterAutoSuspendSeconds"
        ),
    }


def _warehouse(cursor: Any, row: Mapping[str, Any], keys: Keys) -> Warehouse:
    level = shown(cursor, f"SHOW PARAMETERS LIKE 'MAX_CONCURRENCY_LEVEL' IN WAREHOUSE {quoted(row['name'])}")
    return Warehouse(
        name=row["name"],
        size=str(row["size"]).upper(),
        min_clusters=int(row.get("min_cluster_count") or 1),
        max_clusters=int(row.get("max_cluster_count") or 1),
        auto_suspend=int(row["auto_suspend"] or NEVER),
        standard=str(row.get("type") or "STANDARD").upper() == "STANDARD"
        and str(row["size"]).upper() in CREDITS_PER_HOUR,
        keys=keys,
        monitor=_monitor(row),
        concurrency=int(level[0]["value"]) if level else _DEFAULT_CONCURRENCY,
    )


def _monitor(row: Mapping[str, Any]) -> str:
    """Returns the name of a warehouse's monitor; SHOW says null in letters where there is none."""
    name = str(row.get("resource_monitor") or "")
    return "" if name.lower() == "null" else name


def usage(history: History, warehouses: Sequence[Warehouse]) -> dict[str, Usage]:
    """Returns what each warehouse that ran statements did; at most four statements, one row a warehouse."""
    candidates = sorted({*SUSPEND_CANDIDATES, *(item.auto_suspend for item in warehouses)})
    work = _by_warehouse(history.rows(_work_sql(history, candidates)))
    spent = {
        name: float(row["credits"] or 0.0) for name, row in _by_warehouse(history.rows(_spent_sql(history))).items()
    }
    cold = _by_warehouse(history.rows(_cold_sql(history, warehouses)))
    load = _by_warehouse(history.rows(_load_sql(history))) if history.has("WAREHOUSE_LOAD_HISTORY") else {}
    scaling = _scaling(history)
    found = {}
    for item in warehouses:
        if item.name in work:
            rank = WAREHOUSE_SIZES.index(item.size) if item.size in WAREHOUSE_SIZES else -1
            parts = (spent.get(item.name, 0.0), cold.get(item.name, {}), load.get(item.name, {}))
            found[item.name] = _usage(work[item.name], candidates, *parts, scaling.get(rank - 1), scaling.get(rank))
    return found


def _by_warehouse(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["warehouse_name"]: row for row in rows}


def _spans(history: History) -> str:
    """Returns the statements that needed their warehouse, each with the idle seconds before it, as CTEs."""
    return f"""
WITH RAN AS (
    SELECT WAREHOUSE_NAME, START_TIME, END_TIME, COALESCE(EXECUTION_TIME, 0) / 1000 AS EXECUTION,
        COALESCE(TOTAL_ELAPSED_TIME, 0) / 1000 AS ELAPSED, COALESCE(QUEUED_OVERLOAD_TIME, 0) / 1000 AS QUEUED,
        COALESCE(BYTES_SCANNED, 0) AS BYTES_SCANNED, COALESCE(PERCENTAGE_SCANNED_FROM_CACHE, 0) AS CACHED,
        COALESCE(BYTES_SPILLED_TO_LOCAL_STORAGE, 0) AS SPILLED_LOCAL,
        COALESCE(BYTES_SPILLED_TO_REMOTE_STORAGE, 0) AS SPILLED_REMOTE, {FINGERPRINT} AS FINGERPRINT
    FROM {history.view("QUERY_HISTORY")}
    WHERE {history.statements} AND WAREHOUSE_SIZE IS NOT NULL AND END_TIME >= START_TIME
),
ENDED AS (
    SELECT RAN.*, MAX(END_TIME) OVER (
        PARTITION BY WAREHOUSE_NAME ORDER BY START_TIME, END_TIME ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS BEFORE
    FROM RAN
),
SPANS AS (
    SELECT ENDED.*, GREATEST(0, COALESCE(DATEDIFF(MILLISECOND, BEFORE, START_TIME), 0)) / 1000 AS GAP,
        GREATEST(0, DATEDIFF(MILLISECOND, GREATEST(START_TIME, COALESCE(BEFORE, START_TIME)), END_TIME)) / 1000 AS ADDED
    FROM ENDED
)"""


def _work_sql(history: History, candidates: Sequence[int]) -> str:
    tried = ",\n    ".join(
        f"SUM(LEAST(GAP, {seconds})) + LEAST(GREATEST(0, DATEDIFF(SECOND, MAX(END_TIME), {_until(history)})), {seconds}) "
        f"AS IDLE_{seconds}, "
        f"COUNT_IF(GAP > {seconds}) + 1 AS RESUMES_{seconds}"
        for seconds in candidates
    )
    return f"""{_spans(history)}
SELECT WAREHOUSE_NAME, COUNT(*) AS STATEMENTS, SUM(ADDED) AS BUSY, SUM(EXECUTION) AS EXECUTION, SUM(ELAPSED) AS ELAPSED,
    APPROX_PERCENTILE(EXECUTION, 0.95) AS EXECUTION_P95, APPROX_PERCENTILE(BYTES_SCANNED, 0.95) AS BYTES_P95,
    SUM(QUEUED) AS QUEUED, COUNT_IF(QUEUED > 0) AS QUEUED_STATEMENTS,
    SUM(SPILLED_LOCAL) AS SPILLED_LOCAL, SUM(SPILLED_REMOTE) AS SPILLED_REMOTE,
    SUM(CASE WHEN SPILLED_REMOTE > 0 OR SPILLED_LOCAL > BYTES_SCANNED THEN EXECUTION ELSE 0 END) AS SPILLING_EXECUTION,
    SUM(CACHED * BYTES_SCANNED) / NULLIF(SUM(BYTES_SCANNED), 0) AS CACHED_SHARE,
    {tried}
FROM SPANS GROUP BY WAREHOUSE_NAME"""


def _until(history: History) -> str:
    return f"{literal(history.until.isoformat())}::TIMESTAMP_LTZ"


def _spent_sql(history: History) -> str:
    return (
        f"SELECT WAREHOUSE_NAME, SUM(CREDITS_USED_COMPUTE) AS CREDITS FROM {history.view('WAREHOUSE_METERING_HISTORY')} "
        f"WHERE {history.within()} AND {history.of_stack} GROUP BY WAREHOUSE_NAME"
    )


def _cold_sql(history: History, warehouses: Sequence[Warehouse]) -> str:
    """Returns the statement that compares runs right after a resume with other runs of the same statements."""
    now = " ".join(f"WHEN {literal(item.name)} THEN {item.auto_suspend}" for item in warehouses)
    return f"""{_spans(history)},
RUNS AS (SELECT WAREHOUSE_NAME, FINGERPRINT, EXECUTION, GAP > CASE WAREHOUSE_NAME {now} ELSE {NEVER} END AS COLD FROM SPANS),
WARM AS (
    SELECT WAREHOUSE_NAME, FINGERPRINT, AVG(EXECUTION) AS EXECUTION FROM RUNS WHERE NOT COLD
    GROUP BY WAREHOUSE_NAME, FINGERPRINT HAVING COUNT(*) >= {_LEAST_RUNS}
)
SELECT RUNS.WAREHOUSE_NAME, AVG(RUNS.EXECUTION - WARM.EXECUTION) AS COLD_EXTRA, COUNT(*) AS COLD_RUNS
FROM RUNS JOIN WARM ON RUNS.WAREHOUSE_NAME = WARM.WAREHOUSE_NAME AND RUNS.FINGERPRINT = WARM.FINGERPRINT
WHERE RUNS.COLD GROUP BY RUNS.WAREHOUSE_NAME"""


def _load_sql(history: History) -> str:
    return f"""
SELECT WAREHOUSE_NAME, COUNT_IF(AVG_RUNNING + AVG_QUEUED_LOAD > 0) AS ACTIVE_INTERVALS,
    COUNT_IF(AVG_QUEUED_LOAD >= 0.1) AS QUEUED_INTERVALS, SUM(AVG_QUEUED_LOAD) * 300 AS QUEUED_SECONDS,
    APPROX_PERCENTILE(CASE WHEN AVG_QUEUED_LOAD >= 0.1 THEN AVG_RUNNING + AVG_QUEUED_LOAD END, 0.95) AS PEAK_LOAD,
    APPROX_PERCENTILE(CASE WHEN AVG_RUNNING > 0 THEN AVG_RUNNING END, 0.95) AS RUNNING_P95
FROM {history.view("WAREHOUSE_LOAD_HISTORY")} WHERE {history.within()} AND {history.of_stack} GROUP BY WAREHOUSE_NAME"""


def _scaling(history: History) -> dict[int, tuple[float, int]]:
    """Returns, by the smaller size's rank, how many times longer the same statements ran on it than on the next size, and how many."""
    rank = " ".join(f"WHEN {literal(size)} THEN {rank}" for rank, size in enumerate(WAREHOUSE_SIZES))
    rows = history.rows(f"""
WITH RUNS AS (
    SELECT {FINGERPRINT} AS FINGERPRINT, CASE UPPER(WAREHOUSE_SIZE) {rank} END AS SIZE_RANK,
        AVG(EXECUTION_TIME) AS EXECUTION, COUNT(*) AS RUNS
    FROM {history.view("QUERY_HISTORY")}
    WHERE {history.work} AND EXECUTION_STATUS = 'SUCCESS' AND WAREHOUSE_SIZE IS NOT NULL AND BYTES_SCANNED > 0
    GROUP BY 1, 2 HAVING COUNT(*) >= {_LEAST_RUNS}
)
SELECT SMALL.SIZE_RANK, SUM(SMALL.EXECUTION * SMALL.RUNS) / NULLIF(SUM(LARGE.EXECUTION * SMALL.RUNS), 0) AS RATIO, COUNT(*) AS COMPARED
FROM RUNS AS SMALL JOIN RUNS AS LARGE ON SMALL.FINGERPRINT = LARGE.FINGERPRINT AND LARGE.SIZE_RANK = SMALL.SIZE_RANK + 1
GROUP BY SMALL.SIZE_RANK""")
    return {int(row["size_rank"]): (float(row["ratio"]), int(row["compared"])) for row in rows if row["ratio"]}


_COUNTS = ("statements", "queued_statements", "spilled_local", "spilled_remote")
_MEASURES = [
    "busy",
    "execution",
    "execution_p95",
    "elapsed",
    "queued",
    "bytes_p95",
    "spilling_execution",
    "cached_share",
]


def _usage(
    row: Mapping[str, Any],
    candidates: Sequence[int],
    credits_used: float,
    cold: Mapping[str, Any],
    load: Mapping[str, Any],
    below: tuple[float, int] | None,
    above: tuple[float, int] | None,
) -> Usage:
    enough = int(cold.get("cold_runs") or 0) >= _LEAST_RUNS
    figures: dict[str, Any] = {name: int(row[name] or 0) for name in _COUNTS}
    figures |= {name: float(row[name] or 0.0) for name in _MEASURES}
    figures |= {name: int(load.get(name) or 0) for name in ("active_intervals", "queued_intervals")}
    figures |= {name: float(load.get(name) or 0.0) for name in ("queued_seconds", "peak_load", "running_p95")}
    return Usage(
        credits=credits_used,
        idle={seconds: float(row[f"idle_{seconds}"] or 0.0) for seconds in candidates},
        resumes={seconds: int(row[f"resumes_{seconds}"]) for seconds in candidates},
        cold_extra=float(cold["cold_extra"]) if enough else None,
        slowdown=below[0] if below else None,
        speedup=1 / above[0] if above else None,
        compared={"below": below[1] if below else 0, "above": above[1] if above else 0},
        **figures,
    )
