"""OVER clauses and ORDER BY items, with Snowflake's order of NULLs (last when ascending, first when descending)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.sql.coerce import equality_key, order_key
from embedded.snowflake.sql.parse import MARK, NTH_FROM_LAST
from embedded.snowflake.sql.typed import INTERVAL

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions
    from embedded.snowflake.sql.functions.registry import Call

# Without a frame these take the whole partition, where SQL's default would end at the current row.
_WHOLE_PARTITION = {"FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", NTH_FROM_LAST}
_ORDERED = _WHOLE_PARTITION | {
    *("ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD"),
    *("CONDITIONAL_TRUE_EVENT", "CONDITIONAL_CHANGE_EVENT"),
}
_WHOLE = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


def order_item(binder: Expressions, item: exp.Expr, by_range: bool = False) -> str:
    """One item of an ORDER BY; for a frame by RANGE in a form that intervals are added to."""
    ordered = item if isinstance(item, exp.Ordered) else None
    value = binder.bind(ordered.this if ordered is not None else item)
    text = f"sf_tz_instant({value.sql})" if by_range and value.type.kind == "TIMESTAMP_TZ" else order_key(value)
    return f"{text}{direction(ordered) if ordered is not None else ' ASC NULLS LAST'}"


def direction(item: exp.Expr) -> str:
    """`ASC NULLS LAST` and the like, of an ORDER BY item."""
    word = " DESC" if item.args.get("desc") else " ASC"
    return word + (" NULLS FIRST" if item.args.get("nulls_first") else " NULLS LAST")


def over_clause(binder: Expressions, node: exp.Expr, call: Call) -> str:
    """The text of OVER (…), with a leading space.

    Raises:
        SqlCompilationError: the function means nothing without an order, and none is given (002303).
    """
    if call.name in _ORDERED and not node.args.get("order"):
        name = "NTH_VALUE" if call.name == NTH_FROM_LAST else call.name
        raise SqlCompilationError(
            f"Window function type [{name}] requires ORDER BY in window specification.", 2303, "42601"
        )
    parts = []
    if node.args.get("partition_by"):
        parts.append("PARTITION BY " + ", ".join(equality_key(binder.bind(item)) for item in node.args["partition_by"]))
    order = node.args.get("order")
    spec = node.args.get("spec")
    items = [item for item in order.expressions if not _is_sequence(item)] if order is not None else []
    if items:
        by_range = spec is not None and str(spec.args.get("kind") or "").upper() == "RANGE"
        parts.append("ORDER BY " + ", ".join(order_item(binder, item, by_range) for item in items))
    if spec is not None:
        parts.append(_frame(binder, spec))
    elif call.name in _WHOLE_PARTITION:
        parts.append(_WHOLE)
    return f" OVER ({' '.join(parts)})"


def _is_sequence(item: exp.Expr) -> bool:
    """Whether an ORDER BY item is SEQ8() and the like: the order of the rows as they come, which is there without it."""
    call = item.this if isinstance(item, exp.Ordered) else item
    return isinstance(call, exp.Anonymous) and call.name.replace(MARK, "").upper() in ("SEQ1", "SEQ2", "SEQ4", "SEQ8")


def _frame(binder: Expressions, spec: exp.Expr) -> str:
    kind = str(spec.args.get("kind") or "ROWS").upper()
    start = _bound(binder, spec.args.get("start"), spec.args.get("start_side"))
    end = _bound(binder, spec.args.get("end"), spec.args.get("end_side")) if spec.args.get("end") else "CURRENT ROW"
    return f"{kind} BETWEEN {start} AND {end}"


def _bound(binder: Expressions, bound: exp.Expr | str | None, side: str | None) -> str:
    if bound is None or isinstance(bound, str):
        return f"{bound or 'CURRENT ROW'} {side or ''}".strip()
    value = binder.bind(bound)
    if not value.is_constant and value.type is not INTERVAL:
        raise SqlCompilationError("Sliding window frame needs a constant offset.", 2303, "42601")
    return f"{value.sql} {side}"
