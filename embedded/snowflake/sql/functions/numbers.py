"""Numeric functions."""

from __future__ import annotations

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.sql import arithmetic
from embedded.snowflake.sql.coerce import cast, equality_key
from embedded.snowflake.sql.formats import number_mask
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed, integer, number
from embedded.snowflake.types import FLOAT, VARCHAR, DataType

_FLOATS = {
    **{
        name: name.lower()
        for name in [
            "SQRT",
            "EXP",
            "LN",
            "SIN",
            "COS",
            "TAN",
            "ASIN",
            "ACOS",
            "ATAN",
            "SINH",
            "COSH",
            "TANH",
            "ASINH",
            "ACOSH",
            "ATANH",
            "COT",
            "DEGREES",
            "RADIANS",
        ]
    },
    "LOG": "log",
}


# Where functions have no value.
_PARTIAL = {
    "SQRT": "{x} < 0",
    "LN": "{x} <= 0",
    "ASIN": "abs({x}) > 1",
    "ACOS": "abs({x}) > 1",
    "ACOSH": "{x} < 1",
    "ATANH": "abs({x}) >= 1",
}


@function(*(name for name in _FLOATS if name != "LOG"), args=1)
def transcendental(call: Call) -> Typed:
    """A function of one FLOAT.

    Raises:
        SnowflakeError: it has no value there (100098), when it runs.
    """
    value = arithmetic.double(call.number(0))
    made = f"{_FLOATS[call.name]}({value})"
    if call.name not in _PARTIAL:
        return Typed(made, FLOAT)
    word = _FLOATS[call.name]
    error = f"CAST(sf_error('100098', 'Invalid floating point operation: {word}(' || sf_float_text({value}) || ')') AS DOUBLE)"
    return Typed(f"(CASE WHEN {_PARTIAL[call.name].format(x=value)} THEN {error} ELSE {made} END)", FLOAT)


@function("CBRT", args=1)
def cube_root(call: Call) -> Typed:
    """The cube root: exact where it is a whole number, which the machine's own function misses by a last digit."""
    value = arithmetic.double(call.number(0))
    root = f"cbrt({value})"
    return Typed(f"CASE WHEN pow(round({root}), 3) = {value} THEN round({root}) ELSE {root} END", FLOAT)


@function("POWER", "POW", "ATAN2", args=2)
def power(call: Call) -> Typed:
    """A function of two FLOATs."""
    name = "atan2" if call.name == "ATAN2" else "pow"
    return Typed(f"{name}({arithmetic.double(call.number(0))}, {arithmetic.double(call.number(1))})", FLOAT)


@function("LOG", args=2)
def log(call: Call) -> Typed:
    """The logarithm to a base, which comes first."""
    base, value = (arithmetic.double(call.number(index)) for index in (0, 1))
    return Typed(f"(ln({value}) / ln({base}))", FLOAT)


@function("SQUARE", args=1)
def square(call: Call) -> Typed:
    """The number times itself, as FLOAT."""
    return Typed(f"pow({arithmetic.double(call.number(0))}, 2)", FLOAT)


@function("PI", args=0)
def pi(call: Call) -> Typed:  # noqa: ARG001
    """The number pi."""
    return Typed("pi()", FLOAT, False)


@function("ABS", args=1)
def absolute(call: Call) -> Typed:
    """The number without its sign."""
    value = call.number(0)
    return Typed(f"abs({value.stored})", value.type, value.nullable)


@function("SIGN", args=1)
def sign(call: Call) -> Typed:
    """-1, 0 or 1."""
    return integer(f"CAST(sign({call.number(0).sql}) AS BIGINT)", 1)


@function("ROUND", args=(1, 3))
def rounded(call: Call) -> Typed:
    """Rounded half away from zero, or half to even where asked."""
    mode = call.constant(2, "HALF_AWAY_FROM_ZERO")
    if mode not in ("HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN"):
        raise SqlCompilationError(f"Invalid rounding mode '{mode}'", 1015, "22023")
    value, digits = call.number(0), call.number(1) if len(call) > 1 else None
    name = "round" if mode == "HALF_AWAY_FROM_ZERO" else "round_even"
    if value.type.kind == "FLOAT" or (digits is not None and not isinstance(digits.value, int)):
        places = "0" if digits is None else f"CAST({digits.sql} AS INTEGER)"
        return Typed(f"{name}({value.sql}, {places})", value.type, value.nullable, exact=value.type.kind == "FLOAT")
    return _to_scale(value, 0 if digits is None else int(str(digits.value)), name)


def _to_scale(value: Typed, places: int, name: str) -> Typed:
    """A NUMBER at a smaller scale; its type keeps one more leading digit for the carry."""
    scale = min(value.type.scale or 0, max(places, 0))
    leading = (value.type.precision or 38) - (value.type.scale or 0)
    kind = number(leading + 1 + scale, scale) if places < (value.type.scale or 0) else value.type
    return Typed(f"CAST({name}({value.stored}, {places}) AS {kind.to_duckdb()})", kind, value.nullable)


@function("TRUNC", "TRUNCATE", args=(1, 2))
def truncated(call: Call) -> Typed:
    """Cut off towards zero; of a date, DATE_TRUNC with the part second."""
    if call.arg(0).type.kind in ("DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"):
        from embedded.snowflake.sql.functions.dates import truncate

        return truncate(call, call.arg(0), call.word(1))
    value, places = call.number(0), call.constant(1, 0)
    if not isinstance(places, int):
        raise unsupported(f"{call.name} with a scale that is not constant")
    if value.type.kind == "FLOAT":
        return Typed(f"(trunc({value.sql} * 1e{places}) / 1e{places})", FLOAT)
    if places >= (value.type.scale or 0):
        return value
    step = arithmetic_power(places)
    scale = max(places, 0)
    kind = number((value.type.precision or 38) - (value.type.scale or 0) + scale, scale)
    return Typed(f"CAST({value.stored} - ({value.stored} % {step}) AS {kind.to_duckdb()})", kind, value.nullable)


def arithmetic_power(places: int) -> str:
    """Ten to minus `places`, as a DuckDB decimal."""
    return (
        f"CAST(1{'0' * -places} AS DECIMAL({1 - places},0))"
        if places <= 0
        else f"CAST(0.{'0' * (places - 1)}1 AS DECIMAL({places},{places}))"
    )


@function("CEIL", "CEILING", "FLOOR", args=(1, 2))
def whole(call: Call) -> Typed:
    """The next number up or down at a scale."""
    name = "floor" if call.name == "FLOOR" else "ceil"
    value, places = call.number(0), call.constant(1, 0)
    if not isinstance(places, int):
        raise unsupported(f"{call.name} with a scale that is not constant")
    if value.type.kind == "FLOAT":
        return Typed(
            f"{name}({value.sql})" if places == 0 else f"({name}({value.sql} * 1e{places}) / 1e{places})", FLOAT
        )
    scale = max(min(places, value.type.scale or 0), 0)
    if places >= (value.type.scale or 0):
        return value
    kind = number((value.type.precision or 38) - (value.type.scale or 0) + 1 + scale, scale)
    step = arithmetic_power(places)
    cut = f"({value.stored} - ({value.stored} % {step}))"
    word = (
        f"{cut} < {value.stored} THEN {cut} + {step}"
        if name == "ceil"
        else f"{cut} > {value.stored} THEN {cut} - {step}"
    )
    return Typed(f"CAST(CASE WHEN {word} ELSE {cut} END AS {kind.to_duckdb()})", kind, value.nullable)


@function("MOD", args=2)
def mod(call: Call) -> Typed:
    """The remainder."""
    return arithmetic.modulo(call.number(0), call.number(1))


@function("DIV0", "DIV0NULL", args=2)
def div0(call: Call) -> Typed:
    """The quotient, 0 when the divisor is 0 (or, of DIV0NULL, NULL)."""
    left, right = call.number(0), call.number(1)
    guarded = Typed(f"nullif({right.stored}, 0)", right.type)
    made = arithmetic.divide(left, guarded)
    zero = f"{right.sql} = 0" + (f" OR {right.sql} IS NULL" if call.name == "DIV0NULL" else "")
    return Typed(f"(CASE WHEN ({zero}) AND {left.sql} IS NOT NULL THEN 0 ELSE {made.sql} END)", made.type, exact=False)


@function("FACTORIAL", args=1)
def factorial(call: Call) -> Typed:
    """The factorial."""
    return Typed(f"CAST(factorial(CAST({call.number(0).sql} AS INTEGER)) AS DECIMAL(38,0))", number(38))


@function("WIDTH_BUCKET", args=4)
def width_bucket(call: Call) -> Typed:
    """The bucket of a histogram of equal widths that a number falls in."""
    value, low, high, buckets = (arithmetic.double(call.number(index)) for index in range(4))
    inside = f"CAST(floor(({value} - {low}) / ({high} - {low}) * {buckets}) AS BIGINT) + 1"
    return integer(
        f"(CASE WHEN {value} < {low} THEN 0 WHEN {value} >= {high} THEN CAST({buckets} AS BIGINT) + 1 ELSE {inside} END)"
    )


_BITS = {"BITAND": "&", "BITOR": "|"}


@function("BITAND", "BITOR", "BITXOR", "BITSHIFTLEFT", "BITSHIFTRIGHT", "BIT_AND", "BIT_OR", "BIT_XOR", args=2)
def bits(call: Call) -> Typed:
    """Bits of two integers combined or shifted."""
    left, right = (f"CAST({call.number(index).sql} AS BIGINT)" for index in (0, 1))
    name = call.name.replace("_", "")
    text = {
        "BITAND": f"({left} & {right})",
        "BITOR": f"({left} | {right})",
        "BITXOR": f"xor({left}, {right})",
        "BITSHIFTLEFT": f"({left} << {right})",
        "BITSHIFTRIGHT": f"({left} >> {right})",
    }[name]
    return integer(text, 38)


@function("GETBIT", args=2)
def get_bit(call: Call) -> Typed:
    """The bit of an integer at a place, counted from the lowest."""
    value, place = (f"CAST({call.number(index).sql} AS BIGINT)" for index in (0, 1))
    return integer(f"(({value} >> {place}) & 1)", 38)


@function("BITNOT", args=1)
def bit_not(call: Call) -> Typed:
    """The bits of an integer turned over."""
    return integer(f"(~CAST({call.number(0).sql} AS BIGINT))", 38)


@function("RANDOM", args=(0, 1))
def random(call: Call) -> Typed:
    """A random 64-bit integer for each row."""
    call.binder.context.reads.repeatable = False
    if call.nodes:
        seed = int(str(call.constant(0)))
        return integer(f"CAST((hash({call.binder.row_number()}, {seed}) >> 1) AS BIGINT)", 19, False)
    return integer("CAST(floor((random() - 0.5) * 18446744073709551615) AS HUGEINT)", 19, False)


@function("UNIFORM", args=3)
def uniform(call: Call) -> Typed:
    """A random number between two, decided by a third."""
    low, high, seed = call.number(0), call.number(1), call.number(2)
    share = f"((hash({seed.sql}) % 1000000007) / 1000000007.0)"
    if low.type.kind == "FLOAT" or (low.type.scale or high.type.scale):
        return Typed(f"CAST({low.sql} + ({high.sql} - {low.sql}) * {share} AS DOUBLE)", FLOAT)
    return integer(f"CAST(floor({low.sql} + ({high.sql} - {low.sql} + 1) * {share}) AS BIGINT)", 38)


@function("NORMAL", args=3)
def normal(call: Call) -> Typed:
    """A random number of a normal distribution (mean, deviation), decided by a third."""
    mean, deviation = (arithmetic.double(call.number(index)) for index in (0, 1))
    seed = call.number(2).sql
    first, second = (f"((hash({seed}, {n}) % 1000000006 + 1) / 1000000007.0)" for n in (1, 2))
    return Typed(f"({mean} + {deviation} * sqrt(-2 * ln({first})) * cos(2 * pi() * {second}))", FLOAT)


@function("SEQ1", "SEQ2", "SEQ4", "SEQ8", args=(0, 1))
def seq(call: Call) -> Typed:
    """The row's number from 0."""
    return integer(f"({call.binder.row_number()} - 1)", 19, False)


@function("HASH", args=(1, None))
def hash_(call: Call) -> Typed:
    """A 64-bit number that is the same for the same values (not Snowflake's own number)."""
    values = ", ".join(_hashed(arg) for arg in call.args())
    return integer(f"CAST(hash({values}) // 2 AS BIGINT)", 19, False)


def _hashed(value: Typed) -> str:
    """What is hashed of a value: equal numbers have one text, whatever their types and scales, and no text is like it."""
    if value.type.kind == "NUMBER":
        return f"(chr(1) || CAST(sf_number_json({value.stored}) AS VARCHAR))"
    if value.type.kind == "FLOAT":
        return f"(chr(1) || sf_canonical(sf_float_json({value.stored} + 0.0)))"
    return equality_key(value)


@function("HAVERSINE", args=4)
def haversine(call: Call) -> Typed:
    """The distance in kilometres between two places by latitude and longitude."""
    lat1, lon1, lat2, lon2 = (f"radians({arithmetic.double(call.number(index))})" for index in range(4))
    inner = f"pow(sin(({lat2} - {lat1}) / 2), 2) + cos({lat1}) * cos({lat2}) * pow(sin(({lon2} - {lon1}) / 2), 2)"
    return Typed(f"(2 * 6371 * asin(sqrt({inner})))", FLOAT)


_NUMBER_NAMES = ["TO_NUMBER", "TO_DECIMAL", "TO_NUMERIC"]


@function(*_NUMBER_NAMES, *(f"TRY_{name}" for name in _NUMBER_NAMES), args=(1, 4))
def to_number(call: Call) -> Typed:
    """A NUMBER of a text, number or VARIANT: `(value [, format] [, precision [, scale]])`."""
    lenient = call.name.startswith("TRY_")
    value, rest = call.arg(0), [call.constant(index) for index in range(1, len(call))]
    if rest and isinstance(rest[0], str):
        value = Typed(number_mask(call.text(0), str(rest.pop(0))), VARCHAR)
    precision, scale = [*(int(str(item)) for item in rest), *([38, 0][len(rest) :])][:2]
    return cast(value, DataType("NUMBER", precision, scale), call.zone, lenient)


_FLOAT_NAMES = ["TO_DOUBLE", "TO_FLOAT"]


@function(*_FLOAT_NAMES, *(f"TRY_{name}" for name in _FLOAT_NAMES), args=(1, 2))
def to_double(call: Call) -> Typed:
    """A FLOAT of a text, number or VARIANT."""
    value = call.arg(0)
    if len(call) == 2:
        value = Typed(number_mask(call.text(0), str(call.constant(1))), VARCHAR)
    return cast(value, FLOAT, call.zone, call.name.startswith("TRY_"))
