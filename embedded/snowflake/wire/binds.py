"""Bind values as clients send them, to Python values."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from embedded.snowflake.errors import SnowflakeError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def _fixed(value: str) -> int | Decimal:
    number = Decimal(value)
    return int(number) if number == number.to_integral_value() and "." not in value else number


def _date(value: str) -> date:
    if not value.lstrip("-").isdigit():
        return date.fromisoformat(value)
    number = int(value)
    # Milliseconds; days when too small to be milliseconds of another day than the first.
    days = number // 86_400_000 if abs(number) >= 86_400_000 else 0
    return date(1970, 1, 1) + timedelta(days=days)


def _time(value: str) -> time:
    if not value.isdigit():
        return time.fromisoformat(value)
    return (_EPOCH + timedelta(microseconds=int(value) // 1000)).time()


def _nanoseconds(value: str) -> datetime:
    # Seconds with a fraction, or nanoseconds.
    count = int(Decimal(value) * 1_000_000) if "." in value else int(value) // 1000
    return _EPOCH + timedelta(microseconds=count)


def _timestamp_ntz(value: str) -> datetime:
    return _nanoseconds(value) if _is_number(value) else datetime.fromisoformat(value)


def _timestamp_ltz(value: str) -> datetime:
    return _nanoseconds(value).replace(tzinfo=UTC) if _is_number(value) else datetime.fromisoformat(value)


def _timestamp_tz(value: str) -> datetime:
    """Nanoseconds, and the zone in minutes after 24 hours west."""
    instant, _, minutes = value.partition(" ")
    if not _is_number(instant):
        return datetime.fromisoformat(value)
    zone = timezone(timedelta(minutes=int(minutes or 1440) - 1440))
    return _nanoseconds(instant).replace(tzinfo=UTC).astimezone(zone)


def _is_number(value: str) -> bool:
    return value.lstrip("-").replace(".", "", 1).isdigit()


def _binary(value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        return base64.b64decode(value)


_READERS: dict[str, Callable[[str], Any]] = {
    "FIXED": _fixed,
    "REAL": float,
    "DECFLOAT": Decimal,
    "TEXT": str,
    "CHAR": str,
    "ANY": str,
    "VARIANT": str,
    "OBJECT": str,
    "ARRAY": str,
    "JSON": str,
    "BOOLEAN": lambda value: value.lower() in ("true", "1"),
    "DATE": _date,
    "TIME": _time,
    "TIMESTAMP": _timestamp_ntz,
    "TIMESTAMP_NTZ": _timestamp_ntz,
    "TIMESTAMP_LTZ": _timestamp_ltz,
    "TIMESTAMP_TZ": _timestamp_tz,
    "BINARY": _binary,
}


def read_binds(bindings: dict[str, Any] | None) -> tuple[list[Any], bool]:
    """The values of a request in order, and whether they are arrays: for each position a list, a value a row.

    Raises:
        SnowflakeError: a type that is none (002049), or a value that is none of its type (100038).
    """
    if not bindings:
        return [], False
    positions = sorted(bindings, key=lambda key: (not key.isdigit(), int(key) if key.isdigit() else 0))
    values = [_read(bindings[key]) for key in positions]
    return values, any(isinstance(value, list) for value in values)


def _read(bind: dict[str, Any]) -> Any:
    kind, value = str(bind.get("type") or "ANY").upper(), bind.get("value")
    reader = _READERS.get(kind)
    if reader is None:
        raise SnowflakeError(f"Unsupported type of bind variable: {kind}", 2049, "42601")
    if isinstance(value, list):
        return [_convert(reader, kind, item) for item in value]
    return _convert(reader, kind, value)


def _convert(reader: Callable[[str], Any], kind: str, value: Any) -> Any:
    if value is None:
        return None
    try:
        return reader(str(value))
    except (ValueError, ArithmeticError) as error:
        raise SnowflakeError(f"Bind value '{value}' is not recognized as {kind}", 100038, "22018") from error
