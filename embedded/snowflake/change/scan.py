"""Reading streams: the net changes of a table or view between the stream's offset and the transaction's start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import columns
from embedded.snowflake.change.offsets import check_readable
from embedded.snowflake.names import encode, quote
from embedded.snowflake.storage.scan import select_list
from embedded.snowflake.storage.transactions import bounds, offset
from embedded.snowflake.storage.versions import table_name
from embedded.snowflake.types import BOOLEAN, VARCHAR, DataType

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_VIEWS = ("VIEW", "MATERIALIZED VIEW")


@dataclass(frozen=True)
class StreamColumn:
    """A column that a stream gives."""

    name: str
    type: DataType


METADATA = (
    StreamColumn("METADATA$ACTION", VARCHAR),
    StreamColumn("METADATA$ISUPDATE", BOOLEAN),
    StreamColumn("METADATA$ROW_ID", VARCHAR),
)


def stream_columns(session: Session, stream: CatalogObject) -> list[StreamColumn]:
    """The columns of a stream: its source's, then METADATA$ACTION, METADATA$ISUPDATE and METADATA$ROW_ID.

    Raises:
        SqlCompilationError: the source was dropped, or the stream is stale.
    """
    source = check_readable(session, stream)
    return [*(StreamColumn(column.name, column.type) for column in columns(source)), *METADATA]


def stream_scan(session: Session, stream: CatalogObject) -> str:
    """A DuckDB subquery of a stream's rows, in parentheses, its columns under their encoded names.

    The changes are those between the stream's offset and what the statement (or the explicit transaction) saw first, so that
    each read in a transaction gives the same rows.

    Raises:
        SqlCompilationError: the source was dropped, or the stream is stale.
    """
    source = check_readable(session, stream)
    since = offset(session, stream.oid)
    until = {table: max(bounds(session).get(table, 0), version) for table, version in since.items()}
    if source.kind in _VIEWS:
        from embedded.snowflake.change.view_scan import view_changes

        return view_changes(session, source, since, until, bool(stream.body.get("append_only")))
    return table_changes(
        session, source, since[source.oid], until[source.oid], append_only=bool(stream.body.get("append_only"))
    )


def table_changes(session: Session, table: CatalogObject, since: int, until: int, *, append_only: bool) -> str:
    """A DuckDB subquery of a table's net changes after one version up to another, with the METADATA$ columns.

    A row that was inserted and deleted in between is in none of them. Append-only, each row that was inserted is given as it
    was inserted, whatever happened to it later.
    """
    if append_only:
        return _inserted(session, table, since, until)
    name = table_name(table.oid)
    changed = (
        f"SELECT *, 'INSERT' AS _action FROM {name} WHERE _from > {since} AND _from <= {until} AND _to > {until} "
        f"UNION ALL SELECT *, 'DELETE' FROM {name} WHERE _to > {since} AND _to <= {until} AND _from <= {since}"
    )
    action, is_update, row_id = (quote(encode(column.name)) for column in METADATA)
    return (
        f"(SELECT {select_list(session, table)}, _action AS {action}, "
        f"count(*) OVER (PARTITION BY _rid) = 2 AS {is_update}, {_row_id(table)} AS {row_id} FROM ({changed}))"
    )


def _inserted(session: Session, table: CatalogObject, since: int, until: int) -> str:
    """The rows inserted between two versions: versions of rows that no earlier version of the same row ends in."""
    name = table_name(table.oid)
    action, is_update, row_id = (quote(encode(column.name)) for column in METADATA)
    return (
        f"(SELECT {select_list(session, table)}, 'INSERT' AS {action}, false AS {is_update}, {_row_id(table)} AS {row_id} "
        f"FROM {name} AS _new WHERE _from > {since} AND _from <= {until} AND NOT EXISTS (SELECT 1 FROM {name} AS _old "
        f"WHERE _old._to > {since} AND _old._to <= {until} AND _old._rid = _new._rid AND _old._to = _new._from))"
    )


def _row_id(table: CatalogObject) -> str:
    """Text of METADATA$ROW_ID: 40 characters that are the same for a row as long as it lives."""
    return f"sha1('{table.oid}:' || _rid)"


def stream_has_data(session: Session, stream: CatalogObject) -> bool:
    """Whether a stream gives any row; at once if none of its tables has changed.

    Raises:
        SqlCompilationError: the source was dropped, or the stream is stale.
    """
    check_readable(session, stream)
    now = bounds(session)
    if all(now.get(table, 0) <= version for table, version in offset(session, stream.oid).items()):
        return False
    return bool(session.cursor.cursor().execute(f"SELECT 1 FROM {stream_scan(session, stream)} LIMIT 1").fetchall())
