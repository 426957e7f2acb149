"""History's rows: kept in memory for a moment, written in batches to DuckDB tables of the schema `_history`."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from embedded.snowflake.history.tables import DUCKDB_TYPES, RETENTION_DAYS, SCHEMA, TABLES, TIME_COLUMN
from embedded.snowflake.names import literal

# A batch is written when it has this many rows, though nobody reads.
_BATCH = 500


class History:
    """What was done in an account. Rows lost to a crash are those of the last moments; they never delay a statement."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._cursor = connection.cursor()
        self._pending: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._cursor.execute(f"create schema if not exists {SCHEMA}")
        for name, schema in TABLES.items():
            columns = ", ".join(f'"{field.name}" {DUCKDB_TYPES[field.type]}' for field in schema)
            self._cursor.execute(f"create table if not exists {SCHEMA}.{name} ({columns})")
            self._add_missing(name, schema)

    def _add_missing(self, name: str, schema: pa.Schema) -> None:
        """Give a table that an earlier version made the columns that came later."""
        known = {row[0] for row in self._cursor.execute(f"describe {SCHEMA}.{name}").fetchall()}
        for field in schema:
            if field.name not in known:
                self._cursor.execute(
                    f'alter table {SCHEMA}.{name} add column "{field.name}" {DUCKDB_TYPES[field.type]}'
                )

    def add(self, table: str, row: dict[str, Any]) -> None:
        """Record a row; columns not given are NULL."""
        with self._lock:
            pending = self._pending[table]
            pending.append(row)
            full = len(pending) >= _BATCH
        if full:
            self.flush(table)

    def table(self, name: str) -> str:
        """The DuckDB name of a history table, with every row recorded so far in it."""
        self.flush(name)
        return f"{SCHEMA}.{name}"

    def rows(self, table: str, where: str = "true", parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a history table that meet a DuckDB condition, oldest first."""
        self.flush(table)
        order = TIME_COLUMN.get(table)
        with self._write_lock:
            found = self._cursor.sql(
                f"from {SCHEMA}.{table} where {where}" + (f" order by {order}, rowid" if order else ""),
                params=parameters or None,
            ).to_arrow_table()
        return found.to_pylist()

    def flush(self, table: str | None = None) -> None:
        """Write what is recorded: of one table, or of all."""
        for name in (table,) if table else TABLES:
            with self._write_lock:
                with self._lock:
                    rows, self._pending[name] = self._pending[name], []
                if rows:
                    batch = pa.Table.from_pylist(rows, schema=TABLES[name])
                    self._cursor.register("_batch", batch)
                    self._cursor.execute(f"insert into {SCHEMA}.{name} by name from _batch")
                    self._cursor.unregister("_batch")

    def replace(self, table: str, key: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
        """Write rows in place of those with the same key."""
        if not rows:
            return
        batch = pa.Table.from_pylist(rows, schema=TABLES[table])
        same = " and ".join(f"t.{column} = b.{column}" for column in key)
        with self._write_lock:
            self._cursor.register("_batch", batch)
            self._cursor.execute("begin transaction")
            self._cursor.execute(f"delete from {SCHEMA}.{table} as t using _batch as b where {same}")
            self._cursor.execute(f"insert into {SCHEMA}.{table} by name from _batch")
            self._cursor.execute("commit")
            self._cursor.unregister("_batch")

    def prune(self, now: datetime) -> None:
        """Forget rows that are older than a year."""
        with self._write_lock:
            for name, column in TIME_COLUMN.items():
                self._cursor.execute(
                    f"delete from {SCHEMA}.{name} where {column}"
                    f" < timestamptz {literal(now.isoformat())} - interval {RETENTION_DAYS} day"
                )

    def close(self) -> None:
        """Write everything and let go of the database."""
        self.flush()
        self._cursor.close()
