"""Brings an account's file that an earlier version wrote to the form of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.tables import columns
from embedded.snowflake.storage.versions import column_name, table_name

if TYPE_CHECKING:
    import duckdb

    from embedded.snowflake.catalog.store import Catalog

_KINDS = ("TABLE", "DYNAMIC TABLE", "MATERIALIZED VIEW")


def upgrade(connection: duckdb.DuckDBPyConnection, catalog: Catalog) -> None:
    """Give columns of TIMESTAMP_TZ their offsets: earlier they were moments only, which are taken as UTC."""
    query = "select table_name, column_name from duckdb_columns() where data_type = 'TIMESTAMP WITH TIME ZONE'"
    old = {(table, column) for table, column in connection.execute(query).fetchall() if table.startswith("t_")}
    if not old:
        return
    for item in (found for kind in _KINDS for found in catalog.ever(kind)):
        for column in columns(item):
            name = column_name(column.id)
            if column.type.kind == "TIMESTAMP_TZ" and (table_name(item.oid).removeprefix("main."), name) in old:
                connection.execute(
                    f"alter table {table_name(item.oid)} alter column {name} type interval using sf_tz({name}, 0)"
                )
