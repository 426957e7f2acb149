"""SQL user-defined functions: the body takes the call's place, with the arguments in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions
    from embedded.snowflake.sql.typed import Typed


def bind_user_function(
    binder: Expressions, node: exp.Expression, name: str, nodes: list[exp.Expression]
) -> Typed | None:
    """A call of a user-defined function, or None if there is none of that name."""
    return None
