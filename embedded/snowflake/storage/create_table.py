"""CREATE TABLE's rows: of a query (CTAS), of another table (CLONE), or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import TableColumn, columns
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote, quote_if_needed
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.sql.run import run_query
from embedded.snowflake.sql.select import require_named_columns
from embedded.snowflake.sql.translate import Translated, query
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.storage import tables
from embedded.snowflake.storage.assign import default, stored
from embedded.snowflake.storage.rows import stored_columns

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session


def create_table(session: Session, changes: CatalogTransaction, table: CatalogObject) -> None:
    """Make a new table's storage, and fill it with what its body's "as_select" or "clone" names (taken out of the body)."""
    select, clone = table.body.pop("as_select", None), table.body.pop("clone", None)
    if select is not None:
        _create_from_query(session, changes, table, select)
    elif clone is not None:
        _create_clone(session, changes, table, clone)
    else:
        tables.create(changes, table)
    changes.put(table)


def _create_clone(session: Session, changes: CatalogTransaction, table: CatalogObject, clone: dict[str, Any]) -> None:
    from embedded.snowflake.storage.time_travel import read_clause, version_at

    source = session.account.catalog.get(clone["source"])
    version = version_at(session, source, read_clause(clone["at"])) if clone["at"] else None
    tables.create(changes, table)
    tables.copy_rows(session, changes, source, table, version)


def _create_from_query(
    session: Session, changes: CatalogTransaction, table: CatalogObject, select: dict[str, Any]
) -> None:
    tree = parse_query(select["query"])
    if not table.body["columns"]:
        require_named_columns(tree)
    translated = query(session, tree, statement=None)
    target = _columns(table, translated, select)
    tables.create(changes, table)
    source = translated.duckdb_sql
    if "_rows_" in source:
        # Rows put before DuckDB on the session's cursor are not there on the catalog's.
        changes.cursor.register("_created", run_query(session, translated))
        source = "from _created"
    given = {
        column.id: Typed(f"q.{quote(name)}", found.type, found.nullable)
        for column, name, found in zip(target, translated.duckdb_names, translated.columns, strict=True)
    }
    values = {
        column.id: stored(given[column.id] if column.id in given else default(session, table, column), column, "UTC")
        for column in stored_columns(table)
    }
    tables.fill(session, changes, table, values, source)
    _consume(session, changes, translated)


def _consume(session: Session, changes: CatalogTransaction, translated: Translated) -> None:
    """Move the streams that the query read, with the table's own commit."""
    from embedded.snowflake.storage.transactions import bounds, offset

    storage, now = session.account.storage, bounds(session)
    for stream in translated.streams:
        versions = {table: max(now.get(table, 0), old) for table, old in offset(session, stream).items()}
        storage.write_offset(changes.cursor, stream, versions)
        changes.committed.append(lambda stream=stream, versions=versions: storage.offsets.update({stream: versions}))


def _columns(table: CatalogObject, translated: Translated, select: dict[str, Any]) -> list[TableColumn]:
    """The columns that the query fills; those that were not written, or without a type, are taken from the query.

    Raises:
        SqlCompilationError: the numbers of columns differ (002026), or the query gives a name twice (002025).
    """
    if not table.body["columns"]:
        for number, column in enumerate(translated.columns, 1):
            table.body["columns"].append(
                TableColumn(
                    number, column.name, column.type, column.nullable, collation=column.type.collation
                ).to_json()
            )
        table.body["next_column_id"] = len(translated.columns) + 1
        _check_names(translated)
        return columns(table)
    if len(select["given"]) != len(translated.columns):
        raise SqlCompilationError("Invalid column definition list", 2026, "42601")
    for body, column in zip(table.body["columns"], translated.columns, strict=True):
        if body["name"] in select["untyped"]:
            body["type"] = str(column.type)
    return columns(table)


def _check_names(translated: Translated) -> None:
    seen: set[str] = set()
    for column in translated.columns:
        if column.name in seen:
            raise SqlCompilationError(f"duplicate column name '{quote_if_needed(column.name)}'", 2025, "42S21")
        seen.add(column.name)
