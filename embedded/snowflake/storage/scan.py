"""Reading tables: the rows that a session sees now, or those of a time before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import columns
from embedded.snowflake.names import encode, quote
from embedded.snowflake.storage.pins import pinned_version
from embedded.snowflake.storage.versions import column_name, table_name, visible, visible_at

if TYPE_CHECKING:
    from sqlglot import exp

    from embedded.snowflake.session.session import Session


def table_scan(session: Session, table: CatalogObject, at: exp.Expr | None = None, with_rid: bool = False) -> str:
    """A DuckDB subquery of a table's rows, in parentheses, its columns under their encoded names.

    Args:
        session: who reads; it sees its own transaction's changes.
        table: the table.
        at: the AT or BEFORE clause as parsed.
        with_rid: also give "$RID", the row's identity.

    Raises:
        SqlExecutionError: the time asked for is before the table or its retention (000707).
    """
    if at is not None:
        from embedded.snowflake.storage.time_travel import version_at

        condition = visible_at(version_at(session, table, at))
    else:
        pinned = pinned_version(table.oid)
        own = session.transaction.id if session.transaction is not None else None
        if isinstance(pinned, str):
            condition = pinned
        else:
            condition = visible(own) if pinned is None else visible_at(pinned)
    return f"(SELECT {select_list(session, table, with_rid)} FROM {table_name(table.oid)} WHERE {condition})"


def select_list(session: Session, table: CatalogObject, with_rid: bool = False, prefix: str = "") -> str:
    """The columns of a table from its stored ones, each under its encoded name."""
    parts = [
        f"{_value(session, table, column.id, prefix)} AS {quote(encode(column.name))}" for column in columns(table)
    ]
    if with_rid:
        parts.append(f'{prefix}_rid AS "$RID"')
    return ", ".join(parts)


def _value(session: Session, table: CatalogObject, column_id: int, prefix: str) -> str:
    """A stored column, or the expression of a virtual one over the stored ones."""
    column = next(item for item in columns(table) if item.id == column_id)
    if column.expression is None:
        return f"{prefix}{column_name(column_id)}"
    from embedded.snowflake.sql.coerce import cast
    from embedded.snowflake.sql.translate import expression
    from embedded.snowflake.sql.typed import Typed

    known = [
        (item.name, Typed(f"{prefix}{column_name(item.id)}", item.type, item.nullable))
        for item in columns(table)
        if item.expression is None
    ]
    return cast(expression(session, column.expression, known), column.type).stored
