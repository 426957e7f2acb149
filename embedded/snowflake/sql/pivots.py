"""PIVOT and UNPIVOT, as conditional aggregates and as a row for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import encode, literal, quote
from embedded.snowflake.sql.coerce import cast, common
from embedded.snowflake.sql.context import NOW
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope, Source, SourceColumn, name_of
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions


def bind_pivots(node: exp.Expr, relation: Relation, binder: Expressions) -> Relation:
    """The relation with the PIVOTs and UNPIVOTs of its FROM item done, in order."""
    for pivot in node.args.get("pivots") or []:
        relation = _unpivot(pivot, relation, binder) if pivot.args.get("unpivot") else _pivot(pivot, relation, binder)
    return relation


def _in_clause(pivot: exp.Expr) -> exp.Expr:
    fields = pivot.args.get("fields") or []
    if len(fields) != 1 or not isinstance(fields[0], exp.In):
        raise unsupported("PIVOT with more than one FOR")
    return fields[0]


def _pivot(pivot: exp.Expr, relation: Relation, binder: Expressions) -> Relation:
    if len(pivot.expressions) != 1:
        raise unsupported("PIVOT with more than one aggregate")
    field, call = _in_clause(pivot), pivot.expressions[0]
    suffix = f"_{name_of(call.args['alias'])}" if isinstance(call, exp.Alias) else ""
    call = call.this if isinstance(call, exp.Alias) else call
    alias = binder.context.alias()
    inner = _over(relation, alias, binder)
    default = pivot.args.get("default_on_null") or None
    used = {name_of(column.this) for node in (field.this, call) for column in node.find_all(exp.Column)}
    kept = [column for column in relation.columns if column.name not in used]
    parts = [f"{alias}.{quote(column.duckdb_name)} AS {quote(column.duckdb_name)}" for column in kept]
    columns = list(kept)
    for name, value in _pivot_values(field, relation, alias, inner):
        name += suffix
        made = inner.bind(_conditional(call, field.this, value))
        if default is not None:
            made = _or_default(made, inner.bind(default), binder)
        parts.append(f"{made.sql} AS {quote(encode(name))}")
        columns.append(OutputColumn(name, made.type, encode(name), True, made.exact))
    group = ", ".join(f"{alias}.{quote(column.duckdb_name)}" for column in kept)
    text = f"SELECT {', '.join(parts)} FROM ({relation.sql}) AS {alias}" + (f" GROUP BY {group}" if group else "")
    return Relation(text, columns)


def _over(relation: Relation, alias: str, binder: Expressions) -> Expressions:
    columns = [
        SourceColumn(column.name, Typed(f"{alias}.{quote(column.duckdb_name)}", column.type, True, column.exact))
        for column in relation.columns
    ]
    return type(binder)(binder.context, Scope([Source("", columns)]), binder.bind_query)


def _or_default(value: Typed, default: Typed, binder: Expressions) -> Typed:
    """A pivoted value, or what DEFAULT ON NULL names."""
    kind, zone = common([value.type, default.type], "PIVOT"), binder.context.zone
    return Typed(f"coalesce({cast(value, kind, zone).stored}, {cast(default, kind, zone).stored})", kind)


def _pivot_values(field: exp.Expr, relation: Relation, alias: str, inner: Expressions) -> list[tuple[str, exp.Expr]]:
    """The name and value of each pivoted column: as listed, all that there are now (ANY), or those of a subquery.

    Raises:
        SqlCompilationError: there is nothing to pivot on (001003).
    """
    from embedded.snowflake.sql.windows import order_item

    first = field.expressions[0] if field.expressions else field.args.get("query")
    if isinstance(first, exp.PivotAny):
        value = inner.bind(field.this)
        items = first.this.expressions if first.this is not None else []
        order = ", ".join(order_item(inner, item) for item in items) or f"{value.sql} ASC NULLS LAST"
        text = f"SELECT {value.sql} AS v FROM ({relation.sql}) AS {alias} GROUP BY ALL ORDER BY {order}"
        return _present(text, value, inner)
    if isinstance(first, exp.Query):
        query = first.this if isinstance(first, exp.Subquery) else first
        found = inner.bind_query(query, inner.context, None)
        column, rows = found.columns[0], inner.context.alias()
        value = Typed(f"{rows}.{quote(column.duckdb_name)}", column.type, True, column.exact)
        return _present(f"SELECT {value.sql} AS v FROM ({found.sql}) AS {rows}", value, inner)
    if not field.expressions:
        raise SqlCompilationError("syntax error: PIVOT without values", 1003, "42000")
    return [_pivot_value(item) for item in field.expressions]


def _present(text: str, value: Typed, inner: Expressions) -> list[tuple[str, exp.Expr]]:
    """The values that a query of one column gives now; the columns of the pivot differ with them from run to run.

    A column is named by its value as a literal.
    """
    from embedded.snowflake.sql.run import snowflake_errors
    from embedded.snowflake.sql.translate import now

    context = inner.context
    context.reads.volatile = True
    ctes = ", ".join(cte.sql for cte in context.ctes.values() if cte.sql)
    shown = cast(value.typed(value.type, value.exact), VARCHAR, context.zone)
    head = f"WITH RECURSIVE {ctes} " if ctes else ""
    text = text.replace(f"SELECT {value.sql} AS v", f"SELECT {shown.sql} AS v, {value.sql} AS w", 1)
    with snowflake_errors():
        rows = context.session.cursor.execute(
            f"{head}SELECT v FROM ({text})".replace(NOW, now(context.session).isoformat(sep=" "))
        ).fetchall()
    plain = value.type.kind in ("NUMBER", "FLOAT", "BOOLEAN")
    found: dict[str, exp.Expr] = {}
    for (v,) in rows:
        if v is None:
            found["NULL"] = exp.Null()
        elif plain:
            found[v.upper()] = exp.Boolean(this=v == "true") if value.type.kind == "BOOLEAN" else exp.Literal.number(v)
        else:
            found[literal(v)] = exp.Literal.string(v)
    return list(found.items())


def _pivot_value(item: exp.Expr) -> tuple[str, exp.Expr]:
    """The name of a pivoted column (its value as written, quotes too, without an alias) and its value."""
    if isinstance(item, exp.PivotAlias | exp.Alias):
        return name_of(item.args["alias"]), item.this
    return item.sql("snowflake"), item


def _conditional(call: exp.Expr, subject: exp.Expr, value: exp.Expr) -> exp.Expr:
    """The aggregate over the rows whose subject is the value."""
    argument = call.expressions[0] if call.expressions else exp.Star()
    taken = exp.Literal.number(1) if isinstance(argument, exp.Star) else argument.copy()
    test = exp.NullSafeEQ(this=subject.copy(), expression=value.copy())
    return exp.Anonymous(
        this=call.name, expressions=[exp.Case(ifs=[exp.If(this=test, true=taken)]), *call.expressions[1:]]
    )


def _unpivot(pivot: exp.Expr, relation: Relation, binder: Expressions) -> Relation:
    field = _in_clause(pivot)
    value_name, label_name = name_of(pivot.expressions[0]), name_of(field.this)
    taken = [_unpivoted(item) for item in field.expressions]
    found = {column.name: column for column in relation.columns}
    absent = next((name for name, _ in taken if name not in found), None)
    if absent is not None:
        raise SqlCompilationError(f"invalid identifier '{absent}'", 904, "42000")
    alias, rows = binder.context.alias(), binder.context.alias()
    kind = common((found[name].type for name, _ in taken), "UNPIVOT")
    values = []
    for name, label in taken:
        column = found[name]
        value = Typed(f"{alias}.{quote(column.duckdb_name)}", column.type, True, column.exact)
        values.append(f"({literal(label)}, {cast(value, kind, binder.context.zone).stored})")
    names = {name for name, _ in taken}
    kept = [column for column in relation.columns if column.name not in names]
    parts = [f"{alias}.{quote(column.duckdb_name)} AS {quote(column.duckdb_name)}" for column in kept]
    parts += [f"{rows}.n AS {quote(encode(label_name))}", f"{rows}.v AS {quote(encode(value_name))}"]
    text = f"SELECT {', '.join(parts)} FROM ({relation.sql}) AS {alias} CROSS JOIN LATERAL (VALUES {', '.join(values)}) AS {rows}(n, v)"
    if not pivot.args.get("include_nulls"):
        text += f" WHERE {rows}.v IS NOT NULL"
    columns = [
        *kept,
        OutputColumn(label_name, VARCHAR, encode(label_name), False),
        OutputColumn(value_name, kind, encode(value_name)),
    ]
    return Relation(text, columns)


def _unpivoted(item: exp.Expr) -> tuple[str, str]:
    """A column to unpivot and the label that its rows get."""
    if isinstance(item, exp.PivotAlias | exp.Alias):
        label = item.args["alias"]
        column = item.this.this if isinstance(item.this, exp.Column) else item.this
        return name_of(column), label.name if isinstance(label, exp.Literal) else name_of(label)
    column = item.this if isinstance(item, exp.Column) else item
    return name_of(column), name_of(column)
