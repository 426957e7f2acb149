"""SQL user-defined functions and table functions: the body takes the call's place, with the arguments in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.errors import SqlCompilationError, insufficient_privileges, unsupported
from embedded.snowflake.names import encode, quote
from embedded.snowflake.programs import python_functions
from embedded.snowflake.programs.overloads import choose
from embedded.snowflake.security.privileges import holds
from embedded.snowflake.sql import partitions
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.functions.registry import unknown_function
from embedded.snowflake.sql.parse import MARK, parse_expression, parse_query
from embedded.snowflake.sql.scope import OutputColumn, Relation, Scope, Source, SourceColumn, name_of
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import parse_type

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context
    from embedded.snowflake.sql.expressions import Expressions
    from embedded.snowflake.sql.table_functions import Arguments

_MAX_DEPTH = 64


def bind_dotted(binder: Expressions, node: exp.Expr) -> Typed:
    """A call with its schema before it: `SCHEMA.FUNCTION(…)`."""
    qualifier, call = dotted(node)
    if qualifier[:1] == ["SNOWFLAKE"]:
        # Snowflake's own functions have schemas too: SNOWFLAKE.ALERT.SCHEDULED_TIME().
        name = ".".join([*qualifier, call.name.replace(MARK, "").upper()])
        return binder.call(exp.Anonymous(this=name, expressions=call.expressions))
    made = _bind_scalar(binder, qualifier, call.name.replace(MARK, "").upper(), call.expressions)
    if made is None:
        raise unknown_function(".".join([*qualifier, call.name.replace(MARK, "").upper()]))
    return made


def dotted(node: exp.Expr) -> tuple[list[str], exp.Expr]:
    """The names before a call, and the call."""
    parts: list[str] = []
    left = node.this
    while isinstance(left, exp.Dot):
        parts.insert(0, name_of(left.expression))
        left = left.this
    parts.insert(0, name_of(left.this if isinstance(left, exp.Column) else left))
    return parts, node.expression


def bind_user_function(binder: Expressions, name: str, nodes: list[exp.Expr]) -> Typed | None:
    """A call of a user-defined function, or None if there is none of that name."""
    return _bind_scalar(binder, [], name, nodes)


def _bind_scalar(binder: Expressions, qualifier: list[str], name: str, nodes: list[exp.Expr]) -> Typed | None:
    context = binder.context
    found = find_functions(context, qualifier, name)
    if not found:
        return None
    values = [binder.bind(item.expression if isinstance(item, exp.Kwarg) else item) for item in nodes]
    names = [item.this.name.upper() if isinstance(item, exp.Kwarg) else None for item in nodes]
    item, arguments = _choose(binder, found, names, values)
    body = item.body
    if isinstance(body["returns"], dict):
        raise SqlCompilationError(f"Table function {name} is used as a scalar function.", 2141, "42601")
    if body["language"] == "PYTHON":
        text = python_functions.call_text(context, item, arguments)
        return Typed(text, parse_type(body["returns"]))
    inner, scope = _inside(context, item, arguments)
    bound = type(binder)(inner, scope, binder.bind_query)
    text = body["body"].strip().rstrip(";")
    tree = parse_query(text) if text.split(None, 1)[0].upper() in ("SELECT", "WITH") else parse_expression(text)
    made = bound.scalar_subquery(tree) if isinstance(tree, exp.Query) else bound.bind(tree)
    return cast(made, parse_type(body["returns"]), context.zone)


def find_functions(context: Context, qualifier: list[str], name: str, kind: str = "FUNCTION") -> list[CatalogObject]:
    """The functions (or objects of another such kind) of a name in the schema named, or the current one."""
    database = qualifier[-2] if len(qualifier) > 1 else context.database
    schema = qualifier[-1] if qualifier else context.schema
    catalog = context.account.catalog
    container = catalog.find("DATABASE", ACCOUNT, database) if database else None
    found = catalog.find("SCHEMA", container.oid, schema) if container and schema else None
    return [item for item in catalog.children(found.oid, kind) if item.name == name] if found else []


def _choose(
    binder: Expressions, found: list[CatalogObject], names: list[str | None], values: list[Typed]
) -> tuple[CatalogObject, list[Typed]]:
    """The overload that the arguments fit, and its arguments in order, defaults filled in.

    Raises:
        SnowflakeError: none fits (001044), or USAGE on it is missing (003001).
    """
    item, places = choose(found, names, [value.type for value in values])
    catalog, roles = binder.context.account.catalog, binder.context.roles
    schema = catalog.get(item.container)
    if not all(holds(catalog, roles, "USAGE", container) for container in (catalog.get(schema.container), schema)):
        raise unknown_function(item.name)
    if not holds(catalog, roles, "USAGE", item):
        raise insufficient_privileges("function", item.name)
    zone, declared = binder.context.zone, item.body["arguments"]
    arguments = [
        binder.bind(parse_expression(wanted["default"])) if place is None else values[place]
        for place, wanted in zip(places, declared, strict=True)
    ]
    return item, [
        cast(value, parse_type(wanted["type"]), zone) for value, wanted in zip(arguments, declared, strict=True)
    ]


def _inside(context: Context, item: CatalogObject, arguments: list[Typed]) -> tuple[Context, Scope]:
    """The context and scope of a function's body: its own schema, its owner's rights, its arguments."""
    if item.body["language"] != "SQL":
        raise unsupported(f"functions in {item.body['language']}")
    if len(context.views) > _MAX_DEPTH:
        raise SqlCompilationError(f"Function {item.name} calls itself.", 2141, "42601")
    catalog = context.account.catalog
    schema = catalog.get(item.container)
    database = catalog.get(schema.container)
    inner = context.owned(item.owner, database.name, schema.name, binds=[], views=(*context.views, item.oid))
    columns = [
        SourceColumn(argument["name"], value) for argument, value in zip(item.body["arguments"], arguments, strict=True)
    ]
    return inner, Scope([Source(item.name, columns)])


def _chosen(binder: Expressions, found: list[CatalogObject], arguments: Arguments) -> tuple[CatalogObject, list[Typed]]:
    nodes: list[tuple[str | None, Any]] = [(None, node) for node in arguments.nodes]
    nodes += list(arguments.named.items())
    values = [binder.bind(node) for _, node in nodes]
    return _choose(binder, found, [key for key, _ in nodes], values)


def python_table_call(binder: Expressions, node: exp.Expr) -> partitions.PartitionedCall | None:
    """A call of a table function in Python, with or without OVER, over the rows before it; None if it is another call.

    Raises:
        SnowflakeError: OVER of what is no table function in Python (002303), or the arguments do not fit (001044).
    """
    from embedded.snowflake.sql.table_functions import Arguments

    window = node if isinstance(node, exp.Window) else None
    call = node.this if window is not None else node
    qualifier, inner = dotted(call) if isinstance(call, exp.Dot) else ([], call)
    if not isinstance(inner, exp.Anonymous):
        return None
    name = inner.name.replace(MARK, "").upper()
    found = [item for item in find_functions(binder.context, qualifier, name) if isinstance(item.body["returns"], dict)]
    if not any(item.body["language"] == "PYTHON" for item in found):
        if window is not None:
            raise partitions.no_over(name)
        return None
    item, bound = _chosen(binder, found, Arguments(name, inner, binder))
    if item.body["language"] != "PYTHON":
        return None
    keys, order = partitions.read_over(window, binder)
    return partitions.PartitionedCall(item, bound, keys, order)


def bind_user_table_function(binder: Expressions, qualifier: list[str], name: str, arguments: Arguments) -> Relation:
    """A call of a user-defined table function.

    Raises:
        SnowflakeError: there is none (002141), or the arguments do not fit (001044).
    """
    found = [item for item in find_functions(binder.context, qualifier, name) if isinstance(item.body["returns"], dict)]
    if not found:
        if find_functions(binder.context, qualifier, name, "PROCEDURE"):
            raise unsupported("a procedure in FROM")
        raise unknown_function(".".join([*qualifier, name]))
    item, bound = _chosen(binder, found, arguments)
    if item.body["language"] == "PYTHON":
        return partitions.alone(binder.context, item, bound)
    inner, scope = _inside(binder.context, item, bound)
    relation = binder.bind_query(parse_query(item.body["body"].strip().rstrip(";")), inner, scope)
    declared = item.body["returns"]["table"]
    if len(declared) != len(relation.columns):
        raise SqlCompilationError(
            f"Function {name} returns {len(relation.columns)} columns, {len(declared)} declared.", 2057, "42601"
        )
    alias, parts, columns = binder.context.alias(), [], []
    for wanted, column in zip(declared, relation.columns, strict=True):
        kind = parse_type(wanted["type"])
        value = Typed(f"{alias}.{quote(column.duckdb_name)}", column.type, column.nullable, column.exact)
        parts.append(f"{cast(value, kind, binder.context.zone).sql} AS {quote(encode(wanted['name']))}")
        columns.append(OutputColumn(wanted["name"], kind, encode(wanted["name"])))
    return Relation(f"SELECT {', '.join(parts)} FROM ({relation.sql}) AS {alias}", columns)
