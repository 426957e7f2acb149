"""Offsets of streams: where a stream starts, the tables whose changes it gives, when it becomes stale."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import retention_days, setting
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote_if_needed

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

_ROWLESS = ("VIEW", "MATERIALIZED VIEW")


def start(session: Session, changes: CatalogTransaction, stream: CatalogObject) -> None:
    """Put a new stream at its first offset: now, at the time of its AT or BEFORE, or before all rows (SHOW_INITIAL_ROWS)."""
    from embedded.snowflake.storage.time_travel import read_clause, version_at

    storage, catalog = session.account.storage, session.account.catalog
    copied = stream.body.pop("copied_from", None)
    clause = stream.body.pop("at", None)
    tables = tables_of(session, stream)
    if copied is not None:
        versions = dict(storage.offsets.get(copied, {}))
    elif stream.body.get("show_initial_rows"):
        versions = dict.fromkeys(tables, 0)
    elif clause:
        tree = read_clause(clause)
        versions = {table: version_at(session, catalog.get(table), tree) for table in tables}
    else:
        versions = {table: _last_version(session, changes, table) for table in tables}
    stream.body["tables"] = sorted(versions)
    changes.put(stream)
    _track(changes, [*versions, stream.body["source"]])
    storage.write_offset(changes.cursor, stream.oid, versions)
    changes.committed.append(lambda: storage.offsets.update({stream.oid: versions}))


def _last_version(session: Session, changes: CatalogTransaction, table: int) -> int:
    """The version of a table's last commit; that of a table which the same statement made is not in memory yet."""
    known = session.account.storage.last.get(table)
    if known is not None:
        return known
    row = changes.cursor.execute("select max(version) from _data.commits where table_id = ?", [table]).fetchone()
    return (row[0] if row else None) or 0


def _track(changes: CatalogTransaction, sources: list[int]) -> None:
    """Switch change tracking on at what a stream is on, as its first stream does in Snowflake."""
    for oid in sources:
        source = changes.get(oid)
        if source.kind == "TABLE" and not (source.body.get("properties") or {}).get("CHANGE_TRACKING"):
            source = source.changed()
            source.body.setdefault("properties", {})["CHANGE_TRACKING"] = True
            changes.put(source)


def tables_of(session: Session, stream: CatalogObject) -> list[int]:
    """The oids of the tables whose changes a stream gives: its table, or those below its view."""
    known = stream.body.get("tables")
    if known is not None:
        return known
    source = session.account.catalog.get(stream.body["source"])
    return [source.oid] if source.kind not in _ROWLESS else sorted(_below(session, source))


def _below(session: Session, view: CatalogObject) -> set[int]:
    """The tables that a view reads, through other views too."""
    from embedded.snowflake.sql.parse import parse_query
    from embedded.snowflake.sql.translate import query

    tree = parse_query(f"select * from {_full_name(session, view)}")
    found = query(session, tree).sources
    return {oid for oid in found if session.account.catalog.get(oid).kind not in _ROWLESS}


def _full_name(session: Session, item: CatalogObject) -> str:
    from embedded.snowflake.catalog.resolve import full_name

    return full_name(session.account.catalog, item)


def stale_after(session: Session, stream: CatalogObject) -> datetime | None:
    """When the stream's offset leaves what is kept of its tables, unless it is consumed before; None if it never does."""
    storage, catalog = session.account.storage, session.account.catalog
    found: list[datetime] = []
    for table, version in storage.offsets.get(stream.oid, {}).items():
        item = catalog.get(table)
        unread = storage.history(table).time_after(version)
        moment = unread if unread is not None else session.account.clock.now()
        found.append(moment + timedelta(days=kept_days(session, item)))
    return min(found, default=None)


def kept_days(session: Session, table: CatalogObject) -> int:
    """Days that a stream's unread changes are kept: the retention, or its extension for streams if that is longer."""
    catalog = session.account.catalog
    extension = int(setting(catalog, "MAX_DATA_EXTENSION_TIME_IN_DAYS", table).value)
    return max(retention_days(catalog, table), extension)


def is_stale(session: Session, stream: CatalogObject) -> bool:
    """Whether a stream's changes may be gone by the account's clock, or are."""
    after = stale_after(session, stream)
    return _is_cut_off(session, stream) or (after is not None and after <= session.account.clock.now())


def _is_cut_off(session: Session, stream: CatalogObject) -> bool:
    """Whether row versions that a stream has not given yet were removed."""
    storage = session.account.storage
    return any(version < storage.floors.get(table, 0) for table, version in storage.offsets.get(stream.oid, {}).items())


def check_readable(session: Session, stream: CatalogObject) -> CatalogObject:
    """The stream's source, once it is sure that the changes are all there.

    Raises:
        SqlCompilationError: the source was dropped (091901), or the stream is stale (091913).
    """
    catalog = session.account.catalog
    name = quote_if_needed(stream.name)
    try:
        source = catalog.get(stream.body["source"])
    except KeyError:
        source = None
    if source is None or not catalog.is_live(source):
        shown = quote_if_needed(source.name) if source is not None else "<dropped>"
        raise SqlCompilationError(f"Base table '{shown}' dropped, cannot read from stream '{name}'", 91901, "42601")
    if _is_cut_off(session, stream):
        raise SqlCompilationError(
            f"Stream '{name}' is stale: its offset is older than what is kept of its tables. Recreate the stream.",
            91913,
            "42601",
        )
    return source
