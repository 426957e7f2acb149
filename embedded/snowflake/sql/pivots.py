"""PIVOT and UNPIVOT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import unsupported
from embedded.snowflake.sql.scope import Relation

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions


def bind_pivots(node: exp.Expression, relation: Relation, binder: Expressions) -> Relation:
    """The relation with the PIVOTs and UNPIVOTs of its FROM item done, in order."""
    for pivot in node.args.get("pivots") or []:
        relation = _unpivot(pivot, relation, binder) if pivot.args.get("unpivot") else _pivot(pivot, relation, binder)
    return relation


def _pivot(pivot: exp.Expression, relation: Relation, binder: Expressions) -> Relation:
    raise unsupported("PIVOT")


def _unpivot(pivot: exp.Expression, relation: Relation, binder: Expressions) -> Relation:
    raise unsupported("UNPIVOT")
