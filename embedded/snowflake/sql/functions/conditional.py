"""Conditions, NULLs and truth values."""

from __future__ import annotations

from sqlglot import exp

from embedded.snowflake.sql.coerce import cast, common, comparison, order_key
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed, boolean, null
from embedded.snowflake.types import BOOLEAN


@function("IFF", "IF", args=3)
def iff(call: Call) -> Typed:
    """The second argument if the first holds, else the third."""
    (yes, no), kind = call.common([1, 2])
    text = f"(CASE WHEN {call.cast(0, BOOLEAN).sql} THEN {yes} ELSE {no} END)"
    return Typed(text, kind, call.arg(1).nullable or call.arg(2).nullable)


@function("COALESCE", args=(1, None))
@function("NVL", "IFNULL", args=2)
def coalesce(call: Call) -> Typed:
    """The first argument that is not NULL."""
    args, kind = call.common()
    return Typed(f"coalesce({', '.join(args)})", kind, all(arg.nullable for arg in call.args()))


@function("NVL2", args=3)
def nvl2(call: Call) -> Typed:
    """The second argument if the first is not NULL, else the third."""
    (yes, no), kind = call.common([1, 2])
    text = f"(CASE WHEN {call.arg(0).sql} IS NOT NULL THEN {yes} ELSE {no} END)"
    return Typed(text, kind, call.arg(1).nullable or call.arg(2).nullable)


@function("NULLIF", args=2)
def nullif(call: Call) -> Typed:
    """NULL if both are equal, else the first."""
    first, second = call.args()
    a, b = comparison(first, second, call.zone)
    return Typed(f"(CASE WHEN {a} = {b} THEN NULL ELSE {first.stored} END)", first.type)


@function("EQUAL_NULL", args=2)
def equal_null(call: Call) -> Typed:
    """Whether both are equal, NULLs being equal."""
    a, b = comparison(call.arg(0), call.arg(1), call.zone)
    return boolean(f"({a} IS NOT DISTINCT FROM {b})", False)


@function("ZEROIFNULL", args=1)
def zero_if_null(call: Call) -> Typed:
    """0 for NULL."""
    value = call.number(0)
    return Typed(f"coalesce({value.stored}, 0)", value.type, False)


@function("NULLIFZERO", args=1)
def null_if_zero(call: Call) -> Typed:
    """NULL for 0."""
    value = call.number(0)
    return Typed(f"nullif({value.stored}, 0)", value.type)


@function("DECODE", args=(3, None))
def decode(call: Call) -> Typed:
    """The result after the first search value that equals the first argument (NULL equals NULL)."""
    subject, rest = call.arg(0), call.args()[1:]
    pairs, default = list(zip(rest[::2], rest[1::2], strict=False)), rest[-1] if len(rest) % 2 else null()
    kind = common([*(result.type for _, result in pairs), default.type], "DECODE")
    parts = []
    for search, result in pairs:
        a, b = comparison(subject, search, call.zone)
        parts.append(f"WHEN {a} IS NOT DISTINCT FROM {b} THEN {cast(result, kind, call.zone).stored}")
    nullable = default.nullable or any(result.nullable for _, result in pairs)
    return Typed(f"(CASE {' '.join(parts)} ELSE {cast(default, kind, call.zone).stored} END)", kind, nullable)


@function("GREATEST", "LEAST", args=(1, None))
def extreme_of(call: Call) -> Typed:
    """The greatest or least argument; NULL if any is."""
    args, kind = call.common()
    tests = " OR ".join(f"{arg} IS NULL" for arg in args)
    if kind.is_semi_structured:
        keyed = ", ".join(f"{{'k': {order_key(Typed(arg, kind))}, 'x': {arg}}}" for arg in args)
        word = {"GREATEST": "max", "LEAST": "min"}[call.name]
        return Typed(f"(CASE WHEN {tests} THEN NULL ELSE list_{word}([{keyed}]).x END)", kind)
    return Typed(f"(CASE WHEN {tests} THEN NULL ELSE {call.name.lower()}({', '.join(args)}) END)", kind)


@function("GREATEST_IGNORE_NULLS", "LEAST_IGNORE_NULLS", args=(1, None))
def extreme_ignoring_nulls(call: Call) -> Typed:
    """The greatest or least argument that is not NULL."""
    args, kind = call.common()
    return Typed(f"{call.name.partition('_')[0].lower()}({', '.join(args)})", kind)


@function("BOOLAND", "BOOLOR", args=2)
def both(call: Call) -> Typed:
    """AND or OR of two numbers taken as truth values."""
    word = {"BOOLAND": "AND", "BOOLOR": "OR"}[call.name]
    return boolean(f"({call.cast(0, BOOLEAN).sql} {word} {call.cast(1, BOOLEAN).sql})")


@function("BOOLXOR", args=2)
def exclusive(call: Call) -> Typed:
    """Whether exactly one holds."""
    return boolean(f"({call.cast(0, BOOLEAN).sql} <> {call.cast(1, BOOLEAN).sql})")


@function("BOOLNOT", args=1)
def inverse(call: Call) -> Typed:
    """NOT of a number taken as truth value."""
    return boolean(f"(NOT {call.cast(0, BOOLEAN).sql})")


@function("IS_NULL_VALUE", args=1)
def is_null_value(call: Call) -> Typed:
    """Whether a VARIANT is JSON null."""
    return boolean(f"(json_type({call.arg(0).sql}) = 'NULL')")


@function("REGR_VALX", "REGR_VALY", args=2)
def regression_value(call: Call) -> Typed:
    """One argument, or NULL if the other is NULL."""
    y, x = call.args()
    kept, other = (x, y) if call.name == "REGR_VALX" else (y, x)
    return Typed(f"(CASE WHEN {other.sql} IS NULL THEN NULL ELSE {kept.sql} END)", kept.type)


__all__ = ["exp"]
