"""Temporary objects: they go with the session that made them, without a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.store import CatalogTransaction
from embedded.snowflake.security.records import forget

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

_KINDS = ("TABLE", "VIEW", "STAGE")


def drop_temporary(account: Account, session_id: int | None) -> None:
    """Remove the temporary objects of a session that ends, or (None) those that a server before this one left."""
    found = [item for kind in _KINDS for item in account.catalog.all_with_dropped(kind) if _is_of(item, session_id)]
    if not found:
        return
    with account.catalog.transaction() as changes:
        for item in found:
            _remove(changes, item)


def _is_of(item: CatalogObject, session_id: int | None) -> bool:
    owner = item.body.get("temporary_session")
    return owner is not None and (session_id is None or owner == session_id)


def _remove(changes: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.storage import tables

    changes.remove(item)
    forget(changes, item.oid)
    if item.kind == "TABLE":
        tables.forget(changes, item)
