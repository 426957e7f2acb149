"""GET_DDL: the statement that makes an object again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.arguments import signature
from embedded.snowflake.catalog.kinds import find_kind
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.policies import CARRIERS
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.catalog.tables import TableColumn, column_names, columns
from embedded.snowflake.errors import SqlCompilationError, does_not_exist, unsupported
from embedded.snowflake.names import literal, quote_if_needed
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def get_ddl(session: Session, kind_text: str, written: str, qualified: bool = False) -> str:
    """The statement that makes an object, and for a database or schema also what it holds.

    Args:
        session: who asks; what it may not see is not there.
        kind_text: as GET_DDL takes it: `TABLE`, `VIEW`, `SCHEMA`, `POLICY`, `FUNCTION` ….
        written: the name, with argument types for a function or procedure.
        qualified: write full names.

    Raises:
        SnowflakeError: no such object (002003), or a kind without GET_DDL (000002).
    """
    tokens = TokenStream(written)
    name = tokens.name()
    kind_name = kind_text.upper().replace("_", " ")
    for kind in _POLICIES if kind_name == "POLICY" else (kind_name,):
        if find_kind(kind) is None or kind not in _WRITERS:
            raise unsupported(f"GET_DDL of {kind_text}")
        found = _find(session, kind, name, tokens)
        if found is not None:
            return _write(session, found, qualified)
    raise does_not_exist(kind_name, written)


def _find(session: Session, kind: str, name: Any, tokens: TokenStream) -> CatalogObject | None:
    from embedded.snowflake.errors import SnowflakeError
    from embedded.snowflake.statements.objects import read_signature

    described = find_kind(kind)
    text = read_signature(tokens) if described is not None and described.has_signature else ""
    try:
        found = reach(session, kind, name, None, text)
    except SnowflakeError:
        return None
    if found.kind != kind and not (kind in ("TABLE", "VIEW") and found.kind in CARRIERS):
        raise SqlCompilationError(
            f"Object found is of type '{found.kind}', not specified type '{kind}'.", 2203, "42710"
        )
    return found


def _write(session: Session, item: CatalogObject, qualified: bool) -> str:
    writer = _WRITERS.get(item.kind)
    if writer is None:
        raise unsupported(f"GET_DDL of {item.kind}")
    name = full_name(session.account.catalog, item) if qualified else quote_if_needed(item.name)
    return writer(session, item, name)


# -- one writer a kind


def _table(session: Session, item: CatalogObject, name: str) -> str:
    lines = [f"\t{_column(session, column)}" for column in columns(item)]
    lines += [f"\t{_constraint(session, item, constraint)}" for constraint in item.body.get("constraints", [])]
    words = "transient " if item.body.get("transient") else ""
    text = f"create or replace {words.upper()}TABLE {name} (\n" + ",\n".join(lines) + "\n)"
    if item.body.get("cluster_by"):
        text += f"cluster by ({', '.join(item.body['cluster_by'])})"
    policy = item.body.get("row_access_policy")
    if policy:
        text += f" WITH ROW ACCESS POLICY {_policy(session, policy)} ON ({', '.join(column_names(item.body, policy['columns']))})"
    return f"{text}{_parameters(item)}{_comment(item)};"


def _policy(session: Session, use: dict[str, Any]) -> str:
    catalog = session.account.catalog
    return full_name(catalog, catalog.get(use["policy"]))


def _column(session: Session, column: TableColumn) -> str:
    parts = [quote_if_needed(column.name), str(column.type)]
    if column.expression:
        parts.append(f"AS ({column.expression})")
    if column.collation:
        parts.append(f"COLLATE {literal(column.collation)}")
    if column.masking_policy:
        parts.append(f"WITH MASKING POLICY {_policy(session, column.masking_policy)}")
    if not column.nullable:
        parts.append("NOT NULL")
    if column.identity:
        order = "order" if column.identity["order"] else "noorder"
        parts.append(f"autoincrement start {column.identity['start']} increment {column.identity['increment']} {order}")
    elif column.default is not None:
        parts.append(f"DEFAULT {column.default}")
    if column.comment:
        parts.append(f"COMMENT {literal(column.comment)}")
    return " ".join(parts)


def _constraint(session: Session, item: CatalogObject, constraint: dict[str, Any]) -> str:
    names = ", ".join(quote_if_needed(name) for name in column_names(item.body, constraint["columns"]))
    named = (
        "" if constraint["name"].startswith("SYS_CONSTRAINT_") else f"constraint {quote_if_needed(constraint['name'])} "
    )
    text = f"{named}{constraint['type'].lower()} ({names})"
    if constraint["references"]:
        catalog = session.account.catalog
        other = catalog.get(constraint["references"]["table"])
        theirs = ", ".join(
            quote_if_needed(name) for name in column_names(other.body, constraint["references"]["columns"])
        )
        text += f" references {full_name(catalog, other)}({theirs})"
    return text


def _parameters(item: CatalogObject) -> str:
    return "".join(f" {key}={value}" for key, value in sorted(item.body.get("parameters", {}).items()))


def _comment(item: CatalogObject) -> str:
    return f" COMMENT={literal(item.comment)}" if item.comment else ""


def _view(_: Session, item: CatalogObject, name: str) -> str:
    words = ("secure " if item.body.get("secure") else "").upper()
    kind = item.kind
    names = ",\n".join(
        f"\t{quote_if_needed(column.name)}" + (f" COMMENT {literal(column.comment)}" if column.comment else "")
        for column in columns(item)
    )
    return f"create or replace {words}{kind} {name}(\n{names}\n){_comment(item)} as {item.body['query']};"


def _dynamic(_: Session, item: CatalogObject, name: str) -> str:
    from embedded.snowflake.catalog.descriptions.dynamic_tables import dynamic_text

    text = dynamic_text(item).replace("create OR REPLACE", "create").partition(" dynamic table ")[2]
    return f"create or replace dynamic table {name} {text.partition(' ')[2]};"


def _policy_ddl(_: Session, item: CatalogObject, name: str) -> str:
    arguments = ", ".join(f"{quote_if_needed(one['name'])} {one['type']}" for one in item.body["arguments"])
    return f"create or replace {item.kind} {name} as ({arguments}) returns {item.body['returns']} ->\n{item.body['body']}{_comment(item)};"


def _code(_: Session, item: CatalogObject, name: str) -> str:
    body, properties = item.body, item.body["properties"]
    arguments = ", ".join(
        f"{quote_if_needed(one['name'])} {one['type']}" + (f" DEFAULT {one['default']}" if one["default"] else "")
        for one in body["arguments"]
    )
    returns = body["returns"]
    written = f"TABLE {signature(returns['table'], names=True)}" if isinstance(returns, dict) else returns
    lines = [
        f"CREATE OR REPLACE {'SECURE ' if body.get('secure') else ''}{item.kind} {name}({arguments})",
        f"RETURNS {written}",
    ]
    lines.append(f"LANGUAGE {body['language']}")
    if properties.get("RUNTIME_VERSION"):
        lines.append(f"RUNTIME_VERSION = {literal(properties['RUNTIME_VERSION'])}")
    if properties.get("PACKAGES"):
        lines.append(f"PACKAGES = ({','.join(literal(one) for one in properties['PACKAGES'])})")
    if properties.get("HANDLER"):
        lines.append(f"HANDLER = {literal(properties['HANDLER'])}")
    if item.comment:
        lines.append(f"COMMENT={literal(item.comment)}")
    if item.kind == "PROCEDURE":
        lines.append(f"EXECUTE AS {body.get('execute_as', 'OWNER')}")
    lines.append(f"AS {literal(body['body'])};")
    return "\n".join(lines)


def _stream(session: Session, item: CatalogObject, name: str) -> str:
    catalog = session.account.catalog
    source = catalog.get(item.body["source"])
    words = " append_only = true" if item.body.get("append_only") else ""
    return (
        f"create or replace stream {name} on {source.kind.lower()} {full_name(catalog, source)}{words}{_comment(item)};"
    )


def _sequence(_: Session, item: CatalogObject, name: str) -> str:
    start, increment = item.body["start"], item.body["increment"]
    order = "order" if item.body["order"] else "noorder"
    return f"create or replace sequence {name} start with {start} increment by {increment} {order}{_comment(item)};"


def _tag(_: Session, item: CatalogObject, name: str) -> str:
    allowed = item.body.get("allowed_values")
    values = " ALLOWED_VALUES " + ", ".join(literal(value) for value in allowed) if allowed else ""
    return f"create or replace tag {name}{values}{_comment(item)};"


def _format(_: Session, item: CatalogObject, name: str) -> str:
    from embedded.snowflake.catalog.file_formats import printed_value

    given = {"TYPE": "CSV", **item.body["properties"]}
    parts = [f"\t{key} = {_option(key, value, printed_value(value))}" for key, value in given.items()]
    return f"CREATE OR REPLACE FILE FORMAT {name}\n" + "\n".join(parts) + f"\n{_comment(item)};"


def _option(key: str, value: Any, printed: str) -> str:
    if isinstance(value, list):
        return "(" + ", ".join(literal(one) for one in value) + ")"
    return printed if isinstance(value, (bool, int)) or key == "TYPE" else literal(printed)


def _task(session: Session, item: CatalogObject, name: str) -> str:
    body, catalog = item.body, session.account.catalog
    lines = [f"create or replace task {name}"]
    properties = body.get("properties", body)
    for key in ("warehouse", "schedule"):
        value = properties.get(key) or properties.get(key.upper())
        if value:
            lines.append(f"\t{key}={quote_if_needed(value) if key == 'warehouse' else literal(value)}")
    predecessors = [
        full_name(catalog, catalog.get(oid)) for oid in body.get("predecessors", []) if isinstance(oid, int)
    ]
    if predecessors:
        lines.append(f"\tafter {', '.join(predecessors)}")
    if body.get("condition"):
        lines.append(f"\twhen {body['condition']}")
    return "\n".join(lines) + f"\n\tas {body.get('definition', '')};"


def _container(session: Session, item: CatalogObject, name: str) -> str:
    words = ("transient " if item.body.get("transient") else "").upper()
    managed = " WITH MANAGED ACCESS" if item.body.get("managed_access") else ""
    order = list(_WRITERS)
    children = [child for child in session.account.catalog.children(item.oid) if child.kind in _WRITERS]
    children.sort(key=lambda child: order.index(child.kind))
    texts = [f"create or replace {words}{item.kind} {name}{managed}{_parameters(item)}{_comment(item)};"]
    texts += [
        _write(session, child, item.kind == "DATABASE") for child in children if child.name != "INFORMATION_SCHEMA"
    ]
    return "\n\n".join(texts)


_POLICIES = ("MASKING POLICY", "ROW ACCESS POLICY")
# In the order in which a schema's contents can be made again.
_WRITERS: dict[str, Callable[[Any, CatalogObject, str], str]] = {
    "DATABASE": _container,
    "SCHEMA": _container,
    "TAG": _tag,
    "SEQUENCE": _sequence,
    "FILE FORMAT": _format,
    "MASKING POLICY": _policy_ddl,
    "ROW ACCESS POLICY": _policy_ddl,
    "TABLE": _table,
    "FUNCTION": _code,
    "PROCEDURE": _code,
    "VIEW": _view,
    "MATERIALIZED VIEW": _view,
    "DYNAMIC TABLE": _dynamic,
    "STREAM": _stream,
    "TASK": _task,
}
