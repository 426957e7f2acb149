"""One SELECT: its sources, filters, groups, columns and order."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import encode, quote
from embedded.snowflake.sql.coerce import equality_key, order_key
from embedded.snowflake.sql.context import Context
from embedded.snowflake.sql.expressions import Expressions
from embedded.snowflake.sql.grouping import SETS, all_keys, grouped_variants
from embedded.snowflake.sql.parse import MARK
from embedded.snowflake.sql.placement import check_placement, has_aggregate, is_aggregate, without_own_aliases
from embedded.snowflake.sql.references import BindQuery
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope, Source, name_of, unique
from embedded.snowflake.sql.sources import bind_from
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.sql.windows import direction

# Clauses that are not done, by their key in the tree.
_REFUSED = {
    "windows": "WINDOW",
    "into": "SELECT INTO",
    "laterals": "LATERAL VIEW",
    "cluster": "CLUSTER BY",
    "distribute": "DISTRIBUTE BY",
    "sort": "SORT BY",
    "locks": "FOR UPDATE",
}


def bind_select(node: exp.Expr, context: Context, outer: Scope | None, bind_query: BindQuery) -> Relation:
    """Bind a SELECT.

    Raises:
        SnowflakeError: something in it is not known, not allowed or not supported.
    """
    for key, what in _REFUSED.items():
        if node.args.get(key):
            raise unsupported(what)
    scope = Scope(parent=outer)
    binder = Expressions(context, scope, bind_query)
    from_text = bind_from(node, binder)
    if node.args.get("group") is None and not any(map(has_aggregate, node.expressions)):
        binder.beside = {}
    scope.aliases = {name_of(item.args["alias"]): item.this for item in node.expressions if isinstance(item, exp.Alias)}
    binder.grouped = grouped_variants(node, binder)
    outputs = _outputs(node, binder)
    with binder.each_row():
        check_placement(node, binder)
    outputs = _padded(node, outputs)
    if node.parent is not None or context.views or outer is not None:
        # A query around may filter by these columns.
        for _, value in outputs:
            binder.note(value.sql)
    head = f"SELECT {_distinct(node, outputs)}" + ", ".join(
        f"{value.sql} AS {quote(column.duckdb_name)}" for column, value in outputs
    )
    with binder.each_row():
        where = f"WHERE {binder.filter(node.args['where'].this)}" if node.args.get("where") is not None else ""
    text = []
    with binder.each_row():
        text += _grouping(node, binder, outputs)
    for key in ("having", "qualify"):
        if node.args.get(key) is not None:
            text.append(f"{key.upper()} {binder.filter(node.args[key].this)}")
    if node.args.get("order") is not None:
        items = _order_items(node.args["order"].expressions, binder, outputs)
        text.append("ORDER BY " + ", ".join(_order_item(item, binder, outputs) for item in items))
    read = f"FROM {from_text} {where}" if from_text else where
    beside = {**(binder.beside or {}), **binder.row_beside}
    if beside:
        read = _with_beside(read, beside, binder)
    tail = " ".join(text) + limit_clause(node, binder)
    return Relation(f"{head} {read} {tail}", [column for column, _ in outputs])


def _with_beside(read: str, beside: dict[str, str], binder: Expressions) -> str:
    """The FROM and WHERE with more columns beside each row; a source becomes one column of structs under its own alias."""
    parts = [source.alias for source in binder.scope.sources]
    parts += [f"{value} AS {name}" for name, value in beside.items()]
    return f"FROM (SELECT {', '.join(parts)} {read}) AS {binder.context.alias()}"


def _distinct(node: exp.Expr, outputs: list[tuple[OutputColumn, Typed]]) -> str:
    distinct = node.args.get("distinct")
    if distinct is None:
        return ""
    if distinct.args.get("on") is not None:
        raise unsupported("DISTINCT ON")
    if any(value.type.has_key for _, value in outputs):
        return f"DISTINCT ON ({', '.join(equality_key(value) for _, value in outputs)}) "
    return "DISTINCT "


# -- the select list


def _outputs(node: exp.Expr, binder: Expressions) -> list[tuple[OutputColumn, Typed]]:
    named: list[tuple[str, Typed]] = []
    for item in node.expressions:
        if _is_star(item):
            named += expand_star(item, binder)
        else:
            named.append((output_name(item), binder.bind(item)))
    if not named:
        raise SqlCompilationError("syntax error: SELECT with no columns", 1003, "42000")
    taken: set[str] = set()
    outputs = []
    for name, value in named:
        column = OutputColumn(name, value.type, unique(encode(name), taken), value.nullable, value.exact)
        outputs.append((column, value))
    return outputs


def output_name(item: exp.Expr) -> str:
    """The name of a column of the result: its alias, the column's own name, or its source text in upper case."""
    if isinstance(item, exp.Alias):
        return name_of(item.args["alias"])
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Identifier):
        return name_of(item.this)
    text = item.meta.get("text")
    if text is None:
        text = item.sql("snowflake").replace(MARK, "")
    return re.sub(r"\s+", " ", text).upper()


def require_named_columns(node: exp.Expr) -> None:
    """Make sure that a view or table can take its columns' names from a query: each is a column or has an alias.

    Raises:
        SqlCompilationError: one is an expression (002022); beside a `*` Snowflake lets that pass.
    """
    while isinstance(node, exp.SetOperation | exp.Subquery):
        node = node.this
    if not isinstance(node, exp.Select) or any(_is_star(item) for item in node.expressions):
        return
    if not all(isinstance(item, exp.Alias | exp.Column | exp.Parameter) for item in node.expressions):
        raise SqlCompilationError("Missing column specification", 2022, "42601")


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def expand_star(item: exp.Expr, binder: Expressions) -> list[tuple[str, Typed]]:
    """The columns of `*` or `t.*`, with EXCLUDE, REPLACE, RENAME and ILIKE done."""
    star = item.this if isinstance(item, exp.Column) else item
    qualifier = tuple(name_of(part) for part in item.parts[:-1]) if isinstance(item, exp.Column) else ()
    columns = star_columns(binder.scope, qualifier)
    excluded = {
        name_of(column.this if isinstance(column, exp.Column) else column) for column in star.args.get("except_") or []
    }
    replaced = {name_of(alias.args["alias"]): alias.this for alias in star.args.get("replace") or []}
    renames = {name_of(_bare(alias.this)): name_of(alias.args["alias"]) for alias in star.args.get("rename") or []}
    known = {name for name, _ in columns}
    for name in (*excluded, *replaced, *renames):
        if name not in known:
            raise SqlCompilationError(f"invalid identifier '{name}'", 904, "42000")
    pattern = star.args.get("ilike")
    keep = _like_pattern(pattern.name) if pattern is not None else None
    return [
        (renames.get(name, name), binder.bind(replaced[name]) if name in replaced else value)
        for name, value in columns
        if name not in excluded and (keep is None or keep.fullmatch(name))
    ]


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Column) else node


def _like_pattern(text: str) -> re.Pattern[str]:
    return re.compile(
        "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in text), re.IGNORECASE | re.DOTALL
    )


def star_columns(scope: Scope, qualifier: tuple[str, ...]) -> list[tuple[str, Typed]]:
    """The columns that `*` means: those that joins merged first, then each source's.

    Raises:
        SqlCompilationError: there is no FROM, or no source of that name (002003 / 001054).
    """
    if qualifier:
        source = scope.source(qualifier)
        if source is None:
            raise SqlCompilationError(f"invalid identifier '{'.'.join(qualifier)}'", 904, "42000")
        return [(column.name, column.value) for column in source.columns if not column.hidden]
    if not scope.sources:
        raise SqlCompilationError("SELECT with no columns", 2001, "42601")
    merged = list(scope.merged.items())
    return merged + [(column.name, column.value) for column in _visible(scope.sources, set(scope.merged))]


def _visible(sources: list[Source], merged: set[str]) -> list:
    return [
        column for source in sources for column in source.columns if not column.hidden and column.name not in merged
    ]


def _padded(node: exp.Expr, outputs: list[tuple[OutputColumn, Typed]]) -> list[tuple[OutputColumn, Typed]]:
    """The columns of a SELECT; rows of sums have NULL in those that their GROUPING SETS, CUBE or ROLLUP leaves out."""
    group = node.args.get("group")
    if group is None or not group.find(*SETS):
        return outputs
    names = [item.this if isinstance(item, exp.Alias) else item for item in node.expressions]
    kept = [len(names) == len(outputs) and is_aggregate(item) for item in names]
    return [
        (column if place < len(kept) and kept[place] else replace(column, nullable=True), value)
        for place, (column, value) in enumerate(outputs)
    ]


# -- GROUP BY, ORDER BY, LIMIT


def _grouping(node: exp.Expr, binder: Expressions, outputs: list[tuple[OutputColumn, Typed]]) -> list[str]:
    group = node.args.get("group")
    if group is None:
        return []
    if group.args.get("all"):
        return [f"GROUP BY {all_keys(node, binder)}"]
    sets = [item for key in ("rollup", "cube", "grouping_sets") for item in group.args.get(key) or []]
    parts = [
        text
        for item in [*group.expressions, *sets]
        if (
            text := _group_sets(node, item, binder, outputs)
            if type(item) in SETS
            else _group_item(node, item, binder, outputs)
        )
    ]
    return [f"GROUP BY {', '.join(parts) if parts else '(1 + 0)'}"]


def _group_sets(node: exp.Expr, item: exp.Expr, binder: Expressions, outputs: list[tuple[OutputColumn, Typed]]) -> str:
    return f"{SETS[type(item)]} ({', '.join(_group_set(node, member, binder, outputs) for member in item.expressions)})"


def _group_set(node: exp.Expr, item: exp.Expr, binder: Expressions, outputs: list[tuple[OutputColumn, Typed]]) -> str:
    members = item.expressions if isinstance(item, exp.Tuple) else [item.this if isinstance(item, exp.Paren) else item]
    return f"({', '.join(_group_item(node, member, binder, outputs) for member in members)})"


def _group_item(node: exp.Expr, item: exp.Expr, binder: Expressions, outputs: list[tuple[OutputColumn, Typed]]) -> str:
    """The text of a GROUP BY item; empty for a constant, which does not group."""
    if isinstance(item, exp.Literal) and not item.args.get("is_string"):
        place = int(item.name) if item.name.isdigit() else 0
        if not 1 <= place <= len(outputs):
            raise SqlCompilationError(f"[{item.name}] is not a valid group by expression", 979, "42601")
        has_star = any(map(_is_star, node.expressions))
        value = outputs[place - 1][1] if has_star else binder.bind(node.expressions[place - 1])
    else:
        value = binder.bind(item)
    if "(SELECT " in value.sql:
        text = without_own_aliases(value.sql)
        places = [place for place, (_, other) in enumerate(outputs, 1) if without_own_aliases(other.sql) == text]
        return str(places[0]) if places else value.sql
    return "" if value.is_constant else equality_key(value)


def _order_items(
    items: list[exp.Expr], binder: Expressions, outputs: list[tuple[OutputColumn, Typed]]
) -> list[exp.Expr]:
    """The items of an ORDER BY; of ORDER BY ALL each column of the result."""
    target = items[0].this if isinstance(items[0], exp.Ordered) else items[0]
    if (
        len(items) > 1
        or not isinstance(target, exp.Column)
        or target.args.get("table")
        or target.this.args.get("quoted")
    ):
        return items
    if name_of(target.this) != "ALL" or binder.find("ALL", ()) is not None:
        return items
    args = items[0].args if isinstance(items[0], exp.Ordered) else {}
    return [
        exp.Ordered(this=exp.Literal.number(place), desc=args.get("desc"), nulls_first=args.get("nulls_first"))
        for place in range(1, len(outputs) + 1)
    ]


def _order_item(item: exp.Expr, binder: Expressions, outputs: list[tuple[OutputColumn, Typed]]) -> str:
    target = item.this if isinstance(item, exp.Ordered) else item
    tail = direction(item) if isinstance(item, exp.Ordered) else " ASC NULLS LAST"
    if isinstance(target, exp.Literal) and not target.args.get("is_string") and target.name.isdigit():
        if not 1 <= int(target.name) <= len(outputs):
            raise SqlCompilationError(f"[{target.name}] is not a valid order by expression", 979, "42601")
        return _output_key(outputs, int(target.name)) + tail
    if isinstance(target, exp.Column) and not target.args.get("table") and isinstance(target.this, exp.Identifier):
        name = name_of(target.this)
        places = [index for index, (column, _) in enumerate(outputs, 1) if column.name == name]
        if places:
            return f"{_output_key(outputs, places[0])}{tail}"
    value = binder.bind(target)
    places = [index for index, (_, other) in enumerate(outputs, 1) if other.sql == value.sql]
    return f"{_output_key(outputs, places[0]) if places else order_key(value)}{tail}"


def _output_key(outputs: list[tuple[OutputColumn, Typed]], place: int) -> str:
    """What a result column is ordered by: its place, or what a VARIANT is ordered by."""
    value = outputs[place - 1][1]
    return order_key(value) if value.type.has_key else str(place)


def limit_clause(node: exp.Expr, binder: Expressions) -> str:
    """LIMIT, TOP, FETCH and OFFSET, with a leading space."""
    text = ""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if limit is not None:
        count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
        value = binder.bind(count) if count is not None else None
        if value is not None and not value.is_null:
            text += f" LIMIT {_whole(value, 'LIMIT')}"
        if not isinstance(limit, exp.Fetch) and limit.args.get("offset") is not None:
            offset = exp.Offset(expression=limit.args["offset"])
    if offset is not None:
        value = binder.bind(offset.expression)
        if not value.is_null:
            text += f" OFFSET {_whole(value, 'OFFSET')}"
    return text


def _whole(value: Typed, what: str) -> str:
    if value.is_constant and isinstance(value.value, str) and value.value.isdigit():
        return value.value
    if not value.is_constant or not isinstance(value.value, int) or value.value < 0:
        raise SqlCompilationError(
            f"Invalid row count '{value.value if value.is_constant else value.sql}' in {what.lower()} clause",
            1003,
            "42601",
        )
    return str(value.value)
