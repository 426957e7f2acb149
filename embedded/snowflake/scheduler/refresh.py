"""One refresh of a stored query (dynamic table or materialized view): what changed below it, brought into its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import columns
from embedded.snowflake.names import quote
from embedded.snowflake.scheduler import incremental
from embedded.snowflake.scheduler.incremental import KEY_TABLE, STORED, NotIncremental, Plan, Versions
from embedded.snowflake.session.session import Session
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.sql.run import snowflake_errors
from embedded.snowflake.sql.translate import Translated, query
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.storage.assign import stored
from embedded.snowflake.storage.rows import Rows
from embedded.snowflake.storage.versions import column_name, table_name, visible

if TYPE_CHECKING:
    from embedded.snowflake.account import Account


@dataclass(frozen=True)
class Outcome:
    """What a refresh did: its action (NO_DATA, INCREMENTAL, FULL, REINITIALIZE) and the rows that it changed."""

    action: str
    inserted: int = 0
    deleted: int = 0


def owner_session(account: Account, item: CatalogObject) -> Session:
    """A session with the rights of an object's owner, in its schema; the user is SYSTEM."""
    session = Session(account, 0, item.owner)
    session.secondary_roles = False
    schema = account.catalog.get(item.container)
    session.schema, session.database = schema.name, account.catalog.get(schema.container).name
    session.warehouse = item.body.get("properties", {}).get("WAREHOUSE")
    session.client_application = "REFRESH"
    return session


def refresh_plan(session: Session, item: CatalogObject) -> Plan:
    """How a stored query can be refreshed from changes.

    Raises:
        NotIncremental: it cannot, or REFRESH_MODE = FULL says that it shall not.
    """
    if item.body["properties"].get("REFRESH_MODE") == "FULL":
        raise NotIncremental("REFRESH_MODE is FULL")
    return incremental.plan(session, item.body["query"])


def sources(session: Session, item: CatalogObject) -> tuple[list[int], list[int]]:
    """The tables that a stored query reads, through views too, and all else that its result follows from (for its print)."""
    translated = query(session, parse_query(item.body["query"]))
    catalog = session.account.catalog
    found = [catalog.get(oid) for oid in sorted(translated.sources)]
    tables = [source.oid for source in found if source.kind in STORED]
    return tables, [oid for source in found for oid in _prints(source)]


def _prints(source: CatalogObject) -> list[int]:
    policies = [(source.body.get("row_access_policy") or {}).get("policy")]
    policies += [(column.get("masking_policy") or {}).get("policy") for column in source.body.get("columns", [])]
    return [source.oid, *(oid for oid in policies if oid is not None)]


def refresh(session: Session, item: CatalogObject, at: datetime, versions: Versions) -> Outcome:
    """Bring a stored query's rows to the state of its tables at versions, and keep that with them in one commit.

    Args:
        session: an owner's session, with a statement's record.
        item: a dynamic table or materialized view.
        at: the time that the versions are of.
        versions: the last version of each table.

    Raises:
        SnowflakeError: the query fails.
    """
    tables, prints = sources(session, item)
    until = {oid: versions.get(oid, 0) for oid in tables}
    known = item.body.get("refreshed")
    since = session.account.storage.offsets.get(item.oid, {})
    floors = session.account.storage.floors
    same = bool(known) and known["prints"] == prints and since.keys() == until.keys()
    if same and since == until:
        return _keep(session, item, at, prints, until, Outcome("NO_DATA"), None)
    lost = any(version < floors.get(oid, 0) for oid, version in since.items())
    try:
        if not same or lost:
            raise NotIncremental("the result is computed anew")
        found = refresh_plan(session, item)
        work, action = _incremental(session, item, found, since, until), "INCREMENTAL"
    except NotIncremental:
        work, action = _full(session, item, until), "FULL" if same else "REINITIALIZE"
    return _keep(session, item, at, prints, until, Outcome(action), work)


Work = Callable[[Rows], tuple[int, int]]


def _keep(
    session: Session,
    item: CatalogObject,
    at: datetime,
    prints: list[int],
    until: Versions,
    outcome: Outcome,
    work: Work | None,
) -> Outcome:
    """Write the changed rows and where the refresh has come to, in one DuckDB transaction."""
    storage, catalog, cursor = session.account.storage, session.account.catalog, session.cursor
    with storage.locks.writing([item.oid]):
        cursor.execute("begin transaction")
        try:
            rows = Rows(session, cursor, storage.next_version(), None)
            with snowflake_errors():
                inserted, deleted = work(rows) if work is not None else (0, 0)
            changed = dict.fromkeys(sorted(rows.changed), rows.mark)
            storage.write_commit(cursor, changed, at, session.statement_id or "")
            storage.write_offset(cursor, item.oid, until)
        except BaseException:
            cursor.execute("rollback")
            raise
        with catalog.transaction(cursor) as changes:
            new = changes.get(item.oid).changed()
            new.body["refreshed"] = {"at": at.isoformat(), "prints": prints}
            new.body["failures"] = 0
            changes.put(new)
        storage.committed(changed, at, [session.statement_id or ""])
        storage.offsets[item.oid] = until
    if session.record is not None:
        session.record.written |= rows.changed
    if changed:
        session.account.note_change()
    return Outcome(outcome.action, inserted, deleted)


def _stored_values(item: CatalogObject, translated: Translated) -> str:
    """A query of a translation's rows as the item stores them."""
    parts = []
    for column, found, name in zip(columns(item), translated.columns, translated.duckdb_names, strict=True):
        value = Typed(f"q.{quote(name)}", found.type, found.nullable)
        parts.append(f"{stored(value, column, 'UTC')} as {column_name(column.id)}")
    return f"select {', '.join(parts)} from ({translated.duckdb_sql}) as q"


def _nothing(item: CatalogObject) -> str:
    parts = ", ".join(f"cast(null as {c.type.to_duckdb()}) as {column_name(c.id)}" for c in columns(item))
    return f"select {parts} where false"


def _all_of(item: CatalogObject, parts: list[Translated]) -> str:
    return " union all ".join(f"({_stored_values(item, part)})" for part in parts) or _nothing(item)


def _names(item: CatalogObject) -> list[str]:
    return [column_name(column.id) for column in columns(item)]


def _full(session: Session, item: CatalogObject, until: Versions) -> Work:
    """All rows anew; those that stay the same are left alone."""
    text = _stored_values(item, incremental.at_versions(session, item.body["query"], until))

    def work(rows: Rows) -> tuple[int, int]:
        rows.temporary("_came", text)
        listed = ", ".join(_names(item))
        rows.temporary("_went", f"select {listed} from {table_name(item.oid)} where {visible(None)}")
        return _apply(rows, item)

    return work


def _incremental(session: Session, item: CatalogObject, found: Plan, since: Versions, until: Versions) -> Work:
    if found.keys:
        return _by_keys(session, item, found.keys, since, until)
    came, went = incremental.changes(session, item.body["query"], since, until)

    def work(rows: Rows) -> tuple[int, int]:
        rows.temporary("_came", _all_of(item, came))
        rows.temporary("_went", _all_of(item, went))
        return _apply(rows, item)

    return work


def _by_keys(session: Session, item: CatalogObject, keys: tuple[int, ...], since: Versions, until: Versions) -> Work:
    """The rows of the keys that changed, anew."""
    changed = incremental.key_changes(session, item.body["query"], keys, since, until)
    renewed = incremental.of_keys(session, item.body["query"], keys, until)
    listed = [columns(item)[place] for place in keys]

    def work(rows: Rows) -> tuple[int, int]:
        texts = [_key_values(part) for part in changed]
        rows.temporary(KEY_TABLE, f"select distinct * from ({' union all '.join(texts)})")
        rows.temporary("_came", _stored_values(item, renewed))
        same = " and ".join(f"t.{column_name(c.id)} is not distinct from k.k{n}" for n, c in enumerate(listed))
        names = ", ".join(f"t.{name}" for name in _names(item))
        rows.temporary(
            "_went",
            f"select {names} from {table_name(item.oid)} as t semi join {KEY_TABLE} as k on {same} where {visible(None)}",
        )
        return _apply(rows, item)

    return work


def _key_values(part: Translated) -> str:
    parts = ", ".join(f"q.{quote(name)} as k{number}" for number, name in enumerate(part.duckdb_names))
    return f"(select {parts} from ({part.duckdb_sql}) as q)"


def _apply(rows: Rows, item: CatalogObject) -> tuple[int, int]:
    """Add `_came` to the rows and take `_went` out, but for what is in both; how many of each."""
    names = _names(item)
    listed = ", ".join(names)
    added = rows.temporary("_added", f"select {listed} from _came except all select {listed} from _went")
    taken = rows.temporary("_taken", f"select {listed} from _went except all select {listed} from _came")
    del added, taken
    numbered = f"row_number() over (partition by {listed}) as _n"
    same = " and ".join(f"t.{name} is not distinct from m.{name}" for name in names)
    rows.temporary(
        "_doomed",
        f"select t._rid from (select t._rid, {', '.join(f't.{name}' for name in names)}, row_number() over"
        f" (partition by {', '.join(f't.{name}' for name in names)} order by t._rid) as _n"
        f" from {table_name(item.oid)} as t semi join _taken as m on {same} where {visible(None)}) as t"
        f" join (select {listed}, {numbered} from _taken) as m on {same} and t._n = m._n",
    )
    deleted = rows.close(item, "_rid in (select _rid from _doomed)")
    values = {column.id: f"q.{column_name(column.id)}" for column in columns(item)}
    inserted = rows.insert(item, values, "from _added")
    for name in ("_came", "_went", "_added", "_taken", "_doomed"):
        rows.run(f"drop table if exists {name}")
    return inserted, deleted
