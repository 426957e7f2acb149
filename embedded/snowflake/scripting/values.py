"""What names mean in a block: variables and their values, records, cursors, RESULTSETs, exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.result import Column, Result
from embedded.snowflake.sql.typed import Typed, number_literal, of_value
from embedded.snowflake.types import BINARY, VARCHAR, DataType
from embedded.snowflake.zoned import to_datetime, values_of

if TYPE_CHECKING:
    from embedded.snowflake.scripting.nodes import Query


@dataclass(frozen=True)
class Value:
    """A value with its Snowflake type; VARIANT, OBJECT and ARRAY are JSON text."""

    type: DataType
    value: Any

    def typed(self) -> Typed:
        """The value as an expression for the translator."""
        if self.value is None:
            return Typed(f"CAST(NULL AS {self.type.to_duckdb()})", self.type)
        if self.type.is_semi_structured:
            text = of_value(str(self.value))
            return Typed(f"CAST({text.sql} AS JSON)", self.type, False)
        if self.type.kind == "NUMBER":
            return _number(self.type, self.value)
        made = of_value(self.value)
        return Typed(made.sql, self.type, False, made.exact, made.value)

    def literal(self) -> str:
        """The value as Snowflake SQL, for statements that take no bind values."""
        value = self.value
        if value is None:
            return "NULL"
        if self.type.is_semi_structured:
            return f"PARSE_JSON({_quoted(str(value))})"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, datetime | date | time):
            return f"{_quoted(value.isoformat(*([' '] if isinstance(value, datetime) else [])))}::{self.type.kind}"
        if isinstance(value, bytes):
            return f"TO_BINARY('{value.hex()}', 'HEX')"
        return (
            format(value, "f") if isinstance(value, Decimal) else _quoted(value) if type(value) is str else str(value)
        )


def _number(kind: DataType, value: Any) -> Typed:
    digits = number_literal(format(abs(value), "f") if isinstance(value, Decimal) else str(abs(value)))
    sign = "-" if value < 0 else ""
    return Typed(f"CAST({sign}{digits.sql} AS {kind.to_duckdb()})", kind, False, True, value)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def plain(value: Any, kind: DataType) -> Any:
    """A value as results carry it: whole numbers as int."""
    if kind.kind == "NUMBER" and isinstance(value, Decimal) and not kind.scale:
        return int(value)
    return to_datetime(value) if kind.kind == "TIMESTAMP_TZ" and isinstance(value, pa.MonthDayNano) else value


@dataclass
class Slot:
    """A variable: its type, and its value of that type."""

    type: DataType
    value: Value


@dataclass
class Record:
    """A row that a FOR loop is at: values by column name."""

    values: dict[str, Value]


@dataclass
class ResultSet:
    """A RESULTSET: the result it points to, its query id, or the error of a query that was not awaited yet."""

    result: Result | None = None
    query_id: str | None = None
    failure: SnowflakeError | None = None


@dataclass
class Cursor:
    """A cursor: where its rows come from, and once open the rows and how many were fetched."""

    query: Query | None = None
    resultset: str | None = None
    result: Result | None = None
    query_id: str | None = None
    fetched: int = 0


@dataclass(frozen=True)
class ExceptionType:
    """A declared exception."""

    name: str
    number: int
    message: str


Named = Slot | Record | ResultSet | Cursor | ExceptionType


@dataclass
class Frame:
    """The names of one block, and the frame around it."""

    parent: Frame | None = None
    names: dict[str, Named] = field(default_factory=dict)

    def find(self, name: str) -> Named | None:
        """What a name means here or further out."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.parent
        return None

    def visible(self) -> dict[str, Named]:
        """All names that mean something here."""
        outer = self.parent.visible() if self.parent is not None else {}
        return {**outer, **self.names}


def rows_of(result: Result) -> list[tuple[Any, ...]]:
    """The rows of a result as Python values."""
    if result.arrow is None:
        return list(result.rows or [])
    columns = [values_of(column) for column in result.arrow.columns]
    kinds = [column.type for column in result.columns]
    return [
        tuple(plain(value, kind) for value, kind in zip(row, kinds, strict=True)) for row in zip(*columns, strict=True)
    ]


def records(result: Result) -> Iterator[Record]:
    """The rows of a result, one after the other, as records."""
    columns = list(result.columns)
    for row in rows_of(result):
        yield Record(
            {column.name: Value(column.type, value) for column, value in zip(columns, row, strict=True)},
        )


def widened(kind: DataType) -> DataType:
    """The type of a variable whose first value has this type: as wide as its kind goes."""
    if kind.kind == "NUMBER":
        return DataType("NUMBER", 38, kind.scale)
    return {"VARCHAR": VARCHAR, "BINARY": BINARY, "NULL": VARCHAR}.get(kind.kind, kind)


def one_value(name: str, value: Value) -> Result:
    """The answer of a block or procedure that returned a scalar."""
    from embedded.snowflake.sql.run import pretty_json

    given = value.value
    if value.type.is_semi_structured and isinstance(given, str):
        given = pretty_json(given)
    kind = VARCHAR if value.type.kind == "NULL" else value.type
    return Result([Column(name, kind)], [(given,)])
