"""From a name as written to the object: the session's database and schema fill what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.model import ACCOUNT, INTEGRATIONS, CatalogObject
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, does_not_exist, operation_cannot_be_performed
from embedded.snowflake.names import ObjectName, quote_if_needed

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import Catalog
    from embedded.snowflake.session.session import Session

# Kinds that live directly in the account, and those directly in a database; all others live in a schema.
ACCOUNT_KINDS = frozenset(
    {
        "DATABASE",
        "WAREHOUSE",
        "ROLE",
        "USER",
        "RESOURCE MONITOR",
        "NETWORK POLICY",
        "INTEGRATION",
        *INTEGRATIONS,
        "SHARE",
        "COMPUTE POOL",
        "CONNECTION",
        "FAILOVER GROUP",
        "REPLICATION GROUP",
    }
)
DATABASE_KINDS = frozenset({"SCHEMA", "DATABASE ROLE"})


def full_name(catalog: Catalog, item: CatalogObject) -> str:
    """The object's name with its containers, quoted where needed: `LOGISTICS.RAW.CUSTOMER`."""
    parts = [quote_if_needed(item.name)]
    while item.container != ACCOUNT:
        item = catalog.get(item.container)
        parts.insert(0, quote_if_needed(item.name))
    return ".".join(parts)


def qualify(session: Session, kind: str, name: ObjectName) -> ObjectName:
    """Fill the missing parts of a name from the session.

    Raises:
        SqlCompilationError: a part is missing and the session has no current database or schema (090105, 090106).
    """
    if kind in ACCOUNT_KINDS:
        if name.schema is not None:
            raise SqlCompilationError(f"Invalid name '{name}' for a {kind.lower()}.", 1003)
        return name
    if kind in DATABASE_KINDS:
        # A schema's name has two parts at most: what stands before the dot is the database.
        return ObjectName(None, name.schema or session.current_database(), name.name)
    return ObjectName(name.database or session.current_database(), name.schema or session.current_schema(), name.name)


def container_of(session: Session, kind: str, name: ObjectName) -> int:
    """The oid of the container that a name points into.

    Raises:
        SnowflakeError: that database or schema does not exist (002003).
    """
    catalog, full = session.account.catalog, qualify(session, kind, name)
    if kind in ACCOUNT_KINDS:
        return ACCOUNT
    database_name = full.schema if kind in DATABASE_KINDS else full.database
    database = catalog.find("DATABASE", ACCOUNT, database_name or "")
    if database is None:
        raise does_not_exist("Database", quote_if_needed(database_name or ""))
    if kind in DATABASE_KINDS:
        return database.oid
    schema = catalog.find("SCHEMA", database.oid, full.schema or "")
    if schema is None:
        raise does_not_exist("Schema", str(ObjectName(None, full.database, full.schema or "")))
    return schema.oid


def find(session: Session, kind: str, name: ObjectName, signature: str = "") -> CatalogObject | None:
    """The living object of that name, or None; the kind found may be another that shares its names."""
    try:
        container = container_of(session, kind, name)
    except SnowflakeError:
        return None
    return session.account.catalog.find(kind, container, name.name, signature)


def resolve(session: Session, kind: str, name: ObjectName, signature: str = "") -> CatalogObject:
    """The living object of that name; privileges are the caller's to check.

    Raises:
        SnowflakeError: it does not exist (002003), or its container does not (002043).
    """
    full = qualify(session, kind, name)
    try:
        container = container_of(session, kind, name)
    except SnowflakeError:
        raise operation_cannot_be_performed() from None
    found = session.account.catalog.find(kind, container, name.name, signature)
    if found is None:
        raise does_not_exist(kind, str(full))
    return found
