"""Aggregates; most may have OVER."""

from __future__ import annotations

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.sql import arithmetic
from embedded.snowflake.sql.coerce import cast, equality_key, order_key, to_number
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed, boolean, integer, number
from embedded.snowflake.sql.windows import order_item
from embedded.snowflake.types import ARRAY, BOOLEAN, FLOAT, OBJECT, VARCHAR, VARIANT


def _distinct(call: Call) -> str:
    return "DISTINCT " if call.distinct else ""


def _over(call: Call) -> str:
    return call.over or ""


@function("COUNT", args=(0, None), aggregate=True)
def count(call: Call) -> Typed:
    """Rows, or rows whose arguments are all not NULL."""
    if not call.nodes or (isinstance(call.nodes[0], exp.Star) and not call.bound):
        return integer(f"count(*){_over(call)}", nullable=False)
    args = call.args()
    if len(args) == 1:
        text = equality_key(args[0]) if call.distinct else args[0].sql
    elif call.distinct:
        tests = " AND ".join(f"{arg.sql} IS NOT NULL" for arg in args)
        text = f"CASE WHEN {tests} THEN ({', '.join(map(equality_key, args))}) END"
    else:
        text = f"CASE WHEN {' AND '.join(f'{arg.sql} IS NOT NULL' for arg in args)} THEN 1 END"
    return integer(f"count({_distinct(call)}{text}){_over(call)}", nullable=False)


@function("COUNT_IF", args=1, aggregate=True)
def count_if(call: Call) -> Typed:
    """Rows for which a condition holds."""
    return integer(f"count(CASE WHEN {call.cast(0, BOOLEAN).sql} THEN 1 END){_over(call)}", nullable=False)


@function("SUM", args=1, aggregate=True)
def sum_(call: Call) -> Typed:
    """The sum: exact for NUMBER, with 38 digits."""
    value = call.number(0)
    if value.type.kind == "FLOAT":
        return Typed(f"sum({_distinct(call)}{value.sql}){_over(call)}", FLOAT)
    return Typed(f"sum({_distinct(call)}{value.stored}){_over(call)}", number(38, value.type.scale or 0))


@function("AVG", args=1, aggregate=True)
def avg(call: Call) -> Typed:
    """The mean: a NUMBER's has up to six more digits of scale, twelve at most."""
    value = call.number(0)
    if value.type.kind == "FLOAT":
        return Typed(f"avg({_distinct(call)}{value.sql}){_over(call)}", FLOAT)
    scale = value.type.scale or 0
    result = max(scale, min(scale + 6, 12))
    leading = (value.type.precision or 38) - scale
    total = f"sum({_distinct(call)}{value.stored}){_over(call)}"
    rows = f"nullif(count({_distinct(call)}{value.sql}){_over(call)}, 0)"
    kind = number(min(38, leading + result), result)
    text = arithmetic.quotient(total, min(38, leading + 12), scale, f"CAST({rows} AS DECIMAL(18,0))", 0, result, kind)
    return Typed(text, kind)


@function("MIN", "MAX", args=1, aggregate=True)
def extreme(call: Call) -> Typed:
    """The least or greatest value."""
    value = call.arg(0)
    if value.type.has_key:
        return Typed(f"arg_{call.name.lower()}({value.sql}, {order_key(value)}){_over(call)}", value.type)
    return Typed(f"{call.name.lower()}({value.sql}){_over(call)}", value.type, exact=value.exact)


@function("ANY_VALUE", args=1, aggregate=True)
def any_value(call: Call) -> Typed:
    """Some value."""
    value = call.arg(0)
    return Typed(f"first({value.sql}){_over(call)}", value.type, exact=value.exact)


@function("MIN_BY", "MAX_BY", args=(2, 3), aggregate=True)
def extreme_by(call: Call) -> Typed:
    """The value in the row with the least or greatest other value."""
    value, by = call.arg(0), call.arg(1)
    name = {"MIN_BY": "arg_min_null", "MAX_BY": "arg_max_null"}[call.name]
    if len(call) == 3:
        return Typed(
            f"sf_array({name.removesuffix('_null')}({cast(value, VARIANT, call.zone).sql}, {order_key(by)}, "
            f"{int(str(call.constant(2)))}){_over(call)})",
            ARRAY,
        )
    return Typed(f"{name}({value.sql}, {order_key(by)}){_over(call)}", value.type, exact=value.exact)


_STATISTICS = {
    "STDDEV": "stddev_samp",
    "STDDEV_SAMP": "stddev_samp",
    "STDDEV_POP": "stddev_pop",
    "VARIANCE": "var_samp",
    "VAR_SAMP": "var_samp",
    "VARIANCE_SAMP": "var_samp",
    "VAR_POP": "var_pop",
    "VARIANCE_POP": "var_pop",
    "KURTOSIS": "kurtosis",
    "SKEW": "skewness",
}


@function(*_STATISTICS, args=1, aggregate=True)
def statistic(call: Call) -> Typed:
    """A statistic of one variable, as FLOAT."""
    return Typed(f"{_STATISTICS[call.name]}({_distinct(call)}{arithmetic.double(call.number(0))}){_over(call)}", FLOAT)


@function(
    *[
        "CORR",
        "COVAR_POP",
        "COVAR_SAMP",
        "REGR_SLOPE",
        "REGR_INTERCEPT",
        "REGR_R2",
        "REGR_COUNT",
        "REGR_AVGX",
        "REGR_AVGY",
        "REGR_SXX",
        "REGR_SYY",
        "REGR_SXY",
    ],
    args=2,
    aggregate=True,
)
def bivariate(call: Call) -> Typed:
    """A statistic of two variables, as FLOAT."""
    first, second = (arithmetic.double(call.number(index)) for index in (0, 1))
    # DuckDB gives NaN where one of them does not vary; there is no such statistic then.
    made = f"{call.name.lower()}({first}, {second}){_over(call)}"
    return Typed(f"(CASE WHEN NOT isnan(CAST({made} AS DOUBLE)) THEN {made} END)", FLOAT)


@function("MEDIAN", args=1, aggregate=True)
def median(call: Call) -> Typed:
    """The middle value, interpolated."""
    return _percentile(call, "0.5", to_number(call.arg(0), call.zone))


@function("PERCENTILE_CONT", "PERCENTILE_DISC", args=1, aggregate=True)
def percentile(call: Call) -> Typed:
    """The value at a share of the order."""
    if len(call.order) != 1:
        raise SqlCompilationError(f"WITHIN GROUP (ORDER BY …) is needed for function {call.name}.", 2301, "42601")
    share, item = float(str(call.constant(0))), call.order[0]
    value = call.binder.bind(item.this if isinstance(item, exp.Ordered) else item)
    share = 1 - share if isinstance(item, exp.Ordered) and item.args.get("desc") else share
    if call.name == "PERCENTILE_DISC":
        return Typed(f"quantile_disc({value.sql}, {share}){_over(call)}", value.type, exact=value.exact)
    return _percentile(call, str(share), to_number(value, call.zone))


def _percentile(call: Call, share: str, value: Typed) -> Typed:
    text = f"quantile_cont({arithmetic.double(value)}, {share}){_over(call)}"
    if value.type.kind == "FLOAT":
        return Typed(text, FLOAT)
    kind = number(38, min((value.type.scale or 0) + 3, 12))
    return Typed(f"CAST({text} AS {kind.to_duckdb()})", kind)


@function("LISTAGG", "STRING_AGG", args=(1, 2), aggregate=True)
def listagg(call: Call) -> Typed:
    """The values joined by a delimiter; empty text when there are none."""
    value = call.text(0)
    delimiter = call.text(1) if len(call) > 1 else "''"
    order = _order(call)
    if call.distinct and order:
        text = f"array_to_string({_sorted_distinct(call, value)}, {delimiter})"
    else:
        text = f"string_agg({_distinct(call)}{value}, {delimiter}{order}){_over(call)}"
    return Typed(f"coalesce({text}, '')", VARCHAR, False)


def _order(call: Call) -> str:
    return " ORDER BY " + ", ".join(order_item(call.binder, item) for item in call.order) if call.order else ""


def _sorted_distinct(call: Call, value: str) -> str:
    """Distinct values in the order asked, which Snowflake allows for the value itself only."""
    item = call.order[0]
    word = "DESC" if isinstance(item, exp.Ordered) and item.args.get("desc") else "ASC"
    return f"list_sort(list(DISTINCT {value}) FILTER (WHERE {value} IS NOT NULL){_over(call)}, '{word}')"


@function("ARRAY_AGG", "ARRAYAGG", "ARRAY_UNIQUE_AGG", args=1, aggregate=True)
def array_agg(call: Call) -> Typed:
    """The values that are not NULL, as an array."""
    value = cast(call.arg(0), VARIANT, call.zone).sql
    call.distinct = call.distinct or call.name == "ARRAY_UNIQUE_AGG"
    if call.distinct and call.arg(0).type.is_semi_structured:
        inner = f"CAST(py_json_distinct(list(CAST({value} AS VARCHAR)) FILTER (WHERE {value} IS NOT NULL){_over(call)}) AS JSON[])"
    elif call.distinct and call.order:
        item = cast(Typed("e", call.arg(0).type), VARIANT, call.zone).sql
        inner = f"list_transform({_sorted_distinct(call, call.arg(0).stored)}, lambda e: {item})"
    else:
        inner = f"list({_distinct(call)}{value}{_order(call)}) FILTER (WHERE {value} IS NOT NULL){_over(call)}"
    return Typed(f"coalesce(sf_array({inner}), CAST('[]' AS JSON))", ARRAY, False)


@function("ARRAY_UNION_AGG", args=1, aggregate=True)
def array_union_agg(call: Call) -> Typed:
    """The values of all arrays as one array, each as often as the array has it that has it most often."""
    value = f"sf_list({call.cast(0, ARRAY).sql})"
    rows = f"list(CAST({value} AS VARCHAR[])) FILTER (WHERE {value} IS NOT NULL){_over(call)}"
    members = f"CAST(py_json_union({rows}) AS JSON[])"
    return Typed(f"coalesce(sf_array({members}), CAST('[]' AS JSON))", ARRAY, False)


@function("OBJECT_AGG", "OBJECTAGG", args=2, aggregate=True)
def object_agg(call: Call) -> Typed:
    """An object of keys and values; rows with a NULL in either are left out, a key that comes twice is an error (100104)."""
    key, value = call.text(0), cast(call.arg(1), VARIANT, call.zone).sql
    test = f"FILTER (WHERE {key} IS NOT NULL AND {value} IS NOT NULL){_over(call)}"
    if call.distinct:
        pairs = f"list(DISTINCT {{'k': {key}, 'v': CAST({value} AS VARCHAR)}}) {test}"
        keys, values = (
            f"list_transform({pairs}, lambda p: p.k)",
            f"list_transform({pairs}, lambda p: CAST(p.v AS JSON))",
        )
    else:
        keys, values = f"list({key}) {test}", f"list({value}) {test}"
    made = f"sf_unique_object({keys}, {values})"
    return Typed(f"coalesce({made}, CAST('{{}}' AS JSON))", OBJECT, False)


@function("APPROX_TOP_K", args=(1, 3), aggregate=True)
def approx_top_k(call: Call) -> Typed:
    """The most frequent values, each with its count; here the counts are exact."""
    value, most = call.arg(0), int(str(call.constant(1, 1)))
    found = f"map_entries(histogram({value.stored}){_over(call)})"
    ordered = f"list_sort(list_transform({found}, lambda e: {{'n': e.value, 'v': e.key}}), 'DESC')"
    item = cast(Typed("e.v", value.type), VARIANT, call.zone).sql
    return Typed(f"sf_array(list_transform(({ordered})[1:{most}], lambda e: sf_array([{item}, to_json(e.n)])))", ARRAY)


@function("BOOLAND_AGG", "BOOLOR_AGG", args=1, aggregate=True)
def truth(call: Call) -> Typed:
    """Whether all, or some, are true."""
    name = {"BOOLAND_AGG": "bool_and", "BOOLOR_AGG": "bool_or"}[call.name]
    return boolean(f"{name}({call.cast(0, BOOLEAN).sql}){_over(call)}")


@function("BOOLXOR_AGG", args=1, aggregate=True)
def exclusive(call: Call) -> Typed:
    """Whether exactly one is true."""
    return boolean(f"(count(CASE WHEN {call.cast(0, BOOLEAN).sql} THEN 1 END){_over(call)} = 1)")


@function("BITAND_AGG", "BITOR_AGG", "BITXOR_AGG", args=1, aggregate=True)
def bits(call: Call) -> Typed:
    """The bits of all values combined."""
    name = {"BITAND_AGG": "bit_and", "BITOR_AGG": "bit_or", "BITXOR_AGG": "bit_xor"}[call.name]
    return integer(f"{name}(CAST({call.number(0).sql} AS BIGINT)){_over(call)}", 38)


@function("APPROX_COUNT_DISTINCT", "HLL", args=(1, None), aggregate=True)
def approx_count_distinct(call: Call) -> Typed:
    """The number of distinct values; here it is exact."""
    args = call.args()
    text = equality_key(args[0]) if len(args) == 1 else f"({', '.join(map(equality_key, args))})"
    return integer(f"count(DISTINCT {text}){_over(call)}", nullable=False)


@function("APPROX_PERCENTILE", args=2, aggregate=True)
def approx_percentile(call: Call) -> Typed:
    """The value at a share of the order; here it is exact."""
    share = float(str(call.constant(1)))
    return Typed(f"quantile_cont({arithmetic.double(call.number(0))}, {share}){_over(call)}", FLOAT)


@function("MINHASH", args=(2, None), aggregate=True)
def minhash(call: Call) -> Typed:
    """The least of each of some hash functions over the rows, as a state to compare sets by.

    Raises:
        SqlCompilationError: the number of functions is no literal from 1 to 1024 (001015).
    """
    count = call.constant(0)
    if not isinstance(count, int) or not 1 <= count <= 1024:
        raise SqlCompilationError("argument 1 to function MINHASH needs to be between 1 and 1024", 1015, "22023")
    args = [call.arg(index) for index in range(1, len(call))]
    some = " OR ".join(f"{arg.sql} IS NOT NULL" for arg in args)
    rows = f"list(DISTINCT hash({', '.join(arg.stored for arg in args)})) FILTER (WHERE {some}){_over(call)}"
    least = f"list_transform(range({count}), lambda i: list_min(list_transform({rows}, lambda h: hash(h, i))))"
    return Typed(_minhash_state(least), VARIANT)


def _minhash_state(least: str) -> str:
    values = f"array_to_string(list_transform({least}, lambda m: CAST(m AS VARCHAR)), ',')"
    return f'CAST(\'{{"state":[\' || {values} || \'],"type":"minhash","version":1}}\' AS JSON)'


def _minhash_states(call: Call) -> str:
    """The values of all states, as a list of lists."""
    value = cast(call.arg(0), VARIANT, call.zone).sql
    state = f"CAST(json_extract({value}, '$.state') AS UBIGINT[])"
    return f"(list({state}) FILTER (WHERE {value} IS NOT NULL){_over(call)})"


@function("MINHASH_COMBINE", args=1, aggregate=True)
def minhash_combine(call: Call) -> Typed:
    """The state of the rows of all states together."""
    states = _minhash_states(call)
    least = (
        f"list_transform(range(1, len({states}[1]) + 1), lambda i: list_min(list_transform({states}, lambda s: s[i])))"
    )
    return Typed(_minhash_state(least), VARIANT)


@function("APPROXIMATE_SIMILARITY", "APPROXIMATE_JACCARD_INDEX", args=1, aggregate=True)
def approximate_similarity(call: Call) -> Typed:
    """The share of the hash functions that all states agree in: about how much their sets have in common."""
    states = _minhash_states(call)
    places = f"range(1, len({states}[1]) + 1)"
    alike = f"list_filter({places}, lambda i: len(list_distinct(list_transform({states}, lambda s: s[i]))) = 1)"
    return Typed(f"(CAST(len({alike}) AS DOUBLE) / len({states}[1]))", FLOAT)


@function("MODE", args=1, aggregate=True)
def mode(call: Call) -> Typed:
    """The most frequent value."""
    value = call.arg(0)
    if value.type.is_semi_structured:
        return Typed(f"CAST(mode({equality_key(value)}){_over(call)} AS JSON)", value.type)
    return Typed(f"mode({value.sql}){_over(call)}", value.type, exact=value.exact)


@function("HASH_AGG", args=(1, None), aggregate=True)
def hash_agg(call: Call) -> Typed:
    """A number that is the same for the same rows in any order (not Snowflake's own number)."""
    text = ", ".join(map(equality_key, call.args()))
    return integer(f"bit_xor(CAST(hash({text}) // 2 AS BIGINT)){_over(call)}", 19)


@function("GROUPING", "GROUPING_ID", args=(1, None), aggregate=True)
def grouping(call: Call) -> Typed:
    """Which of the columns a row of GROUPING SETS, CUBE or ROLLUP is not grouped by."""
    return integer(f"grouping({', '.join(map(equality_key, call.args()))})", nullable=False)
