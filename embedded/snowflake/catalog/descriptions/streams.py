"""Streams: their grammar, SHOW and DESCRIBE; what they give is the change package's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.catalog.show import ShowClauses, answer, columns, constant
from embedded.snowflake.catalog.tags import read_tag_list
from embedded.snowflake.catalog.values import Property, boolean, read_properties, text
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.result import TIMESTAMP_LTZ, Result
from embedded.snowflake.security.privileges import active_roles, holds, reach, require, visible
from embedded.snowflake.statements.clone import read_time
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

_CLAUSES = {
    "APPEND_ONLY": Property(boolean, False),
    "INSERT_ONLY": Property(boolean, False),
    "SHOW_INITIAL_ROWS": Property(boolean, False),
    "COMMENT": Property(text, ""),
}


def _read(session: Session, tokens: TokenStream, _: CreateOptions, __: ObjectName) -> Definition:
    definition = Definition({"tags": {}})
    if tokens.at("CLONE"):
        return _read_clone(session, tokens)
    found: dict[str, Any] = {}
    while tokens and not tokens.at("ON"):
        if tokens.accept("COPY", "GRANTS"):
            definition.copy_grants = True
        elif tokens.at("TAG") or tokens.at("WITH", "TAG"):
            definition.body["tags"] = read_tag_list(session, tokens)
        else:
            raise tokens.unexpected()
    source = _read_source(session, tokens)
    time = read_time(tokens)
    found = read_properties(tokens, _CLAUSES, "STREAM")
    if found.get("INSERT_ONLY"):
        raise unsupported("CREATE STREAM … INSERT_ONLY")
    definition.comment = found.get("COMMENT", "")
    definition.body.update(
        source=source.oid,
        source_kind=source.kind,
        append_only=bool(found.get("APPEND_ONLY")),
        show_initial_rows=bool(found.get("SHOW_INITIAL_ROWS")),
        at=time,
        offset={},
    )
    return definition


def _read_clone(session: Session, tokens: TokenStream) -> Definition:
    tokens.expect("CLONE")
    source = reach(session, "STREAM", tokens.name(), "SELECT")
    return Definition({**source.changed().body, "copied_from": source.oid}, source.comment)


def _read_source(session: Session, tokens: TokenStream) -> CatalogObject:
    tokens.expect("ON")
    if tokens.word() in ("STAGE", "EXTERNAL", "EVENT"):
        raise unsupported(f"CREATE STREAM ON {tokens.word()}")
    kind = "VIEW" if tokens.accept("VIEW") else "TABLE"
    if kind == "TABLE":
        tokens.accept("DYNAMIC")
        tokens.expect("TABLE")
    source = reach(session, kind, tokens.name(), "SELECT")
    wanted = ("VIEW",) if kind == "VIEW" else ("TABLE", "DYNAMIC TABLE")
    if source.kind not in wanted:
        raise SqlCompilationError(
            f"Object found is of type '{source.kind}', not specified type '{kind}'.", 2203, "42710"
        )
    return source


def _created(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    """Switch change tracking on at the tables below, and put the stream at its first offset."""
    from embedded.snowflake.statements.physical import start_stream

    start_stream(session, changes, item)


def _alter(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    if not (tokens.at("SET", "APPEND_ONLY") or tokens.at("SET", "INSERT_ONLY")):
        return False
    require(session, "OWNERSHIP", item)
    raise unsupported("ALTER STREAM SET APPEND_ONLY")


def source_of(session: Session, item: CatalogObject) -> CatalogObject | None:
    """What the stream is on, or None once it is gone or not to be seen."""
    try:
        source = session.account.catalog.get(item.body["source"])
    except KeyError:
        return None
    return source if session.account.catalog.is_live(source) else None


def _table_name(session: Session, item: CatalogObject) -> str:
    source = source_of(session, item)
    catalog = session.account.catalog
    if source is None or not (visible(session, source) or holds(catalog, active_roles(session), "OWNERSHIP", item)):
        return "No privilege or table dropped"
    return full_name(catalog, source)


def _base_tables(session: Session, item: CatalogObject) -> str:
    from embedded.snowflake.statements.physical import stream_tables

    if source_of(session, item) is None:
        return "No privilege or table dropped"
    catalog = session.account.catalog
    return ", ".join(full_name(catalog, catalog.get(oid)) for oid in stream_tables(session, item))


def _stale(session: Session, item: CatalogObject) -> str:
    from embedded.snowflake.statements.physical import stream_is_stale

    return str(source_of(session, item) is None or stream_is_stale(session, item)).lower()


def _stale_after(session: Session, item: CatalogObject) -> Any:
    from embedded.snowflake.statements.physical import stream_stale_after

    return stream_stale_after(session, item)


_SHOW = columns(
    "created_on name database_name schema_name owner comment table_name source_type base_tables type stale mode stale_after"
    " invalid_reason owner_role_type",
    table_name=_table_name,
    source_type=lambda _, item: "View" if item.body["source_kind"] == "VIEW" else "Table",
    base_tables=_base_tables,
    type=constant("DELTA"),
    stale=_stale,
    mode=lambda _, item: "APPEND_ONLY" if item.body.get("append_only") else "DEFAULT",
    stale_after=(TIMESTAMP_LTZ, _stale_after),
    invalid_reason=constant("N/A"),
)


def _describe(session: Session, item: CatalogObject) -> Result:
    return answer(session, _SHOW, [item], ShowClauses())


register(
    Kind(
        "STREAM",
        "STREAMS",
        create_privilege="CREATE STREAM",
        privileges=("SELECT",),
        show=_SHOW,
        describe=_describe,
        read=_read,
        created=_created,
        alter=_alter,
    )
)
