"""FROM: tables, subqueries, table functions and their joins."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import quote
from embedded.snowflake.sql.coerce import common, comparison
from embedded.snowflake.sql.expressions import Expressions
from embedded.snowflake.sql.match_recognize import bind_match
from embedded.snowflake.sql.parse import MARK
from embedded.snowflake.sql.partitions import beside
from embedded.snowflake.sql.pivots import bind_pivots
from embedded.snowflake.sql.relations import bind_table
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope, Source, SourceColumn, name_of, renamed
from embedded.snowflake.sql.table_functions import bind_table_function, flow_result, from_stage
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.sql.user_functions import python_table_call


def bind_from(node: exp.Expr, binder: Expressions) -> str:
    """Bind a SELECT's FROM and joins into the binder's scope, and give the text."""
    start = node.args.get("from_")
    if start is None:
        return ""
    match = node.args.get("match")
    if match is not None:
        relation = bind_match(node, bind_item, binder)
        return add_source(match, relation, "", (), False, binder)
    text = bind_item(start.this, binder)
    for join in node.args.get("joins") or []:
        text = _join(text, join, binder)
    return text


def bind_item(node: exp.Expr, binder: Expressions) -> str:
    """Bind one item of a FROM into the scope; joins nested in it come along."""
    inner = node.this if isinstance(node, exp.Subquery | exp.Paren) and not node.alias else None
    if isinstance(inner, exp.Table) or (isinstance(inner, exp.Subquery) and inner.args.get("joins")):
        return f"({bind_item(inner, binder)})"
    text = _bind_single(node, binder)
    for join in node.args.get("joins") or []:
        text = _join(text, join, binder)
    return text


def _bind_single(node: exp.Expr, binder: Expressions) -> str:
    context, scope = binder.context, binder.scope
    lateral = isinstance(node, exp.Lateral)
    if lateral:
        inner = node.this
        if isinstance(inner, exp.Subquery):
            relation, default = binder.bind_query(inner.this, context, scope), ""
        else:
            relation, default = bind_table_function(inner, binder), name_of(inner.name.replace(MARK, ""))
        path: tuple[str, ...] = ()
    else:
        relation, default, path, lateral = _relation(node, binder)
    if node.args.get("pivots") and node.args.get("alias") is not None:
        relation = Relation(relation.sql, renamed(relation.columns, _listed(node.args["alias"])))
    relation = bind_pivots(node, relation, binder)
    sample = node.args.get("sample")
    if sample is not None:
        relation = _sampled(relation, sample, binder)
    return add_source(node, relation, default, path, lateral, binder)


def _relation(node: exp.Expr, binder: Expressions) -> tuple[Relation, str, tuple[str, ...], bool]:
    """The relation of a FROM item, the name it has without an alias, its full name, and whether it sees sources before it."""
    context, scope = binder.context, binder.scope
    if isinstance(node, exp.Subquery):
        return binder.bind_query(node.this, context, scope.parent), "", (), False
    if isinstance(node, exp.Values):
        from embedded.snowflake.sql.query import bind_values

        return bind_values(node, context, scope.parent), "VALUES", (), False
    if not isinstance(node, exp.Table):
        raise unsupported(node.key.upper())
    if isinstance(node.this, exp.Var | exp.Literal) or (
        isinstance(node.this, exp.Identifier) and node.this.name.startswith("@")
    ):
        return from_stage(node, binder), "", (), False
    if isinstance(node.this, exp.Parameter):
        return flow_result(int(node.this.name), binder), "", (), False
    if isinstance(node.this, exp.Anonymous) and not node.args.get("db"):
        name = node.this.name.replace(MARK, "").upper()
        if name in ("TABLE", "LATERAL"):
            return bind_table_function(node.this.expressions[0], binder), "", (), True
        if name != "IDENTIFIER":
            return bind_table_function(node.this, binder), "", (), True
    relation, path = bind_table(node, binder)
    return relation, path[-1], path, False


def add_source(
    node: exp.Expr, relation: Relation, default: str, path: tuple[str, ...], lateral: bool, binder: Expressions
) -> str:
    """Put a relation in the scope under its alias and give the text of the FROM item."""
    pivots = node.args.get("pivots") or []
    alias_node = (pivots[-1].args.get("alias") if pivots else None) or node.args.get("alias")
    name, columns = default, relation.columns
    if alias_node is not None:
        name = name_of(alias_node.this) if alias_node.this is not None else default
        if alias_node.this is not None:
            path = ()
        listed = [
            name_of(column.this if isinstance(column, exp.ColumnDef) else column) for column in alias_node.columns
        ]
        from embedded.snowflake.sql.query import renamed

        columns = renamed(columns, listed)
    alias = binder.context.alias()
    if relation.oid is not None:
        binder.context.reads.accessed.append(
            (alias, relation.oid, not binder.context.views and not binder.context.policies)
        )
    hidden = {"$RID"} if not node.meta.get("target_rid") else set()
    binder.scope.sources.append(Source(name, source_columns(columns, alias, hidden), path, alias))
    return f"{'LATERAL ' if lateral else ''}({relation.sql}) AS {alias}"


def _listed(alias: exp.TableAlias) -> list[str]:
    return [name_of(column.this if isinstance(column, exp.ColumnDef) else column) for column in alias.columns]


def source_columns(columns: list[OutputColumn], alias: str, hidden: set[str] | None = None) -> list[SourceColumn]:
    """The columns of a relation as a FROM item of that alias has them."""
    return [
        SourceColumn(
            column.name,
            Typed(f"{alias}.{quote(column.duckdb_name)}", column.type, column.nullable, column.exact),
            column.name in (hidden or ()),
        )
        for column in columns
    ]


def _sampled(relation: Relation, sample: exp.Expr, binder: Expressions) -> Relation:
    alias = binder.context.alias()
    seed = sample.args.get("seed")
    repeat = f" REPEATABLE ({binder.bind(seed).sql})" if seed is not None else ""
    rows = sample.args.get("size")
    if rows is not None:
        how = f"reservoir({binder.bind(rows).sql} ROWS)"
    else:
        percent = sample.args.get("percent")
        if percent is None:
            raise unsupported("SAMPLE without a size")
        method = "system" if str(sample.args.get("method") or "").upper() in ("SYSTEM", "BLOCK") else "bernoulli"
        how = f"{method}({binder.bind(percent).sql}%)"
    binder.context.reads.volatile = binder.context.reads.volatile or not repeat
    return Relation(f"SELECT * FROM ({relation.sql}) AS {alias} TABLESAMPLE {how}{repeat}", relation.columns)


# -- joins


def _join(left: str, join: exp.Expr, binder: Expressions) -> str:
    scope = binder.scope
    before = len(scope.sources)
    unnested = _unnest(left, join, binder)
    if unnested is not None:
        return unnested
    right = bind_item(join.this, binder)
    method, side, kind = (str(join.args.get(key) or "").upper() for key in ("method", "side", "kind"))
    _pad(scope, before, "LEFT" if method == "ASOF" else side)
    if method == "ASOF":
        return _asof(left, right, join, binder, before)
    if method == "NATURAL" or join.args.get("using"):
        names = _shared(scope, before) if method == "NATURAL" else [name_of(item) for item in join.args["using"]]
        condition = _using(scope, before, names, side, binder)
    elif join.args.get("on") is not None:
        condition = binder.filter(join.args["on"])
    else:
        condition = ""
    if kind not in ("", "INNER", "OUTER", "CROSS"):
        raise unsupported(f"{kind} JOIN")
    if side:
        return f"{left} {side} JOIN {right} ON {condition or 'TRUE'}"
    return f"{left} JOIN {right} ON {condition}" if condition else f"{left} CROSS JOIN {right}"


def _pad(scope: Scope, before: int, side: str) -> None:
    """Note that an outer join gives rows in which all columns of one side, or of either, are NULL."""
    padded = {"LEFT": scope.sources[before:], "RIGHT": scope.sources[:before], "FULL": scope.sources}.get(side, [])
    for source in padded:
        source.columns = [replace(column, value=replace(column.value, nullable=True)) for column in source.columns]
    if side in ("RIGHT", "FULL"):
        scope.merged = {name: replace(value, nullable=True) for name, value in scope.merged.items()}


def _unnest(left: str, join: exp.Expr, binder: Expressions) -> str | None:
    """The join to a table function that takes a list apart; None if it is another join.

    The list is unnested beside the rows it comes from, which keeps their order (a lateral join would not): each source becomes
    one column of structs under its own alias, so that what refers to it stays as it is.
    """
    node, plain = join.this, not any(join.args.get(key) for key in ("on", "using", "side", "method"))
    joined = _partitioned(left, node, binder) if plain or _is_true(join) else None
    if joined is not None:
        return joined
    call = _table_call(node)
    if call is None or not plain or node.args.get("sample") or node.args.get("pivots"):
        return None
    relation = bind_table_function(call, binder)
    if relation.members is None:
        return None
    outer, number = binder.context.alias(), binder.context.alias()
    before = [source.alias for source in binder.scope.sources]
    add_source(
        node, relation, name_of(call.name.replace(MARK, "")) if isinstance(node, exp.Lateral) else "", (), True, binder
    )
    source = binder.scope.sources[-1]
    elsewhere = dict(relation.beside)
    if relation.columns[0].name == "SEQ":
        elsewhere[source.columns[0].name] = number
    source.columns = [
        replace(column, value=replace(column.value, sql=elsewhere.get(column.name, column.value.sql)))
        for column in source.columns
    ]
    parts = [*before, f"unnest({relation.members}) AS {source.alias}", f"row_number() OVER () AS {number}"]
    text = f"(SELECT {', '.join(parts)} FROM {left}) AS {outer}"
    for further in node.args.get("joins") or []:
        text = _join(text, further, binder)
    return text


def _is_true(join: exp.Expr) -> bool:
    """Whether a join is an inner one ON TRUE."""
    on = join.args.get("on")
    return (
        isinstance(on, exp.Boolean)
        and bool(on.this)
        and not any(join.args.get(key) for key in ("using", "side", "method"))
    )


def _partitioned(left: str, node: exp.Expr, binder: Expressions) -> str | None:
    """The join to a table function in Python, whose rows come from groups of the rows before; None if it is another join."""
    inner = node.this if isinstance(node, exp.Lateral) else None
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous) and not node.args.get("db"):
        name = node.this.name.replace(MARK, "").upper()
        inner = node.this.expressions[0] if name in ("TABLE", "LATERAL") and node.this.expressions else None
    if (
        not isinstance(inner, exp.Anonymous | exp.Window | exp.Dot)
        or node.args.get("pivots")
        or node.args.get("sample")
    ):
        return None
    call = python_table_call(binder, inner)
    if call is None:
        return None
    text, columns, alias = beside(left, call, binder.scope.sources, binder.context)
    add_source(node, Relation("", columns), "", (), True, binder)
    source = binder.scope.sources[-1]
    source.columns = [
        replace(column, value=replace(column.value, sql=f"{alias}.{quote(one.duckdb_name)}"))
        for column, one in zip(source.columns, columns, strict=True)
    ]
    source.alias = alias
    for further in node.args.get("joins") or []:
        text = _join(text, further, binder)
    return text


def _table_call(node: exp.Expr) -> exp.Expr | None:
    """The call of a table function in a FROM, or None."""
    if isinstance(node, exp.Lateral):
        return node.this if isinstance(node.this, exp.Anonymous) else None
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous) and not node.args.get("db"):
        name = node.this.name.replace(MARK, "").upper()
        inner = node.this.expressions[0] if name in ("TABLE", "LATERAL") and node.this.expressions else None
        return inner if isinstance(inner, exp.Anonymous) else None
    return None


def _shared(scope: Scope, before: int) -> list[str]:
    left = {column.name for source in scope.sources[:before] for column in source.columns}
    return [column.name for source in scope.sources[before:] for column in source.columns if column.name in left]


def _using(scope: Scope, before: int, names: list[str], side: str, binder: Expressions) -> str:
    """The condition of USING, and the columns it makes one of."""
    conditions = []
    for name in names:
        left = scope.merged.get(name) or _side_column(scope.sources[:before], name)
        right = _side_column(scope.sources[before:], name)
        a, b = comparison(left, right, binder.context.zone)
        binder.note(f"({a} = {b})")
        conditions.append(f"({a} = {b})")
        if side == "FULL":
            kind = common([left.type, right.type])
            scope.merged[name] = Typed(f"coalesce({left.sql}, {right.sql})", kind, True, left.exact and right.exact)
        else:
            scope.merged[name] = right if side == "RIGHT" else left
    return " AND ".join(conditions)


def _side_column(sources: list[Source], name: str) -> Typed:
    found = [value for source in sources if (value := source.find(name)) is not None]
    if len(found) != 1:
        problem = f"ambiguous column name '{name}'" if found else f"invalid identifier '{name}'"
        raise SqlCompilationError(problem, 2028 if found else 904, "42601" if found else "42000")
    return found[0]


def _asof(left: str, right: str, join: exp.Expr, binder: Expressions, before: int) -> str:
    match = join.args.get("match_condition")
    if match is None:
        raise SqlCompilationError("ASOF JOIN needs MATCH_CONDITION.", 1003, "42000")
    inner = match.this if isinstance(match, exp.Paren) else match
    conditions = [binder.filter(inner)]
    if join.args.get("on") is not None:
        conditions.insert(0, binder.filter(join.args["on"]))
    if join.args.get("using"):
        names = [name_of(item) for item in join.args["using"]]
        conditions.insert(0, _using(binder.scope, before, names, "LEFT", binder))
    return f"{left} ASOF LEFT JOIN {right} ON {' AND '.join(conditions)}"


__all__ = ["add_source", "bind_from", "bind_item", "replace", "source_columns"]
