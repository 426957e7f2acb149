"""Functions that need OVER."""

from __future__ import annotations

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.sql.coerce import cast, common
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.parse import NTH_FROM_LAST
from embedded.snowflake.sql.typed import Typed, integer
from embedded.snowflake.types import BOOLEAN, FLOAT


@function("ROW_NUMBER", "RANK", "DENSE_RANK", args=0, window=True)
def rank(call: Call) -> Typed:
    """The row's number or rank."""
    return integer(f"{call.name.lower()}(){call.over}", nullable=False)


@function("PERCENT_RANK", "CUME_DIST", args=0, window=True)
def share(call: Call) -> Typed:
    """The row's rank as a share."""
    return Typed(f"{call.name.lower()}(){call.over}", FLOAT, False)


@function("NTILE", args=1, window=True)
def ntile(call: Call) -> Typed:
    """The row's bucket."""
    return integer(f"ntile({call.arg(0).sql}){call.over}")


def _nulls(call: Call) -> str:
    return " IGNORE NULLS" if call.ignore_nulls else ""


@function("LAG", "LEAD", args=(1, 3), window=True)
def shifted(call: Call) -> Typed:
    """The value in a row before or after."""
    value = call.arg(0)
    offset = call.constant(1, 1)
    if not isinstance(offset, int):
        raise SqlCompilationError(f"argument 2 to function {call.name} needs to be constant", 1015, "42601")
    if len(call) < 3:
        return Typed(
            f"{call.name.lower()}({value.sql}, {offset}{_nulls(call)}){call.over}", value.type, exact=value.exact
        )
    default = call.arg(2)
    kind = common([value.type, default.type], call.name)
    args = f"{cast(value, kind, call.zone).stored}, {offset}, {cast(default, kind, call.zone).stored}"
    return Typed(f"{call.name.lower()}({args}{_nulls(call)}){call.over}", kind)


@function("FIRST_VALUE", "LAST_VALUE", args=1, window=True)
def end_value(call: Call) -> Typed:
    """The first or last value of the frame, by default the whole partition."""
    value = call.arg(0)
    return Typed(f"{call.name.lower()}({value.sql}{_nulls(call)}){call.over}", value.type, exact=value.exact)


@function("NTH_VALUE", args=2, window=True)
def nth_value(call: Call) -> Typed:
    """The nth value of the frame."""
    value = call.arg(0)
    return Typed(f"nth_value({value.sql}, {call.arg(1).sql}{_nulls(call)}){call.over}", value.type, exact=value.exact)


@function(NTH_FROM_LAST, args=2, window=True)
def nth_value_from_last(call: Call) -> Typed:
    """The nth value of the frame from its end."""
    value, place = call.arg(0), call.constant(1)
    if not isinstance(place, int) or place < 1:
        raise SqlCompilationError("argument 2 to function NTH_VALUE needs to be a positive constant", 1015, "42601")
    items = f"list({value.sql}){call.over}"
    if call.ignore_nulls:
        items = f"list_filter({items}, lambda x: x IS NOT NULL)"
    return Typed(f"({items})[-{place}]", value.type, exact=value.exact)


@function("RATIO_TO_REPORT", args=1, window=True)
def ratio_to_report(call: Call) -> Typed:
    """The value's share of the partition's sum."""
    from embedded.snowflake.sql import arithmetic
    from embedded.snowflake.sql.typed import number

    value = call.number(0)
    total = Typed(f"nullif(sum({value.stored}){call.over}, 0)", number(38, value.type.scale or 0))
    if value.type.kind == "FLOAT":
        total = Typed(f"nullif(sum({value.sql}){call.over}, 0)", FLOAT)
    return arithmetic.divide(value, total)


@function("CONDITIONAL_TRUE_EVENT", args=1, window=True)
def conditional_true_event(call: Call) -> Typed:
    """The number of rows so far for which the condition holds."""
    return integer(f"count(CASE WHEN {call.cast(0, BOOLEAN).sql} THEN 1 END){call.over}")


@function("CONDITIONAL_CHANGE_EVENT", args=1, window=True)
def conditional_change_event(call: Call) -> Typed:
    """The number of rows so far whose value is another than that of the row before; a NULL is no other value.

    DuckDB has no window function of a window function: the value before is taken beside the rows that the query reads. Where they
    are grouped first, the values so far are looked at as a list.
    """
    value, beside = call.arg(0).sql, call.binder.beside
    if beside is not None:
        shifted_text = f"lag({value}){call.over}"
        name = (
            next((name for name, text in beside.items() if text == shifted_text), None) or call.binder.context.alias()
        )
        beside[name] = shifted_text
        return integer(f"count(CASE WHEN {value} <> {name} THEN 1 END){call.over}", nullable=False)
    values = f"list({call.arg(0).sql}){call.over}"
    pairs = f"list_zip({values}, ({values})[2:])"
    return integer(f"len(list_filter({pairs}, lambda p: p[1] <> p[2]))", nullable=False)
