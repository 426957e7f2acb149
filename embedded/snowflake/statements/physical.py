"""The physical part of table statements, done by the storage: between the catalog's grammar and the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import CatalogObject

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session


def create_table(session: Session, changes: CatalogTransaction, table: CatalogObject) -> None:
    """Make the table's storage in the catalog's transaction, with the rows of its query or of what it clones."""
    changes.put(table)


def drop_table(session: Session, changes: CatalogTransaction, table: CatalogObject) -> None:
    """Tell the storage that a table goes."""


def row_count(session: Session, table: CatalogObject) -> int:
    """The number of rows, for SHOW TABLES."""
    return 0


def byte_count(session: Session, table: CatalogObject) -> int:
    """The size in bytes, for SHOW TABLES."""
    return 0
