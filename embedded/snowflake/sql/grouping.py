"""GROUP BY over VARIANT: rows belong together by the amount of a number, whatever its kind; what a group shows is of one of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.sql.coerce import equality_key
from embedded.snowflake.sql.placement import has_aggregate

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions
    from embedded.snowflake.sql.typed import Typed

SETS = {exp.Rollup: "ROLLUP", exp.Cube: "CUBE", exp.GroupingSets: "GROUPING SETS"}


def grouped_variants(node: exp.Expr, binder: Expressions) -> dict[str, str]:
    """What stands in the groups' rows of a SELECT for each VARIANT that it is grouped by, by the VARIANT's own text."""
    group = node.args.get("group")
    if group is None:
        return {}
    has_sets = group.find(*SETS) is not None
    made = {}
    for value in _all_keys(node, binder) if group.args.get("all") else _keys(node, binder):
        if value.type.has_key and not value.is_constant:
            some = f"first({value.sql})"
            made[value.sql] = f"(CASE WHEN grouping({equality_key(value)}) = 0 THEN {some} END)" if has_sets else some
    return made


def all_keys(node: exp.Expr, binder: Expressions) -> str:
    """The text of the keys of GROUP BY ALL; DuckDB finds them itself where none is a VARIANT."""
    keys = list(_all_keys(node, binder))
    if not any(value.type.has_key for value in keys):
        return "ALL"
    return ", ".join(equality_key(value) for value in keys if not value.is_constant)


def _all_keys(node: exp.Expr, binder: Expressions) -> Iterator[Typed]:
    from embedded.snowflake.sql.select import expand_star

    for item in node.expressions:
        if item.is_star:
            yield from (value for _, value in expand_star(item, binder))
        elif not has_aggregate(item):
            yield binder.bind(item)


def _keys(node: exp.Expr, binder: Expressions) -> Iterator[Typed]:
    """The keys that can be bound: what is wrong with another is told where it stands."""
    for item in _items(node.args["group"]):
        target = item
        if isinstance(item, exp.Literal) and item.name.isdigit() and 1 <= int(item.name) <= len(node.expressions):
            target = node.expressions[int(item.name) - 1]
        try:
            yield binder.bind(target)
        except SnowflakeError:
            continue


def _items(group: exp.Expr) -> Iterator[exp.Expr]:
    for item in [
        *group.expressions,
        *(one for key in ("rollup", "cube", "grouping_sets") for one in group.args.get(key) or []),
    ]:
        for member in item.expressions if isinstance(item, tuple(SETS)) else [item]:
            for key in member.expressions if isinstance(member, exp.Tuple) else [member]:
                yield key.this if isinstance(key, exp.Paren) else key
