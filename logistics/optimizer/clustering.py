"""Clustering keys from the conditions that statements use, weighed by the bytes that they read, and kept only if measured to help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from logistics.optimizer.filters import Condition, TableName, conditions, schema_of
from logistics.optimizer.findings import Recommendation
from logistics.optimizer.history import History
from logistics.optimizer.patterns import FINGERPRINT, spent_by_statements
from logistics.optimizer.pruning import Key, Table, distinct_counts, partition_rows, scanned_shares
from logistics.optimizer.thresholds import GIB, MONTH_DAYS, Thresholds
from logistics.sql import identifier

_TABLES, _COLUMNS, _FILTERS, _STATEMENTS = 10, 3, 40, 300
"""Most tables that are measured, columns that a key is made of, sets of conditions a table, and statements that are read."""
_LEAST_SHARE = 0.1


@dataclass
class _Use:
    """How a table is read: sets of conditions with their bytes, and bytes and credits of the statements."""

    filters: list[tuple[list[Condition], float]] = field(default_factory=list)
    statements: int = 0
    bytes: float = 0.0
    credits: float = 0.0
    recorded_scanned: float = 0.0
    recorded_total: float = 0.0


def judge_clustering(
    history: History, cursor: Any, limits: Thresholds, rows_of_partition: int | None = None
) -> Iterator[Recommendation]:
    """Yields a clustering key for each large table whose partitions the recorded conditions could leave out.

    Args:
        history: the statements.
        cursor: a session of a role that sees all rows of the stack's tables, to measure on them.
        limits: the thresholds.
        rows_of_partition: rows of a simulated partition; None for what fits into 16 MiB by the table's size.
    """
    tables = _tables(history, rows_of_partition)
    large = {name for name, table in tables.items() if table.partitions >= limits.min_table_partitions}
    if not large:
        return
    types, used = _types(history), _uses(history, large)
    for name, use in sorted(used.items(), key=lambda item: -item[1].bytes)[:_TABLES]:
        found = _measured(history, cursor, tables[name], use, types, limits)
        if found is not None:
            yield found


def _tables(history: History, rows_of_partition: int | None) -> dict[TableName, Table]:
    rows = history.rows(
        "SELECT TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME, ROW_COUNT, BYTES, CLUSTERING_KEY "
        f"FROM {identifier(history.database)}.INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND ROW_COUNT > 0"
    )
    found = {}
    for row in rows:
        count, stored = int(row["row_count"]), int(row["bytes"] or 0)
        name = (row["table_catalog"], row["table_schema"], row["table_name"])
        found[name] = Table(
            name=name,
            rows=count,
            bytes=stored,
            partition_rows=rows_of_partition or partition_rows(count, stored),
            clustering_key=row["clustering_key"] or "",
        )
    return found


def _types(history: History) -> dict[tuple[TableName, str], str]:
    rows = history.rows(
        "SELECT TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE "
        f"FROM {identifier(history.database)}.INFORMATION_SCHEMA.COLUMNS "
        "WHERE TABLE_SCHEMA <> 'INFORMATION_SCHEMA' ORDER BY ORDINAL_POSITION"
    )
    return {
        ((row["table_catalog"], row["table_schema"], row["table_name"]), row["column_name"]): row["data_type"]
        for row in rows
    }


def _views(history: History) -> dict[TableName, str]:
    """Returns the queries of the views; of one whose text this role may not see nothing is known."""
    from logistics.optimizer.texts import parsed

    found = {}
    for row in history.rows(
        f"SELECT TABLE_CATALOG, TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM {identifier(history.database)}.INFORMATION_SCHEMA.VIEWS "
        "WHERE TABLE_SCHEMA <> 'INFORMATION_SCHEMA'"
    ):
        tree = parsed(row["view_definition"] or "")
        query = tree.args.get("expression") if tree is not None and tree.key == "create" else tree
        if query is not None:
            found[(row["table_catalog"], row["table_schema"], row["table_name"])] = query.sql(dialect="snowflake")
    return found


def _statements_sql(history: History) -> str:
    """Returns the statement for the patterns that read most bytes: three of the runs of each, and the sums of all its runs."""
    return f"""
WITH READS AS (
    SELECT QUERY_ID, {FINGERPRINT} AS FINGERPRINT, WAREHOUSE_NAME, BYTES_SCANNED, EXECUTION_TIME, PARTITIONS_SCANNED, PARTITIONS_TOTAL
    FROM {history.view("QUERY_HISTORY")}
    WHERE {history.work} AND EXECUTION_STATUS = 'SUCCESS' AND BYTES_SCANNED > 0
),
TOTALS AS (SELECT WAREHOUSE_NAME, SUM(EXECUTION_TIME) AS EXECUTION FROM READS GROUP BY WAREHOUSE_NAME),
SPENT AS ({spent_by_statements(history)}),
PATTERNS AS (
    SELECT READS.FINGERPRINT, COUNT(*) AS RUNS, SUM(READS.BYTES_SCANNED) AS BYTES,
        SUM(READS.EXECUTION_TIME / NULLIF(TOTALS.EXECUTION, 0) * SPENT.CREDITS) AS CREDITS,
        SUM(READS.PARTITIONS_SCANNED) AS SCANNED, SUM(READS.PARTITIONS_TOTAL) AS TOTAL,
        MIN(READS.QUERY_ID) AS FIRST, MAX(READS.QUERY_ID) AS LAST, MAX_BY(READS.QUERY_ID, READS.BYTES_SCANNED) AS LARGEST
    FROM READS JOIN TOTALS ON READS.WAREHOUSE_NAME = TOTALS.WAREHOUSE_NAME
    LEFT JOIN SPENT ON READS.WAREHOUSE_NAME = SPENT.WAREHOUSE_NAME
    GROUP BY READS.FINGERPRINT ORDER BY BYTES DESC, READS.FINGERPRINT LIMIT {_STATEMENTS}
),
CHOSEN AS (
    SELECT FINGERPRINT, FIRST AS QUERY_ID FROM PATTERNS
    UNION SELECT FINGERPRINT, LAST FROM PATTERNS
    UNION SELECT FINGERPRINT, LARGEST FROM PATTERNS
)
SELECT PATTERNS.*, TEXTS.QUERY_TEXT, TEXTS.DATABASE_NAME, TEXTS.SCHEMA_NAME, TEXTS.START_TIME,
    COUNT(*) OVER (PARTITION BY PATTERNS.FINGERPRINT) AS SAMPLES
FROM {history.view("QUERY_HISTORY")} AS TEXTS
JOIN CHOSEN ON TEXTS.QUERY_ID = CHOSEN.QUERY_ID
JOIN PATTERNS ON PATTERNS.FINGERPRINT = CHOSEN.FINGERPRINT
WHERE {history.within("TEXTS.START_TIME")}"""


def _uses(history: History, large: set[TableName]) -> dict[TableName, _Use]:
    """Returns how the recorded statements read each large table."""
    types, views = _types(history), _views(history)
    schema = schema_of((table, column, kind) for (table, column), kind in types.items())
    used: dict[TableName, _Use] = {}
    for row in history.rows(_statements_sql(history)):
        place = (row["database_name"] or history.database, row["schema_name"])
        read = conditions(row["query_text"] or "", place, schema, views, row["start_time"])
        tables = {table for table, _ in read} & large
        for table in tables:
            _add(used.setdefault(table, _Use()), row, [found for name, found in read if name == table], len(tables))
    return used


def _add(use: _Use, row: Mapping[str, Any], readings: Sequence[list[Condition]], tables: int) -> None:
    part = 1 / int(row["samples"]) / tables
    weight = float(row["bytes"] or 0) * part
    use.statements += round(int(row["runs"]) / int(row["samples"]))
    use.bytes += weight
    use.credits += float(row["credits"] or 0.0) * part
    use.recorded_scanned += float(row["scanned"] or 0) / int(row["samples"])
    use.recorded_total += float(row["total"] or 0) / int(row["samples"])
    use.filters += [(found, weight / len(readings)) for found in readings]


def _measured(
    history: History,
    cursor: Any,
    table: Table,
    use: _Use,
    types: Mapping[tuple[TableName, str], str],
    limits: Thresholds,
) -> Recommendation | None:
    """Returns the key under which least is read, if it saves enough beside the order that the table has."""
    filters = sorted((item for item in use.filters if any(found.test for found in item[0])), key=lambda item: -item[1])[
        :_FILTERS
    ]
    weights = _column_weights(use.filters)
    if not filters or not weights:
        return None
    sets, parts = [found for found, _ in filters], [weight for _, weight in filters]
    rest = max(0.0, use.bytes - sum(parts))

    def share(key: Sequence[Key]) -> float:
        """Returns the share of the bytes that is read: with conditions as measured, without any all of them."""
        read = scanned_shares(cursor, table, sets, key, limits.measure_rows)
        return (sum(one * weight for one, weight in zip(read, parts, strict=True)) + rest) / (sum(parts) + rest)

    now = share(())
    tried = {key: share(key) for key in _candidates(cursor, table, weights, types)}
    if not tried:
        return None
    best = min(tried, key=lambda key: (round(tried[key], 3), len(key)))
    if now - tried[best] < limits.pruning_gain or _same(best, table.clustering_key):
        return None
    return _recommendation(history, table, use, best, now, tried, weights)


def _column_weights(filters: Sequence[tuple[list[Condition], float]]) -> dict[str, float]:
    """Returns the columns by which rows are chosen with the share of the bytes that they concern, the weightiest first."""
    total = sum(weight for _, weight in filters)
    found: dict[str, float] = {}
    for conditions_, weight in filters:
        for column in {condition.column for condition in conditions_ if condition.test}:
            found[column] = found.get(column, 0.0) + weight
    shares = {column: weight / total for column, weight in found.items() if total and weight / total >= _LEAST_SHARE}
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0]))[:_COLUMNS])


def _candidates(
    cursor: Any, table: Table, weights: Mapping[str, float], types: Mapping[tuple[TableName, str], str]
) -> list[tuple[Key, ...]]:
    """Returns the keys to try: each column, and two of them with the one of fewer values first, as Snowflake advises."""
    keys = [
        Key(column=column, by_day=types.get((table.name, column), "").upper().startswith("TIMESTAMP"))
        for column in weights
    ]
    distinct = distinct_counts(cursor, table, keys)
    useful = [key for key in keys if distinct[key] > 1]
    pairs = [pair for pair in permutations(useful, 2) if distinct[pair[0]] <= distinct[pair[1]]]
    return [(key,) for key in useful] + [pair for pair in pairs if distinct[pair[0]] < table.partitions]


def _same(key: Sequence[Key], existing: str) -> bool:
    """Whether a table is clustered by that key already."""
    bare = existing.upper().removeprefix("LINEAR").strip("() ").replace(" ", "").replace('"', "")
    return bare == ",".join(part.shown.upper() for part in key)


def _recommendation(
    history: History,
    table: Table,
    use: _Use,
    key: Sequence[Key],
    now: float,
    tried: Mapping[tuple[Key, ...], float],
    weights: Mapping[str, float],
) -> Recommendation:
    after, days = tried[tuple(key)], max(history.extent[1], 1.0)
    shown = ", ".join(part.shown for part in key)
    name = ".".join(table.name)
    return Recommendation(
        category="clustering",
        kind="clustering_key",
        severity="warning",
        object_type="TABLE",
        object_name=name,
        title=f"cluster by ({shown}): {after:.0%} of the partitions read in place of {now:.0%}",
        reason=f"{use.statements:,} statements that filter by {', '.join(column.lower() for column in weights)} "
        f"read {use.bytes / GIB:,.2f} GiB of it",
        mend=f"write cluster_by: [{shown}] into the contract of {'.'.join(table.name[1:]).lower()}"
        + (f" in place of {table.clustering_key}" if table.clustering_key else "")
        + (
            " (a contract clusters by columns: give the model a column of the day)"
            if any(part.by_day for part in key)
            else ""
        )
        + "; Snowflake then keeps the order, which costs credits with every change of the table",
        evidence={
            "partitions_read_share_now": round(now, 4),
            "partitions_read_share_after": round(after, 4),
            "partitions_read_share_recorded": round(use.recorded_scanned / use.recorded_total, 4)
            if use.recorded_total
            else None,
            "shares_of_keys_tried": {
                ", ".join(part.shown for part in parts): round(value, 4) for parts, value in tried.items()
            },
            "share_of_bytes_filtered_by_column": {column.lower(): round(value, 3) for column, value in weights.items()},
            "clustering_key_now": table.clustering_key or None,
            "table_rows": table.rows,
            "partitions": table.partitions,
            "partition_rows": table.partition_rows,
            "statements": use.statements,
            "gib_scanned": round(use.bytes / GIB, 3),
            "credits": round(use.credits, 3),
        },
        saving_credits=use.credits * (1 - after / now) * MONTH_DAYS / days,
        saving_method="the credits of the statements that filter it, times the share of partitions no longer read, measured by the least "
        "and greatest value of each partition in the order of now and sorted by the key; the upkeep of the order is not in it",
        confidence=0.7 if use.statements >= 20 else 0.5,
    )
