"""Tables and views in a FROM: found by name, privileges checked, policies put in, views expanded with their owner's rights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.catalog.model import ACCOUNT, RELATIONS, CatalogObject
from embedded.snowflake.catalog.tables import columns as table_columns
from embedded.snowflake.errors import (
    SnowflakeError,
    SqlCompilationError,
    does_not_exist,
    insufficient_privileges,
)
from embedded.snowflake.names import ObjectName, encode, quote
from embedded.snowflake.security.privileges import holds, holds_any
from embedded.snowflake.sql.context import Context
from embedded.snowflake.sql.parse import MARK, parse_cached
from embedded.snowflake.sql.policies import column_masks, police
from embedded.snowflake.sql.scope import OutputColumn, Relation, name_of
from embedded.snowflake.sql.system_views import bind_system_view

if TYPE_CHECKING:
    from embedded.snowflake.sql.expressions import Expressions

_SYSTEM_SCHEMAS = {"INFORMATION_SCHEMA", "ACCOUNT_USAGE"}
_MAX_VIEW_DEPTH = 32


def bind_table(node: exp.Expr, binder: Expressions) -> tuple[Relation, tuple[str, ...]]:
    """Bind a table, view, stream, WITH query or system view, and give the full name that it goes by.

    Raises:
        SnowflakeError: it does not exist or may not be read.
    """
    context = binder.context
    name = table_name(node, binder)
    if name.database is None and name.schema is None and name.name in context.ctes:
        cte = context.ctes[name.name]
        return Relation(f"SELECT * FROM {cte.alias}", cte.columns), (name.name,)
    path: tuple[str, ...] = tuple(part for part in full_path(context, name) if part)
    schema = path[-2] if len(path) > 1 else ""
    if schema in _SYSTEM_SCHEMAS and (schema == "INFORMATION_SCHEMA" or path[:1] == ("SNOWFLAKE",)):
        return bind_system_view(context, path), path
    item = find_relation(context, name)
    return replace(bind_object(item, node, binder), oid=item.oid), path


def table_name(node: exp.Expr, binder: Expressions) -> ObjectName:
    """The name of a table node as written; `IDENTIFIER('…')` is read through."""
    target = node.this
    if isinstance(target, exp.Anonymous) and target.name.replace(MARK, "").upper() == "IDENTIFIER":
        return identifier_name(target, binder)
    parts = [name_of(part) for part in (node.args.get("catalog"), node.args.get("db"), target) if part is not None]
    return ObjectName.of(parts)


def identifier_name(call: exp.Expr, binder: Expressions) -> ObjectName:
    """The name inside `IDENTIFIER(text)`.

    Raises:
        SqlCompilationError: its argument is no constant text.
    """
    from embedded.snowflake.tokens import TokenStream

    value = binder.bind(call.expressions[0])
    if not value.is_constant or not isinstance(value.value, str):
        raise SqlCompilationError("argument to IDENTIFIER must be a constant text", 1015, "42601")
    return TokenStream(value.value).name()


def full_path(context: Context, name: ObjectName) -> tuple[str | None, str | None, str]:
    """The name with what is missing taken from where the context looks."""
    if name.database is not None:
        return name.database, name.schema or "PUBLIC", name.name
    return context.database, name.schema or context.schema, name.name


def find_relation(context: Context, name: ObjectName) -> CatalogObject:
    """The table, view or stream of that name.

    Raises:
        SnowflakeError: there is none (002003), or a container of it is absent (002003).
    """
    database_name, schema_name, table = full_path(context, name)
    catalog = context.account.catalog
    if database_name is None:
        context.session.current_database()
    database = catalog.find("DATABASE", ACCOUNT, database_name or "")
    if database is None:
        raise does_not_exist("Database", str(ObjectName(None, None, database_name or "")))
    if schema_name is None:
        context.session.current_schema()
    schema = catalog.find("SCHEMA", database.oid, schema_name or "")
    if schema is None:
        raise does_not_exist("Schema", str(ObjectName(None, database_name, schema_name or "")))
    for kind in (RELATIONS[0], "STREAM"):
        found = catalog.find(kind, schema.oid, table)
        if found is not None and _in_session(context, found):
            return found
    raise does_not_exist("Object", str(name))


def _in_session(context: Context, item: CatalogObject) -> bool:
    owner = item.body.get("temporary_session")
    return owner is None or owner == context.session.id


def require_read(context: Context, item: CatalogObject, written: str) -> None:
    """Make sure that the context's roles may read an object and use its containers.

    Raises:
        SnowflakeError: they may not (002003 when they cannot know of it, 003001 otherwise).
    """
    catalog, roles = context.account.catalog, context.roles
    schema = catalog.get(item.container)
    database = catalog.get(schema.container)
    for container in (database, schema):
        if not holds(catalog, roles, "USAGE", container):
            raise does_not_exist("Object", written)
    if holds(catalog, roles, "SELECT", item):
        return
    if holds_any(catalog, roles, item):
        raise insufficient_privileges(item.kind, item.name)
    raise does_not_exist("Object", written)


def bind_object(item: CatalogObject, node: exp.Expr, binder: Expressions) -> Relation:
    """Bind an object of the catalog that is read."""
    context = binder.context
    require_read(context, item, str(table_name(node, binder)))
    context.reads.sources.add(item.oid)
    at = node.args.get("when") or node.args.get("version")
    if item.kind == "MATERIALIZED VIEW":
        return police(item, _materialized(item, binder, at), binder, "view")
    if item.kind == "DYNAMIC TABLE":
        check_initialized(item)
    if item.kind == "VIEW":
        return police(item, _expand_view(item, binder, at), binder, "view")
    if item.kind == "STREAM":
        return _stream(item, binder)
    if node.args.get("changes") is not None:
        return _changes(item, node, binder)
    target = bool(node.meta.get("target_rid"))
    read = "target" if target else "past" if at is not None else "table"
    return police(item, scan(item, context, at, target), binder, read)


def scan(item: CatalogObject, context: Context, at: exp.Expr | None, with_rid: bool) -> Relation:
    """The rows of a table that the session sees, before any policy."""
    from embedded.snowflake.storage.scan import table_scan

    # What a time before now means changes with the time.
    context.reads.volatile = context.reads.volatile or at is not None
    text = table_scan(context.session, item, at, with_rid)
    columns = [
        OutputColumn(column.name, column.type, encode(column.name), column.nullable) for column in table_columns(item)
    ]
    if with_rid:
        from embedded.snowflake.types import NUMBER

        columns.append(OutputColumn("$RID", NUMBER, "$RID", False, exact=False))
    # table_scan's text is one subquery in parentheses: a level less for DuckDB to plan.
    return Relation(text[1:-1], columns)


def _unwrapped(text: str) -> str:
    """A subquery's text without its outer parentheses, if it has them."""
    return f"SELECT * FROM {text}" if text.lstrip().startswith("(") else text


def _stream(item: CatalogObject, binder: Expressions) -> Relation:
    """A stream's changes, under the policies of the table or view that it is on."""
    from embedded.snowflake.change.scan import stream_columns, stream_scan

    context = binder.context
    context.reads.streams.add(item.oid)
    context.reads.volatile = True
    text = stream_scan(context.session, item)
    columns = [OutputColumn(c.name, c.type, encode(c.name)) for c in stream_columns(context.session, item)]
    source, relation = context.account.catalog.get(item.body["source"]), Relation(_unwrapped(text), columns)
    require_read(context, source, source.name)
    # A view's changes come from its query, which is policed already.
    return police(source, relation, binder, "stream") if source.kind != "VIEW" else relation


def _changes(item: CatalogObject, node: exp.Expr, binder: Expressions) -> Relation:
    """`CHANGES (INFORMATION => …) AT (…) [END (…)]`: a table's net changes, without a stream."""
    from embedded.snowflake.change.scan import METADATA, table_changes
    from embedded.snowflake.storage.time_travel import at_time, version_at

    context, clause = binder.context, node.args["changes"]
    kind = clause.args["information"].name.upper()
    if item.kind != "TABLE" or not item.body.get("properties", {}).get("CHANGE_TRACKING"):
        raise SqlCompilationError(f"Change tracking is not enabled on table '{item.name}'.", 2326, "0A000")
    if kind not in ("DEFAULT", "APPEND_ONLY"):
        raise SqlCompilationError(f"Invalid value '{kind}' for INFORMATION.", 1008, "22023")
    context.reads.volatile = True
    session = context.session
    since, end = version_at(session, item, clause.args["at_before"]), clause.args.get("end")
    until = at_time(session, item, session.account.clock.now()) if end is None else version_at(session, item, end)
    text = table_changes(session, item, since, until, append_only=kind == "APPEND_ONLY")
    columns = [OutputColumn(c.name, c.type, encode(c.name), c.nullable) for c in table_columns(item)]
    columns += [OutputColumn(c.name, c.type, encode(c.name)) for c in METADATA]
    return police(item, Relation(_unwrapped(text), columns), binder, "changes")


def check_initialized(item: CatalogObject) -> None:
    """Make sure that a dynamic table has been refreshed.

    Raises:
        SqlCompilationError: it has not yet (002732).
    """
    if not item.body.get("refreshed"):
        raise SqlCompilationError(
            f"Dynamic Table '{item.name}' is not initialized. Please run a manual refresh or wait for a scheduled refresh"
            " before querying.",
            2732,
            "57014",
        )


def _materialized(item: CatalogObject, binder: Expressions, at: exp.Expr | None) -> Relation:
    """A materialized view's stored rows if they are those of its table now, or else its query: a read is always right.

    Raises:
        SqlCompilationError: the view is suspended (002037).
    """
    from embedded.snowflake.scheduler.refreshes import is_current
    from embedded.snowflake.storage.pins import is_pinned

    context = binder.context
    if item.body.get("suspended"):
        raise SqlCompilationError(
            f"Failure during expansion of view '{item.name}': SQL compilation error:\nMaterialized View {item.name} is"
            " invalid. Invalidation reason: The materialized view is suspended.",
            2037,
            "42601",
        )
    context.reads.volatile = True
    plain = at is None and not is_pinned() and context.session.transaction is None
    if plain and item.body.get("stored") and is_current(context.account, item) and not _is_protected(item, context):
        return scan(item, context, None, False)
    return _expand_view(item, binder, at)


def _is_protected(view: CatalogObject, context: Context) -> bool:
    """Whether policies are on the table below a materialized view: its stored rows know nothing of them."""
    source = context.account.catalog.get(view.body["source"])
    return bool(source.body.get("row_access_policy")) or bool(column_masks(source, context))


def _expand_view(item: CatalogObject, binder: Expressions, at: exp.Expr | None) -> Relation:
    """A view's query, bound in the view's own schema with its owner's rights."""
    context = binder.context
    if at is not None:
        from embedded.snowflake.storage.pins import pinned
        from embedded.snowflake.storage.time_travel import version_at

        context.reads.volatile = True
        with pinned(lambda oid: version_at(context.session, context.account.catalog.get(oid), at)):
            return _expand_view(item, binder, None)
    if item.oid in context.views or len(context.views) >= _MAX_VIEW_DEPTH:
        raise SqlCompilationError(f"View definition for '{item.name}' is recursive.", 2208, "42601")
    catalog = context.account.catalog
    schema = catalog.get(item.container)
    database = catalog.get(schema.container)
    inner = context.owned(item.owner, database.name, schema.name, views=(*context.views, item.oid), binds=[])
    relation = _bind_view_query(item, inner, binder)
    declared = table_columns(item)
    if len(declared) != len(relation.columns):
        raise SqlCompilationError(
            f"View definition for '{item.name}' declared {len(declared)} column(s), but view query produces"
            f" {len(relation.columns)} column(s).",
            2057,
            "42601",
        )
    columns = [
        OutputColumn(column.name, found.type, found.duckdb_name, found.nullable, found.exact)
        for column, found in zip(declared, relation.columns, strict=True)
    ]
    return _renamed(Relation(relation.sql, columns), context)


def _bind_view_query(item: CatalogObject, inner: Context, binder: Expressions) -> Relation:
    try:
        return binder.bind_query(parse_cached(item.body["query"]), inner, None)
    except SnowflakeError as error:
        prefix = "" if error.message.startswith("SQL compilation error:") else "SQL compilation error:\n"
        raise SqlCompilationError(
            f"Failure during expansion of view '{item.name}': {prefix}{error.message}", 2037, "42601"
        ) from error


def _renamed(relation: Relation, context: Context) -> Relation:
    """The relation with DuckDB names that follow its columns' names."""
    if all(column.duckdb_name == encode(column.name) for column in relation.columns):
        return relation
    alias = context.alias()
    parts = ", ".join(
        f"{alias}.{quote(column.duckdb_name)} AS {quote(encode(column.name))}" for column in relation.columns
    )
    columns = [OutputColumn(c.name, c.type, encode(c.name), c.nullable, c.exact) for c in relation.columns]
    return Relation(f"SELECT {parts} FROM ({relation.sql}) AS {alias}", columns)
