"""Views, materialized views and dynamic tables: what is a query with a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.column_grammar import ColumnDefinition, policy_entry, read_column
from embedded.snowflake.catalog.descriptions.tables import cluster_text, on_off, read_cluster_by
from embedded.snowflake.catalog.kinds import Definition, Kind, kind_of, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import properties as parameter_properties
from embedded.snowflake.catalog.policies import DESCRIBE_COLUMNS, attach_row_access, describe_columns, read_row_access
from embedded.snowflake.catalog.show import columns, constant, containers, number
from embedded.snowflake.catalog.tables import TableColumn, column_body
from embedded.snowflake.catalog.tags import read_tag_list
from embedded.snowflake.catalog.values import Property, boolean, identifier, read_properties, text, word
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import ObjectName, literal, quote_if_needed
from embedded.snowflake.result import BOOLEAN, TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.security.privileges import require
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

_VIEW_PROPERTIES = {"CHANGE_TRACKING": Property(boolean, False)}
_DYNAMIC_PROPERTIES = {
    "TARGET_LAG": Property(text),
    "WAREHOUSE": Property(identifier),
    "REFRESH_MODE": Property(word("AUTO", "FULL", "INCREMENTAL"), "AUTO"),
    "INITIALIZE": Property(word("ON_CREATE", "ON_SCHEDULE"), "ON_CREATE"),
}
_UNITS = re.compile(r"\s*(\d+)\s+(second|minute|hour|day)s?\s*\Z", re.IGNORECASE)


def _read_query(kind_name: str, session: Session, tokens: TokenStream, create: CreateOptions) -> Definition:
    """Read what follows the name: columns, clauses in any order, AS and the query."""
    kind = kind_of(kind_name)
    listed = tokens.parenthesized(lambda: read_column(session, tokens, typed=False)) if tokens.at("(") else []
    definition = Definition({"properties": {}, "tags": {}, "parameters": {}})
    allowed = {"COMMENT": Property(text, ""), **kind.properties, **parameter_properties("table")}
    use = None
    while not tokens.accept("AS"):
        if tokens.accept("COPY", "GRANTS"):
            definition.copy_grants = True
        elif tokens.accept("CLUSTER", "BY"):
            definition.body["cluster_by"] = read_cluster_by(tokens)
        elif tokens.at("ROW", "ACCESS") or tokens.at("WITH", "ROW", "ACCESS"):
            tokens.accept("WITH")
            use = read_row_access(session, tokens)
        elif tokens.at("TAG") or tokens.at("WITH", "TAG"):
            definition.body["tags"] = read_tag_list(session, tokens)
        elif tokens.word() in ("AGGREGATION", "JOIN", "REQUIRE") or tokens.at("WITH", "AGGREGATION"):
            raise unsupported(f"CREATE {kind_name} with {tokens.word()} …")
        else:
            _take(definition, read_properties(tokens, allowed, kind_name), tokens)
    query = tokens.rest()
    if not query:
        raise tokens.unexpected()
    temporary = create.modifiers & {"TEMPORARY", "TEMP", "VOLATILE"}
    definition.body.update(
        query=query,
        text=tokens.text[tokens.tokens[0].start : tokens.tokens[-1].end + 1],
        secure="SECURE" in create.modifiers,
        recursive="RECURSIVE" in create.modifiers,
        temporary_session=session.id if temporary else None,
        columns=_columns(session, query, listed),
        or_replace=create.or_replace,
    )
    _attach(session, definition.body, listed, use)
    return definition


def _take(definition: Definition, found: dict[str, Any], tokens: TokenStream) -> None:
    if not found:
        raise tokens.unexpected()
    for key, value in found.items():
        if key == "COMMENT":
            definition.comment = value
        elif key in parameter_properties("table"):
            definition.body["parameters"][key] = value
        else:
            definition.body["properties"][key] = value


def _columns(session: Session, query: str, listed: list[ColumnDefinition]) -> list[dict[str, Any]]:
    """The columns by the query's types and, if there is a list, by its names and comments."""
    from embedded.snowflake.statements.physical import query_columns

    found = query_columns(session, query)
    if listed and len(listed) != len(found):
        raise SqlCompilationError("Invalid column definition list", 2026, "42601")
    names = [column.name for column in listed] or [column.name for column in found]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise SqlCompilationError(f"duplicate column name '{name}'", 2025, "42S21")
    return [
        TableColumn(
            index + 1,
            names[index],
            column.type,
            column.nullable,
            comment=listed[index].comment if listed else "",
            tags=listed[index].tags if listed else {},
        ).to_json()
        for index, column in enumerate(found)
    ]


def _attach(
    session: Session, body: dict[str, Any], listed: list[ColumnDefinition], use: tuple[int, list[str]] | None
) -> None:
    from embedded.snowflake.catalog.policies import check_masking

    for column in listed:
        if column.masking_policy is not None:
            check_masking(session, body, column.name, column.masking_policy, column.using)
            entry = policy_entry(body, column.masking_policy, column.using, column.name)
            column_body(body, column.name)["masking_policy"] = entry
    if use is not None:
        attach_row_access(session, body, *use)


def _read_view(session: Session, tokens: TokenStream, create: CreateOptions, _: ObjectName) -> Definition:
    return _read_query("VIEW", session, tokens, create)


def _read_materialized(session: Session, tokens: TokenStream, create: CreateOptions, _: ObjectName) -> Definition:
    """A materialized view reads one table, which no row access policy protects (Snowflake's own limits)."""
    from embedded.snowflake.statements.physical import query_sources

    definition = _read_query("MATERIALIZED VIEW", session, tokens, create)
    sources = query_sources(session, definition.body["query"])
    if len(sources) != 1:
        raise SqlCompilationError(
            "Invalid materialized view definition. More than one table referenced in the view definition"
            if sources
            else "Invalid materialized view definition. No table referenced in the view definition",
            2212,
            "42601",
        )
    source = session.account.catalog.get(next(iter(sources)))
    if source.kind != "TABLE":
        raise SqlCompilationError(
            f"Invalid materialized view definition. '{source.name}' is not a table", 2212, "42601"
        )
    if source.body.get("row_access_policy"):
        raise unsupported("CREATE MATERIALIZED VIEW ON TABLE WITH ROW ACCESS POLICY")
    definition.body["source"] = source.oid
    return definition


def _read_dynamic(session: Session, tokens: TokenStream, create: CreateOptions, name: ObjectName) -> Definition:
    definition = _read_query("DYNAMIC TABLE", session, tokens, create)
    properties = definition.body["properties"]
    for key in ("TARGET_LAG", "WAREHOUSE"):
        if not properties.get(key):
            raise SqlCompilationError(f"Missing option(s): [{key}]", 2029, "42601")
    properties["TARGET_LAG"] = checked_lag(properties["TARGET_LAG"])
    definition.body.update(
        name_at_creation=quote_if_needed(name.name),
        scheduling_state="RUNNING",
        properties={**_defaults(), **properties},
    )
    return definition


def _defaults() -> dict[str, Any]:
    return {key: item.default for key, item in _DYNAMIC_PROPERTIES.items() if item.default is not None}


def checked_lag(lag: str) -> str:
    """A target lag as it is kept: DOWNSTREAM, or a number and its unit, at least 60 seconds.

    Raises:
        SqlCompilationError: it is neither (001008).
    """
    if lag.upper() == "DOWNSTREAM":
        return "DOWNSTREAM"
    match = _UNITS.match(lag)
    if match is None or (match[2].lower() == "second" and int(match[1]) < 60) or int(match[1]) == 0:
        raise SqlCompilationError(f"invalid value [{lag}] for parameter 'TARGET_LAG'", 1008, "22023")
    return lag


def dynamic_text(item: CatalogObject) -> str:
    """A dynamic table's text as SHOW prints it: the server's own rendering, not the statement that made it."""
    properties = item.body["properties"]
    replace = "OR REPLACE " if item.body.get("or_replace") else ""
    comment = f" comment = {literal(item.comment)}" if item.comment else ""
    return (
        f"create {replace}dynamic table {quote_if_needed(item.name)} lag = {literal(properties['TARGET_LAG'])}"
        f" refresh_mode = {literal(properties['REFRESH_MODE'])} initialize = {literal(properties['INITIALIZE'])}"
        f" warehouse = {quote_if_needed(properties['WAREHOUSE'])}{comment} as {item.body['query']}"
    )


# -- ALTER


def _alter_view(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    from embedded.snowflake.statements.alter_table import alter_policies, change

    if alter_policies(session, tokens, item):
        return True
    if tokens.word() in ("SET", "UNSET") and tokens.word(1) == "SECURE":
        require(session, "OWNERSHIP", item)
        secure = tokens.next().text.upper() == "SET"
        tokens.next()
        more = _rest_of_set(tokens, item, secure)
        change(session, more, lambda body: body.update(secure=secure))
        return True
    for words in (("SET", "AGGREGATION"), ("UNSET", "AGGREGATION"), ("ADD", "DATA"), ("SET", "DATA_METRIC_SCHEDULE")):
        if tokens.at(*words):
            raise unsupported(f"ALTER VIEW {' '.join(words)}")
    return False


def _rest_of_set(tokens: TokenStream, item: CatalogObject, sets: bool) -> CatalogObject:
    """`SET SECURE COMMENT = 'x'` and `UNSET SECURE, COMMENT`: what stands beside SECURE."""
    tokens.accept(",")
    if not tokens:
        return item
    if sets:
        found = read_properties(tokens, {"COMMENT": Property(text, "")}, item.kind)
        return item.changed(comment=found.get("COMMENT", item.comment))
    tokens.expect("COMMENT")
    return item.changed(comment="")


def _alter_dynamic(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    from embedded.snowflake.statements.alter_table import alter_policies, change

    for action, state in (("SUSPEND", "SUSPENDED"), ("RESUME", "RUNNING")):
        if tokens.accept(action):
            require(session, "OPERATE", item)
            change(session, item, lambda body, state=state: body.update(scheduling_state=state))
            return True
    if tokens.accept("REFRESH"):
        require(session, "OPERATE", item)
        raise unsupported("ALTER DYNAMIC TABLE REFRESH")
    return alter_policies(session, tokens, item)


def _settle_dynamic(_: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    if "TARGET_LAG" in keys:
        item.body["properties"]["TARGET_LAG"] = checked_lag(item.body["properties"]["TARGET_LAG"])


# -- SHOW and DESCRIBE


def _describe_view(session: Session, item: CatalogObject) -> Result:
    """DESCRIBE VIEW has a table's columns but for the last."""
    result = describe_columns(session, item)
    return listing(DESCRIBE_COLUMNS[:-1], [row[:-1] for row in result.rows or []])


def _source(part: str) -> Any:
    def value(session: Session, item: CatalogObject) -> str:
        source = session.account.catalog.get(item.body["source"])
        database, schema = containers(session, source)
        return {"database": database, "schema": schema, "table": source.name}[part]

    return value


_VIEW_PRIVILEGES = ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRUNCATE", "UPDATE")
_secure = (BOOLEAN, lambda _, item: bool(item.body.get("secure")))
_text = lambda _, item: item.body["text"]  # noqa: E731

register(
    Kind(
        "VIEW",
        "VIEWS",
        properties=_VIEW_PROPERTIES,
        create_privilege="CREATE VIEW",
        privileges=_VIEW_PRIVILEGES,
        show=columns(
            "created_on name kind reserved database_name schema_name owner comment text is_secure is_materialized owner_role_type"
            " change_tracking",
            kind=constant(""),
            reserved=constant(""),
            text=_text,
            is_secure=_secure,
            is_materialized=(BOOLEAN, constant(False)),
            change_tracking=on_off("CHANGE_TRACKING"),
        ),
        describe=_describe_view,
        read=_read_view,
        alter=_alter_view,
    )
)

register(
    Kind(
        "MATERIALIZED VIEW",
        "MATERIALIZED VIEWS",
        properties=_VIEW_PROPERTIES,
        create_privilege="CREATE MATERIALIZED VIEW",
        privileges=_VIEW_PRIVILEGES,
        show=columns(
            "created_on name reserved database_name schema_name cluster_by rows bytes source_database_name source_schema_name"
            " source_table_name refreshed_on compacted_on owner invalid invalid_reason behind_by comment text is_secure"
            " automatic_clustering owner_role_type budget",
            reserved=constant(""),
            cluster_by=cluster_text,
            rows=number(constant(0)),
            bytes=number(constant(0)),
            source_database_name=_source("database"),
            source_schema_name=_source("schema"),
            source_table_name=_source("table"),
            refreshed_on=(TIMESTAMP_LTZ, lambda _, item: item.created_on),
            compacted_on=(TIMESTAMP_LTZ, lambda _, item: item.created_on),
            invalid=(BOOLEAN, constant(False)),
            invalid_reason=constant(None),
            behind_by=constant("0s"),
            text=_text,
            is_secure=_secure,
            automatic_clustering=lambda _, item: "ON" if item.body.get("cluster_by") else "OFF",
            budget=constant(None),
        ),
        describe=_describe_view,
        read=_read_materialized,
        alter=_alter_view,
    )
)

register(
    Kind(
        "DYNAMIC TABLE",
        "DYNAMIC TABLES",
        properties=_DYNAMIC_PROPERTIES,
        level="table",
        create_privilege="CREATE DYNAMIC TABLE",
        privileges=("MONITOR", "OPERATE", "SELECT"),
        show=columns(
            "created_on name reserved database_name schema_name cluster_by rows bytes owner target_lag refresh_mode"
            " refresh_mode_reason warehouse comment text automatic_clustering scheduling_state last_suspended_on is_clone is_replica"
            " data_timestamp owner_role_type",
            reserved=constant(""),
            cluster_by=cluster_text,
            rows=number(constant(0)),
            bytes=number(constant(0)),
            target_lag=lambda _, item: item.body["properties"]["TARGET_LAG"],
            refresh_mode=lambda _, item: item.body["properties"]["REFRESH_MODE"],
            refresh_mode_reason=constant(None),
            warehouse=lambda _, item: item.body["properties"]["WAREHOUSE"],
            text=lambda _, item: dynamic_text(item),
            automatic_clustering=lambda _, item: "ON" if item.body.get("cluster_by") else "OFF",
            scheduling_state=lambda _, item: item.body["scheduling_state"],
            last_suspended_on=(TIMESTAMP_LTZ, constant(None)),
            is_clone=(BOOLEAN, constant(False)),
            is_replica=(BOOLEAN, constant(False)),
            data_timestamp=(TIMESTAMP_LTZ, lambda _, item: item.created_on),
        ),
        describe=lambda session, item: describe_columns(session, item),
        read=_read_dynamic,
        settle=_settle_dynamic,
        alter=_alter_dynamic,
        undrop=True,
    )
)
