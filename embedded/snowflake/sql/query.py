"""Queries: SELECT, set operations, WITH, VALUES, from the tree to DuckDB text with named, typed columns."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import encode, quote
from embedded.snowflake.sql.coerce import cast, common, equality_key, order_key
from embedded.snowflake.sql.context import Context, CteSource
from embedded.snowflake.sql.expressions import Expressions
from embedded.snowflake.sql.hierarchy import as_recursive
from embedded.snowflake.sql.parse import MARK
from embedded.snowflake.sql.placement import written
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope, name_of, renamed
from embedded.snowflake.sql.select import bind_select, limit_clause
from embedded.snowflake.sql.typed import NULL, Typed
from embedded.snowflake.sql.windows import direction


def bind_query(node: exp.Expr, context: Context, outer: Scope | None = None) -> Relation:
    """Bind a query.

    Args:
        node: SELECT, a set operation, VALUES, or one of them in parentheses.
        context: who asks, and where names are looked up.
        outer: the scope around it, when it is a subquery that may be correlated.

    Raises:
        SnowflakeError: something in it is not known, not allowed or not supported.
    """
    if isinstance(node, exp.Select) and node.args.get("connect") is not None:
        node = as_recursive(node)
    with_ = node.args.get("with_")
    ctes: list[str] = []
    if with_ is not None:
        context = replace(context, ctes=dict(context.ctes))
        ctes = [_bind_cte(cte, context, outer) for cte in with_.expressions]
    relation = _bind_body(node, context, outer)
    if not ctes:
        return relation
    word = "WITH RECURSIVE" if with_ is not None and any(map(_is_recursive, with_.expressions)) else "WITH"
    return Relation(f"{word} {', '.join(ctes)} {relation.sql}", relation.columns)


def _bind_body(node: exp.Expr, context: Context, outer: Scope | None) -> Relation:
    if isinstance(node, exp.Select):
        return bind_select(node, context, outer, bind_query)
    if isinstance(node, exp.SetOperation):
        return _bind_set_operation(node, context, outer)
    if isinstance(node, exp.Subquery):
        inner = bind_query(node.this, context, outer)
        return _ordered(node, inner, context) if _has_tail(node) else inner
    if isinstance(node, exp.Values):
        return bind_values(node, context, outer)
    raise unsupported(node.key.upper())


def _is_recursive(cte: exp.Expr) -> bool:
    """Whether it reads itself after its first branch: the word RECURSIVE is optional."""
    name = name_of(cte.args["alias"].this)
    body = cte.this
    return isinstance(body, exp.SetOperation) and not _mentions(body.this, name) and _mentions(body.expression, name)


def _bind_cte(cte: exp.Expr, context: Context, outer: Scope | None) -> str:
    alias_node = cte.args["alias"]
    name, names = name_of(alias_node.this), [name_of(column) for column in alias_node.columns]
    alias = context.alias()
    if _is_recursive(cte):
        relation = _bind_recursive(cte.this, context, name, names, alias, outer)
    else:
        relation = bind_query(cte.this, context, outer)
    text = f"{alias} AS ({relation.sql})"
    context.ctes[name] = CteSource(alias, renamed(relation.columns, names), text)
    return text


def _mentions(node: exp.Expr, name: str) -> bool:
    return any(name_of(table.this) == name and not table.args.get("db") for table in node.find_all(exp.Table))


def _bind_recursive(
    node: exp.Expr, context: Context, name: str, names: list[str], alias: str, outer: Scope | None
) -> Relation:
    anchor = bind_query(node.this, context, outer)
    context.ctes[name] = CteSource(alias, renamed(anchor.columns, names))
    step = bind_query(node.expression, context, outer)
    columns = anchor.columns
    if len(step.columns) != len(columns):
        raise _count_mismatch(len(columns), len(step.columns))
    sides = [cast_columns(side, [column.type for column in columns], context) for side in (anchor, step)]
    word = "UNION" if node.args.get("distinct") else "UNION ALL"
    return Relation(f"({sides[0]}) {word} ({sides[1]})", columns)


def _bind_set_operation(node: exp.Expr, context: Context, outer: Scope | None) -> Relation:
    sides = [bind_query(side, context, outer) for side in _chain(node)]
    if node.args.get("by_name"):
        sides = _by_name(sides, context)
    first = sides[0]
    for side in sides[1:]:
        if len(side.columns) != len(first.columns):
            raise _count_mismatch(len(first.columns), len(side.columns))
    kinds = [common((side.columns[i].type for side in sides), "set operation") for i in range(len(first.columns))]
    nullable = [any(side.columns[i].nullable for side in sides) for i in range(len(first.columns))]
    word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(node)]
    texts = [cast_columns(side, kinds, context) for side in sides]
    if any(kind.has_key for kind in kinds) and (word != "UNION" or node.args.get("distinct")):
        text = _of_variants(texts, first.columns, kinds, word, context)
    else:
        text = (f" {word} " if node.args.get("distinct") else f" {word} ALL ").join(f"({side})" for side in texts)
    columns = [
        replace(column, type=kind, nullable=null, exact=False)
        for column, kind, null in zip(first.columns, kinds, nullable, strict=True)
    ]
    return _ordered(node, Relation(text, columns), context)


def _of_variants(texts: list[str], columns: list[OutputColumn], kinds: list, word: str, context: Context) -> str:
    """A set operation whose VARIANT are told apart by their amounts, each row as one of the sides has it."""
    alias, names = context.alias(), [quote(column.duckdb_name) for column in columns]
    keys = [equality_key(Typed(f"{alias}.{name}", kind)) for name, kind in zip(names, kinds, strict=True)]
    if word == "UNION":
        joined = " UNION ALL ".join(f"({text})" for text in texts)
        return f"SELECT DISTINCT ON ({', '.join(keys)}) * FROM ({joined}) AS {alias}({', '.join(names)})"
    if any(kind.collation is not None and not kind.is_semi_structured for kind in kinds):
        raise unsupported(f"{word} of texts with a collation")
    parts = [
        f"CAST({key} AS JSON) AS {name}" if kind.is_semi_structured else f"{key} AS {name}"
        for key, name, kind in zip(keys, names, kinds, strict=True)
    ]
    sides = (f"(SELECT {', '.join(parts)} FROM ({text}) AS {alias}({', '.join(names)}))" for text in texts)
    return f" {word} ".join(sides)


def _by_name(sides: list[Relation], context: Context) -> list[Relation]:
    """Sides of a UNION BY NAME with the same columns in the same order: those of the first, then the others'; NULL where one has none.

    Raises:
        SqlCompilationError: a side has two columns of one name (002022).
    """
    wanted: dict[str, OutputColumn] = {}
    for side in sides:
        names = [column.name for column in side.columns]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise SqlCompilationError(f"duplicate column name '{double}' in UNION BY NAME", 2022, "42601")
        for column in side.columns:
            wanted.setdefault(column.name, column)
    return [_with_columns(side, list(wanted.values()), context) for side in sides]


def _with_columns(side: Relation, wanted: list[OutputColumn], context: Context) -> Relation:
    alias, parts, columns = context.alias(), [], []
    known = {column.name: column for column in side.columns}
    for column in wanted:
        found = known.get(column.name)
        value = f"{alias}.{quote(found.duckdb_name)}" if found is not None else "NULL"
        parts.append(f"{value} AS {quote(encode(column.name))}")
        kind = found if found is not None else replace(column, type=NULL, nullable=True, exact=True)
        columns.append(replace(kind, duckdb_name=encode(column.name)))
    return Relation(f"SELECT {', '.join(parts)} FROM ({side.sql}) AS {alias}", columns)


def _chain(node: exp.Expr) -> list[exp.Expr]:
    """The sides of a run of the same UNION, without deep recursion; other operations have two."""
    if not isinstance(node, exp.Union):
        return [node.this, node.expression]
    sides: list[exp.Expr] = []
    current: exp.Expr = node
    while isinstance(current, exp.Union) and _joined_alike(current, node):
        if current is not node and (_has_tail(current) or current.args.get("with_")):
            break
        sides.insert(0, current.expression)
        current = current.this
    return [current, *sides]


def _joined_alike(left: exp.Expr, right: exp.Expr) -> bool:
    return all(bool(left.args.get(key)) == bool(right.args.get(key)) for key in ("distinct", "by_name"))


def _count_mismatch(left: int, right: int) -> SqlCompilationError:
    return SqlCompilationError(
        f"invalid number of result columns for set operator input branches, expected {left}, got {right} in branch {{2}}",
        2057,
        "42601",
    )


def cast_columns(relation: Relation, kinds: list, context: Context) -> str:
    """The text of a relation with its columns cast to types, where theirs differ."""
    if all(column.type.kind == kind.kind for column, kind in zip(relation.columns, kinds, strict=True)):
        return relation.sql
    alias, parts = context.alias(), []
    for column, kind in zip(relation.columns, kinds, strict=True):
        value = Typed(f"{alias}.{quote(column.duckdb_name)}", column.type, column.nullable, column.exact)
        parts.append(f"{cast(value, kind, context.zone).sql} AS {quote(column.duckdb_name)}")
    return f"SELECT {', '.join(parts)} FROM ({relation.sql}) AS {alias}"


def _has_tail(node: exp.Expr) -> bool:
    return any(node.args.get(key) is not None for key in ("order", "limit", "offset"))


def _ordered(node: exp.Expr, relation: Relation, context: Context) -> Relation:
    """ORDER BY, LIMIT and OFFSET over a set operation or a query in parentheses."""
    if not _has_tail(node):
        return relation
    alias = context.alias()
    scope = Scope()
    scope.bound_aliases = {
        column.name: Typed(f"{alias}.{quote(column.duckdb_name)}", column.type, column.nullable)
        for column in relation.columns
    }
    binder = Expressions(context, scope, bind_query)
    text = f"SELECT * FROM ({relation.sql}) AS {alias}"
    order = node.args.get("order")
    if order is not None:
        items = []
        for item in order.expressions:
            target = item.this if isinstance(item, exp.Ordered) else item
            is_place = isinstance(target, exp.Literal) and not target.args.get("is_string")
            key = _place_key(relation, target.name, alias) if is_place else order_key(binder.bind(target))
            items.append(f"{key}{direction(item) if isinstance(item, exp.Ordered) else ' ASC NULLS LAST'}")
        text += f" ORDER BY {', '.join(items)}"
    return Relation(text + limit_clause(node, binder), relation.columns)


def _place_key(relation: Relation, place: str, alias: str) -> str:
    """What the column at a place is ordered by: its place, or what a VARIANT is ordered by."""
    if place.isdigit() and 0 < int(place) <= len(relation.columns):
        column = relation.columns[int(place) - 1]
        if column.type.has_key:
            return order_key(Typed(f"{alias}.{quote(column.duckdb_name)}", column.type))
    return place


def _bind_value(node: exp.Expr, binder: Expressions) -> Typed:
    """A value of VALUES.

    Raises:
        SqlCompilationError: it is made a VARIANT, OBJECT or ARRAY, which only a SELECT may do (002014).
    """
    value = binder.bind(node)
    if value.type.is_semi_structured and isinstance(node, exp.Func | exp.Cast | exp.Struct | exp.Array):
        raise SqlCompilationError(f"Invalid expression [{written(node, binder)}] in VALUES clause", 2014, "22000")
    return value


def bind_values(node: exp.Expr, context: Context, outer: Scope | None) -> Relation:
    """`VALUES (…), (…)`: columns COLUMN1, COLUMN2 …

    Raises:
        SqlCompilationError: rows of different lengths (001038), a value that may not stand there (002014).
    """
    binder = Expressions(context, Scope(parent=outer), bind_query)
    rows = [
        [_bind_value(item, binder) for item in (row.expressions if isinstance(row, exp.Tuple) else [row])]
        for row in node.expressions
    ]
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise SqlCompilationError("VALUES clause: rows do not all have the same number of columns.", 1038, "22023")
    kinds = [common((row[i].type for row in rows), "VALUES") for i in range(width)]
    names = [f"COLUMN{i + 1}" for i in range(width)]
    texts = (
        f"({', '.join(cast(value, kind, context.zone).sql for value, kind in zip(row, kinds, strict=True))})"
        for row in rows
    )
    alias = context.alias()
    columns = [
        OutputColumn(
            name,
            NULL if all(row[i].is_null for row in rows) else kind,
            encode(name),
            any(row[i].nullable for row in rows),
            exact=False,
        )
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    return Relation(f"SELECT * FROM (VALUES {', '.join(texts)}) AS {alias}({', '.join(names)})", columns)


__all__ = ["MARK", "bind_query", "bind_values", "cast_columns"]
