"""Tables: CREATE TABLE in its forms, SHOW TABLES, DESCRIBE TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.arguments import read_expression
from embedded.snowflake.catalog.column_grammar import (
    ColumnDefinition,
    ConstraintDefinition,
    new_body,
    read_column,
    read_constraint,
)
from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import retention_days
from embedded.snowflake.catalog.policies import attach_row_access, describe_columns, read_row_access
from embedded.snowflake.catalog.show import columns, constant, number
from embedded.snowflake.catalog.values import Property, boolean, options
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote
from embedded.snowflake.result import Result
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

TABLE_PROPERTIES = {
    "CHANGE_TRACKING": Property(boolean, False),
    "ENABLE_SCHEMA_EVOLUTION": Property(boolean, False),
    "STAGE_FILE_FORMAT": Property(options()),
    "STAGE_COPY_OPTIONS": Property(options()),
}
TABLE_PRIVILEGES = (
    "APPLYBUDGET", "DELETE", "EVOLVE SCHEMA", "INSERT", "REBUILD", "REFERENCES", "SELECT", "TRUNCATE", "UPDATE",
)  # fmt: skip


def read_columns(
    session: Session, tokens: TokenStream, *, typed: bool
) -> tuple[list[ColumnDefinition], list[ConstraintDefinition]]:
    """Read `(column …, constraint …)` of CREATE TABLE."""
    definitions: list[ColumnDefinition] = []
    constraints: list[ConstraintDefinition] = []

    def item() -> None:
        constraint = read_constraint(session, tokens)
        if constraint is not None:
            constraints.append(constraint)
        else:
            definitions.append(read_column(session, tokens, typed=typed))

    tokens.parenthesized(item)
    return definitions, constraints


def read_cluster_by(tokens: TokenStream) -> list[str]:
    """Read `[LINEAR] (expression, …)` after CLUSTER BY: the expressions' source texts."""
    tokens.accept("LINEAR")
    return tokens.parenthesized(lambda: read_expression(tokens, frozenset()))


def _read_table(session: Session, tokens: TokenStream, create: CreateOptions, _: ObjectName) -> Definition:
    """Read what follows the name in CREATE TABLE."""
    if tokens.word() in ("LIKE", "CLONE"):
        return _read_copy(session, tokens, create)
    definitions, constraints = read_columns(session, tokens, typed=False) if tokens.at("(") else ([], [])
    definition = Definition(body=new_body(session, definitions, constraints))
    definition.body.update(cluster_by=[], properties={}, parameters={}, tags={})
    _mark(session, definition, create)
    read_table_clauses(session, tokens, definition)
    untyped = [column.name for column in definitions if column.type is None]
    if tokens.accept("AS"):
        definition.body["as_select"] = {
            "query": tokens.rest_in_place(),
            "untyped": untyped,
            "given": [item.name for item in definitions],
        }
    elif tokens.accept("USING", "TEMPLATE"):
        made = _template_columns(session, tokens.skip_parenthesis())
        definition.body.update(new_body(session, *read_columns(session, made, typed=True)))
        read_table_clauses(session, tokens, definition)
    elif untyped or not definitions:
        raise tokens.unexpected()
    return definition


def _template_columns(session: Session, query: str) -> TokenStream:
    """The column definitions that the query of USING TEMPLATE gives: an array of objects as INFER_SCHEMA has rows.

    Raises:
        SqlCompilationError: its value is no such array (001003).
    """
    from embedded.snowflake.sql.run import run_query
    from embedded.snowflake.sql.translate import query_text

    rows = run_query(session, query_text(session, query)).columns[0].to_pylist()
    columns = orjson.loads(rows[0]) if len(rows) == 1 and rows[0] else []
    if not columns or not all(isinstance(item, dict) and {"COLUMN_NAME", "TYPE"} <= item.keys() for item in columns):
        raise SqlCompilationError("USING TEMPLATE needs an array of objects with COLUMN_NAME and TYPE.", 1003, "42000")
    parts = (
        f"{quote(item['COLUMN_NAME'])} {item['TYPE']}{'' if item.get('NULLABLE', True) else ' not null'}"
        for item in sorted(columns, key=lambda item: item.get("ORDER_ID", 0))
    )
    return TokenStream(f"({', '.join(parts)})")


def read_table_clauses(session: Session, tokens: TokenStream, definition: Definition) -> None:
    """Read the clauses after a table's columns, in any order."""
    from embedded.snowflake.catalog.kinds import kind_of
    from embedded.snowflake.statements.objects import read_definition, take_properties

    kind, before = kind_of("TABLE"), -1
    while tokens and tokens.index != before:
        before = tokens.index
        if tokens.accept("CLUSTER", "BY"):
            definition.body["cluster_by"] = read_cluster_by(tokens)
        elif tokens.at("ROW", "ACCESS") or tokens.at("WITH", "ROW", "ACCESS"):
            tokens.accept("WITH")
            definition.body["row_access_use"] = read_row_access(session, tokens)
        else:
            found = read_definition(session, tokens, kind)
            take_properties(definition, kind, {**found.body["properties"], **found.body["parameters"]})
            definition.comment = found.comment or definition.comment
            definition.copy_grants |= found.copy_grants
            definition.body["tags"].update(found.body.get("tags", {}))


def _mark(session: Session, definition: Definition, create: CreateOptions) -> None:
    temporary = create.modifiers & {"TEMPORARY", "TEMP", "VOLATILE"}
    if "HYBRID" in create.modifiers:
        from embedded.snowflake.errors import unsupported

        raise unsupported("CREATE HYBRID TABLE")
    definition.body["transient"] = "TRANSIENT" in create.modifiers
    definition.body["temporary_session"] = session.id if temporary else None


def _read_copy(session: Session, tokens: TokenStream, create: CreateOptions) -> Definition:
    from embedded.snowflake.statements.clone import read_time

    clones = tokens.next().text.upper() == "CLONE"
    source = reach(session, "TABLE", tokens.name(), "SELECT")
    definition = Definition(body=source.changed().body, comment=source.comment)
    for column in definition.body["columns"] if not clones else ():
        column["masking_policy"] = None
    if clones:
        definition.body["clone"] = {"source": source.oid, "at": read_time(tokens)}
    else:
        definition.body.update(constraints=[], row_access_policy=None, tags={})
    _mark(session, definition, create)
    read_table_clauses(session, tokens, definition)
    return definition


def _created(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.statements.physical import create_table

    use = item.body.pop("row_access_use", None)
    for constraint in item.body.get("constraints", []):
        if constraint["references"] and not constraint["references"]["table"]:
            constraint["references"]["table"] = item.oid
    create_table(session, changes, item)
    if use is not None:
        # After the columns are known: those of a query's result are so only now.
        attach_row_access(session, item.body, *use)
        changes.put(item)


def _dropping(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.statements.physical import drop_table

    drop_table(session, changes, item)


def _alter(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    from embedded.snowflake.statements.alter_table import alter_table

    return alter_table(session, tokens, item)


def _describe(session: Session, item: CatalogObject) -> Result:
    return describe_columns(session, item)


def _table_kind(_: Session, item: CatalogObject) -> str:
    if item.body.get("temporary_session") is not None:
        return "TEMPORARY"
    return "TRANSIENT" if item.body.get("transient") else "TABLE"


def cluster_text(_: Any, item: CatalogObject) -> str:
    """The clustering key as SHOW prints it: `LINEAR(A, B)`, or nothing."""
    keys = item.body.get("cluster_by")
    return f"LINEAR({', '.join(keys)})" if keys else ""


def _rows(session: Session, item: CatalogObject) -> int:
    from embedded.snowflake.statements.physical import row_count

    return row_count(session, item)


def _bytes(session: Session, item: CatalogObject) -> int:
    from embedded.snowflake.statements.physical import byte_count

    return byte_count(session, item)


def on_off(key: str) -> Any:
    """A column that says whether a truth-valued property is on."""
    return lambda _, item: "ON" if item.body.get("properties", {}).get(key) else "OFF"


register(
    Kind(
        "TABLE",
        "TABLES",
        properties=TABLE_PROPERTIES,
        level="table",
        create_privilege="CREATE TABLE",
        privileges=TABLE_PRIVILEGES,
        show=columns(
            "created_on name database_name schema_name kind comment cluster_by rows bytes owner retention_time dropped_on"
            " automatic_clustering change_tracking search_optimization search_optimization_progress search_optimization_bytes"
            " is_external enable_schema_evolution owner_role_type is_event budget is_hybrid is_iceberg is_dynamic is_immutable",
            kind=_table_kind,
            cluster_by=cluster_text,
            rows=number(_rows),
            bytes=number(_bytes),
            retention_time=lambda session, item: str(retention_days(session.account.catalog, item)),
            automatic_clustering=lambda _, item: (
                "ON" if item.body.get("cluster_by") and not item.body.get("recluster_suspended") else "OFF"
            ),
            change_tracking=on_off("CHANGE_TRACKING"),
            search_optimization=constant("OFF"),
            search_optimization_progress=constant(None),
            search_optimization_bytes=number(constant(None)),
            is_external=constant("N"),
            enable_schema_evolution=lambda _, item: (
                "Y" if item.body.get("properties", {}).get("ENABLE_SCHEMA_EVOLUTION") else "N"
            ),
            is_event=constant("N"),
            budget=constant(None),
            is_hybrid=constant("N"),
            is_iceberg=constant("N"),
            is_dynamic=constant("N"),
            is_immutable=constant("N"),
        ),
        describe=_describe,
        read=_read_table,
        created=_created,
        dropping=_dropping,
        alter=_alter,
        undrop=True,
    )
)
