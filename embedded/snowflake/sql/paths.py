"""Paths into VARIANT values: `v:a.b[0]`, `v['a']`, `v[0]`.

Keys are case-sensitive, as in Snowflake; a path that leads nowhere gives NULL. A JSON null stays one inside a VARIANT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import literal
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import VARCHAR, VARIANT

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions


def json_path(keys: list[str | int]) -> str:
    """A DuckDB JSON path of keys and positions."""
    steps = (f"[{key}]" if isinstance(key, int) else '."' + key.replace('"', '""') + '"' for key in keys)
    return "$" + "".join(steps)


def extract(value: Typed, keys: list[str | int]) -> Typed:
    """The element that a path leads to, as VARIANT."""
    return Typed(f"sf_get({value.sql}, {literal(json_path(keys))})", VARIANT)


def bind_path(binder: Expressions, node: exp.Expr) -> Typed:
    """`v:a.b[0]`."""
    value = semi_structured(binder.bind(node.this))
    keys: list[str | int] = []
    for step in node.expression.expressions if isinstance(node.expression, exp.JSONPath) else [node.expression]:
        if isinstance(step, exp.JSONPathKey):
            keys.append(str(step.this))
        elif isinstance(step, exp.JSONPathSubscript):
            keys.append(step.this if isinstance(step.this, int) else str(step.this))
        elif isinstance(step, exp.Literal):
            keys.append(step.name)
    return extract(value, keys)


def semi_structured(value: Typed) -> Typed:
    """The value, if a path may lead into it.

    Raises:
        SqlCompilationError: it is no VARIANT, OBJECT or ARRAY (001044).
    """
    if value.is_null:
        return cast(value, VARIANT)
    if not value.type.is_semi_structured:
        raise SqlCompilationError(f"Invalid argument types for function 'GET': ({value.type}, VARCHAR)", 1044, "42P13")
    return value


def bind_bracket(binder: Expressions, node: exp.Expr) -> Typed:
    """`v['key']` and `v[0]`."""
    value = semi_structured(binder.bind(node.this))
    for item in node.expressions:
        value = element(value, binder.bind(item), binder.context.zone)
    return value


def element(value: Typed, key: Typed, zone: str) -> Typed:
    """The element under a key (text) or at a position (number), as GET does."""
    if key.is_constant and isinstance(key.value, int | str) and not isinstance(key.value, bool):
        if isinstance(key.value, int) and key.value < 0:
            return Typed("CAST(NULL AS JSON)", VARIANT)
        return extract(value, [key.value])
    if key.type.kind in ("NUMBER", "FLOAT"):
        return Typed(f"sf_get({value.sql}, '$[' || CAST({key.sql} AS BIGINT) || ']')", VARIANT)
    text = cast(key, VARCHAR, zone).sql
    return Typed(f"sf_get({value.sql}, '$.\"' || replace({text}, '\"', '\"\"') || '\"')", VARIANT)
