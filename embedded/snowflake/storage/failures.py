"""Which column a row failed on: what Snowflake's message names when a statement writes a value that does not fit."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import columns
from embedded.snowflake.errors import SnowflakeError, SqlExecutionError
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.sql.run import to_snowflake

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

# Errors of a value; any other is the statement's.
_VALUES = range(100_030, 100_200)
# How long columns are looked at one by one, after which the error tells none.
_LONGEST_SECONDS = 2.0


@contextmanager
def naming_columns(session: Session, table: CatalogObject, values: Mapping[int, str], source: str) -> Iterator[None]:
    """Tell which column it is when a value written inside the block does not fit.

    Args:
        session: who writes.
        table: the table written to.
        values: for each column id, the expression whose value it gets.
        source: DuckDB's FROM item that the expressions read.

    Raises:
        SqlExecutionError: as Snowflake tells it, `DML operation to table T failed on column C with error: …`.
    """
    try:
        yield
    except duckdb.Error as error:
        found = to_snowflake(error)
        if found.errno not in _VALUES:
            raise
        name = _failing(session, table, values, source, found)
        if name is None:
            raise
        raise SqlExecutionError(
            f"DML operation to table {quote_if_needed(table.name)} failed on column {quote_if_needed(name)} with error:"
            f" {found.message}",
            found.errno,
            found.sqlstate,
        ) from error


def _failing(
    session: Session, table: CatalogObject, values: Mapping[int, str], source: str, failure: SnowflakeError
) -> str | None:
    """The first column whose values alone fail in the same way, asked beside the transaction, which the failure has ended."""
    with session.cursor.cursor() as cursor:
        timer = threading.Timer(_LONGEST_SECONDS, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            for column in columns(table):
                if column.id in values and _message(cursor, values[column.id], source) == failure.message:
                    return column.name
        finally:
            timer.cancel()
    return None


def _message(cursor: duckdb.DuckDBPyConnection, value: str, source: str) -> str | None:
    try:
        cursor.execute(f"select count(x) from (select {value} as x from {source})").fetchall()
    except duckdb.Error as error:
        return to_snowflake(error).message
    return None
