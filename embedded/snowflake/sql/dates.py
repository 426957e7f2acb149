"""Dates, times and intervals: date parts, DATEADD and DATEDIFF arithmetic, INTERVAL literals."""

from __future__ import annotations

import re

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import literal
from embedded.snowflake.sql.typed import INTERVAL, Typed, number
from embedded.snowflake.types import DATE, TIMESTAMP_LTZ, TIMESTAMP_NTZ, DataType

_PARTS = {
    "YEAR": "YEAR Y YY YYY YYYY YR YEARS YRS",
    "QUARTER": "QUARTER Q QTR QTRS QUARTERS",
    "MONTH": "MONTH MM MON MONS MONTHS",
    "WEEK": "WEEK W WK WEEKOFYEAR WOY WY WEEKS",
    "DAY": "DAY D DD DAYS DAYOFMONTH",
    "HOUR": "HOUR H HH HR HOURS HRS",
    "MINUTE": "MINUTE M MI MIN MINUTES MINS",
    "SECOND": "SECOND S SEC SECONDS SECS",
    "MILLISECOND": "MILLISECOND MS MSEC MILLISECONDS",
    "MICROSECOND": "MICROSECOND US USEC MICROSECONDS",
    "NANOSECOND": "NANOSECOND NS NSEC NANOSEC NSECOND NANOSECONDS NANOSECS NSECONDS",
    "DAYOFWEEK": "DAYOFWEEK WEEKDAY DOW DW",
    "DAYOFWEEKISO": "DAYOFWEEKISO WEEKDAY_ISO DOW_ISO DW_ISO DAYOFWEEK_ISO",
    "DAYOFYEAR": "DAYOFYEAR YEARDAY DOY DY",
    "WEEKISO": "WEEKISO WEEK_ISO WEEKOFYEARISO WEEKOFYEAR_ISO",
    "YEAROFWEEK": "YEAROFWEEK",
    "YEAROFWEEKISO": "YEAROFWEEKISO",
    "EPOCH_SECOND": "EPOCH_SECOND EPOCH EPOCH_SECONDS",
    "EPOCH_MILLISECOND": "EPOCH_MILLISECOND EPOCH_MILLISECONDS",
    "EPOCH_MICROSECOND": "EPOCH_MICROSECOND EPOCH_MICROSECONDS",
    "EPOCH_NANOSECOND": "EPOCH_NANOSECOND EPOCH_NANOSECONDS",
    "TIMEZONE_HOUR": "TIMEZONE_HOUR TZH",
    "TIMEZONE_MINUTE": "TIMEZONE_MINUTE TZM",
}
_NAMES = {name: part for part, names in _PARTS.items() for name in names.split()}
DATE_UNITS = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY")
TIME_UNITS = ("HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND")
_ZONED = ("TIMESTAMP_LTZ", "TIMESTAMP_TZ")


def added_part(word: str, function: str) -> str:
    """The date part that a word means, if a date can be moved by it.

    Raises:
        SqlCompilationError: it means none, or one like the day of the week (001007).
    """
    found = part(word, function)
    if found not in (*DATE_UNITS, *TIME_UNITS):
        raise _invalid_part(word, function)
    return found


def _invalid_part(word: str, function: str) -> SqlCompilationError:
    return SqlCompilationError(f"'{word}' is not a valid date/time component for function {function}.", 1007, "22023")


def part(word: str, function: str) -> str:
    """The date part that a word means.

    Raises:
        SqlCompilationError: it means none (001007).
    """
    found = _NAMES.get(word.upper())
    if found is None:
        raise _invalid_part(word, function)
    return found


def is_temporal(kind: DataType) -> bool:
    """Whether it is a date or timestamp."""
    return kind.kind in ("DATE", "TIMESTAMP_NTZ", *_ZONED)


def local(value: Typed, zone: str) -> str:
    """A date or timestamp as DuckDB TIMESTAMP on the session's wall clock; TIMESTAMP_TZ on the one of its own offset."""
    if value.type.kind == "TIMESTAMP_TZ":
        return f"sf_tz_wall({value.sql})"
    if value.type.kind == "TIMESTAMP_LTZ":
        return f"timezone({literal(zone)}, {value.sql})"
    return f"CAST({value.sql} AS TIMESTAMP)" if value.type.kind == "DATE" else value.sql


def instant(value: Typed, zone: str) -> str:
    """A timestamp with a zone as DuckDB TIMESTAMP in UTC; others as `local` gives them."""
    if value.type.kind == "TIMESTAMP_TZ":
        return f"timezone('UTC', sf_tz_instant({value.sql}))"
    return f"timezone('UTC', {value.sql})" if value.type.kind == "TIMESTAMP_LTZ" else local(value, zone)


def back(sql: str, value: Typed, zone: str) -> str:
    """A DuckDB TIMESTAMP on the wall clock as a value of the type, and offset, that it came from."""
    kind = value.type
    if kind.kind == "TIMESTAMP_TZ":
        return f"sf_tz_wall_at({sql}, {value.sql})"
    if kind.kind == "TIMESTAMP_LTZ":
        return f"timezone({literal(zone)}, {sql})"
    return f"CAST({sql} AS DATE)" if kind.kind == "DATE" else sql


def interval_of(unit: str, amount: str) -> str:
    """DuckDB text of an interval of a whole number of units."""
    if unit == "QUARTER":
        return f"to_months(CAST(3 * ({amount}) AS INTEGER))"
    if unit == "NANOSECOND":
        return f"to_microseconds(CAST(({amount}) // 1000 AS BIGINT))"
    function, kind = {
        "YEAR": ("to_years", "INTEGER"),
        "MONTH": ("to_months", "INTEGER"),
        "WEEK": ("to_weeks", "INTEGER"),
        "DAY": ("to_days", "INTEGER"),
        "HOUR": ("to_hours", "BIGINT"),
        "MINUTE": ("to_minutes", "BIGINT"),
        "SECOND": ("to_seconds", "DOUBLE"),
        "MILLISECOND": ("to_milliseconds", "DOUBLE"),
        "MICROSECOND": ("to_microseconds", "BIGINT"),
    }[unit]
    return f"{function}(CAST({amount} AS {kind}))"


def add(value: Typed, unit: str, amount: str, zone: str) -> Typed:
    """A date, time or timestamp some units later; a DATE stays one with units of a day and more."""
    kind = value.type
    step = interval_of(unit, amount)
    if kind.kind == "TIME":
        return Typed(f"({value.sql} + {step})", kind, True)
    if kind.kind == "DATE" and unit in TIME_UNITS:
        return Typed(f"(CAST({value.sql} AS TIMESTAMP) + {step})", TIMESTAMP_NTZ, True)
    if unit in TIME_UNITS and kind.kind != "TIMESTAMP_TZ":
        return Typed(f"({value.sql} + {step})", kind, True)
    return Typed(back(f"({local(value, zone)} + {step})", value, zone), kind, True)


def cast_zoned(value: Typed, zone: str) -> Typed:
    """A date or timestamp without a zone as TIMESTAMP_LTZ, on the session's clock; others as they are."""
    if value.type.kind in _ZONED:
        return value
    return Typed(f"timezone({literal(zone)}, {local(value, zone)})", TIMESTAMP_LTZ, value.nullable)


def start_of(unit: str, text: str, week_start: int = 1) -> str:
    """DuckDB text of the start of the unit that a date lies in; weeks begin on a day of 1 (Monday) to 7."""
    if unit != "WEEK" or week_start == 1:
        return f"date_trunc('{unit.lower()}', {text})"
    shift = f"to_days({week_start - 1})"
    return f"(date_trunc('week', {text} - {shift}) + {shift})"


def difference(unit: str, start: Typed, end: Typed, zone: str, week_start: int = 1) -> Typed:
    """The number of unit boundaries between two dates or timestamps."""
    # Offsets of their own: hours and less pass between the moments, not between the wall clocks.
    apart = unit in TIME_UNITS and "TIMESTAMP_TZ" in (start.type.kind, end.type.kind)
    if apart:
        start, end = (cast_zoned(value, zone) for value in (start, end))
    a, b = (
        (instant if apart else local)(value, zone)
        if value.type.kind != "TIME"
        else f"(DATE '1970-01-01' + {value.sql})"
        for value in (start, end)
    )
    if unit == "NANOSECOND":
        text = f"(date_diff('microsecond', {a}, {b}) * 1000)"
    elif unit == "WEEK":
        weeks = (start_of("WEEK", moment, week_start) for moment in (a, b))
        text = f"(date_diff('day', {', '.join(weeks)}) // 7)"
    else:
        text = f"date_diff('{unit.lower()}', {a}, {b})"
    return Typed(text, number(9, 0), start.nullable or end.nullable, exact=False)


def subtract(left: Typed, right: Typed, minus: bool) -> Typed | None:
    """`date ± days` and `date - date`; None if neither side is a date.

    Raises:
        SqlCompilationError: the sum of two dates, or a timestamp with a number (001044).
    """
    kinds = left.type.kind, right.type.kind
    if kinds[0] == "DATE" and kinds[1] in ("NUMBER", "FLOAT"):
        amount = f"CAST({right.sql} AS INTEGER)"
        return Typed(f"({left.sql} {'-' if minus else '+'} {amount})", DATE, True)
    if kinds[1] == "DATE" and kinds[0] in ("NUMBER", "FLOAT") and not minus:
        return Typed(f"({right.sql} + CAST({left.sql} AS INTEGER))", DATE, True)
    if minus and kinds == ("DATE", "DATE"):
        return Typed(f"({left.sql} - {right.sql})", number(9, 0), True, exact=False)
    if is_temporal(left.type) or is_temporal(right.type):
        sign = "-" if minus else "+"
        raise SqlCompilationError(
            f"Invalid argument types for function '{sign}': ({left.type}, {right.type})", 1044, "42P13"
        )
    return None


def add_interval(value: Typed, interval: Typed, minus: bool, zone: str) -> Typed:
    """A date or timestamp and an INTERVAL literal, unit by unit."""
    if value.type.kind == "VARCHAR":
        value = Typed(f"sf_timestamp({value.sql})", TIMESTAMP_NTZ)
    if value.type.kind not in ("TIME", "NULL") and not is_temporal(value.type):
        raise SqlCompilationError(f"Invalid argument types for function '+': ({value.type}, INTERVAL)", 1044, "42P13")
    for amount, unit in interval.value:
        value = add(value, unit, f"-({amount})" if minus else str(amount), zone)
    return value


_INTERVAL_PART = re.compile(r"\s*([+-]?\s*\d+(?:\.\d+)?)\s*([A-Za-z_]*)\s*,?")


def bind_interval(node: exp.Expr) -> Typed:
    """An INTERVAL literal: `INTERVAL '1 day, 2 hours'`, `INTERVAL '3' MONTH`.

    Raises:
        SqlCompilationError: it is none (001003).
    """
    text = node.this.name if node.this is not None else ""
    unit = node.args.get("unit")
    if unit is not None:
        text = f"{text} {unit.name}"
    parts, at = [], 0
    while at < len(text.strip()):
        match = _INTERVAL_PART.match(text, at)
        if match is None:
            raise SqlCompilationError(f"Invalid interval literal '{text}'.", 1003, "42000")
        parts.append((match[1].replace(" ", ""), part(match[2] or "SECOND", "INTERVAL")))
        at = match.end()
    sql = "(" + " + ".join(interval_of(unit, amount) for amount, unit in parts) + ")"
    return Typed(sql, INTERVAL, False, True, parts)


__all__ = [
    "DATE_UNITS",
    "TIMESTAMP_LTZ",
    "TIME_UNITS",
    "add",
    "add_interval",
    "back",
    "difference",
    "local",
    "part",
    "subtract",
]
