"""TIMESTAMP_TZ inside DuckDB: a moment and its offset in one INTERVAL.

DuckDB compares, groups, joins and sorts intervals by their length, a day as 24 hours. So the moment is the length, counted from well
before year 1, and the offset is how much of it stands as hours in place of days: two values of one moment are equal whatever their
offsets, as in Snowflake, and each keeps its own.

Both parts are never negative: then no two of DuckDB's ways to carry differ. Each macro writes its arguments once, so that texts
within texts stay short.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

_DAY = 86_400_000_000
# Days that stand as hours: the offset in minutes plus a day of them, so that they are never negative.
_LEAST_OFFSET = 1440
# Days before 1970 from which moments count: year 1, and room for the largest number of days that stand as hours.
_ORIGIN_DAYS = 719_162 + 2 * _LEAST_OFFSET + 2
_ORIGIN = _ORIGIN_DAYS * _DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ARROW_TYPE = pa.month_day_nano_interval()
_PARTS = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])


def _once(argument: str, text: str) -> str:
    """DuckDB text over `v`, the value of an argument that is computed once."""
    return f"list_transform([{argument}], lambda v: {text})[1]"


# name(arguments): text; `t` a TIMESTAMPTZ, `o` minutes, `x` a value as stored, `w` a TIMESTAMP on a wall clock.
MACROS = {
    "sf_tz(t, o)": (
        f"((CAST(t AS TIMESTAMPTZ) - make_timestamptz({-_ORIGIN})) "
        f"+ CAST(o + {_LEAST_OFFSET} AS BIGINT) * (INTERVAL '24 hours' - INTERVAL '1 day'))"
    ),
    "sf_tz_in(t, zone)": _once("CAST(t AS TIMESTAMPTZ)", "sf_tz(v, sf_offset_minutes(v, zone))"),
    "sf_tz_instant(x)": f"make_timestamptz(epoch_us(x) - {_ORIGIN})",
    "sf_tz_offset(x)": f"(date_part('hour', x) // 24 - {_LEAST_OFFSET})",
    "sf_tz_wall(x)": _once("x", f"make_timestamp(epoch_us(v) - {_ORIGIN} + sf_tz_offset(v) * 60000000)"),
    # A wall clock with the offset that another value has.
    "sf_tz_wall_at(w, x)": _once(
        "{'w': w, 'o': sf_tz_offset(x)}", "sf_tz(timezone('UTC', v.w) - to_minutes(v.o), v.o)"
    ),
    "sf_tz_text(x)": _once(
        "x", "strftime(sf_tz_wall(v), '%Y-%m-%d %H:%M:%S.%g') || ' ' || sf_offset_text(sf_tz_offset(v))"
    ),
    # The offset that a text ends with, in minutes.
    "sf_text_offset(x)": (
        "(CASE WHEN regexp_extract(x, '([+-])\\d{2}:?(?:\\d{2})?\\s*$', 1) = '-' THEN -1 ELSE 1 END * coalesce("
        "try_cast(regexp_extract(x, '[+-](\\d{2}):?(?:\\d{2})?\\s*$', 1) AS BIGINT) * 60 "
        "+ coalesce(try_cast(regexp_extract(x, '[+-]\\d{2}:?(\\d{2})\\s*$', 1) AS BIGINT), 0), 0))"
    ),
    "sf_timestamp_tz(x, zone)": _once(
        "x",
        "CASE WHEN v IS NULL THEN NULL WHEN sf_has_zone(v) THEN sf_tz(sf_timestamptz(v, zone), sf_text_offset(v)) "
        "WHEN regexp_matches(v, '\\s[+-]\\d{4}\\s\\d{4}$') "
        "THEN sf_tz(sf_timestamptz(v, zone), sf_text_offset(left(v, length(v) - 5))) "
        "ELSE sf_tz_in(sf_timestamptz(v, zone), zone) END",
    ),
}


class _Interval(NamedTuple):
    months: int
    days: int
    nanoseconds: int


def literal_of(value: datetime) -> str:
    """DuckDB text of an aware datetime."""
    _, days, nanoseconds = to_interval(value)
    return f"(to_days({days}) + to_microseconds({nanoseconds // 1000}))"


def to_interval(value: datetime) -> _Interval:
    """An aware datetime as Arrow's interval."""
    since = value.astimezone(UTC) - _EPOCH
    offset = value.utcoffset() or timedelta()
    shifted = int(offset.total_seconds() // 60) + _LEAST_OFFSET
    micros = since.seconds * 1_000_000 + since.microseconds
    return _Interval(0, since.days + _ORIGIN_DAYS - shifted, (micros + shifted * _DAY) * 1000)


def to_datetime(value: Any) -> datetime:
    """An interval of Arrow (months, days, nanoseconds) as an aware datetime with its own offset."""
    _, days, nanoseconds = value
    shifted, micros = divmod(nanoseconds // 1000, _DAY)
    zone = timezone(timedelta(minutes=shifted - _LEAST_OFFSET))
    return (_EPOCH + timedelta(days=days + shifted - _ORIGIN_DAYS, microseconds=micros)).astimezone(zone)


def parts(chunk: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since 1970, and offsets in minutes, of an array of intervals; what stands for NULL means nothing."""
    buffer = chunk.buffers()[1]
    if buffer is None or not len(chunk):
        return np.zeros(len(chunk), np.int64), np.zeros(len(chunk), np.int32)
    values = np.frombuffer(buffer, _PARTS, len(chunk), chunk.offset * _PARTS.itemsize)
    micros = values["nanoseconds"] // 1000
    moments = values["days"].astype(np.int64) * _DAY + micros - _ORIGIN
    return moments, (micros // _DAY - _LEAST_OFFSET).astype(np.int32)


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """The values of a result's column as Python's; intervals, which only TIMESTAMP_TZ has, as aware datetimes."""
    found = column.to_pylist()
    if column.type != ARROW_TYPE:
        return found
    return [None if value is None else to_datetime(value) for value in found]
