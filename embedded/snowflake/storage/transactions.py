"""Transactions: what one statement writes, and explicit transactions over several.

Each statement is one DuckDB transaction on the session's cursor. Outside an explicit transaction it writes its version into the
rows at once; inside one it writes a mark that COMMIT turns to a version. UPDATE, DELETE and MERGE hold a table's lock until their
transaction ends; INSERT waits for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.sql.run import snowflake_errors
from embedded.snowflake.storage.load_history import Load, write_loads
from embedded.snowflake.storage.rows import Rows
from embedded.snowflake.storage.store import undo
from embedded.snowflake.storage.versions import PENDING, table_name

if TYPE_CHECKING:
    from sqlglot import exp

    from embedded.snowflake.session.dispatch import Statement
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.sql.translate import Translated
    from embedded.snowflake.storage.store import Storage


class Transaction:
    """An explicit transaction of a session.

    Attributes:
        id: its number, as CURRENT_TRANSACTION() gives it.
        bounds: the last version of each table when it began: what streams show in it ends there.
        offsets: how far each stream was read when it began.
        tables: oids of the tables that it has changed.
        consumed: streams whose changes it has used, and how far.
        query_ids: the statements that changed tables.
        loads: the files that COPY loaded.
        once_committed: what is to be told then, and never after a rollback.
    """

    def __init__(self, session: Session) -> None:
        """Begin a transaction; the caller puts it in `session.transaction`."""
        storage = session.account.storage
        self.session = session
        self.id = storage.next_transaction()
        self.bounds = dict(storage.last)
        self.offsets = dict(storage.offsets)
        self.tables: set[int] = set()
        self.consumed: dict[int, dict[int, int]] = {}
        self.query_ids: list[str] = []
        self.loads: list[Load] = []
        self.once_committed: list[Callable[[], None]] = []

    def commit(self) -> None:
        """Make all changes visible together, and move the offsets of the streams that were used."""
        storage = self.session.account.storage
        with storage.locks.writing(self.tables):
            with _duckdb_transaction(self.session.cursor) as cursor:
                versions = {table: storage.next_version() for table in sorted(self.tables)}
                for table, version in versions.items():
                    _settle(cursor, table, PENDING + self.id, version)
                at = storage.now()
                last = self.query_ids[-1] if self.query_ids else ""
                _write_end(cursor, storage, versions, self.consumed, at, last)
                for query_id in self.query_ids:
                    for table, version in versions.items():
                        cursor.execute("insert into _data.statements values (?, ?, ?)", [query_id, table, version])
                write_loads(cursor, self.loads)
                cursor.execute("delete from _data.pending where transaction_id = ?", [self.id])
            storage.committed(versions, at, self.query_ids)
        _finish(self.session, self.consumed)
        storage.locks.release(self.id)
        for action in self.once_committed:
            action()

    def rollback(self) -> None:
        """Undo all changes; streams stay where they were."""
        storage = self.session.account.storage
        try:
            with storage.locks.writing(self.tables), _duckdb_transaction(self.session.cursor) as cursor:
                for table in sorted(self.tables):
                    with suppress(duckdb.CatalogException):
                        undo(cursor, table, self.id)
                cursor.execute("delete from _data.pending where transaction_id = ?", [self.id])
        finally:
            storage.locks.release(self.id)


def _settle(cursor: duckdb.DuckDBPyConnection, table: int, mark: int, version: int) -> None:
    cursor.execute(f"update {table_name(table)} set _from = {version} where _from = {mark}")
    cursor.execute(f"update {table_name(table)} set _to = {version} where _to = {mark}")


def _write_end(
    cursor: duckdb.DuckDBPyConnection,
    storage: Storage,
    versions: dict[int, int],
    consumed: dict[int, dict[int, int]],
    at: datetime,
    query_id: str,
) -> None:
    storage.write_commit(cursor, versions, at, query_id)
    for stream, bounds in consumed.items():
        storage.write_offset(cursor, stream, bounds)


def _finish(session: Session, consumed: dict[int, dict[int, int]]) -> None:
    """Put offsets in memory and wake who waits for changes."""
    session.account.storage.offsets.update(consumed)
    session.account.changed.set()


@contextmanager
def _duckdb_transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    cursor.execute("begin transaction")
    try:
        yield cursor
        cursor.execute("commit")
    except BaseException:
        with suppress(duckdb.Error):
            cursor.execute("rollback")
        raise


def bounds(session: Session) -> dict[int, int]:
    """The last version of each table as the statement under way sees it, the same for the whole statement or transaction."""
    if session.transaction is not None:
        return session.transaction.bounds
    storage = session.account.storage
    known = storage.bounds.get(session.id)
    if known is None or known[0] != session.statement_id or session.statement_id is None:
        known = (session.statement_id, dict(storage.last))
        storage.bounds[session.id] = known
    return known[1]


def offset(session: Session, stream: int) -> dict[int, int]:
    """How far a stream was read, as the session's transaction sees it."""
    storage = session.account.storage
    known = session.transaction.offsets if session.transaction is not None else storage.offsets
    return known.get(stream) or storage.offsets.get(stream, {})


@dataclass
class Work:
    """One DML statement: its locks, the streams that its queries read, and its writing."""

    session: Session
    statement: Statement
    targets: list[CatalogObject]
    owner: int
    consumed: dict[int, dict[int, int]] = field(default_factory=dict)

    def translate(self, ast: exp.Expr) -> Translated:
        """Translate a query of the statement; the streams that it reads are locked, and move on when the transaction commits."""
        from embedded.snowflake.sql.translate import query

        found = query(self.session, ast.copy(), statement=self.statement)
        if self.lock_streams(found.streams):
            found = query(self.session, ast.copy(), statement=self.statement)
        self.consume(found.streams)
        return found

    def lock_streams(self, streams: Iterable[int]) -> bool:
        """Lock streams against other consumers; say whether one was moved on by another while this waited."""
        session, storage, moved = self.session, self.session.account.storage, False
        for stream in sorted(streams):
            before = offset(session, stream)
            _lock(session, self.owner, session.account.catalog.get(stream), self.statement)
            if storage.offsets.get(stream, {}) != before and stream not in self.consumed:
                moved = True
                if session.transaction is not None:
                    session.transaction.offsets[stream] = storage.offsets.get(stream, {})
        if moved and session.transaction is None:
            storage.bounds.pop(session.id, None)
        return moved

    def consume(self, streams: Iterable[int]) -> None:
        """Note that streams were used, up to what the statement sees of their tables."""
        now = bounds(self.session)
        for stream in streams:
            old = offset(self.session, stream)
            self.consumed[stream] = {table: max(now.get(table, 0), version) for table, version in old.items()}

    @contextmanager
    def apply(self) -> Iterator[Rows]:
        """Write rows of the targets in the block: all of it or, after an error, nothing."""
        storage, transaction = self.session.account.storage, self.session.transaction
        with storage.locks.writing(table.oid for table in self.targets), snowflake_errors():
            if transaction is None:
                yield from self._autocommitted(storage)
            else:
                yield from self._pending(transaction)

    def _autocommitted(self, storage: Storage) -> Iterator[Rows]:
        with _duckdb_transaction(self.session.cursor) as cursor:
            version = storage.next_version()
            rows = Rows(self.session, cursor, version, None)
            yield rows
            self._record(rows)
            versions, at = dict.fromkeys(sorted(rows.changed), version), storage.now()
            _write_end(cursor, storage, versions, self.consumed, at, self.statement.query_id)
        storage.committed(versions, at, [self.statement.query_id])
        if versions or self.consumed:
            _finish(self.session, self.consumed)

    def _pending(self, transaction: Transaction) -> Iterator[Rows]:
        new = {table.oid for table in self.targets} - transaction.tables
        with _duckdb_transaction(self.session.cursor) as cursor:
            for table in sorted(new):
                cursor.execute("insert into _data.pending values (?, ?)", [table, transaction.id])
            rows = Rows(self.session, cursor, PENDING + transaction.id, transaction.id)
            yield rows
            self._record(rows)
        transaction.tables |= new
        transaction.consumed.update(self.consumed)
        transaction.query_ids.append(self.statement.query_id)

    def _record(self, rows: Rows) -> None:
        if self.session.record is not None:
            self.session.record.written |= rows.changed


@contextmanager
def work(
    session: Session, statement: Statement, targets: list[CatalogObject], *, exclusive: bool = True
) -> Iterator[Work]:
    """Begin a DML statement on tables.

    Args:
        session: who writes.
        statement: the statement under way.
        targets: the tables that it may write to.
        exclusive: whether it changes rows that are there, so that nobody else may until the transaction ends.

    Raises:
        SqlExecutionError: another transaction kept a lock too long, or there is a deadlock (000625).
    """
    storage, transaction = session.account.storage, session.transaction
    owner = transaction.id if transaction is not None else storage.next_transaction()
    found = Work(session, statement, targets, owner)
    try:
        for table in sorted(targets, key=lambda item: item.oid) if exclusive else ():
            _lock(session, owner, table, statement)
        yield found
    finally:
        if transaction is None:
            storage.locks.release(owner)


def _lock(session: Session, owner: int, item: CatalogObject, statement: Statement) -> None:
    def check() -> None:
        if statement.query_id in session.cancelled:
            from embedded.snowflake.session.execution import canceled

            raise canceled()

    seconds = float(session_setting(session, "LOCK_TIMEOUT").value)
    session.account.storage.locks.acquire(owner, item.oid, seconds, check, item.name)


def write_versions(
    session: Session, cursor: duckdb.DuckDBPyConnection, tables: Iterable[int], query_id: str
) -> dict[int, int]:
    """Give tables that are filled within a DDL statement their first version, in its DuckDB transaction.

    The caller hands the versions to `Storage.committed` once that has committed.
    """
    storage = session.account.storage
    versions = {table: storage.next_version() for table in tables}
    storage.write_commit(cursor, versions, storage.now(), query_id)
    return versions
