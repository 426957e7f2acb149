"""A call's arguments as they are written: named ones, DISTINCT, `*` for columns, IGNORE NULLS inside the parentheses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.sql.functions.registry import Call

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions

# These read a `*` themselves.
_STAR_READERS = {"OBJECT_CONSTRUCT", "OBJECT_CONSTRUCT_KEEP_NULL"}


def read_call(name: str, written: list[exp.Expr], binder: Expressions) -> Call:
    """The call of a function with its arguments; a `*` stands for the columns it means, but in COUNT(*) for rows."""
    call = Call(name, [], binder)
    for argument in written:
        if isinstance(argument, exp.Kwarg):
            call.named[argument.this.name.upper()] = argument.expression
        elif isinstance(argument, exp.Distinct):
            call.distinct = True
            for item in argument.expressions:
                _add(call, item)
        elif isinstance(argument, exp.IgnoreNulls | exp.RespectNulls):
            call = replace(call, ignore_nulls=isinstance(argument, exp.IgnoreNulls))
            _add(call, argument.this)
        else:
            _add(call, argument)
    return call


def _add(call: Call, node: exp.Expr) -> None:
    if not node.is_star or call.name in _STAR_READERS or (call.name == "COUNT" and _is_all_rows(node)):
        call.nodes.append(node)
        return
    from embedded.snowflake.sql.select import expand_star

    for _, value in expand_star(node, call.binder):
        call.bound[len(call.nodes)] = value
        call.nodes.append(node)


def _is_all_rows(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) and not any(node.args.values())
