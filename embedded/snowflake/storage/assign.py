"""From a value to what a column stores: implicit cast, NOT NULL, length; and defaults where no value is given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError
from embedded.snowflake.names import literal, quote_if_needed
from embedded.snowflake.sql.coerce import TIMESTAMPS, cast
from embedded.snowflake.sql.typed import Typed, null
from embedded.snowflake.types import MAX_BINARY, MAX_VARCHAR, VARCHAR, DataType

if TYPE_CHECKING:
    from embedded.snowflake.catalog.model import CatalogObject
    from embedded.snowflake.session.session import Session

_NEXT_VALUE = re.compile(r"\s*(.+?)\s*\.\s*nextval\s*\Z", re.IGNORECASE | re.DOTALL)
# Casts that CAST does and an assignment does not.
_ONLY_EXPLICIT = {
    ("OBJECT", "VARCHAR"),
    ("ARRAY", "VARCHAR"),
    *(("NUMBER", kind) for kind in TIMESTAMPS),
    ("BINARY", "VARCHAR"),
    ("VARCHAR", "BINARY"),
    # What a VARIANT holds of these is written with TO_VARIANT, PARSE_JSON or a cast.
    *((kind, "VARIANT") for kind in ("VARCHAR", "BINARY", "DATE", "TIME", *TIMESTAMPS)),
}


def stored(value: Typed, column: TableColumn, zone: str, *, truncate: bool = False) -> str:
    """DuckDB text that gives a value as the column stores it, or raises Snowflake's error for a value that does not fit.

    Args:
        value: what is assigned.
        column: where to.
        zone: the session's time zone.
        truncate: cut texts that are too long instead of refusing them.

    Raises:
        SqlCompilationError: values of that type are not assigned to the column's type (002023).
    """
    text = _converted(value, column, zone, truncate)
    if column.nullable or (not value.nullable and not value.is_null):
        return text
    message = f"sf_error('100072', {literal('NULL result in a non-nullable column')})"
    return f"CASE WHEN ({text}) IS NULL THEN CAST({message} AS {column.type.to_duckdb()}) ELSE {text} END"


def _converted(value: Typed, column: TableColumn, zone: str, truncate: bool) -> str:
    target = column.type
    try:
        if not value.is_null and (value.type.kind, target.kind) in _ONLY_EXPLICIT:
            raise _mismatch(value, column)
        if target.kind in ("VARCHAR", "BINARY"):
            return _limited(value, target, zone, truncate)
        made = cast(value, target, zone)
    except SnowflakeError as error:
        if error.errno == 1065:
            raise _mismatch(value, column) from error
        raise
    return made.sql if made.exact else f"CAST({made.sql} AS {target.to_duckdb()})"


def _limited(value: Typed, target: DataType, zone: str, truncate: bool) -> str:
    """A text or binary value with its length checked."""
    whole = DataType(target.kind, length=MAX_VARCHAR if target.kind == "VARCHAR" else MAX_BINARY)
    text = cast(value, whole, zone).sql
    limit = target.length or whole.length
    if limit == whole.length or value.is_null:
        return text
    if value.type.kind == target.kind and value.type.length is not None and value.type.length <= (limit or 0):
        return text
    if target.kind == "BINARY":
        measure, shown = f"octet_length({text})", f"hex({text})"
    elif truncate:
        return f"left({text}, {limit})"
    else:
        measure, shown = f"length({text})", text
    error = f"sf_error('100078', 'String ''' || left({shown}, 1000) || ''' is too long and would be truncated')"
    return f"CASE WHEN {measure} > {limit} THEN CAST({error} AS {target.to_duckdb()}) ELSE {text} END"


def _mismatch(value: Typed, column: TableColumn) -> SqlCompilationError:
    return SqlCompilationError(
        f"Expression type does not match column data type, expecting {column.type} but got {value.type} "
        f"for column {quote_if_needed(column.name)}",
        2023,
        "22000",
    )


def default(session: Session, table: CatalogObject, column: TableColumn) -> Typed:
    """What a column gets when no value is given: its identity, its default, or NULL."""
    from embedded.snowflake.storage.sequences import identity_next, next_value

    if column.identity is not None:
        return Typed(identity_next(table, column), column.type, nullable=False, exact=False)
    if column.default is None:
        return null()
    named = _NEXT_VALUE.match(column.default)
    if named is not None:
        return next_value(session, named[1], table)
    from embedded.snowflake.sql.translate import expression

    return expression(session, column.default)


__all__ = ["VARCHAR", "default", "stored"]
