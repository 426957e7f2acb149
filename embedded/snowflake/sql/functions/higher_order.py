"""FILTER, TRANSFORM and REDUCE: functions over arrays that take a lambda (`x -> x * 2`, `x int -> x > 1`)."""

from __future__ import annotations

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.scope import Scope, name_of
from embedded.snowflake.sql.typed import Typed, number
from embedded.snowflake.types import ARRAY, BOOLEAN, VARIANT


def _list(call: Call) -> str:
    return f"sf_list({cast(call.arg(0), VARIANT, call.zone).sql})"


def _lambda(call: Call, index: int, count: int) -> tuple[list[str], Typed]:
    """The names of a lambda's parameters in DuckDB, and its body.

    Raises:
        SqlCompilationError: the argument is no lambda of so many parameters (001044).
    """
    from embedded.snowflake.sql.expressions import Expressions

    node, binder = call.nodes[index], call.binder
    if not isinstance(node, exp.Lambda) or len(node.expressions) != count:
        raise SqlCompilationError(f"Invalid lambda expression for function '{call.name}'", 1044, "42P13")
    names = [name_of(parameter) for parameter in node.expressions]
    aliases = [binder.context.alias() for _ in names]
    scope = Scope(parent=binder.scope)
    scope.bound_aliases = {name: Typed(alias, VARIANT) for name, alias in zip(names, aliases, strict=True)}
    body = node.this.copy()

    def to_column(part: exp.Expr) -> exp.Expr:
        is_parameter = isinstance(part, exp.Identifier) and name_of(part) in names
        return exp.Column(this=part.copy()) if is_parameter and not isinstance(part.parent, exp.Column) else part

    body = body.transform(to_column)
    return aliases, Expressions(binder.context, scope, binder.bind_query).bind(body)


@function("FILTER", args=2)
def filter_(call: Call) -> Typed:
    """The elements for which a condition holds."""
    (name,), body = _lambda(call, 1, 1)
    test = cast(body, BOOLEAN, call.zone).sql
    return Typed(f"sf_array(list_filter({_list(call)}, lambda {name}: {test}))", ARRAY)


@function("TRANSFORM", args=2)
def transform(call: Call) -> Typed:
    """What an expression makes of each element."""
    (name,), body = _lambda(call, 1, 1)
    made = f"coalesce({cast(body, VARIANT, call.zone).sql}, CAST('null' AS JSON))"
    return Typed(f"sf_array(list_transform({_list(call)}, lambda {name}: {made}))", ARRAY)


@function("REDUCE", args=3)
def reduce(call: Call) -> Typed:
    """What an expression makes of a value and each element in turn."""
    first = call.arg(1)
    kind = number(38, max(first.type.scale or 0, 0)) if first.type.kind == "NUMBER" else first.type
    (total, item), body = _lambda(call, 2, 2)
    step = cast(cast(body, kind, call.zone), VARIANT, call.zone).sql
    start = cast(cast(first, kind, call.zone), VARIANT, call.zone).sql
    made = f"list_reduce({_list(call)}, lambda {total}, {item}: {step}, {start})"
    return cast(Typed(made, VARIANT), kind, call.zone)
