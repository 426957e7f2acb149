"""Dynamic tables: a query whose rows are stored and refreshed within a lag."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.descriptions.tables import cluster_text
from embedded.snowflake.catalog.descriptions.views import (
    alter_clustering,
    make_stored,
    read_query_definition,
    stored_bytes,
    stored_rows,
)
from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.policies import describe_columns
from embedded.snowflake.catalog.show import columns, constant, number
from embedded.snowflake.catalog.values import Property, identifier, read_properties, text, word
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import ObjectName, literal, quote_if_needed
from embedded.snowflake.result import BOOLEAN, TIMESTAMP_LTZ
from embedded.snowflake.scheduler.refreshes import lag_seconds, refreshed_at, suspend
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

_PROPERTIES = {
    "TARGET_LAG": Property(text),
    "WAREHOUSE": Property(identifier),
    "REFRESH_MODE": Property(word("AUTO", "FULL", "INCREMENTAL"), "AUTO"),
    "INITIALIZE": Property(word("ON_CREATE", "ON_SCHEDULE"), "ON_CREATE"),
}
_LEAST_LAG_SECONDS = 60


def _read(session: Session, tokens: TokenStream, create: CreateOptions, name: ObjectName) -> Definition:
    if tokens.accept("CLONE"):
        return _read_clone(session, tokens, name)
    definition = read_query_definition("DYNAMIC TABLE", session, tokens, create)
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
    _settle_query(session, definition.body)
    return definition


def _read_clone(session: Session, tokens: TokenStream, name: ObjectName) -> Definition:
    """`CLONE source [AT|BEFORE (…)] [COPY GRANTS] [TARGET_LAG = …] [WAREHOUSE = …]`: suspended until it is resumed."""
    from embedded.snowflake.statements.clone import read_time

    source = reach(session, "DYNAMIC TABLE", tokens.name(), "SELECT")
    clone = {"source": source.oid, "at": read_time(tokens)}
    definition = Definition(source.changed().body, source.comment)
    definition.copy_grants = tokens.accept("COPY", "GRANTS")
    definition.body["properties"].update(read_properties(tokens, _PROPERTIES, "DYNAMIC TABLE"))
    definition.body["properties"]["TARGET_LAG"] = checked_lag(definition.body["properties"]["TARGET_LAG"])
    definition.body.update(clone=clone, is_clone=True, or_replace=False, name_at_creation=quote_if_needed(name.name))
    suspend(definition.body, session.account.clock.now(), "CLONED")
    return definition


def _settle_query(session: Session, body: dict[str, Any]) -> None:
    """Find what the query reads, and how it will be refreshed.

    Raises:
        SnowflakeError: REFRESH_MODE = INCREMENTAL, and it cannot be (002714).
    """
    from embedded.snowflake.scheduler.incremental import NotIncremental, plan
    from embedded.snowflake.statements.physical import query_sources

    body["reads"] = sorted(query_sources(session, body["query"]))
    wanted = body["properties"]["REFRESH_MODE"]
    body.update(refresh_mode="INCREMENTAL", refresh_mode_reason=None)
    if wanted == "FULL":
        body["refresh_mode"] = "FULL"
        return
    try:
        plan(session, body["query"])
    except NotIncremental as reason:
        if wanted == "INCREMENTAL":
            raise SqlCompilationError(
                f"Dynamic Table '{body['name_at_creation']}' cannot be refreshed incrementally: {reason}. Use REFRESH_MODE"
                " = FULL or AUTO.",
                2714,
                "0A000",
            ) from None
        body.update(refresh_mode="FULL", refresh_mode_reason=str(reason))


def _defaults() -> dict[str, Any]:
    return {key: item.default for key, item in _PROPERTIES.items() if item.default is not None}


def checked_lag(lag: str) -> str:
    """A target lag as it is kept: DOWNSTREAM, or a number and its unit, at least 60 seconds.

    Raises:
        SqlCompilationError: it is neither (001008).
    """
    if lag.upper() == "DOWNSTREAM":
        return "DOWNSTREAM"
    seconds = lag_seconds(lag)
    if seconds is None or seconds < _LEAST_LAG_SECONDS:
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


def created(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    """Make the rows' storage: empty, or with the rows and the state of what it clones."""
    from embedded.snowflake.storage import tables
    from embedded.snowflake.storage.time_travel import read_clause, version_at

    clone = item.body.pop("clone", None)
    make_stored(session, changes, item)
    if clone is None:
        item.body.pop("refreshed", None)
        changes.put(item)
        return
    source, storage = session.account.catalog.get(clone["source"]), session.account.storage
    version = version_at(session, source, read_clause(clone["at"])) if clone["at"] else None
    tables.copy_rows(session, changes, source, item, version)
    if clone["at"]:
        # What its tables were at that time is not kept: the next refresh computes all anew.
        item.body["refreshed"] = {**item.body.get("refreshed", {"at": item.created_on.isoformat()}), "prints": []}
        changes.put(item)
        return
    offsets = dict(storage.offsets.get(source.oid, {}))
    storage.write_offset(changes.cursor, item.oid, offsets)
    changes.committed.append(lambda: storage.offsets.update({item.oid: offsets}))


# -- ALTER


def _alter(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    from embedded.snowflake.statements.alter_table import alter_policies

    if tokens.accept("SUSPEND", "RECLUSTER") or tokens.accept("RESUME", "RECLUSTER"):
        require(session, "OWNERSHIP", item)
        return True
    if tokens.accept("SUSPEND"):
        require(session, "OPERATE", item)
        _suspend(session, item)
        return True
    if tokens.accept("RESUME"):
        require(session, "OPERATE", item)
        _resume(session, item)
        return True
    if tokens.at("SWAP", "WITH"):
        raise unsupported("ALTER DYNAMIC TABLE SWAP WITH")
    return alter_clustering(session, tokens, item) or alter_policies(session, tokens, item)


def _suspend(session: Session, item: CatalogObject) -> None:
    """Suspend a table, and all that read it, since their refreshes would have nothing new to read."""
    refreshes, now = session.account.scheduler.refreshes, session.account.clock.now()
    found, todo = {item.oid: "USER_SUSPENDED"}, [item]
    while todo:
        for other in refreshes.downstream(todo.pop()):
            if other.oid not in found and other.body["scheduling_state"] == "RUNNING":
                found[other.oid] = "UPSTREAM_USER_SUSPENDED"
                todo.append(other)
    with session.account.catalog.transaction() as changes:
        for oid, reason in found.items():
            new = changes.get(oid).changed()
            if new.body["scheduling_state"] == "RUNNING":
                suspend(new.body, now, reason)
                changes.put(new)


def _resume(session: Session, item: CatalogObject) -> None:
    """Resume a table, and those that were suspended because it was."""
    refreshes = session.account.scheduler.refreshes
    found, todo = {item.oid}, [item]
    while todo:
        for other in refreshes.downstream(todo.pop()):
            if other.oid not in found and other.body.get("suspend_reason") == "UPSTREAM_USER_SUSPENDED":
                found.add(other.oid)
                todo.append(other)
    with session.account.catalog.transaction() as changes:
        for oid in found:
            new = changes.get(oid).changed()
            new.body.update(scheduling_state="RUNNING", suspend_reason=None, failures=0)
            changes.put(new)


def _settle(_: Session, item: CatalogObject, keys: frozenset[str]) -> None:
    if "TARGET_LAG" in keys:
        item.body["properties"]["TARGET_LAG"] = checked_lag(item.body["properties"]["TARGET_LAG"])


# -- SHOW


def _suspended_on(_: Session, item: CatalogObject) -> datetime | None:
    written = item.body.get("suspended_on")
    return datetime.fromisoformat(written) if written else None


register(
    Kind(
        "DYNAMIC TABLE",
        "DYNAMIC TABLES",
        properties=_PROPERTIES,
        level="table",
        create_privilege="CREATE DYNAMIC TABLE",
        privileges=("MONITOR", "OPERATE", "SELECT"),
        show=columns(
            "created_on name reserved database_name schema_name cluster_by rows bytes owner target_lag refresh_mode"
            " refresh_mode_reason warehouse comment text automatic_clustering scheduling_state last_suspended_on is_clone is_replica"
            " data_timestamp owner_role_type",
            reserved=constant(""),
            cluster_by=cluster_text,
            rows=number(stored_rows),
            bytes=number(stored_bytes),
            target_lag=lambda _, item: item.body["properties"]["TARGET_LAG"],
            refresh_mode=lambda _, item: item.body.get("refresh_mode") or item.body["properties"]["REFRESH_MODE"],
            refresh_mode_reason=lambda _, item: item.body.get("refresh_mode_reason"),
            warehouse=lambda _, item: item.body["properties"]["WAREHOUSE"],
            text=lambda _, item: dynamic_text(item),
            automatic_clustering=lambda _, item: "ON" if item.body.get("cluster_by") else "OFF",
            scheduling_state=lambda _, item: item.body["scheduling_state"],
            last_suspended_on=(TIMESTAMP_LTZ, _suspended_on),
            is_clone=(BOOLEAN, lambda _, item: bool(item.body.get("is_clone"))),
            is_replica=(BOOLEAN, constant(False)),
            data_timestamp=(TIMESTAMP_LTZ, lambda _, item: refreshed_at(item)),
        ),
        describe=lambda session, item: describe_columns(session, item),
        read=_read,
        created=created,
        settle=_settle,
        alter=_alter,
        undrop=True,
    )
)
