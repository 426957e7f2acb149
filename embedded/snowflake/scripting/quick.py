"""Expressions so simple that they need no query: whole numbers, texts and truth values of variables and literals.

Counting and comparing in loops is most of what blocks compute. What is not certain to be as a query would have it (NULL, other
types, an overflow) is left to the query.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot import exp

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.scripting.values import Frame, Slot, Value
from embedded.snowflake.sql.parse import parse_expression
from embedded.snowflake.sql.scope import name_of
from embedded.snowflake.types import BOOLEAN, NUMBER, VARCHAR

_MOST = 10**38
_ARITHMETIC: dict[type, Callable[[int, int], int]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
}
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
_LOGIC = (exp.And, exp.Or)
_KNOWN = (*_ARITHMETIC, *_COMPARISONS, *_LOGIC, exp.Not, exp.Paren, exp.DPipe, exp.Column, exp.Placeholder, exp.Literal)


class _Unsure(Exception):
    """The query knows better."""


@lru_cache(maxsize=2048)
def _tree(text: str) -> exp.Expr | None:
    """The expression, if all of it is of the simple kind and has a variable."""
    try:
        tree = parse_expression(text)
    except SnowflakeError:
        return None
    parts = [node for node in tree.walk() if not isinstance(node, exp.Identifier)]
    has_variable = any(isinstance(node, exp.Column | exp.Placeholder) for node in parts)
    return tree if has_variable and all(type(node) in _KNOWN for node in parts) else None


def quick_value(text: str, frame: Frame) -> Value | None:
    """The value of a simple expression; None if it takes a query."""
    tree = _tree(text)
    if tree is None:
        return None
    try:
        value = _compute(tree, frame)
    except _Unsure:
        return None
    kind = BOOLEAN if isinstance(value, bool) else NUMBER if isinstance(value, int) else VARCHAR
    return Value(kind, value)


def _compute(node: exp.Expr, frame: Frame) -> Any:
    kind = type(node)
    if kind is exp.Paren:
        return _compute(node.this, frame)
    if kind is exp.Literal:
        return _literal(node)
    if kind in (exp.Column, exp.Placeholder):
        return _variable(node, frame)
    if kind is exp.Not:
        return not _of(bool, _compute(node.this, frame))
    left, right = _compute(node.this, frame), _compute(node.expression, frame)
    if kind in _ARITHMETIC:
        found = _ARITHMETIC[kind](_of(int, left), _of(int, right))
        return found if abs(found) < _MOST else _unsure()
    if kind in _COMPARISONS:
        return _COMPARISONS[kind](left, _of(type(left), right))
    if kind is exp.DPipe:
        return _text(left) + _text(right)
    both = _of(bool, left), _of(bool, right)
    return all(both) if kind is exp.And else any(both)


def _literal(node: exp.Expr) -> Any:
    if node.args.get("is_string"):
        return node.this
    return int(node.this) if node.this.isdigit() and len(node.this) < 38 else _unsure()


def _variable(node: exp.Expr, frame: Frame) -> Any:
    if isinstance(node, exp.Column) and len(node.parts) != 1:
        _unsure()
    name = name_of(node.this) if isinstance(node, exp.Column) else node.name.upper()
    found = frame.find(name)
    if not isinstance(found, Slot):
        raise _Unsure
    kind, value = found.value.type, found.value.value
    if kind.kind == "VARCHAR" or kind.kind == "BOOLEAN" or (kind.kind == "NUMBER" and not kind.scale):
        return value if type(value) in (str, bool, int) else _unsure()
    return _unsure()


def _of(kind: type, value: Any) -> Any:
    return value if type(value) is kind else _unsure()


def _text(value: Any) -> str:
    return str(value) if type(value) in (str, int) else _unsure()


def _unsure() -> Any:
    raise _Unsure
