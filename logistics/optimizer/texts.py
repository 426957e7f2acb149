"""What a statement's text tells: without its values, and which of its parts are known to be slow; read by sqlglot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

DIALECT = "snowflake"
MAX_SHOWN = 4_000
"""Characters of a statement that are kept."""

_UNREADABLE = "a statement that cannot be shown without its values"


_VALUES = (exp.Literal, exp.RawString, exp.National, exp.HexString, exp.BitString, exp.ByteString, exp.UnicodeString)


@lru_cache(maxsize=2_000)
def parsed(text: str) -> exp.Expr | None:
    """Returns a statement's tree, or None where sqlglot cannot read it; do not change it."""
    try:
        tree = sqlglot.parse_one(text, dialect=DIALECT)
    except (SqlglotError, RecursionError):
        return None
    return None if tree is None or isinstance(tree, exp.Command) else tree


def without_values(text: str) -> str:
    """Returns a statement with ? in place of each literal and without comments, so that no row's value is told on."""
    tree = parsed(text)
    if tree is None:
        return _UNREADABLE
    shown = tree.transform(_hidden).sql(dialect=DIALECT, pretty=True, comments=False)
    return shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN] + " …"


def _hidden(node: exp.Expr) -> exp.Expr:
    if isinstance(node, _VALUES) and not isinstance(node.parent, exp.DataTypeParam):
        return exp.Placeholder()
    return node


def reasons(text: str) -> list[tuple[str, str]]:
    """Returns what in a statement is known to be slow: the reason and the mend of each."""
    tree = parsed(text)
    if tree is None:
        return []
    return [(reason, mend) for finds, reason, mend in _KNOWN if any(True for _ in finds(tree))]


def _cross_joins(tree: exp.Expr) -> Iterator[exp.Expr]:
    for select in tree.find_all(exp.Select):
        joins = select.args.get("joins") or []
        where = select.args.get("where")
        for join in joins:
            named = join.args.get("on") or join.args.get("using") or join.args.get("method") == "NATURAL"
            lateral = isinstance(join.this, (exp.Lateral, exp.Unnest, exp.Values)) or join.find(
                exp.TableFromRows, exp.Explode
            )
            if not named and not lateral and not _joined_by(where, join):
                yield join


def _joined_by(where: exp.Expr | None, join: exp.Expr) -> bool:
    """Whether a condition of WHERE joins the table of a join that has no ON, as old SQL does."""
    if where is None:
        return False
    name = join.this.alias_or_name
    for equal in where.find_all(exp.EQ):
        tables = {column.table for column in equal.find_all(exp.Column)}
        if name in tables and len(tables) > 1:
            return True
    return False


def _stars(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yields * of outermost selects that read a table: a column store reads the columns named, here all of them."""
    for select in _outermost(tree):
        star = any(
            isinstance(item, exp.Star) or (isinstance(item, exp.Column) and item.is_star) for item in select.selects
        )
        source = select.args.get("from_") or select.args.get("from")
        if star and source is not None and isinstance(source.this, exp.Table):
            yield select


def _outermost(tree: exp.Expr) -> list[exp.Select]:
    if isinstance(tree, exp.Select):
        return [tree]
    if isinstance(tree, exp.SetOperation):
        return [*_outermost(tree.left), *_outermost(tree.right)]
    return []


_MONOTONE = (exp.Cast, exp.AggFunc, exp.TsOrDsToDate, exp.Date, exp.DateTrunc, exp.TimestampTrunc, exp.Coalesce)
"""Functions through which a column's range still shows, and those that stand for no column of a row."""

_COMPARISONS = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)


def _wrapped_columns(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yields comparisons whose column stands inside a function, so that partitions cannot be left out by its range."""
    for where in tree.find_all(exp.Where):
        for comparison in where.find_all(*_COMPARISONS):
            side = comparison.this
            if isinstance(side, exp.Func) and not isinstance(side, _MONOTONE) and side.find(exp.Column):
                yield comparison


def _leading_wildcards(tree: exp.Expr) -> Iterator[exp.Expr]:
    for like in tree.find_all(exp.Like, exp.ILike):
        pattern = like.expression
        if isinstance(pattern, exp.Literal) and pattern.this.startswith("%") and like.find_ancestor(exp.Where):
            yield like


def _unlimited_orders(tree: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(tree, (exp.Select, exp.SetOperation)) and tree.args.get("order") and not tree.args.get("limit"):
        yield tree


def _distinct_unions(tree: exp.Expr) -> Iterator[exp.Expr]:
    return (union for union in tree.find_all(exp.Union) if union.args.get("distinct"))


def _not_in_queries(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yields NOT IN of a query, which sqlglot reads as <> ALL or as NOT of an IN."""
    for node in tree.find_all(exp.NEQ, exp.Not):
        if isinstance(node.expression, exp.All) or (isinstance(node.this, exp.In) and node.this.args.get("query")):
            yield node


def _alternative_joins(tree: exp.Expr) -> Iterator[exp.Expr]:
    for join in tree.find_all(exp.Join):
        condition = join.args.get("on")
        if condition is not None and isinstance(condition.unnest(), exp.Or):
            yield join


_KNOWN: tuple[tuple[Callable[[exp.Expr], Iterator[exp.Expr]], str, str], ...] = (
    (_cross_joins, "it joins tables without a condition", "give every join its condition"),
    (
        _alternative_joins,
        "it joins on alternatives (OR), which rules out a hash join",
        "join once for each alternative and UNION ALL",
    ),
    (
        _wrapped_columns,
        "it filters a function of a column, so no partition can be left out",
        "compare the bare column with a range",
    ),
    (
        _leading_wildcards,
        "it filters by LIKE with a leading %",
        "filter by a prefix, or use the search optimization service",
    ),
    (
        _not_in_queries,
        "it uses NOT IN of a query",
        "use NOT EXISTS, which stops at the first match and does not stumble over NULL",
    ),
    (_distinct_unions, "it removes duplicates of a UNION", "use UNION ALL where there can be none"),
    (_stars, "it reads every column (*)", "name the columns that are needed"),
    (
        _unlimited_orders,
        "it sorts its whole result (ORDER BY without LIMIT)",
        "leave the order to the reader, or add a LIMIT",
    ),
)
