"""Results as JSON: each value as the text that clients expect for its type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from embedded.snowflake.result import Column, Result
from embedded.snowflake.types import DataType
from embedded.snowflake.zoned import values_of

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_TIMES = ("TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")


def row_type(column: Column) -> dict[str, Any]:
    """How an answer describes a column."""
    kind = column.type
    described = {
        "name": column.name,
        "database": "",
        "schema": "",
        "table": "",
        "nullable": column.nullable,
        "type": {"NUMBER": "fixed", "FLOAT": "real", "VARCHAR": "text"}.get(kind.kind, kind.kind.lower()),
        "byteLength": None,
        "length": None,
        "precision": None,
        "scale": None,
        "collation": None,
    }
    if kind.kind == "NUMBER":
        described.update(precision=kind.precision, scale=kind.scale)
    elif kind.kind in _TIMES:
        described.update(precision=0, scale=9 if kind.precision is None else kind.precision)
    elif kind.kind == "VARCHAR":
        length = kind.length or 0
        described.update(length=length, byteLength=min(length * 4, 16_777_216))
    elif kind.kind == "BINARY":
        described.update(length=kind.length, byteLength=kind.length)
    return described


def _number(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _real(value: Any) -> str:
    number = float(value)
    if number == number and number not in (float("inf"), float("-inf")):
        return repr(number)
    return "NaN" if number != number else "inf" if number > 0 else "-inf"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _date(value: date) -> str:
    return str(value.toordinal() - _EPOCH_DAY)


def _fraction(microseconds: int) -> str:
    sign, count = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    return f"{sign}{count // 1_000_000}.{count % 1_000_000:06d}000"


def _time(value: time) -> str:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return _fraction(seconds * 1_000_000 + value.microsecond)


def _microseconds(value: datetime) -> int:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _timestamp(value: datetime) -> str:
    return _fraction(_microseconds(value))


def _timestamp_tz(value: datetime) -> str:
    offset = value.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset is not None else 0
    return f"{_timestamp(value)} {1440 + minutes}"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "NUMBER": _number,
    "FLOAT": _real,
    "BOOLEAN": lambda value: "1" if value else "0",
    "DATE": _date,
    "TIME": _time,
    "TIMESTAMP_NTZ": _timestamp,
    "TIMESTAMP_LTZ": _timestamp,
    "TIMESTAMP_TZ": _timestamp_tz,
    "BINARY": lambda value: bytes(value).hex().upper(),
}


def to_text(kind: DataType, value: Any) -> str | None:
    """A value as JSON rowsets have it."""
    return None if value is None else _WRITERS.get(kind.kind, _text)(value)


def rowset(result: Result) -> list[list[str | None]]:
    """The rows of a result, every value text or null."""
    writers = [_WRITERS.get(column.type.kind, _text) for column in result.columns]
    rows = _arrow_rows(result) if result.arrow is not None else result.rows or ()
    return [
        [None if value is None else write(value) for write, value in zip(writers, row, strict=True)] for row in rows
    ]


def _arrow_rows(result: Result) -> Sequence[Sequence[Any]]:
    assert result.arrow is not None
    columns = [values_of(column) for column in result.arrow.columns]
    return list(zip(*columns, strict=True))
