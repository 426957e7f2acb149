"""Where aggregates, window functions and columns that are not grouped may stand in a SELECT: Snowflake's refusals, by name.

DuckDB refuses most of this too, with its own names; here an error tells the column and the call as they were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import SnowflakeError, SqlCompilationError
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.sql.functions.registry import FUNCTIONS
from embedded.snowflake.sql.parse import MARK
from embedded.snowflake.sql.scope import name_of, place_of
from embedded.snowflake.sql.typed import Typed

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions

_NO_AGGREGATE = {"GROUPING", "GROUPING_ID"}
# A chain of aliases that is deeper is one of an alias that means itself.
_DEEPEST = 200
_MODIFIERS = (exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Filter)


def check_placement(node: exp.Expr, binder: Expressions) -> None:
    """Make sure that a SELECT's aggregates, window functions and columns stand where they may.

    Raises:
        SqlCompilationError: an aggregate (002035) or window function (002303) in a clause that has none, one inside the other,
            a column that is neither grouped nor aggregated (001104, or 000979 without a GROUP BY).
    """
    where = node.args.get("where")
    if where is not None:
        _check_filter(where.this, binder, "where clause")
    for join in node.args.get("joins") or []:
        if join.args.get("on") is not None:
            _check_filter(join.args["on"], binder, "ON clause")
    clauses = [node.args[key].this for key in ("having", "qualify") if node.args.get(key) is not None]
    order = node.args.get("order")
    ordered = [item.this if isinstance(item, exp.Ordered) else item for item in order.expressions] if order else []
    roots = [*node.expressions, *clauses, *ordered]
    for root in roots:
        _check_nesting(root, binder)
    group = node.args.get("group")
    if group is not None and (group.args.get("all") or (_has_star(node) and group.find(exp.Literal))):
        # What a `*` stands for has no node here, so a position after it tells nothing: DuckDB looks at that.
        return
    if group is None and node.args.get("having") is None and not any(has_aggregate(root) for root in roots):
        return
    _Grouped(node, binder).check(clauses)


def _has_star(node: exp.Expr) -> bool:
    return any(item.is_star for item in node.expressions)


def own_nodes(root: exp.Expr) -> Iterator[exp.Expr]:
    """A tree's nodes, without those of subqueries."""
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, exp.Query):
            continue
        yield node
        todo += reversed(list(node.iter_expressions()))


def is_aggregate(node: exp.Expr) -> bool:
    """Whether a node is a call of an aggregate, of which OVER would make a window function."""
    if not isinstance(node, exp.Anonymous):
        return False
    name = node.name.replace(MARK, "").upper()
    found = FUNCTIONS.get(name)
    if found is None or not found.aggregate or name in _NO_AGGREGATE:
        return False
    outer = node.parent
    while isinstance(outer, _MODIFIERS):
        outer = outer.parent
    return not (isinstance(outer, exp.Window) and outer.this is not None and _inner_call(outer) is node)


def _inner_call(node: exp.Expr) -> exp.Expr:
    """The call inside OVER, WITHIN GROUP or IGNORE NULLS."""
    inner = node.this
    while isinstance(inner, _MODIFIERS):
        inner = inner.this
    return inner


def has_aggregate(root: exp.Expr) -> bool:
    """Whether an expression has an aggregate of its own SELECT in it."""
    return any(is_aggregate(node) for node in own_nodes(root))


def _check_filter(root: exp.Expr, binder: Expressions, clause: str) -> None:
    for node in own_nodes(root):
        target = _aliased(node, binder) or node
        if isinstance(target, exp.Window):
            raise _misplaced_window(target, binder)
        if is_aggregate(target) and target is not node:
            line, column = place_of(node)
            raise SqlCompilationError(
                f"error line {line} at position {column}\n"
                f"aggregate function alias '{name_of(node.this)}' cannot be used in the WHERE clause",
                2035,
                "42601",
            )
        if is_aggregate(node):
            raise SqlCompilationError(
                f"Invalid aggregate function in {clause} [{written(node, binder)}]", 2035, "42601"
            )


def _aliased(node: exp.Expr, binder: Expressions) -> exp.Expr | None:
    """The expression that a name means which no source has, but the select list."""
    if not isinstance(node, exp.Column) or node.args.get("table") or not isinstance(node.this, exp.Identifier):
        return None
    name = name_of(node.this)
    if name not in binder.scope.aliases or any(source.find(name) is not None for source in binder.scope.sources):
        return None
    return binder.scope.aliases[name]


def _misplaced_window(node: exp.Expr, binder: Expressions) -> SqlCompilationError:
    return SqlCompilationError(
        f"Window function [{written(node, binder)}] appears outside of SELECT, QUALIFY, and ORDER BY clauses.",
        2303,
        "42601",
    )


def _check_nesting(root: exp.Expr, binder: Expressions) -> None:
    for node in own_nodes(root):
        if not is_aggregate(node):
            continue
        for inner in own_nodes(node):
            if isinstance(inner, exp.Window):
                raise SqlCompilationError(
                    f"Window function [{written(inner, binder)}] may not appear inside an aggregate function.",
                    2303,
                    "42601",
                )
            if inner is not node and is_aggregate(inner):
                raise SqlCompilationError(
                    f"Aggregate functions cannot be nested: [{written(inner, binder)}] nested in [{written(node, binder)}]",
                    2035,
                    "42601",
                )


class _Grouped:
    """A SELECT with groups: what each of its expressions may be made of."""

    def __init__(self, node: exp.Expr, binder: Expressions) -> None:
        self.node, self.binder = node, binder
        self.keys = {text for key in self._key_nodes() if (text := self._text(key))}
        self.has_keys = node.args.get("group") is not None

    def check(self, clauses: list[exp.Expr]) -> None:
        """Check the select list, then HAVING and QUALIFY."""
        for item in self.node.expressions:
            self._visit(item.this if isinstance(item, exp.Alias) else item, [], self.has_keys)
        for clause in clauses:
            self._visit(clause, [], False)

    def _key_nodes(self) -> Iterator[exp.Expr]:
        group = self.node.args.get("group")
        if group is None:
            return
        for item in [
            *group.expressions,
            *(s for k in ("rollup", "cube", "grouping_sets") for s in group.args.get(k) or []),
        ]:
            members = item.expressions if isinstance(item, exp.Rollup | exp.Cube | exp.GroupingSets) else [item]
            for member in members:
                for key in member.expressions if isinstance(member, exp.Tuple) else [member]:
                    yield self._key(key.this if isinstance(key, exp.Paren) else key)

    def _key(self, node: exp.Expr) -> exp.Expr:
        """What a GROUP BY item is grouped by: itself, or the column of the select list that it means."""
        target = _aliased(node, self.binder) or node
        if isinstance(node, exp.Literal) and node.name.isdigit():
            if not 1 <= int(node.name) <= len(self.node.expressions):
                raise _not_a_key(node.name)
            target = self.node.expressions[int(node.name) - 1]
        target = target.this if isinstance(target, exp.Alias) else target
        for inner in own_nodes(target):
            if isinstance(inner, exp.Window):
                raise _misplaced_window(inner, self.binder)
            if is_aggregate(inner):
                raise _not_a_key(written(inner, self.binder))
        return target

    def _text(self, node: exp.Expr) -> str:
        """The expression as bound, by which two are the same; empty for what cannot be bound by itself."""
        try:
            return without_own_aliases(self.binder.bind(node).sql)
        except SnowflakeError:
            return ""

    def _visit(self, node: exp.Expr, around: list[exp.Expr], in_list: bool) -> None:
        call = _inner_call(node) if isinstance(node, _MODIFIERS) else node
        if isinstance(node, exp.Query | exp.Lambda) or is_aggregate(call):
            return
        if isinstance(node, exp.Column):
            self._visit_column(node, around, in_list)
            return
        children = _window_parts(node) if isinstance(node, exp.Window) else node.iter_expressions()
        for child in children:
            self._visit(child, [*around, node], in_list)

    def _visit_column(self, node: exp.Column, around: list[exp.Expr], in_list: bool) -> None:
        target = _aliased(node, self.binder)
        if target is not None:
            if len(around) < _DEEPEST:
                self._visit(target, [*around, node], in_list)
            return
        if not isinstance(node.this, exp.Identifier):
            return
        value = self.binder.scope.column(name_of(node.this), tuple(name_of(part) for part in node.parts[:-1]))
        # Only now what it is part of is looked at: most columns are keys themselves.
        if value is None or value.sql in self.keys or any(self._text(outer) in self.keys for outer in around):
            return
        name = column_name(node, value, self.binder)
        if not in_list:
            raise _not_a_key(name)
        line, column = place_of(node)
        raise SqlCompilationError(
            f"error line {line} at position {column}\n"
            f"'{name}' in select clause is neither an aggregate nor in the group by clause.",
            1104,
            "42601",
        )


def without_own_aliases(text: str) -> str:
    """A text with the aliases that its subqueries made numbered anew: the same expression bound twice has one text."""
    if "(SELECT " not in text:
        return text
    own = {alias: f"own{place}" for place, alias in enumerate(dict.fromkeys(_OWN_ALIAS.findall(text)))}
    return _ALIAS.sub(lambda found: own.get(found[0], found[0]), text)


_OWN_ALIAS, _ALIAS = re.compile(r"\bAS (s\d+)\b"), re.compile(r"\bs\d+\b")


def _window_parts(node: exp.Expr) -> list[exp.Expr]:
    """What a window function reads: its arguments, partitions and order."""
    order = node.args.get("order")
    arguments = _inner_call(node).iter_expressions()
    return [*arguments, *(node.args.get("partition_by") or []), *(order.expressions if order is not None else [])]


def _not_a_key(name: str) -> SqlCompilationError:
    return SqlCompilationError(f"[{name}] is not a valid group by expression", 979, "42601")


def column_name(node: exp.Column, value: Typed, binder: Expressions) -> str:
    """A column as errors name it: `T.A`, with the source's alias."""
    name = quote_if_needed(name_of(node.this))
    for source in binder.scope.sources:
        if source.name and any(column.value.sql == value.sql for column in source.columns):
            return f"{quote_if_needed(source.name)}.{name}"
    return name


def written(node: exp.Expr, binder: Expressions) -> str:
    """An expression as errors print it: columns with their sources, names in upper case, orders in full."""
    copy = node.copy()
    for column in list(copy.find_all(exp.Column)):
        if not isinstance(column.this, exp.Identifier):
            continue
        value = binder.scope.column(name_of(column.this), tuple(name_of(part) for part in column.parts[:-1]))
        name = column_name(column, value, binder) if value is not None else name_of(column.this)
        new = exp.Var(this=name)
        if column is copy:
            return name
        column.replace(new)
    for ordered in copy.find_all(exp.Ordered):
        tail = "DESC NULLS FIRST" if ordered.args.get("desc") else "ASC NULLS LAST"
        ordered.replace(exp.Var(this=f"{ordered.this.sql('snowflake')} {tail}"))
    for call in copy.find_all(exp.Anonymous):
        call.set("this", str(call.this).upper())
    return copy.sql("snowflake").replace(MARK, "")


# Errors about a call as a whole, that tell where it begins.
_PLACED = {938, 939, 1015, 1044}


@contextmanager
def at_place(node: exp.Expr) -> Iterator[None]:
    """Give an error about a call, or about an operator, the place in the text where it begins."""
    try:
        yield
    except SqlCompilationError as error:
        detail = error.message.removeprefix("SQL compilation error:\n")
        if error.errno not in _PLACED or detail == error.message:
            raise
        line, column = place_of(node)
        if not line:
            raise
        raise SqlCompilationError(
            f"error line {line} at position {column}\n{detail}", error.errno, error.sqlstate
        ) from error
