"""SQL user-defined functions and table functions: the body takes the call's place, with the arguments in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.errors import SqlCompilationError, insufficient_privileges, unsupported
from embedded.snowflake.names import encode, quote
from embedded.snowflake.security.privileges import holds
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
    inner, scope = _inside(context, item, arguments)
    bound = type(binder)(inner, scope, binder.bind_query)
    text = body["body"].strip().rstrip(";")
    tree = parse_query(text) if text.split(None, 1)[0].upper() in ("SELECT", "WITH") else parse_expression(text)
    made = bound.scalar_subquery(tree) if isinstance(tree, exp.Query) else bound.bind(tree)
    return cast(made, parse_type(body["returns"]), context.zone)


def find_functions(context: Context, qualifier: list[str], name: str) -> list[CatalogObject]:
    """The functions of a name in the schema named, or the current one."""
    database = qualifier[-2] if len(qualifier) > 1 else context.database
    schema = qualifier[-1] if qualifier else context.schema
    catalog = context.account.catalog
    container = catalog.find("DATABASE", ACCOUNT, database) if database else None
    found = catalog.find("SCHEMA", container.oid, schema) if container and schema else None
    return [item for item in catalog.children(found.oid, "FUNCTION") if item.name == name] if found else []


def _choose(
    binder: Expressions, found: list[CatalogObject], names: list[str | None], values: list[Typed]
) -> tuple[CatalogObject, list[Typed]]:
    """The overload that the arguments fit, and its arguments in order, defaults filled in.

    Raises:
        SnowflakeError: none fits (001044), or USAGE on it is missing (003001).
    """
    fitting = []
    for item in found:
        arguments = _fit(binder, item, names, values)
        if arguments is not None:
            same = sum(
                value.type.kind == parse_type(wanted["type"]).kind
                for value, wanted in zip(arguments, item.body["arguments"], strict=True)
            )
            fitting.append((same, item, arguments))
    if not fitting:
        kinds = ", ".join(str(value.type) for value in values)
        raise SqlCompilationError(f"Invalid argument types for function '{found[0].name}': ({kinds})", 1044, "42P13")
    _, item, arguments = max(fitting, key=lambda entry: entry[0])
    if not holds(binder.context.account.catalog, binder.context.roles, "USAGE", item):
        raise insufficient_privileges("function", item.name)
    zone = binder.context.zone
    return item, [
        cast(value, parse_type(wanted["type"]), zone)
        for value, wanted in zip(arguments, item.body["arguments"], strict=True)
    ]


def _fit(binder: Expressions, item: CatalogObject, names: list[str | None], values: list[Typed]) -> list[Typed] | None:
    declared = item.body["arguments"]
    if len(values) > len(declared):
        return None
    given: dict[str, Typed] = {}
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        given[name or declared[place]["name"]] = value
    filled: list[Typed] = []
    for argument in declared:
        if argument["name"] in given:
            filled.append(given.pop(argument["name"]))
        elif argument.get("default") is not None:
            filled.append(binder.bind(parse_expression(argument["default"])))
        else:
            return None
    return None if given else filled


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


def bind_user_table_function(binder: Expressions, qualifier: list[str], name: str, arguments: Arguments) -> Relation:
    """A call of a user-defined table function.

    Raises:
        SnowflakeError: there is none (002141), or the arguments do not fit (001044).
    """
    found = [item for item in find_functions(binder.context, qualifier, name) if isinstance(item.body["returns"], dict)]
    if not found:
        raise unknown_function(".".join([*qualifier, name]))
    nodes: list[tuple[str | None, Any]] = [(None, node) for node in arguments.nodes]
    nodes += list(arguments.named.items())
    values = [binder.bind(node) for _, node in nodes]
    item, bound = _choose(binder, found, [key for key, _ in nodes], values)
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
