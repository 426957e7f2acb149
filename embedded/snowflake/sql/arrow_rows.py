"""A result's rows as an Arrow table that DuckDB reads."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from embedded.snowflake import zoned
from embedded.snowflake.result import Result
from embedded.snowflake.types import DataType

_TYPES = {
    "FLOAT": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "TIMESTAMP_NTZ": pa.timestamp("us"),
    "TIMESTAMP_LTZ": pa.timestamp("us", tz="UTC"),
    "TIMESTAMP_TZ": zoned.ARROW_TYPE,
    "BINARY": pa.binary(),
}


def result_table(result: Result, names: list[str]) -> pa.Table:
    """The rows under the names given, each column in the Arrow type of its Snowflake type."""
    if result.arrow is not None:
        return result.arrow.rename_columns(names)
    rows = result.rows or []
    arrays = [
        pa.array([_value(row[place], column.type) for row in rows], arrow_type(column.type))
        for place, column in enumerate(result.columns)
    ]
    return pa.Table.from_arrays(arrays, names=names)


def arrow_type(kind: DataType) -> pa.DataType:
    """The Arrow type of a Snowflake type; text for what is text inside DuckDB."""
    if kind.kind == "NUMBER":
        return pa.decimal128(38, kind.scale or 0)
    return _TYPES.get(kind.kind, pa.string())


def _value(value: Any, kind: DataType) -> Any:
    if value is None:
        return None
    if kind.kind == "NUMBER":
        return Decimal(str(value))
    if kind.kind == "TIMESTAMP_TZ" and isinstance(value, datetime):
        return zoned.to_interval(value if value.tzinfo else value.replace(tzinfo=UTC))
    if kind.kind in _TYPES:
        if kind.kind.startswith("TIMESTAMP") and isinstance(value, datetime):
            return (
                value.astimezone(UTC) if kind.kind != "TIMESTAMP_NTZ" and value.tzinfo else value.replace(tzinfo=None)
            )
        return float(value) if kind.kind == "FLOAT" else value
    return value if isinstance(value, str) else str(value)
