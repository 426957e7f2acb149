"""Views and materialized views: what is a query with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from embedded.snowflake.catalog.column_grammar import ColumnDefinition, policy_entry, read_column
from embedded.snowflake.catalog.descriptions.tables import cluster_text, on_off, read_cluster_by
from embedded.snowflake.catalog.kinds import Definition, Kind, kind_of, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import properties as parameter_properties
from embedded.snowflake.catalog.policies import DESCRIBE_COLUMNS, attach_row_access, describe_columns, read_row_access
from embedded.snowflake.catalog.show import columns, constant, containers, number
from embedded.snowflake.catalog.tables import TableColumn, column_body
from embedded.snowflake.catalog.tags import read_tag_list
from embedded.snowflake.catalog.values import Property, boolean, read_properties, text
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import ObjectName
from embedded.snowflake.result import BOOLEAN, TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.security.privileges import require
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

_VIEW_PROPERTIES = {"CHANGE_TRACKING": Property(boolean, False)}


def read_query_definition(kind_name: str, session: Session, tokens: TokenStream, create: CreateOptions) -> Definition:
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
    query = tokens.rest_in_place()
    if not query:
        raise tokens.unexpected()
    temporary = create.modifiers & {"TEMPORARY", "TEMP", "VOLATILE"}
    definition.body.update(
        query=query.lstrip(),
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

    found = query_columns(session, query, bool(listed))
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
    return read_query_definition("VIEW", session, tokens, create)


def _read_materialized(session: Session, tokens: TokenStream, create: CreateOptions, _: ObjectName) -> Definition:
    """A materialized view reads one table, which no row access policy protects (Snowflake's own limits)."""
    from embedded.snowflake.statements.physical import query_sources

    definition = read_query_definition("MATERIALIZED VIEW", session, tokens, create)
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
    if any(column.get("masking_policy") for column in source.body["columns"]):
        raise unsupported("CREATE MATERIALIZED VIEW ON TABLE WITH MASKING POLICY")
    _check_materializable(definition.body["query"])
    definition.body["source"] = source.oid
    return definition


# -- ALTER


# What a materialized view's query may not have, by the word that tells it in Snowflake's message.
_NOT_MATERIALIZED = {
    exp.Having: "HAVING clause",
    exp.Order: "ORDER BY clause",
    exp.Limit: "LIMIT clause",
    exp.Window: "window function",
    exp.SetOperation: "set operator",
    exp.Join: "join",
}


def _check_materializable(query: str) -> None:
    """Refuse what a materialized view's query may not have.

    Raises:
        SqlCompilationError: it has one of these (002212).
    """
    from embedded.snowflake.sql.parse import parse_query

    for node in parse_query(query).walk():
        for kind, what in _NOT_MATERIALIZED.items():
            is_flatten = isinstance(node, exp.Join) and isinstance(node.this, exp.Lateral)
            if isinstance(node, kind) and not is_flatten and not isinstance(node.parent, exp.WithinGroup):
                raise SqlCompilationError(
                    f"Invalid materialized view definition. {what.capitalize()} is not allowed", 2212, "42601"
                )


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


def _alter_materialized(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    from embedded.snowflake.statements.alter_table import change

    if tokens.accept("SUSPEND", "RECLUSTER") or tokens.accept("RESUME", "RECLUSTER"):
        require(session, "OWNERSHIP", item)
        return True
    for word, suspended in (("SUSPEND", True), ("RESUME", False)):
        if tokens.accept(word):
            require(session, "OWNERSHIP", item)
            change(session, item, lambda body, suspended=suspended: body.update(suspended=suspended))
            return True
    if alter_clustering(session, tokens, item):
        return True
    return _alter_view(session, tokens, item)


def alter_clustering(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """Do CLUSTER BY and DROP CLUSTERING KEY, and say whether it was one of them."""
    from embedded.snowflake.statements.alter_table import change

    if tokens.accept("CLUSTER", "BY"):
        require(session, "OWNERSHIP", item)
        keys = read_cluster_by(tokens)
        change(session, item, lambda body: body.update(cluster_by=keys))
        return True
    if tokens.accept("DROP", "CLUSTERING", "KEY"):
        require(session, "OWNERSHIP", item)
        change(session, item, lambda body: body.update(cluster_by=[]))
        return True
    return False


def make_stored(_: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    """Make the storage of a stored query's rows, empty until its first refresh."""
    from embedded.snowflake.storage import tables

    tables.create(changes, item)
    item.body["stored"] = True
    changes.put(item)


def _drop_stored(_: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.storage import tables

    tables.forget(changes, item)


# -- SHOW and DESCRIBE


def _describe_view(session: Session, item: CatalogObject) -> Result:
    """DESCRIBE VIEW has a table's columns but for the last."""
    result = describe_columns(session, item)
    return listing(DESCRIBE_COLUMNS[:-1], [row[:-1] for row in result.rows or []])


def _source(part: str) -> Any:
    def value(session: Session, item: CatalogObject) -> str:
        try:
            source = session.account.catalog.get(item.body["source"])
        except KeyError:
            return ""
        database, schema = containers(session, source)
        return {"database": database, "schema": schema, "table": source.name}[part]

    return value


def stored_rows(session: Session, item: CatalogObject) -> int:
    """The rows that a stored query has."""
    from embedded.snowflake.statements.physical import row_count

    return row_count(session, item)


def stored_bytes(session: Session, item: CatalogObject) -> int:
    """About the bytes that a stored query's rows take."""
    from embedded.snowflake.statements.physical import byte_count

    return byte_count(session, item)


def _refreshed_on(_: Session, item: CatalogObject) -> Any:
    from embedded.snowflake.scheduler.refreshes import refreshed_at

    return refreshed_at(item) or item.created_on


def _invalid_reason(session: Session, item: CatalogObject) -> str | None:
    catalog = session.account.catalog
    try:
        living = catalog.is_live(catalog.get(item.body["source"]))
    except KeyError:
        living = False
    if not living:
        return "The base table of the materialized view was dropped."
    return "The materialized view is suspended." if item.body.get("suspended") else None


def _behind_by(session: Session, item: CatalogObject) -> str:
    """How long the oldest change is there that the stored rows do not have; a read does not show it."""
    from embedded.snowflake.scheduler.refreshes import is_current

    storage, source = session.account.storage, item.body["source"]
    if is_current(session.account, item):
        return "0s"
    version = storage.offsets.get(item.oid, {}).get(source, 0)
    since = storage.history(source).time_after(version)
    seconds = int((session.account.clock.now() - since).total_seconds()) if since else 0
    return f"{seconds}s"


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
            rows=number(stored_rows),
            bytes=number(stored_bytes),
            source_database_name=_source("database"),
            source_schema_name=_source("schema"),
            source_table_name=_source("table"),
            refreshed_on=(TIMESTAMP_LTZ, _refreshed_on),
            compacted_on=(TIMESTAMP_LTZ, _refreshed_on),
            invalid=(BOOLEAN, lambda session, item: _invalid_reason(session, item) is not None),
            invalid_reason=_invalid_reason,
            behind_by=_behind_by,
            text=_text,
            is_secure=_secure,
            automatic_clustering=lambda _, item: "ON" if item.body.get("cluster_by") else "OFF",
            budget=constant(None),
        ),
        describe=_describe_view,
        read=_read_materialized,
        created=make_stored,
        dropping=_drop_stored,
        alter=_alter_materialized,
    )
)
