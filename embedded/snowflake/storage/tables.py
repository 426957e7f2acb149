"""The physical part of tables: made, filled, changed, dropped, within the catalog's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import TableColumn, columns
from embedded.snowflake.errors import SqlCompilationError, SqlExecutionError
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.run import snowflake_errors
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.storage import sequences
from embedded.snowflake.storage.assign import default, stored
from embedded.snowflake.storage.rows import Rows, stored_columns
from embedded.snowflake.storage.versions import INFINITE, PENDING, column_name, table_name, visible, visible_at
from embedded.snowflake.types import DataType

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

_CURRENT = f"_from < {PENDING} and _to >= {PENDING}"


def create(changes: CatalogTransaction, table: CatalogObject) -> None:
    """Make an empty table as its body describes it."""
    parts = [f"{column_name(column.id)} {column.type.to_duckdb()}" for column in stored_columns(table)]
    parts = ["_rid bigint", "_from bigint", "_to bigint", *parts]
    changes.cursor.execute(f"create table {table_name(table.oid)} ({', '.join(parts)})")
    for column in columns(table):
        if column.identity is not None:
            _create_identity(changes.cursor, table, column, column.identity["start"])


def _create_identity(cursor: duckdb.DuckDBPyConnection, table: CatalogObject, column: TableColumn, start: int) -> None:
    increment = (column.identity or {})["increment"]
    sequences.create(cursor, sequences.identity_name(table.oid, column.id), start, increment)


def fill(
    session: Session, changes: CatalogTransaction, table: CatalogObject, values: dict[int, str], source: str
) -> int:
    """Put a query's rows in a table that this catalog transaction makes, as its first version, and give their number.

    Args:
        session: who does it.
        changes: the catalog's transaction.
        table: the new table.
        values: for each column id, an expression over the source (called `q`).
        source: a DuckDB query.
    """
    storage = session.account.storage
    version, at = storage.next_version(), storage.now()
    rows = Rows(session, changes.cursor, version, None)
    query_id = session.statement_id or ""
    with snowflake_errors():
        count = rows.insert(table, values, source)
    storage.write_commit(changes.cursor, {table.oid: version}, at, query_id)
    changes.committed.append(lambda: storage.committed({table.oid: version}, at, [query_id]))
    changes.committed.append(session.account.changed.set)
    if session.record is not None:
        session.record.written.add(table.oid)
    return count


def copy_rows(
    session: Session, changes: CatalogTransaction, source: CatalogObject, table: CatalogObject, version: int | None
) -> int:
    """Put the rows that a table has now, or had at a version, in a new table with the same columns."""
    _continue_identities(session, changes.cursor, source, table)
    condition = _CURRENT if version is None else visible_at(version)
    values = {column.id: f"q.{column_name(column.id)}" for column in stored_columns(table)}
    return fill(session, changes, table, values, f"from {table_name(source.oid)} where {condition}")


def _continue_identities(
    session: Session, cursor: duckdb.DuckDBPyConnection, source: CatalogObject, table: CatalogObject
) -> None:
    """Let the identity columns of a clone go on where those of its source are."""
    del session
    for column in columns(table):
        if column.identity is not None:
            name = sequences.identity_name(source.oid, column.id)
            start = sequences.upcoming(cursor, name, column.identity["start"], column.identity["increment"])
            _create_identity(cursor, table, column, start)


def forget(changes: CatalogTransaction, table: CatalogObject) -> None:
    """Remove a table's rows for good, once its retention is over."""
    changes.cursor.execute(f"drop table if exists {table_name(table.oid)}")
    for column in columns(table):
        if column.identity is not None:
            changes.cursor.execute(f"drop sequence if exists {sequences.identity_name(table.oid, column.id)}")
    for name in ("commits", "statements", "floors"):
        changes.cursor.execute(f"delete from _data.{name} where table_id = ?", [table.oid])


def _writing(session: Session, changes: CatalogTransaction, table: CatalogObject) -> None:
    """Keep statements from writing to a table until the catalog's transaction has ended."""
    changes.held.enter_context(session.account.storage.locks.writing([table.oid]))


def add_column(session: Session, changes: CatalogTransaction, table: CatalogObject, column: TableColumn) -> None:
    """Give a table a new column; rows that are there get its default or identity.

    Raises:
        SqlExecutionError: it is NOT NULL, has no default, and there are rows (100072).
    """
    if column.expression is not None:
        return
    _writing(session, changes, table)
    name, kind, cursor = table_name(table.oid), column.type.to_duckdb(), changes.cursor
    if column.identity is not None:
        _create_identity(cursor, table, column, column.identity["start"])
    value = default(session, table, column)
    with snowflake_errors():
        cursor.execute(f"alter table {name} add column {column_name(column.id)} {kind}")
        if not value.is_null:
            cursor.execute(f"update {name} set {column_name(column.id)} = {stored(value, column, 'UTC')}")
        elif not column.nullable and _exists(cursor, f"from {name} where {_CURRENT}"):
            raise _null_found(column)


def _exists(cursor: duckdb.DuckDBPyConnection, query: str) -> bool:
    return bool(cursor.execute(f"select 1 {query} limit 1").fetchall())  # fetchone() would keep the cursor busy


def _null_found(column: TableColumn) -> SqlExecutionError:
    return SqlExecutionError(
        f"Column '{quote_if_needed(column.name)}' contains null values. Not null constraint cannot be added.",
        2281,
        "22000",
    )


def check_not_null(session: Session, changes: CatalogTransaction, table: CatalogObject, column: TableColumn) -> None:
    """Make sure that no row has NULL in a column.

    Raises:
        SqlExecutionError: one has (002281).
    """
    _writing(session, changes, table)
    condition = f"{_CURRENT} and {column_name(column.id)} is null"
    if column.expression is None and _exists(changes.cursor, f"from {table_name(table.oid)} where {condition}"):
        raise _null_found(column)


def change_type(
    session: Session, changes: CatalogTransaction, table: CatalogObject, column: TableColumn, old: DataType
) -> None:
    """Turn a column's values, old versions included, to its new type.

    Raises:
        SqlCompilationError: a current value does not fit in the new type (002108).
    """
    _writing(session, changes, table)
    name, cursor = column_name(column.id), changes.cursor
    where = f"from {table_name(table.oid)} where {_CURRENT}"
    if column.type.kind == "VARCHAR" and old.kind == "VARCHAR":
        if (column.type.length or 0) < (old.length or 0) and _exists(
            cursor, f"{where} and length({name}) > {column.type.length}"
        ):
            raise _not_changed(column, old)
        return
    if column.type.to_duckdb() == old.to_duckdb():
        return
    made = cast(Typed(name, old), column.type).stored
    try:
        cursor.execute(f"select count({made}) {where}")
        text = (
            f"alter table {table_name(table.oid)} alter column {name} type {column.type.to_duckdb()} using try({made})"
        )
        cursor.execute(text)
    except duckdb.ConversionException as error:
        raise _not_changed(column, old) from error


def _not_changed(column: TableColumn, old: DataType) -> SqlCompilationError:
    return SqlCompilationError(
        f"cannot change column {quote_if_needed(column.name)} from type {old} to {column.type}"
        " because reducing the byte-length or precision would lose values that are there",
        2108,
        "22000",
    )


def row_count(session: Session, table: CatalogObject) -> int:
    """The number of committed rows."""
    try:
        row = session.cursor.execute(f"select count(*) from {table_name(table.oid)} where {visible(None)}").fetchall()[
            0
        ]
    except duckdb.CatalogException:
        return 0
    return int(row[0]) if row else 0


def byte_count(session: Session, table: CatalogObject) -> int:
    """About the bytes that the current rows take: eight for each value."""
    return row_count(session, table) * 8 * len(stored_columns(table))


__all__ = [
    "INFINITE",
    "add_column",
    "byte_count",
    "change_type",
    "check_not_null",
    "copy_rows",
    "create",
    "fill",
    "forget",
    "row_count",
]
