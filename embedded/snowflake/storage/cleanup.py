"""Removing what is no longer kept: old row versions, and tables whose time for UNDROP is over.

A row version goes once its end lies before its table's retention and before every stream's offset; streams hold versions back
for MAX_DATA_EXTENSION_TIME_IN_DAYS at most.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import ref

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import retention_days, setting
from embedded.snowflake.storage import tables
from embedded.snowflake.storage.versions import table_name

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 600.0


def clean(account: Account) -> int:
    """Remove what is no longer kept, and give the number of row versions removed."""
    now, removed = account.clock.now(), 0
    stored = [table for kind in ("TABLE", "DYNAMIC TABLE") for table in account.catalog.all_with_dropped(kind)]
    for table in stored:
        if table.kind != "TABLE" and not table.body.get("stored"):
            continue
        gone_at = _dropped_at(account, table)
        if gone_at is not None and gone_at + timedelta(days=retention_days(account.catalog, table)) <= now:
            _forget(account, table)
            continue
        floor = _floor(account, table, now)
        if floor > account.storage.floors.get(table.oid, 0):
            removed += _remove_versions(account, table, floor)
    return removed


def _dropped_at(account: Account, item: CatalogObject) -> datetime | None:
    """When an object, or first of its containers, was dropped; None while it lives."""
    found: datetime | None = None
    while True:
        if item.dropped_on is not None:
            found = item.dropped_on if found is None else min(found, item.dropped_on)
        if item.container == 0:
            return found
        item = account.catalog.get(item.container)


def _floor(account: Account, table: CatalogObject, now: datetime) -> int:
    """The version of a table below which nothing is needed: by retention, held back by streams."""
    catalog, storage = account.catalog, account.storage
    history = storage.history(table.oid)
    floor = history.at_time(now - timedelta(days=retention_days(catalog, table))) or 0
    longest = timedelta(days=int(setting(catalog, "MAX_DATA_EXTENSION_TIME_IN_DAYS", table).value))
    extended = history.at_time(now - longest) or 0
    for versions in list(storage.offsets.values()):
        if table.oid in versions and versions[table.oid] < floor:
            floor = max(versions[table.oid], min(extended, floor))
    open_transactions = [session.transaction for session in list(account.sessions.values()) if session.transaction]
    return min([floor, *(transaction.bounds.get(table.oid, 0) for transaction in open_transactions)])


def _remove_versions(account: Account, table: CatalogObject, floor: int) -> int:
    storage = account.storage
    with storage.locks.writing([table.oid]), account.connection.cursor() as cursor:
        cursor.execute("begin transaction")
        row = cursor.execute(f"delete from {table_name(table.oid)} where _to <= {floor}").fetchone()
        cursor.execute("delete from _data.commits where table_id = ? and version < ?", [table.oid, floor])
        cursor.execute("delete from _data.statements where table_id = ? and version < ?", [table.oid, floor])
        cursor.execute("delete from _data.floors where table_id = ?", [table.oid])
        cursor.execute("insert into _data.floors values (?, ?)", [table.oid, floor])
        cursor.execute("commit")
    storage.forget_before(table.oid, floor)
    return int(row[0]) if row else 0


def _forget(account: Account, table: CatalogObject) -> None:
    """Remove a dropped table for good."""
    with account.catalog.transaction() as changes:
        tables.forget(changes, table)
        changes.remove(table)


def keep_clean(account: Account) -> threading.Event:
    """Clean now and then in a thread of its own, until the event given is set or the account is gone."""
    stop, weak = threading.Event(), ref(account)

    def run() -> None:
        while not stop.wait(_EVERY_SECONDS):
            found = weak()
            if found is None:
                return
            try:
                clean(found)
            except Exception:
                _log.exception("Cleaning up old row versions failed; it is tried again later")
            del found

    threading.Thread(target=run, name="clean-up", daemon=True).start()
    return stop
