"""Arithmetic of fixed-point and floating-point numbers with Snowflake's precisions and scales.

Source: Snowflake's "Arithmetic operators": leading digits and scale of each result. DuckDB's own decimals are exact for +, - and *;
division is done here on whole numbers, since DuckDB divides decimals as doubles.
"""

from __future__ import annotations

from embedded.snowflake.sql.typed import Typed, number
from embedded.snowflake.types import FLOAT, DataType


def decimal(value: Typed) -> str:
    """A NUMBER as DuckDB DECIMAL of its precision and scale."""
    return value.stored


def double(value: Typed) -> str:
    """A number as DuckDB DOUBLE."""
    return value.sql if value.type.kind == "FLOAT" else f"CAST({value.sql} AS DOUBLE)"


def _wide(value: Typed, precision: int) -> str:
    """The number as a decimal wide enough for a result's digits: DuckDB leaves results of narrow ones at 18."""
    if precision <= 18 or (value.type.precision or 38) > 18:
        return value.stored
    return f"CAST({value.sql} AS DECIMAL({min(precision, 38)},{value.type.scale or 0}))"


def _digits(kind: DataType) -> tuple[int, int]:
    precision, scale = kind.precision or 38, kind.scale or 0
    return precision - scale, scale


def add(left: Typed, right: Typed, operator: str = "+") -> Typed:
    """Sum or difference."""
    nullable = left.nullable or right.nullable
    if "FLOAT" in (left.type.kind, right.type.kind):
        return Typed(f"({double(left)} {operator} {double(right)})", FLOAT, nullable)
    (l1, s1), (l2, s2) = _digits(left.type), _digits(right.type)
    scale = max(s1, s2)
    kind = number(max(l1, l2) + 1 + scale, scale)
    precision = max(l1, l2) + 1 + scale
    return _as(f"({_wide(left, precision)} {operator} {decimal(right)})", kind, nullable, exact=False)


def multiply(left: Typed, right: Typed) -> Typed:
    """Product: scale min(s1 + s2, max(s1, s2, 12))."""
    nullable = left.nullable or right.nullable
    if "FLOAT" in (left.type.kind, right.type.kind):
        return Typed(f"({double(left)} * {double(right)})", FLOAT, nullable)
    (l1, s1), (l2, s2) = _digits(left.type), _digits(right.type)
    scale = min(s1 + s2, max(s1, s2, 12))
    kind = number(l1 + l2 + scale, scale)
    if s1 + s2 > 37:
        return _as(f"({double(left)} * {double(right)})", kind, nullable, exact=False)
    fits = l1 + l2 + s1 + s2 <= 38 and scale == s1 + s2
    return _as(f"({_wide(left, l1 + l2 + s1 + s2)} * {decimal(right)})", kind, nullable, fits)


def divide(left: Typed, right: Typed) -> Typed:
    """Quotient: scale max(s1, min(s1 + 6, 12)), rounded half away from zero; division by zero is DuckDB's error."""
    nullable = left.nullable or right.nullable
    if "FLOAT" in (left.type.kind, right.type.kind):
        return Typed(f"({double(left)} / {double(right)})", FLOAT, nullable)
    (l1, s1), (_, s2) = _digits(left.type), _digits(right.type)
    scale = max(s1, min(s1 + 6, 12))
    kind = number(l1 + s2 + scale, scale)
    return Typed(quotient(decimal(left), l1, s1, decimal(right), s2, scale, kind), kind, nullable)


def quotient(a: str, leading: int, s1: int, b: str, s2: int, scale: int, kind: DataType) -> str:
    """The text of a / b as DECIMAL of `kind`, for decimals with scales s1 and s2; one more digit is kept, then rounded."""
    shift = scale + s2 + 1
    target = f"DECIMAL({kind.precision},{scale})"
    whole = f"{_shifted(a, s1, shift)} // {_shifted(b, s2, s2)}"
    exact = f"CAST(CAST({whole} AS DECIMAL(38,0)) * {_fraction(scale + 1)} AS {target})"
    if leading + shift <= 38:
        return exact
    limit = 38 - shift
    rough = f"CAST(CAST({a} AS DOUBLE) / CAST({b} AS DOUBLE) AS {target})"
    if limit <= 0:
        return rough
    return f"(CASE WHEN abs({a}) < 1{'0' * (limit - 1)} THEN {exact} ELSE {rough} END)"


def _shifted(text: str, scale: int, power: int) -> str:
    """A decimal's digits as a whole number, times ten to `power - scale`."""
    if power == 0:
        return f"CAST({text} AS HUGEINT)"
    if scale == 0:
        return f"(CAST({text} AS HUGEINT) * {_tens_huge(power)})"
    # A decimal with its scale kept has room for as many digits less in front of the point.
    digits = f"CAST({text} * {_tens(scale)} AS HUGEINT)"
    return digits if power == scale else f"({digits} * {_tens_huge(power - scale)})"


def _tens(power: int) -> str:
    """Ten to a power as a decimal: a plain integer is one in DuckDB."""
    return f"1{'0' * power}" if power < 18 else f"CAST(1{'0' * power} AS DECIMAL({power + 1},0))"


def _tens_huge(power: int) -> str:
    return f"1{'0' * power}" if power < 18 else f"CAST(1{'0' * power} AS HUGEINT)"


def _fraction(power: int) -> str:
    return f"0.{'0' * (power - 1)}1" if power <= 18 else f"CAST(0.{'0' * (power - 1)}1 AS DECIMAL({power},{power}))"


def modulo(left: Typed, right: Typed) -> Typed:
    """Remainder with the dividend's sign."""
    nullable = left.nullable or right.nullable
    if "FLOAT" in (left.type.kind, right.type.kind):
        return Typed(f"({double(left)} % {double(right)})", FLOAT, nullable)
    (l1, s1), (l2, s2) = _digits(left.type), _digits(right.type)
    scale = max(s1, s2)
    return _as(
        f"({decimal(left)} % {decimal(right)})", number(min(max(l1, l2), 38) + scale, scale), nullable, exact=False
    )


def negate(value: Typed) -> Typed:
    """The number with the other sign."""
    constant = -value.value if value.is_constant else value.value
    return Typed(f"(-{value.sql})", value.type, value.nullable, value.exact, constant)


def _as(sql: str, kind: DataType, nullable: bool, exact: bool) -> Typed:
    if exact:
        return Typed(sql, kind, nullable)
    return Typed(f"CAST({sql} AS {kind.to_duckdb()})", kind, nullable)
