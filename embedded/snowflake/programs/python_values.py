"""Values on their way to a worker and back, as JSON in the form of their declared type."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from embedded.snowflake.types import DataType


def to_worker(value: Any, kind: DataType) -> Any:
    """A value as JSON: whole numbers as such, other decimals, dates and times as text, bytes in base 64."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return int(value) if not kind.scale else format(value, "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _timestamp(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_READ: dict[str, Callable[[Any], Any]] = {
    "FLOAT": float,
    "DATE": date.fromisoformat,
    "TIME": time.fromisoformat,
    "TIMESTAMP_NTZ": _timestamp,
    "TIMESTAMP_LTZ": _instant,
    "TIMESTAMP_TZ": _instant,
    "BINARY": base64.b64decode,
}


def from_worker(value: Any, kind: DataType) -> Any:
    """The value that a worker wrote; numbers are rounded to the declared scale."""
    if value is None:
        return None
    if kind.kind == "NUMBER":
        number = Decimal(value)
        return int(number.to_integral_value()) if not kind.scale else round(number, kind.scale)
    read = _READ.get(kind.kind)
    return read(value) if read is not None else value
