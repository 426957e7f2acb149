"""The conditions by which statements choose rows of tables, read from their texts by sqlglot, as ranges that can leave partitions out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from logistics.optimizer.texts import DIALECT, parsed
from logistics.sql import literal, quoted

TableName = tuple[str, str, str]
"""Database, schema and table."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a column comes from: a table, and which of its readings in the statement (a table may be joined with itself)."""

    table: TableName
    column: str
    reading: int


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition on one column that the least and greatest value of a partition can rule out.

    Attributes:
        column: its name.
        test: SQL that holds for a partition that may have such rows, with {low} and {high} for its least and greatest value.
        joins: whether it compares with another table's column, whose values no text tells; then `test` is empty.
    """

    column: str
    test: str = ""
    joins: bool = False


def conditions(
    text: str,
    place: tuple[str | None, str | None],
    columns: MappingSchema,
    views: Mapping[TableName, str],
    began: datetime,
) -> list[tuple[TableName, list[Condition]]]:
    """Returns the conditions of a statement for each reading of a table; a statement that cannot be read has none.

    Conditions inside subqueries, CTEs and views count for the tables that they read, and those around them too where the
    column comes through unchanged. Only conditions that hold for every row (joined by AND) count.

    Args:
        text: the statement.
        place: the database and schema in which it ran.
        columns: the columns of the tables and views.
        views: the queries of the views.
        began: when it ran; stands for CURRENT_DATE and CURRENT_TIMESTAMP.
    """
    found: dict[tuple[TableName, int], list[Condition]] = {}
    for query in _queries(text):
        for scope in _scopes(query, place, columns, views):
            for at, condition in _of_scope(scope, began):
                known = found.setdefault((at.table, at.reading), [])
                if condition not in known:
                    known.append(condition)
    return [(table, known) for (table, _), known in found.items()]


def _queries(text: str) -> list[exp.Expr]:
    """Returns what chooses rows in a statement, each as a query: of UPDATE and DELETE their WHERE, of MERGE its join."""
    tree = parsed(text)
    if tree is None:
        return []
    if isinstance(tree, (exp.Delete, exp.Update)):
        where = tree.args.get("where")
        return [exp.select("*").from_(tree.this.copy()).where(where.this.copy())] if where else []
    if isinstance(tree, exp.Merge):
        joined = exp.select("*").from_(tree.this.copy()).join(tree.args["using"].copy(), on=tree.args["on"].copy())
        return [joined]
    if isinstance(tree, exp.Query):
        return [tree.copy()]
    inner = tree.args.get("expression")
    return [inner.copy()] if isinstance(inner, exp.Query) else []


def _scopes(
    query: exp.Expr, place: tuple[str | None, str | None], columns: MappingSchema, views: Mapping[TableName, str]
) -> list[Scope]:
    try:
        named = qualify(
            _with_views(query, place, views),
            dialect=DIALECT,
            catalog=place[0],
            db=place[1],
            schema=columns,
            validate_qualify_columns=False,
            quote_identifiers=False,
        )
        return traverse_scope(named)
    except (SqlglotError, RecursionError, KeyError, ValueError):
        return []


def _with_views(
    query: exp.Expr, place: tuple[str | None, str | None], views: Mapping[TableName, str], depth: int = 4
) -> exp.Expr:
    """Returns the query with subqueries in place of the views that it reads, those that they read too."""
    ctes = {cte.alias.upper() for cte in query.find_all(exp.CTE)}
    for table in list(query.find_all(exp.Table)):
        if (
            not table.name
            or (not table.db and table.name.upper() in ctes)
            or not isinstance(table.this, exp.Identifier)
        ):
            continue
        name = _name(table, place)
        tree = parsed(views[name]) if name in views and depth else None
        if isinstance(tree, exp.Query):
            inner = _with_views(tree.copy(), name[:2], views, depth - 1)
            for read in inner.find_all(exp.Table):
                if not read.db and read.name.upper() not in {cte.alias.upper() for cte in inner.find_all(exp.CTE)}:
                    read.set("db", exp.to_identifier(name[1], quoted=True))
                    read.set("catalog", exp.to_identifier(name[0], quoted=True))
            table.replace(exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name))))
    return query


def _name(table: exp.Table, place: tuple[str | None, str | None]) -> TableName:
    parts = [_spelled(table.args.get(key)) for key in ("catalog", "db", "this")]
    return (parts[0] or place[0] or "", parts[1] or place[1] or "", parts[2])


def _spelled(name: exp.Expr | None) -> str:
    if not isinstance(name, exp.Identifier):
        return ""
    return name.this if name.args.get("quoted") else name.this.upper()


def _of_scope(scope: Scope, began: datetime) -> Iterator[tuple[Place, Condition]]:
    select = scope.expression
    if not isinstance(select, exp.Select):
        return
    roots = [select.args["where"].this] if select.args.get("where") else []
    roots += [
        join.args["on"] for join in select.args.get("joins") or [] if join.args.get("on") and join.side in ("", None)
    ]
    for part in (part for root in roots for part in _conjuncts(root)):
        yield from _of_part(part, scope, began)


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    bare = condition.unnest()
    if isinstance(bare, exp.And):
        yield from _conjuncts(bare.this)
        yield from _conjuncts(bare.expression)
    else:
        yield bare


_TURNED = {exp.EQ: exp.EQ, exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE}
_TESTS = {
    exp.EQ: "{low} <= {value} AND {high} >= {value}",
    exp.GT: "{high} > {value}",
    exp.GTE: "{high} >= {value}",
    exp.LT: "{low} < {value}",
    exp.LTE: "{low} <= {value}",
}


def _of_part(part: exp.Expr, scope: Scope, began: datetime) -> Iterator[tuple[Place, Condition]]:
    """Yields what one condition says of the columns of tables."""
    sides = [part.this, part.args.get("expression")]
    if type(part) in _TESTS and all(isinstance(side, exp.Column) for side in sides):
        if isinstance(part, exp.EQ):
            for side in sides:
                if (found := _column_of(side, scope)) is not None:
                    yield found, Condition(column=found.column, joins=True)
        return
    column, tests = _tests(part, began)
    if column is None or not tests:
        return
    bare = column.find(exp.Column)
    found = _column_of(bare, scope) if bare is not None else None
    if found is not None:
        shape = _shape(column)
        test = " AND ".join(f"({text})" for text in tests)
        test = test.replace("{low}", shape("{low}")).replace("{high}", shape("{high}"))
        yield found, Condition(column=found.column, test=test)


def _tests(part: exp.Expr, began: datetime) -> tuple[exp.Expr | None, list[str]]:
    """Returns the side of a comparison that has the column, and the tests on its range; None where it is no such comparison."""
    if type(part) in _TESTS:
        kind, side, other = type(part), part.this, part.expression
        if not _has_column(side) and _has_column(other):
            kind, side, other = _TURNED[type(part)], other, side
        value = _constant(other, began)
        return (side, [_TESTS[kind].replace("{value}", value)]) if value and _is_range(side) else (None, [])
    if isinstance(part, exp.Between) and _is_range(part.this):
        low, high = _constant(part.args["low"], began), _constant(part.args["high"], began)
        return (part.this, [f"{{high}} >= {low}", f"{{low}} <= {high}"]) if low and high else (None, [])
    if isinstance(part, exp.In) and _is_range(part.this) and part.expressions:
        values = [_constant(value, began) for value in part.expressions]
        if all(values):
            return part.this, [
                " OR ".join(f"({_TESTS[exp.EQ]})".replace("{value}", value) for value in values if value)
            ]
    if isinstance(part, exp.Like) and _is_range(part.this) and isinstance(part.expression, exp.Literal):
        prefix = part.expression.this.partition("%")[0].partition("_")[0]
        if prefix:
            return part.this, [f"{{high}} >= {literal(prefix)}", f"LEFT({{low}}, {len(prefix)}) <= {literal(prefix)}"]
    return None, []


_MONOTONE = (exp.Cast, exp.TsOrDsToDate, exp.Date, exp.DateTrunc, exp.TimestampTrunc)


def _is_range(side: exp.Expr) -> bool:
    """Whether a side is a column, or a function of one that keeps its order."""
    while isinstance(side, _MONOTONE):
        side = side.this
    return isinstance(side, exp.Column)


def _has_column(side: exp.Expr) -> bool:
    return side.find(exp.Column) is not None


def _shape(side: exp.Expr) -> Any:
    """Returns what puts SQL in the place of a side's column."""
    mark = exp.to_identifier("__COLUMN__", quoted=True)
    copied = exp.Paren(this=side.copy())
    column = copied.find(exp.Column)
    if column is not None:
        column.replace(exp.Column(this=mark))
    text = copied.this.sql(dialect=DIALECT)
    return lambda value: text.replace('"__COLUMN__"', value)


_CONSTANTS = (
    exp.Literal, exp.Boolean, exp.Neg, exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Cast, exp.DataType,
    exp.DataTypeParam, exp.Interval, exp.Var, exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.DateAdd,
    exp.DateSub, exp.TsOrDsAdd, exp.TimestampAdd, exp.DateTrunc, exp.TimestampTrunc, exp.TsOrDsToDate, exp.Date,
    exp.LastDay, exp.AddMonths, exp.StrToDate, exp.StrToTime, exp.TsOrDsToTimestamp,
)  # fmt: skip
"""What a value may be made of: it is computed again with the optimizer's rights, so nothing of a user's own is called."""


def _constant(value: exp.Expr | None, began: datetime) -> str | None:
    """Returns a value as SQL, the time of then in place of now; None where it is not known from the text alone."""
    if value is None or any(not isinstance(node, _CONSTANTS) for node in value.walk()):
        return None

    def then(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.CurrentDate):
            return exp.cast(exp.Literal.string(began.date().isoformat()), "DATE")
        if isinstance(node, exp.CurrentTimestamp):
            return exp.cast(exp.Literal.string(began.isoformat()), "TIMESTAMPLTZ")
        return node

    return exp.Paren(this=value.copy()).transform(then).sql(dialect=DIALECT)


def _column_of(column: exp.Expr, scope: Scope, depth: int = 8) -> Place | None:
    """Returns the table and column of which a column is the unchanged value, through subqueries, CTEs and views."""
    if not isinstance(column, exp.Column) or not depth:
        return None
    source = scope.sources.get(column.table)
    if isinstance(source, exp.Table):
        return Place(table=(source.catalog, source.db, source.name), column=column.name, reading=id(source))
    if not isinstance(source, Scope) or not isinstance(source.expression, exp.Select):
        return None
    if any(source.expression.args.get(key) for key in ("limit", "qualify")):
        return None
    inner = next((item for item in source.expression.selects if item.alias_or_name == column.name), None)
    bare = inner.unalias() if inner is not None else None
    return _column_of(bare, source, depth - 1) if isinstance(bare, exp.Column) else None


def schema_of(columns: Iterable[tuple[TableName, str, str]]) -> MappingSchema:
    """Returns sqlglot's schema of tables, from rows of table, column and type."""
    mapping: dict[str, Any] = {}
    for (database, schema, table), column, data_type in columns:
        mapping.setdefault(quoted(database), {}).setdefault(quoted(schema), {}).setdefault(quoted(table), {})[
            quoted(column)
        ] = data_type
    return MappingSchema(mapping, dialect=DIALECT)
