"""How many partitions of a table the recorded conditions would read, in the order it has and sorted by a key: measured on its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from logistics.optimizer.filters import Condition, TableName
from logistics.sql import full_name, quoted

PARTITION_BYTES = 16 * 2**20
"""A micro-partition's size, compressed, as Snowflake documents it."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """One part of a clustering key: a column, by its day where it is a timestamp."""

    column: str
    by_day: bool = False

    @property
    def sql(self) -> str:
        """The part as SQL."""
        return f"TO_DATE({quoted(self.column)})" if self.by_day else quoted(self.column)

    @property
    def shown(self) -> str:
        """The part as a contract or CLUSTER BY says it."""
        return f"to_date({self.column.lower()})" if self.by_day else self.column.lower()


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table to measure.

    Attributes:
        name: database, schema and table.
        rows, bytes: as INFORMATION_SCHEMA has them.
        partition_rows: rows of one simulated partition.
        clustering_key: the key that it has now; empty without any.
    """

    name: TableName
    rows: int
    bytes: int
    partition_rows: int
    clustering_key: str

    @property
    def partitions(self) -> int:
        """How many partitions it has, about."""
        return max(1, -(-self.rows // self.partition_rows))


def partition_rows(rows: int, stored_bytes: int) -> int:
    """Returns how many rows fit into a partition."""
    return max(1, rows // max(1, -(-stored_bytes // PARTITION_BYTES)))


def scanned_shares(
    cursor: Any, table: Table, filters: Sequence[Sequence[Condition]], key: Sequence[Key], measure_rows: int
) -> list[float]:
    """Returns for each set of conditions the share of the table's partitions that a statement with them reads.

    The rows are cut into partitions of equal numbers of rows, in the order in which a scan gives them (no key) or sorted by
    the key; a partition is read unless the least and greatest values of its columns rule it out, as Snowflake does. A larger
    table is measured on a sample of its blocks.

    Args:
        cursor: of a role that sees all rows.
        table: the table.
        filters: sets of conditions; those that only join are left out.
        key: the key to sort by; empty for the order it has.
        measure_rows: rows above which a sample is taken.
    """
    columns = sorted({condition.column for found in filters for condition in found if condition.test})
    wanted = sorted({*columns, *(part.column for part in key)})
    sample, rows = _sample(table, measure_rows)
    order = f"ROW_NUMBER() OVER (ORDER BY {', '.join(part.sql for part in key)}) - 1" if key else "SEQ8()"
    places = {column: number for number, column in enumerate(columns)}
    ranges = ", ".join(
        f"MIN({quoted(column)}) AS LOW_{n}, MAX({quoted(column)}) AS HIGH_{n}" for column, n in places.items()
    )
    counts = ", ".join(f"COUNT_IF({_test(found, places)}) AS F_{n}" for n, found in enumerate(filters))
    cursor.execute(
        f"WITH CHOSEN AS (SELECT {', '.join(quoted(name) for name in wanted)} FROM {full_name(*table.name)}{sample}), "
        f"NUMBERED AS (SELECT CHOSEN.*, FLOOR(({order}) / {rows}) AS PART FROM CHOSEN), "
        f"PARTS AS (SELECT PART, {ranges} FROM NUMBERED GROUP BY PART) "
        f"SELECT COUNT(*) AS PARTS, {counts} FROM PARTS"
    )
    total, *read = cursor.fetchone()
    return [float(count) / total if total else 1.0 for count in read]


def _sample(table: Table, measure_rows: int) -> tuple[str, int]:
    """Returns the SAMPLE clause, and the rows of a partition of the sample, so that it has as many as the table."""
    if table.rows <= measure_rows:
        return "", table.partition_rows
    percent = max(0.01, round(100 * measure_rows / table.rows, 2))
    return f" SAMPLE SYSTEM ({percent})", max(1, int(table.partition_rows * percent / 100))


def _test(found: Sequence[Condition], places: dict[str, int]) -> str:
    tests = [
        condition.test.replace("{low}", f"LOW_{places[condition.column]}").replace(
            "{high}", f"HIGH_{places[condition.column]}"
        )
        for condition in found
        if condition.test
    ]
    return " AND ".join(f"({test})" for test in tests) or "TRUE"


def distinct_counts(cursor: Any, table: Table, keys: Sequence[Key]) -> dict[Key, int]:
    """Returns about how many values each part of a key has."""
    counts = ", ".join(f"APPROX_COUNT_DISTINCT({key.sql})" for key in keys)
    cursor.execute(f"SELECT {counts} FROM {full_name(*table.name)}")
    return {key: int(count or 0) for key, count in zip(keys, cursor.fetchone(), strict=True)}
