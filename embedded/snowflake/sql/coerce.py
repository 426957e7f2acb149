"""From one type to another: casts, and what both sides of a comparison or all branches of a CASE become.

The texts use DuckDB macros of `macros.py` where a value's form decides (dates in text, truth values …).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime

from embedded.snowflake import collation, zoned
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import literal
from embedded.snowflake.sql.session_formats import formatted
from embedded.snowflake.sql.typed import Typed, number, varchar
from embedded.snowflake.types import (
    BOOLEAN,
    DATE,
    FLOAT,
    MAX_VARCHAR,
    TIMESTAMP_LTZ,
    TIMESTAMP_NTZ,
    VARCHAR,
    VARIANT,
    DataType,
)

Cast = Callable[[str, DataType, DataType, str], str]
# Their kinds.
TIMESTAMPS = ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")


def cast(value: Typed, target: DataType, zone: str = "UTC", lenient: bool = False) -> Typed:
    """Cast as `CAST(value AS target)` does, or as TRY_CAST if lenient.

    Args:
        value: what is cast.
        target: the type wanted.
        zone: the session's time zone, for timestamps with and without one.
        lenient: give NULL where the value cannot be converted.

    Raises:
        SqlCompilationError: there is no cast between the two types (001065).
    """
    source = value.type
    if source.collation is not None and target.kind == "VARCHAR" and target.collation is None:
        target = replace(target, collation=source.collation, collation_explicit=source.collation_explicit)
    if value.is_null:
        return Typed(f"CAST(NULL AS {target.to_duckdb()})", target)
    if source == target and value.exact:
        return value
    by_format = formatted(value.sql, source, target, zone)
    if by_format is not None:
        text = _cut(by_format, target) if target.kind == "VARCHAR" else by_format
        return Typed(f"TRY({text})" if lenient else text, target, value.nullable or lenient)
    if isinstance(value.value, str) and source.kind == "VARCHAR":
        folded = _fold(value.value, target)
        if folded is not None:
            return Typed(folded, target, False)
    make = _CASTS.get((_family(source), _family(target)))
    if make is None:
        raise SqlCompilationError(
            f"invalid type [CAST({source} AS {target})] for parameter 'TO_{target.kind}'", 1065, "22023"
        )
    text = make(value.sql, source, target, literal(zone))
    if lenient:
        text = f"TRY({text})"
    return Typed(text, target, value.nullable or lenient or source.is_semi_structured)


_NUMBER_TEXT = re.compile(r"[+-]?\d{1,30}(\.\d{1,20})?\Z")
_TIMESTAMP_TEXT = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?\Z")


_ZONED_TEXT = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})? ?(Z|[+-]\d{2}:?\d{2})\Z")


def _fold(text: str, target: DataType) -> str | None:
    """The DuckDB literal of a text literal in the usual form; None leaves it to be read when the query runs."""
    try:
        if target.kind == "DATE" and len(text) == 10:
            return f"DATE '{date.fromisoformat(text)}'"
        if target.kind == "TIMESTAMP_NTZ" and _TIMESTAMP_TEXT.match(text):
            return f"TIMESTAMP '{datetime.fromisoformat(text)}'"
        if target.kind == "TIMESTAMP_NTZ" and len(text) == 10:
            return f"TIMESTAMP '{datetime.fromisoformat(text)}'"
        if target.kind == "TIMESTAMP_TZ" and _ZONED_TEXT.match(text):
            return zoned.literal_of(
                datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
            )
    except (ValueError, OverflowError):
        return None
    if (
        target.kind == "NUMBER"
        and _NUMBER_TEXT.match(text)
        and len(text) < (target.precision or 38) - (target.scale or 0)
    ):
        return f"CAST('{text}' AS {target.to_duckdb()})"
    return None


def _family(kind: DataType) -> str:
    return kind.kind


def _plain(sql: str, _: DataType, target: DataType, __: str) -> str:
    return f"CAST({sql} AS {target.to_duckdb()})"


def _to_text(sql: str, _: DataType, target: DataType, __: str) -> str:
    return _cut(f"CAST({sql} AS VARCHAR)", target)


def _cut(sql: str, target: DataType) -> str:
    return sql if (target.length or MAX_VARCHAR) >= MAX_VARCHAR else f"left({sql}, {target.length})"


def _text_to_text(sql: str, source: DataType, target: DataType, _: str) -> str:
    return sql if (source.length or MAX_VARCHAR) <= (target.length or MAX_VARCHAR) else _cut(sql, target)


def _call(name: str, zoned: bool = False, then: str = "{}") -> Cast:
    def make(sql: str, _: DataType, target: DataType, zone: str) -> str:
        inner = f"{name}({sql}, {zone})" if zoned else f"{name}({sql})"
        made = then.format(inner)
        return _cut(made, target) if target.kind == "VARCHAR" else made

    return make


def _wrap(template: str) -> Cast:
    def make(sql: str, _: DataType, target: DataType, zone: str) -> str:
        made = template.format(x=sql, zone=zone, type=target.to_duckdb())
        return _cut(made, target) if target.kind == "VARCHAR" else made

    return make


def _through_text(sql: str, _: DataType, target: DataType, zone: str) -> str:
    """A VARIANT's scalar, cast from its text."""
    return _CASTS["VARCHAR", target.kind](f"sf_scalar_text({sql})", VARCHAR, target, zone)


_same = _wrap("{x}")
_CASTS: dict[tuple[str, str], Cast] = {
    ("NUMBER", "NUMBER"): _plain,
    ("NUMBER", "FLOAT"): _plain,
    ("NUMBER", "VARCHAR"): _to_text,
    ("NUMBER", "BOOLEAN"): _wrap("({x} <> 0)"),
    ("NUMBER", "TIMESTAMP_NTZ"): _call("sf_epoch"),
    ("NUMBER", "TIMESTAMP_LTZ"): _wrap("timezone('UTC', sf_epoch({x}))"),
    ("NUMBER", "TIMESTAMP_TZ"): _wrap("sf_tz_in(timezone('UTC', sf_epoch({x})), {zone})"),
    ("NUMBER", "VARIANT"): _call("sf_number_json"),
    ("FLOAT", "FLOAT"): _same,
    ("FLOAT", "NUMBER"): _plain,
    ("FLOAT", "VARCHAR"): _call("sf_float_text"),
    ("FLOAT", "BOOLEAN"): _wrap("({x} <> 0)"),
    ("FLOAT", "VARIANT"): _call("sf_float_json"),
    ("VARCHAR", "VARCHAR"): _text_to_text,
    ("VARCHAR", "NUMBER"): _wrap("CAST(sf_number({x}) AS {type})"),
    ("VARCHAR", "FLOAT"): _wrap("sf_float({x})"),
    ("VARCHAR", "BOOLEAN"): _call("sf_boolean"),
    ("VARCHAR", "DATE"): _call("sf_date"),
    ("VARCHAR", "TIME"): _call("sf_time"),
    ("VARCHAR", "TIMESTAMP_NTZ"): _call("sf_timestamp"),
    ("VARCHAR", "TIMESTAMP_LTZ"): _call("sf_timestamptz", zoned=True),
    ("VARCHAR", "TIMESTAMP_TZ"): _call("sf_timestamp_tz", zoned=True),
    ("VARCHAR", "BINARY"): _wrap("sf_unhex({x})"),
    ("VARCHAR", "VARIANT"): _wrap("to_json({x})"),
    ("BOOLEAN", "BOOLEAN"): _same,
    ("BOOLEAN", "NUMBER"): _plain,
    ("BOOLEAN", "FLOAT"): _plain,
    ("BOOLEAN", "VARCHAR"): _to_text,
    ("BOOLEAN", "VARIANT"): _wrap("to_json({x})"),
    ("BINARY", "BINARY"): _same,
    ("BINARY", "VARCHAR"): _wrap("hex({x})"),
    ("BINARY", "VARIANT"): _wrap("to_json(hex({x}))"),
    ("DATE", "DATE"): _same,
    ("DATE", "VARCHAR"): _to_text,
    ("DATE", "TIMESTAMP_NTZ"): _plain,
    ("DATE", "TIMESTAMP_LTZ"): _wrap("timezone({zone}, CAST({x} AS TIMESTAMP))"),
    ("DATE", "TIMESTAMP_TZ"): _wrap("sf_tz_in(timezone({zone}, CAST({x} AS TIMESTAMP)), {zone})"),
    ("DATE", "VARIANT"): _wrap("to_json(CAST({x} AS VARCHAR))"),
    ("TIME", "TIME"): _same,
    ("TIME", "VARCHAR"): _wrap("left(CAST({x} AS VARCHAR), 8)"),
    ("TIME", "VARIANT"): _wrap("to_json(left(CAST({x} AS VARCHAR), 8))"),
    ("TIMESTAMP_NTZ", "DATE"): _plain,
    ("TIMESTAMP_NTZ", "TIME"): _plain,
    ("TIMESTAMP_NTZ", "VARCHAR"): _call("sf_timestamp_text"),
    ("TIMESTAMP_NTZ", "VARIANT"): _wrap("to_json(sf_timestamp_text({x}))"),
    ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ"): _same,
    ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ"): _wrap("timezone({zone}, {x})"),
    ("TIMESTAMP_NTZ", "TIMESTAMP_TZ"): _wrap("sf_tz_in(timezone({zone}, {x}), {zone})"),
    ("TIMESTAMP_LTZ", "DATE"): _wrap("CAST(timezone({zone}, {x}) AS DATE)"),
    ("TIMESTAMP_LTZ", "TIME"): _wrap("CAST(timezone({zone}, {x}) AS TIME)"),
    ("TIMESTAMP_LTZ", "VARCHAR"): _call("sf_timestamptz_text", zoned=True),
    ("TIMESTAMP_LTZ", "VARIANT"): _wrap("to_json(sf_timestamptz_text({x}, {zone}))"),
    ("TIMESTAMP_LTZ", "TIMESTAMP_NTZ"): _wrap("timezone({zone}, {x})"),
    ("TIMESTAMP_LTZ", "TIMESTAMP_LTZ"): _same,
    ("TIMESTAMP_LTZ", "TIMESTAMP_TZ"): _wrap("sf_tz_in({x}, {zone})"),
    ("TIMESTAMP_TZ", "DATE"): _wrap("CAST(sf_tz_wall({x}) AS DATE)"),
    ("TIMESTAMP_TZ", "TIME"): _wrap("CAST(sf_tz_wall({x}) AS TIME)"),
    ("TIMESTAMP_TZ", "VARCHAR"): _call("sf_tz_text"),
    ("TIMESTAMP_TZ", "VARIANT"): _wrap("to_json(sf_tz_text({x}))"),
    ("TIMESTAMP_TZ", "TIMESTAMP_NTZ"): _call("sf_tz_wall"),
    ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"): _call("sf_tz_instant"),
    ("TIMESTAMP_TZ", "TIMESTAMP_TZ"): _same,
    ("VARIANT", "VARIANT"): _same,
    ("VARIANT", "OBJECT"): _call("sf_as_object"),
    ("VARIANT", "ARRAY"): _call("sf_as_array"),
    ("OBJECT", "OBJECT"): _same,
    ("OBJECT", "VARIANT"): _same,
    ("ARRAY", "ARRAY"): _same,
    ("ARRAY", "VARIANT"): _same,
    ("OBJECT", "VARCHAR"): _call("sf_json_shown"),
    ("ARRAY", "VARCHAR"): _call("sf_json_shown"),
    ("VARIANT", "VARCHAR"): _call("sf_scalar_text"),
    ("VARIANT", "NUMBER"): _wrap("CAST(sf_variant_number({x}) AS {type})"),
    ("VARIANT", "BOOLEAN"): _call("sf_variant_boolean"),
    **{("VARIANT", target): _through_text for target in ("FLOAT", "DATE", "TIME", "BINARY", *TIMESTAMPS)},
}

# Which of two types both sides of a comparison take; the one further on in the list wins over the ones before it.
_COMPARED = ("VARCHAR", "BOOLEAN", "NUMBER", "FLOAT", "TIME", "DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")


def common(kinds: Iterable[DataType], what: str = "") -> DataType:
    """The type that values of all these types become, as the branches of a CASE do.

    Raises:
        SqlCompilationError: they have none in common (002401).
    """
    found: DataType | None = None
    for kind in kinds:
        if kind.kind == "NULL":
            continue
        found = kind if found is None else _wider(found, kind, what)
    return VARCHAR if found is None else found


def _wider(left: DataType, right: DataType, what: str) -> DataType:
    if left == right:
        return left
    if left.kind == right.kind:
        return _same_kind(left, right)
    if left.is_semi_structured or right.is_semi_structured:
        return VARIANT
    if left.kind in _COMPARED and right.kind in _COMPARED:
        high = max(left, right, key=lambda kind: _COMPARED.index(kind.kind))
        low = right if high is left else left
        if high.kind == "NUMBER" and low.kind == "VARCHAR":
            return number(38, max(high.scale or 0, 5))
        if not _castable(low, high):
            raise _mismatch(left, right, what)
        return high
    raise _mismatch(left, right, what)


def _castable(low: DataType, high: DataType) -> bool:
    if low.kind in ("BOOLEAN", "NUMBER", "FLOAT", "TIME"):
        return high.kind in ("BOOLEAN", "NUMBER", "FLOAT") and low.kind != "TIME"
    return True


def _mismatch(left: DataType, right: DataType, what: str) -> SqlCompilationError:
    detail = f" in {what}" if what else ""
    return SqlCompilationError(
        f"Can not convert parameter of type [{left}] into expected type [{right}]{detail}", 1065, "22023"
    )


def _same_kind(left: DataType, right: DataType) -> DataType:
    if left.kind == "NUMBER":
        scale = max(left.scale or 0, right.scale or 0)
        leading = max((left.precision or 38) - (left.scale or 0), (right.precision or 38) - (right.scale or 0))
        return number(leading + scale, scale)
    if left.kind == "VARCHAR":
        kind = varchar(max(left.length or MAX_VARCHAR, right.length or MAX_VARCHAR))
        spec, explicit = collation.merged([left, right])
        return replace(kind, collation=spec, collation_explicit=explicit)
    return left if (left.length or left.precision or 0) >= (right.length or right.precision or 0) else right


def order_key(value: Typed) -> str:
    """The text that values are ordered by: a VARIANT's numbers by their amount, a text by its collation, other values as they are."""
    return f"sf_key({value.sql})" if value.type.is_semi_structured else collation.key(value.sql, value.type)


def equality_key(value: Typed) -> str:
    """The text by which values are grouped and told apart: a VARIANT's numbers by their amount, a text by its collation."""
    return f"sf_canonical({value.sql})" if value.type.is_semi_structured else collation.key(value.sql, value.type)


def comparison(left: Typed, right: Typed, zone: str, ordered: bool = False) -> tuple[str, str]:
    """The texts of both sides of a comparison, cast where their types differ; `ordered` for `<` and the like.

    Raises:
        SqlCompilationError: the types cannot be compared (001065).
    """
    if left.type.kind == right.type.kind or left.is_null or right.is_null:
        if left.type.is_semi_structured and ordered:
            return order_key(left), order_key(right)
        if left.type.is_semi_structured:
            return equality_key(left), equality_key(right)
        if left.type.collation is not None or right.type.collation is not None:
            spec, _ = collation.merged([left.type, right.type])
            kind = replace(left.type, collation=spec)
            return collation.key(left.sql, kind), collation.key(right.sql, kind)
        return left.sql, right.sql
    kind = _compared_as(left, right)
    return cast(left, kind, zone).sql, cast(right, kind, zone).sql


def _compared_as(left: Typed, right: Typed) -> DataType:
    for one, other in ((left, right), (right, left)):
        if one.type.kind == "VARIANT" and not other.type.is_semi_structured:
            return _general(other.type)
        if one.type.kind == "NUMBER" and other.type.kind == "VARCHAR":
            return _number_for(one.type, other)
    return common([left.type, right.type])


def _number_for(kind: DataType, text: Typed) -> DataType:
    """The NUMBER that a text compared with a number of a kind becomes."""
    scale = kind.scale or 0
    if text.is_constant:
        fraction = len(str(text.value).strip().partition(".")[2])
        return number(38, min(max(scale, fraction), 18))
    return number(38, max(scale, 9))


def _general(kind: DataType) -> DataType:
    if kind.kind == "NUMBER":
        return number(38, max(kind.scale or 0, 9))
    if kind.kind == "VARCHAR":
        return VARCHAR
    return kind


def to_number(value: Typed, zone: str) -> Typed:
    """An operand of arithmetic: texts become NUMBER(18,5), VARIANT a double, truth values 0 and 1.

    Raises:
        SqlCompilationError: a date, time or array is no number (001065).
    """
    kind = value.type.kind
    if kind in ("NUMBER", "FLOAT"):
        return value
    if kind == "NULL":
        return cast(value, number(38, 0), zone)
    if kind == "VARCHAR":
        return cast(value, number(18, 5), zone)
    if kind == "BOOLEAN":
        return cast(value, number(1, 0), zone)
    if kind == "VARIANT":
        return cast(value, FLOAT, zone)
    raise SqlCompilationError(f"Invalid argument types for arithmetic: ({value.type})", 1044, "42P13")


__all__ = [
    "BOOLEAN",
    "DATE",
    "TIMESTAMPS",
    "TIMESTAMP_LTZ",
    "TIMESTAMP_NTZ",
    "cast",
    "common",
    "comparison",
    "equality_key",
    "order_key",
    "to_number",
]
