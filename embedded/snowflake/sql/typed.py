"""An expression as the translator makes it: DuckDB text with its Snowflake type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from embedded.snowflake import zoned
from embedded.snowflake.names import literal
from embedded.snowflake.types import (
    BINARY,
    BOOLEAN,
    DATE,
    FLOAT,
    MAX_VARCHAR,
    NUMBER,
    TIME,
    TIMESTAMP_NTZ,
    TIMESTAMP_TZ,
    VARCHAR,
    DataType,
)

# The type of a bare NULL, and of an INTERVAL literal: no column has them.
NULL = DataType("NULL")
INTERVAL = DataType("INTERVAL")


class _NotConstant:
    """What `Typed.value` is when the expression is no literal."""

    def __repr__(self) -> str:
        return "NOT_CONSTANT"


NOT_CONSTANT = _NotConstant()


@dataclass(frozen=True, slots=True)
class Typed:
    """DuckDB text (safe to put anywhere as it stands), and what it is in Snowflake.

    Attributes:
        sql: the text.
        type: Snowflake's type.
        nullable: whether it may be NULL.
        exact: whether DuckDB's own type of the text is the one that stores `type`; integers may be narrower.
        value: the Python value of a literal.
    """

    sql: str
    type: DataType
    nullable: bool = True
    exact: bool = True
    value: Any = NOT_CONSTANT

    @property
    def is_null(self) -> bool:
        """Whether it is the literal NULL."""
        return self.type.kind == "NULL"

    @property
    def is_constant(self) -> bool:
        """Whether it is a literal."""
        return self.value is not NOT_CONSTANT

    @property
    def stored(self) -> str:
        """The text in exactly the DuckDB type that stores `type`."""
        if self.exact:
            return self.sql
        return f"CAST({self.sql} AS {duckdb_type(self.type)})"

    def typed(self, data_type: DataType, exact: bool = True) -> Typed:
        """The same text as another type."""
        return replace(self, type=data_type, exact=exact)


def duckdb_type(data_type: DataType) -> str:
    """The DuckDB type of a Snowflake type; a bare NULL is text."""
    return {"NULL": "VARCHAR", "INTERVAL": "INTERVAL"}.get(data_type.kind) or data_type.to_duckdb()


def column_type(data_type: DataType) -> DataType:
    """The type that a result column or a new table's column has."""
    return VARCHAR if data_type.kind == "NULL" else data_type


def number(precision: int, scale: int = 0) -> DataType:
    """NUMBER with at most 38 digits."""
    return DataType("NUMBER", max(1, min(precision, 38)), min(scale, 37))


def varchar(length: int | None) -> DataType:
    """VARCHAR of a length."""
    return DataType("VARCHAR", length=MAX_VARCHAR if length is None else max(1, min(length, MAX_VARCHAR)))


def null() -> Typed:
    """The literal NULL."""
    return Typed("NULL", NULL, value=None)


def text_literal(text: str) -> Typed:
    """A string literal."""
    return Typed(_quoted(text), varchar(len(text)), nullable=False, value=text)


def _quoted(text: str) -> str:
    if "\0" in text:
        return "(" + " || chr(0) || ".join(literal(part) for part in text.split("\0")) + ")"
    return literal(text)


def number_literal(text: str) -> Typed:
    """A numeric literal: fixed-point with its own digits, or FLOAT with an exponent or more than 38 digits."""
    if "e" in text.lower():
        return Typed(f"CAST({text} AS DOUBLE)", FLOAT, nullable=False, value=float(text))
    whole, _, fraction = text.partition(".")
    digits, scale = max(len(whole.lstrip("0")), 1) + len(fraction), len(fraction)
    if digits > 38 or scale > 37:
        return Typed(f"CAST({text} AS DOUBLE)", FLOAT, nullable=False, value=float(text))
    kind = number(max(digits, scale, 1), scale)
    if not fraction:
        return Typed(whole.lstrip("0") or "0", kind, nullable=False, exact=False, value=int(whole or "0"))
    return Typed(f"{whole or '0'}.{fraction}", kind, nullable=False, exact=False, value=Decimal(text))


def integer(sql: str, precision: int = 18, nullable: bool = True) -> Typed:
    """An expression that DuckDB gives as some integer type."""
    return Typed(sql, number(precision), nullable=nullable, exact=False)


def boolean(sql: str, nullable: bool = True) -> Typed:
    """A truth value."""
    return Typed(sql, BOOLEAN, nullable=nullable)


def of_value(value: Any) -> Typed:
    """The literal of a Python value, as of a bind or a session variable."""
    if value is None:
        return null()
    if isinstance(value, bool):
        return Typed("true" if value else "false", BOOLEAN, nullable=False, value=value)
    if isinstance(value, int | Decimal):
        found = number_literal(str(abs(value)) if isinstance(value, int) else format(abs(value), "f"))
        return replace(found, sql=f"(-{found.sql})", value=value) if value < 0 else found
    if isinstance(value, float):
        return Typed(f"CAST('{value!r}' AS DOUBLE)", FLOAT, nullable=False, value=value)
    for kind, to_typed in _OTHER_VALUES:
        if isinstance(value, kind):
            return to_typed(value)
    return text_literal(str(value))


def _of_timestamp(value: datetime) -> Typed:
    if value.tzinfo is None:
        return Typed(f"TIMESTAMP '{value.isoformat(' ')}'", TIMESTAMP_NTZ, nullable=False)
    return Typed(zoned.literal_of(value), TIMESTAMP_TZ, nullable=False)


# A datetime is a date too: it comes first.
_OTHER_VALUES: tuple[tuple[type, Callable[[Any], Typed]], ...] = (
    (datetime, _of_timestamp),
    (date, lambda value: Typed(f"DATE '{value.isoformat()}'", DATE, nullable=False)),
    (time, lambda value: Typed(f"TIME '{value.isoformat()}'", TIME, nullable=False)),
    (bytes, lambda value: Typed(f"from_hex('{value.hex()}')", BINARY, nullable=False)),
)


__all__ = [
    "INTERVAL",
    "NOT_CONSTANT",
    "NULL",
    "NUMBER",
    "Typed",
    "boolean",
    "column_type",
    "duckdb_type",
    "integer",
    "null",
    "number",
    "number_literal",
    "of_value",
    "text_literal",
    "varchar",
]
