"""Writing rows of versioned tables: insert, replace, close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import TableColumn, columns
from embedded.snowflake.storage.failures import naming_columns
from embedded.snowflake.storage.versions import INFINITE, column_name, table_name, visible

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def stored_columns(table: CatalogObject) -> list[TableColumn]:
    """The columns of a table that have values of their own (virtual ones have none)."""
    return [column for column in columns(table) if column.expression is None]


@dataclass
class Rows:
    """What a statement does to rows, inside its DuckDB transaction.

    Attributes:
        session: who writes.
        cursor: the session's cursor, in a transaction.
        mark: what it writes for a version: one, or an explicit transaction's mark.
        transaction: the explicit transaction's id, or None.
        changed: oids of the tables that it has changed.
    """

    session: Session
    cursor: duckdb.DuckDBPyConnection
    mark: int
    transaction: int | None
    changed: set[int] = field(default_factory=set)

    def run(self, text: str) -> int:
        """Run a statement of DuckDB and give the number of rows it touched."""
        rows = self.cursor.execute(text).fetchall()  # read to its end, or the cursor stays busy
        return int(rows[0][0]) if rows else 0

    def temporary(self, name: str, query: str) -> int:
        """Keep a query's rows under a name of the session's own, and give their number."""
        return self.run(f"create or replace temp table {name} as {query}")

    def insert(self, table: CatalogObject, values: Mapping[int, str], source: str, origin: str = "") -> int:
        """Add rows.

        Args:
            table: the table.
            values: for each column id that gets a value, an expression over the source (called `q`).
            source: a DuckDB query without parentheses around it.
            origin: the query that a temporary table in the source was made by, by which an error finds its column.

        Returns:
            The number of rows.
        """
        storage = self.session.account.storage
        start = storage.take_rids(self.cursor, table.oid, 0)
        names = "".join(f", {column_name(column)}" for column in values)
        texts = "".join(f", {text}" for text in values.values())
        with naming_columns(self.session, table, values, f"({origin or source}) as q"):
            count = self.run(
                f"insert into {table_name(table.oid)} (_rid, _from, _to{names}) "
                f"select {start} + row_number() over (), {self.mark}, {INFINITE}{texts} from ({source}) as q"
            )
        storage.take_rids(self.cursor, table.oid, count)
        self._note(table, values)
        return self._touch(table, count)

    def close(self, table: CatalogObject, condition: str = "true") -> int:
        """End the rows that are there and fulfil a condition over the stored columns, and give their number."""
        name, count = table_name(table.oid), 0
        if self.transaction is not None:
            # What this transaction itself added was never there for anyone else.
            count = self.run(f"delete from {name} where _from = {self.mark} and ({condition})")
        current = visible(self.transaction)
        count += self.run(f"update {name} set _to = {self.mark} where {current} and ({condition})")
        return self._touch(table, count)

    def replace(self, table: CatalogObject, values: Mapping[int, str], changes: str, origin: str = "") -> int:
        """Give rows new values under the same identity.

        Args:
            table: the table.
            values: for each column id that changes, an expression over the changes (called `n`) and the old row (called `o`).
            changes: the name of a temporary table with a column "$RID", each row once.
            origin: the query that the table's rows came from, by which an error finds its column.

        Returns:
            The number of rows.
        """
        ids = [column.id for column in stored_columns(table)]
        texts = ", ".join(
            f"{values.get(column, f'o.{column_name(column)}')} as {column_name(column)}" for column in ids
        )
        joined = f'{table_name(table.oid)} as o join {{}} as n on o._rid = n."$RID" where {visible(self.transaction)}'
        with naming_columns(self.session, table, values, joined.format(f"({origin})" if origin else changes)):
            self.temporary("_replaced", f"select o._rid, {texts} from {joined.format(changes)}")
        self.close(table, "_rid in (select _rid from _replaced)")
        names = ", ".join(column_name(column) for column in ids)
        count = self.run(
            f"insert into {table_name(table.oid)} (_rid, _from, _to, {names}) "
            f"select _rid, {self.mark}, {INFINITE}, {names} from _replaced"
        )
        self._note(table, values)
        return self._touch(table, count)

    def _note(self, table: CatalogObject, values: Mapping[int, str]) -> None:
        """Tell the statement's record which columns it wrote, for ACCESS_HISTORY."""
        if self.session.record is not None:
            self.session.record.columns_written.setdefault(table.oid, set()).update(values)

    def _touch(self, table: CatalogObject, count: int) -> int:
        if count:
            self.changed.add(table.oid)
        return count
