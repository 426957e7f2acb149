"""The storage of an account: versions, which table changed when, how far each stream was read.

All of it is kept in the account's DuckDB file, schema `_data`, and in memory for reading. It is written in the DuckDB
transaction of the rows that it tells of, and put in memory once that has committed.
"""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from embedded.snowflake.storage.locks import Locks
from embedded.snowflake.storage.versions import INFINITE, PENDING, table_name

if TYPE_CHECKING:
    from embedded.snowflake.storage.file_grants import FileGrant

_TABLES = (
    "commits(table_id bigint, version bigint, committed_at timestamptz, query_id varchar)",
    "statements(query_id varchar, table_id bigint, version bigint)",
    "pending(table_id bigint, transaction_id bigint)",
    "offsets(stream_id bigint, table_id bigint, version bigint)",
    "floors(table_id bigint, version bigint)",
    "loads(table_id bigint, stage_id bigint, path varchar, tag varchar, size bigint, loaded_at timestamptz, status varchar, "
    "rows_parsed bigint, rows_loaded bigint, errors bigint, first_error varchar, first_error_line bigint, "
    "first_error_character bigint, first_error_column varchar, query_id varchar)",
)


@dataclass
class TableHistory:
    """The commits of one table, oldest first: versions, times (UTC) and the statements that made them."""

    versions: list[int] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    statements: dict[str, int] = field(default_factory=dict)

    def at_time(self, when: datetime) -> int | None:
        """The table's version at a time, or None before its first."""
        index = bisect.bisect_right(self.times, when)
        return self.versions[index - 1] if index else None

    def before(self, version: int) -> int | None:
        """The version before one, or None if that is the first."""
        index = bisect.bisect_left(self.versions, version)
        return self.versions[index - 1] if index else None

    def time_after(self, version: int) -> datetime | None:
        """When the first commit after a version was, or None if there is none."""
        index = bisect.bisect_right(self.versions, version)
        return self.times[index] if index < len(self.times) else None

    def time_of(self, version: int) -> datetime | None:
        """When the table got the version that it had at `version`, or None if that was before its first commit."""
        index = bisect.bisect_right(self.versions, version)
        return self.times[index - 1] if index else None


class Storage:
    """What an account's storage knows.

    Attributes:
        locks: the locks on tables and streams.
        histories: the commits of each table, by oid.
        last: the last committed version of each table, by oid.
        offsets: how far each stream was read: stream oid to versions by table oid. Entries are replaced, never changed.
        floors: the version of each table below which row versions were cleaned up.
        bounds: what the statement under way in each session sees: its query id and the versions of tables.
        file_grants: leave to move files of stages, by token.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self.now = now
        self.locks = Locks()
        self.histories: dict[int, TableHistory] = {}
        self.last: dict[int, int] = {}
        self.offsets: dict[int, dict[int, int]] = {}
        self.floors: dict[int, int] = {}
        self.bounds: dict[int, tuple[str | None, dict[int, int]]] = {}
        self.file_grants: dict[str, FileGrant] = {}
        self._memory = threading.Lock()
        self._next_rids: dict[int, int] = {}
        self._last_transaction = 0
        connection.execute("create schema if not exists _data")
        for definition in _TABLES:
            connection.execute(f"create table if not exists _data.{definition}")
        self._load()
        self._recover()

    def _load(self) -> None:
        query = "select table_id, version, committed_at, query_id from _data.commits order by version"
        for table, version, at, query_id in self._connection.execute(query).fetchall():
            self._remember(table, version, at.astimezone(UTC), [query_id])
        for query_id, table, version in self._connection.execute("from _data.statements").fetchall():
            self.histories.setdefault(table, TableHistory()).statements[query_id] = version
        for stream, table, version in self._connection.execute("from _data.offsets").fetchall():
            self.offsets[stream] = {**self.offsets.get(stream, {}), table: version}
        self.floors = dict(self._connection.execute("from _data.floors").fetchall())
        self._last_version = max(self.last.values(), default=0)

    def _recover(self) -> None:
        """Undo what transactions left that were open when the server stopped."""
        found = self._connection.execute("from _data.pending").fetchall()
        existing = {row[0] for row in self._connection.execute("select table_name from duckdb_tables()").fetchall()}
        for table, transaction in found:
            if table_name(table).removeprefix("main.") in existing:
                undo(self._connection, table, transaction)
        self._connection.execute("delete from _data.pending")

    # -- numbers

    def next_version(self) -> int:
        """A version that no commit has had; take it only while holding the table's own lock."""
        with self._memory:
            self._last_version += 1
            return self._last_version

    def next_transaction(self) -> int:
        """An id for a transaction: the time in nanoseconds, made unique."""
        with self._memory:
            self._last_transaction = max(time.time_ns(), self._last_transaction + 1)
            return self._last_transaction

    def take_rids(self, cursor: duckdb.DuckDBPyConnection, table: int, count: int) -> int:
        """Reserve row identities: the number before the first of them."""
        with self._memory:
            start = self._next_rids.get(table)
            if start is None:
                rows = cursor.execute(f"select coalesce(max(_rid), 0) from {table_name(table)}").fetchall()
                start = int(rows[0][0]) if rows else 0
            self._next_rids[table] = start + count
            return start

    # -- what was committed

    def write_commit(
        self, cursor: duckdb.DuckDBPyConnection, tables: dict[int, int], at: datetime, query_id: str
    ) -> None:
        """Write in the open DuckDB transaction that tables (oid to version) change with it."""
        if tables:
            cursor.executemany(
                "insert into _data.commits values (?, ?, ?, ?)",
                [[table, version, at, query_id] for table, version in tables.items()],
            )

    def committed(self, tables: dict[int, int], at: datetime, query_ids: list[str]) -> None:
        """Put in memory what `write_commit` wrote, after the DuckDB commit."""
        with self._memory:
            for table, version in tables.items():
                self._remember(table, version, at, query_ids)

    def _remember(self, table: int, version: int, at: datetime, query_ids: list[str]) -> None:
        history = self.histories.setdefault(table, TableHistory())
        if history.times and at < history.times[-1]:
            at = history.times[-1]
        history.versions.append(version)
        history.times.append(at)
        history.statements.update(dict.fromkeys(query_ids, version))
        self.last[table] = version

    def forget_before(self, table: int, floor: int) -> None:
        """Forget the commits of a table before a version, below which its row versions are gone."""
        with self._memory:
            old = self.histories.get(table, TableHistory())
            kept = [place for place, version in enumerate(old.versions) if version >= floor]
            self.histories[table] = TableHistory(
                [old.versions[place] for place in kept],
                [old.times[place] for place in kept],
                {query_id: version for query_id, version in old.statements.items() if version >= floor},
            )
            self.floors[table] = floor

    def history(self, table: int) -> TableHistory:
        """The commits of a table."""
        return self.histories.get(table) or TableHistory()

    def write_offset(self, cursor: duckdb.DuckDBPyConnection, stream: int, versions: dict[int, int]) -> None:
        """Write in the open DuckDB transaction how far a stream was read."""
        cursor.execute("delete from _data.offsets where stream_id = ?", [stream])
        for table, version in versions.items():
            cursor.execute("insert into _data.offsets values (?, ?, ?)", [stream, table, version])


def undo(cursor: duckdb.DuckDBPyConnection, table: int, transaction: int) -> None:
    """Take a transaction's uncommitted changes out of a table, in the open DuckDB transaction."""
    mark = PENDING + transaction
    cursor.execute(f"delete from {table_name(table)} where _from = {mark}")
    cursor.execute(f"update {table_name(table)} set _to = {INFINITE} where _to = {mark}")
