"""Outer joins written with `(+)` in WHERE, as joins: `FROM a, b WHERE a.x = b.x(+)` is `a LEFT JOIN b ON a.x = b.x`."""

from __future__ import annotations

import re

from sqlglot import exp

from embedded.snowflake.errors import unsupported
from embedded.snowflake.names import canonical

_MARK = re.compile(r"\(\s*\+\s*\)")


def join_marked(tree: exp.Expr, text: str) -> None:
    """Make joins of the marks in all queries of a parsed text.

    Raises:
        SnowflakeError: a mark stands where no such join can be made of it (000002).
    """
    if _MARK.search(text):
        for select in list(tree.find_all(exp.Select)):
            _join(select)


def _join(node: exp.Expr) -> None:
    """Make conditions of outer joins of a SELECT's marked conditions.

    Raises:
        SnowflakeError: a mark stands where no such join can be made of it (000002).
    """
    where = node.args.get("where")
    if where is None or not any(_is_marked(column) for column in where.find_all(exp.Column)):
        return
    kept: list[exp.Expr] = []
    outer: dict[str, list[exp.Expr]] = {}
    for condition in _conjuncts(node.args["where"].this):
        marked = {_table(column) for column in condition.find_all(exp.Column) if _is_marked(column)}
        if not marked:
            kept.append(condition)
            continue
        if len(marked) > 1 or condition.find(exp.Or, exp.Query):
            raise unsupported("(+) beside OR, a subquery, or on two tables in one condition")
        outer.setdefault(marked.pop(), []).append(condition)
    before = {_alias(node.args["from_"].this)}
    for join in node.args.get("joins") or []:
        name = _alias(join.this)
        if name in outer:
            _make_outer(join, outer.pop(name), before | {name})
        before.add(name)
    if outer:
        raise unsupported(f"(+) on {next(iter(outer))}, which is the first table of FROM or none of it")
    node.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)


def _name(identifier: exp.Expr) -> str:
    return canonical(identifier.name, bool(identifier.args.get("quoted")))


def _is_marked(column: exp.Expr) -> bool:
    return bool(column.args.get("join_mark"))


def _table(column: exp.Expr) -> str:
    if not column.args.get("table"):
        raise unsupported("(+) after a column without its table's name")
    return _name(column.args["table"])


def _alias(item: exp.Expr) -> str:
    alias = item.args.get("alias")
    if alias is not None:
        return _name(alias.this)
    return _name(item.this) if isinstance(item.this, exp.Identifier) else ""


def _conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _make_outer(join: exp.Expr, conditions: list[exp.Expr], known: set[str]) -> None:
    """Make a join by comma a LEFT JOIN on the conditions, which name tables up to it only."""
    if any(join.args.get(key) for key in ("on", "using", "side", "method", "kind")):
        raise unsupported("(+) beside joins that are written with JOIN")
    for condition in conditions:
        for column in condition.find_all(exp.Column):
            if _table(column) not in known:
                raise unsupported("(+) where the other table comes later in FROM, or has no name")
            column.set("join_mark", False)
    join.set("side", "LEFT")
    join.set("on", exp.and_(*conditions))
