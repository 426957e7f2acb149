"""Changes of a view between two states of its tables.

A view that only filters, projects and joins has rows with an identity: that of the rows that each is made of. Its changes are told
by it, an update as one. Rows of any other view have none: they are compared as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.names import encode, quote
from embedded.snowflake.sql.context import NOW, Context
from embedded.snowflake.sql.expressions import Expressions
from embedded.snowflake.sql.functions.registry import FUNCTIONS
from embedded.snowflake.sql.parse import MARK, parse_query
from embedded.snowflake.sql.policies import police
from embedded.snowflake.sql.query import bind_query
from embedded.snowflake.sql.relations import find_relation, require_read, table_name
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope
from embedded.snowflake.sql.translate import now, query
from embedded.snowflake.storage.pins import pinned
from embedded.snowflake.types import VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

# The identity of a row of a table, as a target's scan names it, and of a row of a view.
_ROW, _IDENTITY = "$RID", "$ID"
# Clauses of a SELECT after which a row is no longer made of one row of each table.
_GATHERING = (
    "distinct",
    "group",
    "having",
    "qualify",
    "limit",
    "offset",
    "with_",
    "laterals",
    "connect",
    "match",
    "match",
    "pivots",
)


def view_changes(
    session: Session, view: CatalogObject, since: dict[int, int], until: dict[int, int], append_only: bool
) -> str:
    """A DuckDB subquery of the rows that a view gained and lost, with the METADATA$ columns.

    The view is read at both states; rows that are the same in both cancel each other, as often as they stand in both. Where rows have
    identities, a lost and a gained row of one identity are an update (METADATA$ISUPDATE), and append-only leaves updates out.
    """
    tree = parse_query(view.body["query"])
    identified = _has_identities(session, view, tree)
    read = _identified if identified else _plain
    before, after = read(session, view, since), read(session, view, until)
    names = ", ".join(quote(encode(column["name"])) for column in view.body["columns"])
    gained = f"SELECT *, 'INSERT' AS _action FROM (({after}) EXCEPT ALL ({before}))"
    lost = f"SELECT *, 'DELETE' AS _action FROM (({before}) EXCEPT ALL ({after}))"
    identity, is_update = f"CAST(ROW({names}) AS VARCHAR)", "false"
    if identified:
        identity, is_update = quote(_IDENTITY), f"count(*) OVER (PARTITION BY {quote(_IDENTITY)}) = 2"
        if append_only:
            gained += f" WHERE {quote(_IDENTITY)} NOT IN (SELECT {quote(_IDENTITY)} FROM ({before}))"
    rows = gained if append_only else f"{gained} UNION ALL {lost}"
    action, updated, row_id = (
        quote(encode(name)) for name in ("METADATA$ACTION", "METADATA$ISUPDATE", "METADATA$ROW_ID")
    )
    return (
        f"(SELECT {names}, _action AS {action}, {is_update} AS {updated}, sha1('{view.oid}:' || {identity}) AS {row_id} "
        f"FROM ({rows}))"
    )


def _plain(session: Session, view: CatalogObject, versions: dict[int, int]) -> str:
    """The view's rows with its tables at versions."""
    tree = parse_query(f"select * from {full_name(session.account.catalog, view)}")
    with pinned(versions.get):
        translated = query(session, tree)
    parts = ", ".join(
        f"{quote(found)} AS {quote(encode(column['name']))}"
        for found, column in zip(translated.duckdb_names, view.body["columns"], strict=True)
    )
    return f"SELECT {parts} FROM ({translated.duckdb_sql})"


def _identified(session: Session, view: CatalogObject, versions: dict[int, int]) -> str:
    """The view's rows with its tables at versions, each with its identity, under the view's policies."""
    outer = replace(Context.of(session, [], ""), fenced=True)
    require_read(outer, view, view.name)
    inner = _inside(outer, view)
    tree = parse_query(view.body["query"])
    for table in _tables(tree):
        table.meta["target_rid"] = True
        alias = table.args.get("alias")
        name = alias.this if alias is not None and alias.this is not None else table.this
        tree.append("expressions", exp.Column(this=exp.Identifier(this=_ROW, quoted=True), table=name.copy()))
    with pinned(versions.get):
        found = bind_query(tree, inner, None)
        relation = _with_identity(found, view, outer)
        text = police(view, relation, Expressions(outer, Scope(), bind_query), "view").sql
    return text.replace(NOW, now(session).isoformat(sep=" "))


def _with_identity(found: Relation, view: CatalogObject, context: Context) -> Relation:
    """The relation with the view's own column names, and the identities of its tables' rows as one."""
    alias = context.alias()
    rows = [column for column in found.columns if column.name == _ROW]
    values = [column for column in found.columns if column.name != _ROW]
    parts, columns = [], []
    for declared, column in zip(view.body["columns"], values, strict=True):
        name = declared["name"]
        parts.append(f"{alias}.{quote(column.duckdb_name)} AS {quote(encode(name))}")
        columns.append(OutputColumn(name, column.type, encode(name), column.nullable, column.exact))
    identity = ", ".join(f"{alias}.{quote(column.duckdb_name)}" for column in rows)
    parts.append(f"concat_ws(':', {identity}) AS {quote(_IDENTITY)}")
    columns.append(OutputColumn(_IDENTITY, VARCHAR, _IDENTITY, False))
    return Relation(f"SELECT {', '.join(parts)} FROM ({found.sql}) AS {alias}", columns)


def _inside(context: Context, view: CatalogObject) -> Context:
    catalog = context.account.catalog
    schema = catalog.get(view.container)
    database = catalog.get(schema.container)
    return context.owned(view.owner, database.name, schema.name, views=(*context.views, view.oid))


def _tables(tree: exp.Expr) -> list[exp.Expr]:
    """The FROM items of a SELECT."""
    source = tree.args.get("from_")
    return [*([source.this] if source is not None else []), *(join.this for join in tree.args.get("joins") or [])]


def _has_identities(session: Session, view: CatalogObject, tree: exp.Expr) -> bool:
    """Whether each row of a view is made of one row of each of its tables."""
    if not isinstance(tree, exp.Select) or any(tree.args.get(key) for key in _GATHERING):
        return False
    if any(
        join.args.get("side") or str(join.args.get("kind") or "INNER") not in _JOINS
        for join in tree.args.get("joins") or []
    ):
        return False
    if any(node is not tree for node in tree.find_all(exp.Query)) or any(
        _gathers(node) for node in tree.find_all(exp.Func)
    ):
        return False
    context = _inside(Context.of(session, [], ""), view)
    binder = Expressions(context, Scope(), bind_query)
    return all(_is_table(item, context, binder) for item in _tables(tree))


_JOINS = ("INNER", "CROSS")


def _gathers(call: exp.Expr) -> bool:
    """Whether a call is of an aggregate or window function, or of one that is not known here."""
    if not isinstance(call, exp.Anonymous):
        return isinstance(call, exp.AggFunc)
    found = FUNCTIONS.get(call.name.replace(MARK, "").upper())
    return found is None or found.aggregate or found.window


def _is_table(item: exp.Expr, context: Context, binder: Expressions) -> bool:
    if not isinstance(item, exp.Table) or any(
        item.args.get(key) for key in ("pivots", "when", "sample", "changes", "joins")
    ):
        return False
    if not isinstance(item.this, exp.Identifier):
        return False
    return find_relation(context, table_name(item, binder)).kind == "TABLE"
