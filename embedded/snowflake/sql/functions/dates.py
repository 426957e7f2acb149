"""Date and time functions."""

from __future__ import annotations

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import literal
from embedded.snowflake.sql import dates
from embedded.snowflake.sql.coerce import cast, common
from embedded.snowflake.sql.formats import offset_in, read_pattern, write_number, write_timestamp
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed, integer, number
from embedded.snowflake.types import (
    BOOLEAN,
    DATE,
    FLOAT,
    TIME,
    TIMESTAMP_LTZ,
    TIMESTAMP_NTZ,
    TIMESTAMP_TZ,
    VARCHAR,
    DataType,
)


def moment(call: Call, index: int) -> Typed:
    """An argument as a date, time or timestamp; a text is read as TIMESTAMP_NTZ."""
    value = call.arg(index)
    if value.type.kind in ("VARCHAR", "VARIANT", "NULL"):
        return cast(value, TIMESTAMP_NTZ, call.zone)
    if not dates.is_temporal(value.type) and value.type.kind != "TIME":
        raise SqlCompilationError(f"Invalid argument types for function '{call.name}': ({value.type})", 1044, "42P13")
    return value


@function("DATEADD", "TIMEADD", "TIMESTAMPADD", "DATE_ADD", args=3)
def date_add(call: Call) -> Typed:
    """A date or timestamp some units later."""
    unit = dates.added_part(call.word(0), call.name)
    amount = call.number(1)
    text = amount.sql if amount.type.kind != "FLOAT" and not amount.type.scale else f"round({amount.sql})"
    return dates.add(moment(call, 2), unit, text, call.zone)


@function("ADD_MONTHS", args=2)
def add_months(call: Call) -> Typed:
    """A date some months later; the last day of a month stays the last."""
    value = moment(call, 0)
    later = dates.add(value, "MONTH", f"round({call.number(1).sql})", call.zone)
    local, result = dates.local(value, call.zone), dates.local(later, call.zone)
    is_last = f"last_day({local}) = CAST({local} AS DATE)"
    moved = f"({result} + to_days(CAST(last_day({result}) - CAST({result} AS DATE) AS INTEGER)))"
    return Typed(f"(CASE WHEN {is_last} THEN {dates.back(moved, value, call.zone)} ELSE {later.sql} END)", value.type)


@function("DATEDIFF", "TIMEDIFF", "TIMESTAMPDIFF", args=3)
def date_diff(call: Call) -> Typed:
    """The number of unit boundaries between two dates."""
    unit = dates.part(call.word(0), call.name)
    if unit not in (*dates.DATE_UNITS, *dates.TIME_UNITS):
        raise SqlCompilationError(
            f"'{call.word(0)}' is not a valid date/time component for function {call.name}.", 1007, "22023"
        )
    start, end = moment(call, 1), moment(call, 2)
    return dates.difference(unit, start, end, call.zone, _week_start(call))


@function("MONTHS_BETWEEN", args=2)
def months_between(call: Call) -> Typed:
    """The number of months between two dates, with a share of 31 days."""
    a, b = (dates.local(moment(call, index), call.zone) for index in (0, 1))
    months = f"((year({a}) - year({b})) * 12 + month({a}) - month({b}))"
    ends = f"(day({a}) = day({b}) OR (last_day({a}) = CAST({a} AS DATE) AND last_day({b}) = CAST({b} AS DATE)))"
    days = f"(day({a}) - day({b}) + (epoch(CAST({a} AS TIME)) - epoch(CAST({b} AS TIME))) / 86400.0)"
    return Typed(f"(CASE WHEN {ends} THEN CAST({months} AS DOUBLE) ELSE {months} + {days} / 31.0 END)", FLOAT)


def _week_start(call: Call) -> int:
    """The day on which the session's weeks begin: 1 Monday … 7 Sunday."""
    return int(call.binder.context.parameter("WEEK_START") or 0) or 1


def truncate(call: Call, value: Typed, word: str) -> Typed:
    """The start of the unit that a date lies in."""
    unit = dates.part(word, call.name)
    unit = {"WEEKISO": "WEEK", "DAYOFYEAR": "DAY"}.get(unit, unit)
    if value.type.kind == "TIME":
        return Typed(f"CAST(date_trunc('{unit.lower()}', DATE '1970-01-01' + {value.sql}) AS TIME)", value.type)
    if unit not in (*dates.DATE_UNITS, *dates.TIME_UNITS):
        raise SqlCompilationError(
            f"'{word}' is not a valid date/time component for function {call.name}.", 1007, "22023"
        )
    if unit == "NANOSECOND":
        return value
    text = dates.start_of(unit, dates.local(value, call.zone), _week_start(call))
    return Typed(dates.back(text, value, call.zone), value.type, value.nullable)


@function("DATE_TRUNC", args=2)
def date_trunc(call: Call) -> Typed:
    """The start of the unit that a date lies in."""
    return truncate(call, moment(call, 1), call.word(0))


@function("LAST_DAY", args=(1, 2))
def last_day(call: Call) -> Typed:
    """The last day of the month, or of another unit, that a date lies in."""
    unit = dates.part(call.word(1), call.name) if len(call) > 1 else "MONTH"
    first = dates.start_of(unit, dates.local(moment(call, 0), call.zone), _week_start(call))
    return Typed(f"CAST({first} + {dates.interval_of(unit, '1')} - to_days(1) AS DATE)", DATE)


@function("NEXT_DAY", "PREVIOUS_DAY", args=2)
def neighbour_day(call: Call) -> Typed:
    """The next or last day of a weekday."""
    day = f"CAST({dates.local(moment(call, 0), call.zone)} AS DATE)"
    names = "['su', 'mo', 'tu', 'we', 'th', 'fr', 'sa']"
    wanted = f"(list_position({names}, lower(left(trim({call.text(1)}), 2))) - 1)"
    if call.name == "NEXT_DAY":
        return Typed(f"({day} + CAST((({wanted} - dayofweek({day}) + 6) % 7) + 1 AS INTEGER))", DATE)
    return Typed(f"({day} - CAST(((dayofweek({day}) - {wanted} + 6) % 7) + 1 AS INTEGER))", DATE)


_PARTS = {
    "DAYOFWEEK": "dayofweek({x})",
    "DAYOFWEEKISO": "isodow({x})",
    "DAYOFYEAR": "dayofyear({x})",
    "WEEK": "week({x})",
    "WEEKISO": "week({x})",
    "YEAROFWEEK": "isoyear({x})",
    "YEAROFWEEKISO": "isoyear({x})",
    "MILLISECOND": "(epoch_us({x}) // 1000 % 1000)",
    "MICROSECOND": "(epoch_us({x}) % 1000000)",
    "NANOSECOND": "(epoch_us({x}) % 1000000 * 1000)",
    "EPOCH_SECOND": "CAST(floor(epoch_us({u}) / 1000000) AS BIGINT)",
    "EPOCH_MILLISECOND": "CAST(floor(epoch_us({u}) / 1000) AS BIGINT)",
    "EPOCH_MICROSECOND": "epoch_us({u})",
    "EPOCH_NANOSECOND": "(epoch_us({u}) * 1000)",
}


def date_part_of(call: Call, unit: str, value: Typed) -> Typed:
    """A part of a date, time or timestamp, as a number."""
    if unit.startswith("TIMEZONE"):
        if value.type.kind not in ("TIMESTAMP_LTZ", "TIMESTAMP_TZ"):
            return integer("0", 9)
        minutes = _offset(value, call.zone)
        return integer(f"({minutes} // 60)" if unit == "TIMEZONE_HOUR" else f"({minutes} % 60)", 9)
    wall = value.sql if value.type.kind == "TIME" else dates.local(value, call.zone)
    absolute = dates.instant(value, call.zone) if value.type.kind != "TIME" else wall
    start = int(call.binder.context.parameter("WEEK_START") or 0)
    if unit == "DAYOFWEEK" and start > 0:
        return integer(f"(((isodow({wall}) - {start} + 7) % 7) + 1)", 9, value.nullable)
    if unit in ("WEEK", "YEAROFWEEK"):
        return integer(_week_part(call, unit, wall), 9, value.nullable)
    text = _PARTS.get(unit, f"{unit.lower()}({{x}})").format(x=wall, u=absolute)
    return integer(text, 19 if unit.startswith("EPOCH") else 9, value.nullable)


def _week_part(call: Call, unit: str, wall: str) -> str:
    """The number of a week in its year, or that year, as WEEK_START and WEEK_OF_YEAR_POLICY say.

    By policy 0 a week is of the year that has most of its days, by policy 1 the first week is the one with 1 January in it.
    """
    start = _week_start(call)
    if int(call.binder.context.parameter("WEEK_OF_YEAR_POLICY") or 0) == 1:
        before = f"((isodow(date_trunc('year', {wall})) - {start} + 7) % 7)"
        return f"year({wall})" if unit == "YEAROFWEEK" else f"((dayofyear({wall}) - 1 + {before}) // 7 + 1)"
    if start == 1:
        return _PARTS[unit].format(x=wall)
    middle = f"({dates.start_of('WEEK', wall, start)} + to_days(3))"
    return f"year({middle})" if unit == "YEAROFWEEK" else f"((dayofyear({middle}) - 1) // 7 + 1)"


def _offset(value: Typed, zone: str) -> str:
    """The offset of a timestamp with a zone, in minutes."""
    if value.type.kind == "TIMESTAMP_TZ":
        return f"sf_tz_offset({value.sql})"
    return f"sf_offset_minutes({value.sql}, {literal(zone)})"


@function("DATE_PART", args=2)
def date_part(call: Call) -> Typed:
    """A part of a date, named first."""
    return date_part_of(call, dates.part(call.word(0), call.name), moment(call, 1))


_PART_FUNCTIONS = (
    "YEAR QUARTER MONTH WEEK DAY DAYOFMONTH HOUR MINUTE SECOND DAYOFWEEK DAYOFWEEKISO DAYOFYEAR WEEKOFYEAR WEEKISO"
    " YEAROFWEEK YEAROFWEEKISO"
)


@function(*_PART_FUNCTIONS.split(), args=1)
def named_part(call: Call) -> Typed:
    """The part of a date that the function is named for."""
    return date_part_of(call, dates.part(call.name, call.name), moment(call, 0))


@function("DAYNAME", "MONTHNAME", args=1)
def part_name(call: Call) -> Typed:
    """The weekday or month in three letters."""
    pattern = "%a" if call.name == "DAYNAME" else "%b"
    return Typed(f"strftime({dates.local(moment(call, 0), call.zone)}, '{pattern}')", VARCHAR)


@function("TIME_SLICE", args=(3, 4))
def time_slice(call: Call) -> Typed:
    """The start or end of the slice of time, counted from 1970, that a date lies in."""
    value, length, unit = moment(call, 0), int(str(call.constant(1))), dates.part(call.word(2), call.name)
    end = str(call.constant(3, "START")).upper()
    if length < 1 or end not in ("START", "END"):
        raise SqlCompilationError(
            f"Invalid argument for function TIME_SLICE: {length if length < 1 else end}", 1015, "22023"
        )
    origin = "TIMESTAMP '1969-12-29'" if unit == "WEEK" else "TIMESTAMP '1970-01-01'"
    width = dates.interval_of(unit, str(length))
    text = f"time_bucket({width}, {dates.local(value, call.zone)}, {origin})"
    text = f"({text} + {width})" if end == "END" else text
    return Typed(dates.back(text, value, call.zone), value.type)


@function("DATE_FROM_PARTS", "DATEFROMPARTS", args=3)
def date_from_parts(call: Call) -> Typed:
    """A date of year, month and day; parts out of range carry over."""
    year, month, day = (f"CAST({call.number(index).sql} AS INTEGER)" for index in range(3))
    return Typed(f"CAST(make_date({year}, 1, 1) + to_months({month} - 1) + to_days({day} - 1) AS DATE)", DATE)


@function("TIME_FROM_PARTS", "TIMEFROMPARTS", args=(3, 4))
def time_from_parts(call: Call) -> Typed:
    """A time of hour, minute, second and nanosecond."""
    hour, minute, second = (f"CAST({call.number(index).sql} AS BIGINT)" for index in range(3))
    nanos = f" + to_microseconds(CAST({call.number(3).sql} AS BIGINT) // 1000)" if len(call) > 3 else ""
    return Typed(
        f"CAST(TIMESTAMP '1970-01-01' + to_hours({hour}) + to_minutes({minute}) + to_seconds({second}){nanos} AS TIME)",
        TIME,
    )


_FROM_PARTS = {
    "TIMESTAMP_FROM_PARTS": TIMESTAMP_NTZ,
    "TIMESTAMPFROMPARTS": TIMESTAMP_NTZ,
    "TIMESTAMP_NTZ_FROM_PARTS": TIMESTAMP_NTZ,
    "TIMESTAMPNTZFROMPARTS": TIMESTAMP_NTZ,
    "TIMESTAMP_LTZ_FROM_PARTS": TIMESTAMP_LTZ,
    "TIMESTAMPLTZFROMPARTS": TIMESTAMP_LTZ,
    "TIMESTAMP_TZ_FROM_PARTS": TIMESTAMP_TZ,
    "TIMESTAMPTZFROMPARTS": TIMESTAMP_TZ,
}


@function(*_FROM_PARTS, args=(2, 8))
def timestamp_from_parts(call: Call) -> Typed:
    """A timestamp of its parts, or of a date and a time."""
    if len(call) == 2:
        made = f"({call.cast(0, DATE).sql} + {call.cast(1, TIME).sql})"
    else:
        year, month, day, hour, minute, second = (f"CAST({call.number(index).sql} AS BIGINT)" for index in range(6))
        made = (
            f"(CAST(make_date({year}, 1, 1) AS TIMESTAMP) + to_months(CAST({month} - 1 AS INTEGER)) + to_days(CAST({day} - 1 AS INTEGER)) "
            f"+ to_hours({hour}) + to_minutes({minute}) + to_seconds({second}))"
        )
        if len(call) > 6:
            made = f"({made} + to_microseconds(CAST({call.number(6).sql} AS BIGINT) // 1000))"
    zone = literal(str(call.constant(7))) if len(call) > 7 else literal(call.zone)
    kind = _FROM_PARTS[call.name]
    if kind is TIMESTAMP_TZ:
        return Typed(f"sf_tz_in(timezone({zone}, {made}), {zone})", kind)
    return Typed(made if kind is TIMESTAMP_NTZ else f"timezone({zone}, {made})", kind)


@function("CONVERT_TIMEZONE", args=(2, 3))
def convert_timezone(call: Call) -> Typed:
    """A timestamp in another zone: two arguments keep the moment, with that zone's offset; three read a wall clock in the first."""
    if len(call) == 3:
        source, target = call.text(0), call.text(1)
        value = cast(call.arg(2), TIMESTAMP_NTZ, call.zone).sql
        return Typed(f"timezone({target}, timezone({source}, {value}))", TIMESTAMP_NTZ)
    given = call.arg(1)
    value = cast(cast(given, TIMESTAMP_TZ, call.zone), TIMESTAMP_LTZ, call.zone)
    return Typed(f"sf_tz_in({value.sql}, {call.text(0)})", TIMESTAMP_TZ, given.nullable)


_CONVERSIONS: dict[str, DataType] = {
    "TO_DATE": DATE,
    "DATE": DATE,
    "TO_TIME": TIME,
    "TIME": TIME,
    "TO_TIMESTAMP_NTZ": TIMESTAMP_NTZ,
    "TO_TIMESTAMP_LTZ": TIMESTAMP_LTZ,
    "TO_TIMESTAMP_TZ": TIMESTAMP_TZ,
    "TO_TIMESTAMP": TIMESTAMP_NTZ,
    "TIMESTAMP": TIMESTAMP_NTZ,
}
_SCALES = {0: "1000000", 3: "1000", 6: "1"}


@function(*_CONVERSIONS, *(f"TRY_{name}" for name in _CONVERSIONS if name.startswith("TO_")), args=(1, 2))
def conversion(call: Call) -> Typed:
    """A date, time or timestamp of a text (with a format), a number (with a scale) or another one."""
    lenient = call.name.startswith("TRY_")
    kind = _CONVERSIONS[call.name.removeprefix("TRY_")]
    if call.name.endswith(("TO_TIMESTAMP", "TIMESTAMP")) and not call.name.endswith("NTZ"):
        kind = DataType(call.binder.context.parameter("TIMESTAMP_TYPE_MAPPING").upper(), 9)
    value = call.arg(0)
    if len(call) == 2 and value.type.kind in ("NUMBER", "FLOAT"):
        value = _scaled(value, int(str(call.constant(1))))
        if kind.kind in ("TIMESTAMP_LTZ", "TIMESTAMP_TZ"):  # an epoch is a moment, no wall clock of the session's zone
            value = Typed(f"timezone('UTC', {value.sql})", TIMESTAMP_LTZ)
    elif len(call) == 2:
        mask = str(call.constant(1))
        if mask.upper() != "AUTO":
            return _parsed(call.text(0), mask, kind, call.zone, lenient)
    if kind is DATE and value.type.kind in ("NUMBER", "FLOAT"):
        value = cast(value, TIMESTAMP_NTZ, call.zone)
    if value.type.kind == "FLOAT" and kind.kind.startswith("TIMESTAMP"):
        value = cast(value, number(38, 6), call.zone)
    return cast(value, kind, call.zone, lenient)


def _scaled(value: Typed, scale: int) -> Typed:
    """A count of seconds, milli-, micro- or nanoseconds since 1970 as TIMESTAMP_NTZ."""
    if scale == 9:
        return Typed(f"make_timestamp(CAST({value.sql} // 1000 AS BIGINT))", TIMESTAMP_NTZ)
    if scale not in _SCALES:
        raise unsupported(f"timestamp scale {scale}")
    return Typed(f"make_timestamp(CAST({value.sql} * {_SCALES[scale]} AS BIGINT))", TIMESTAMP_NTZ)


def _parsed(text: str, mask: str, kind: DataType, zone: str, lenient: bool) -> Typed:
    pattern = literal(read_pattern(mask))
    tried = f"try_strptime({text}, {pattern})"
    code, noun = ("100040", "Date") if kind is DATE else ("100035", "Timestamp")
    message = f"'Can''t parse ''' || {text} || ''' as {noun.lower()} with format ''' || {literal(mask)} || ''''"
    failed = f"CAST(sf_error('{code}', {message}) AS TIMESTAMP)"
    if "%z" in pattern:
        tried = f"timezone('UTC', try_strptime({text}, {pattern}))"
        read = tried if lenient else f"(CASE WHEN {text} IS NULL THEN NULL ELSE coalesce({tried}, {failed}) END)"
        zoned = f"sf_tz(timezone('UTC', {read}), {offset_in(text, mask)})"
        return cast(Typed(zoned, TIMESTAMP_TZ), kind, zone)
    read = tried if lenient else f"(CASE WHEN {text} IS NULL THEN NULL ELSE coalesce({tried}, {failed}) END)"
    if kind is TIME:
        return Typed(f"CAST({read} AS TIME)", TIME)
    return cast(Typed(read, TIMESTAMP_NTZ), kind, zone)


@function("TO_CHAR", "TO_VARCHAR", args=(1, 2))
def to_char(call: Call) -> Typed:
    """A value as text, by a format if one is given."""
    value = call.arg(0)
    if len(call) == 1:
        return cast(value, VARCHAR, call.zone)
    mask = str(call.constant(1))
    if value.type.kind in ("NUMBER", "FLOAT"):
        return Typed(write_number(value.stored, mask), VARCHAR)
    if value.type.kind == "BINARY":
        form = mask.upper().replace("-", "")
        return Typed(
            {"UTF8": "decode({x})", "BASE64": "to_base64({x})"}.get(form, "hex({x})").format(x=value.sql), VARCHAR
        )
    if value.type.kind == "TIME":
        return Typed(write_timestamp(f"(DATE '1970-01-01' + {value.sql})", mask), VARCHAR)
    if value.type.kind in ("VARCHAR", "VARIANT", "NULL"):
        value = cast(value, TIMESTAMP_NTZ, call.zone)
    offset = "'+0000'"
    if value.type.kind in ("TIMESTAMP_LTZ", "TIMESTAMP_TZ"):
        offset = f"sf_offset_text({_offset(value, call.zone)})"
    return Typed(write_timestamp(dates.local(value, call.zone), mask, offset), VARCHAR)


@function("TO_BOOLEAN", "TRY_TO_BOOLEAN", args=1)
def to_boolean(call: Call) -> Typed:
    """A truth value of a text or number."""
    return cast(call.arg(0), BOOLEAN, call.zone, call.name.startswith("TRY_"))


__all__ = ["common", "truncate"]
