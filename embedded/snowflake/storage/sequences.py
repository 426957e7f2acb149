"""Sequences and identity columns: each a DuckDB sequence, whose numbers no rollback gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.names import ObjectName
from embedded.snowflake.sql.typed import Typed, number
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_LIMITS = f"minvalue {-(2**63)} maxvalue {2**63 - 1}"


def identity_name(table: int, column: int) -> str:
    """The DuckDB sequence of an identity column."""
    return f"main.i_{table}_{column}"


def sequence_name(sequence: int) -> str:
    """The DuckDB sequence of a sequence."""
    return f"main.q_{sequence}"


def create(cursor: duckdb.DuckDBPyConnection, name: str, start: int, increment: int) -> None:
    """Make a DuckDB sequence, in place of one of that name."""
    cursor.execute(f"create or replace sequence {name} start {start} increment {increment} {_LIMITS}")


def upcoming(cursor: duckdb.DuckDBPyConnection, name: str, start: int, increment: int) -> int:
    """The value that a sequence gives next, without taking it."""
    rows = cursor.execute(
        "select last_value from duckdb_sequences() where sequence_name = ?", [name.removeprefix("main.")]
    ).fetchall()
    return int(rows[0][0]) + increment if rows and rows[0][0] is not None else start


def identity_next(table: CatalogObject, column: TableColumn) -> str:
    """DuckDB text that takes an identity column's next value, anew for each row."""
    return f"nextval('{identity_name(table.oid, column.id)}')"


def next_value_of(sequence: CatalogObject) -> Typed:
    """`sequence.NEXTVAL`: takes the next value, anew for each row."""
    return Typed(f"nextval('{sequence_name(sequence.oid)}')", number(38, 0), nullable=False, exact=False)


def next_value(session: Session, written: str, table: CatalogObject | None = None) -> Typed:
    """`name.NEXTVAL` of a sequence by its name as written; names without a schema are looked up in the table's own too.

    Raises:
        SnowflakeError: there is no such sequence (002003).
    """
    from embedded.snowflake.catalog.resolve import resolve

    name = TokenStream(written).name()
    catalog = session.account.catalog
    if table is not None and name.schema is None:
        found = catalog.find("SEQUENCE", table.container, name.name)
        if found is not None:
            return next_value_of(found)
    if table is not None and name.database is None:
        schema = catalog.get(table.container)
        name = ObjectName(catalog.get(schema.container).name, name.schema or schema.name, name.name)
    return next_value_of(resolve(session, "SEQUENCE", name))
