"""Rows of the system views about roles, users and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.security.privileges import grants, role_closure, role_name
from embedded.snowflake.sql.system_rows import RELATION_TYPES, Reader, Row, place_names, yes


def _grant_rows(reader: Reader, items: list[CatalogObject]) -> Iterator[tuple[CatalogObject, Row]]:
    catalog = reader.catalog
    index = grants(catalog).on
    for item in items:
        if item.owner:
            owner = role_name(catalog, item.owner)
            yield item, _privilege(owner, owner, "OWNERSHIP", True, item.created_on)
        for record in index.get(item.oid, ()):
            granter, grantee = (role_name(catalog, record[key]) or None for key in ("granted_by", "grantee"))
            yield item, _privilege(granter, grantee, record["privilege"], record["grant_option"], record["created_on"])


def _privilege(granter: str | None, grantee: str | None, privilege: str, grantable: bool, created: Any) -> Row:
    when = datetime.fromisoformat(created) if isinstance(created, str) else created
    return {
        "GRANTOR": granter,
        "GRANTEE": grantee,
        "GRANTED_TO": "ROLE",
        "PRIVILEGE_TYPE": privilege,
        "IS_GRANTABLE": yes(grantable),
        "CREATED": when,
    }


_GRANTED_KINDS = (
    *RELATION_TYPES,
    "STREAM",
    "TASK",
    "STAGE",
    "FILE FORMAT",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "PIPE",
    "MASKING POLICY",
    "ROW ACCESS POLICY",
    "TAG",
)


def _granted(reader: Reader) -> list[CatalogObject]:
    return [*reader.databases(), *reader.schemas(), *reader.objects(*_GRANTED_KINDS)]


def object_privileges(reader: Reader) -> Iterator[Row]:
    """OBJECT_PRIVILEGES."""
    for item, row in _grant_rows(reader, _granted(reader)):
        database, schema = place_names(reader, item)
        yield {
            **row,
            "OBJECT_CATALOG": database,
            "OBJECT_SCHEMA": schema,
            "OBJECT_NAME": item.name,
            "OBJECT_TYPE": item.kind,
        }


def table_privileges(reader: Reader) -> Iterator[Row]:
    """TABLE_PRIVILEGES."""
    for item, row in _grant_rows(reader, reader.objects(*RELATION_TYPES)):
        database, schema = place_names(reader, item)
        yield {
            **row,
            "TABLE_CATALOG": database,
            "TABLE_SCHEMA": schema,
            "TABLE_NAME": item.name,
            "WITH_HIERARCHY": "NO",
        }


def usage_privileges(reader: Reader) -> Iterator[Row]:
    """USAGE_PRIVILEGES."""
    return (
        row
        for row in object_privileges(reader)
        if row["PRIVILEGE_TYPE"] in ("USAGE", "OWNERSHIP") and row["OBJECT_TYPE"] not in RELATION_TYPES
    )


def applicable_roles(reader: Reader) -> Iterator[Row]:
    """APPLICABLE_ROLES: those of the session's user."""
    session, catalog = reader.context.session, reader.catalog
    for record in grants(catalog).roles_of.get(session.user, ()):
        role = catalog.get(record["role"])
        yield {
            "GRANTEE": reader.context.user_name,
            "ROLE_NAME": role.name,
            "ROLE_OWNER": role_name(catalog, role.owner),
            "IS_GRANTABLE": "NO",
        }


def enabled_roles(reader: Reader) -> Iterator[Row]:
    """ENABLED_ROLES: the current role and what it inherits."""
    for oid in sorted(role_closure(reader.catalog, [reader.context.session.role])):
        role = reader.catalog.get(oid)
        yield {"ROLE_NAME": role.name, "ROLE_OWNER": role_name(reader.catalog, role.owner)}


def grants_to_roles(reader: Reader) -> Iterator[Row]:
    """GRANTS_TO_ROLES: privileges and roles held by roles."""
    catalog = reader.catalog
    index = grants(catalog)
    for kind in ("DATABASE", "SCHEMA", *_GRANTED_KINDS, "WAREHOUSE", "ROLE", "USER", "INTEGRATION", "RESOURCE MONITOR"):
        for item, row in _grant_rows(reader, catalog.all(kind)):
            database, schema = place_names(reader, item)
            yield _granted_row(row, item.kind, item.name, database, schema)
    for record in index.on.get(ACCOUNT, ()):
        row = _privilege(
            role_name(catalog, record["granted_by"]),
            role_name(catalog, record["grantee"]),
            record["privilege"],
            record["grant_option"],
            record["created_on"],
        )
        yield _granted_row(row, "ACCOUNT", reader.context.account.account_name, None, None)
    for role, members in index.members_of.items():
        for record in members:
            grantee = catalog.get(record["grantee"])
            if grantee.kind == "ROLE":
                row = _privilege(
                    role_name(catalog, record["granted_by"]), grantee.name, "USAGE", False, record["created_on"]
                )
                yield _granted_row(row, "ROLE", catalog.get(role).name, None, None)


def _granted_row(row: Row, kind: str, name: str, database: str | None, schema: str | None) -> Row:
    return {
        "CREATED_ON": row["CREATED"],
        "MODIFIED_ON": row["CREATED"],
        "PRIVILEGE": row["PRIVILEGE_TYPE"],
        "GRANTED_ON": kind,
        "NAME": name,
        "TABLE_CATALOG": database,
        "TABLE_SCHEMA": schema,
        "GRANTED_TO": "ROLE",
        "GRANTEE_NAME": row["GRANTEE"],
        "GRANT_OPTION": row["IS_GRANTABLE"] == "YES",
        "GRANTED_BY": row["GRANTOR"],
    }


def grants_to_users(reader: Reader) -> Iterator[Row]:
    """GRANTS_TO_USERS: roles given to users."""
    catalog = reader.catalog
    for role, members in grants(catalog).members_of.items():
        for record in members:
            grantee = catalog.get(record["grantee"])
            if grantee.kind == "USER":
                row = _privilege(
                    role_name(catalog, record["granted_by"]), grantee.name, "USAGE", False, record["created_on"]
                )
                yield {
                    "CREATED_ON": row["CREATED"],
                    "ROLE": catalog.get(role).name,
                    "GRANTED_TO": "USER",
                    "GRANTEE_NAME": grantee.name,
                    "GRANTED_BY": row["GRANTOR"],
                }


def roles(reader: Reader) -> Iterator[Row]:
    """ROLES."""
    for item in reader.all("ROLE"):
        yield {
            "ROLE_ID": item.oid,
            "CREATED_ON": item.created_on,
            "DELETED_ON": item.dropped_on,
            "NAME": item.name,
            "COMMENT": item.comment or None,
            "OWNER": role_name(reader.catalog, item.owner) or None,
            "ROLE_TYPE": "ROLE",
            "OWNER_ROLE_TYPE": "ROLE",
        }


def users(reader: Reader) -> Iterator[Row]:
    """USERS; no secret of them."""
    for item in reader.all("USER"):
        properties = item.body.get("properties", {})
        yield {
            "USER_ID": item.oid,
            "NAME": item.name,
            "CREATED_ON": item.created_on,
            "DELETED_ON": item.dropped_on,
            **{
                key: properties.get(key)
                for key in ("LOGIN_NAME", "DISPLAY_NAME", "FIRST_NAME", "LAST_NAME", "EMAIL", "DEFAULT_WAREHOUSE")
            },
            **{key: properties.get(key) for key in ("DEFAULT_NAMESPACE", "DEFAULT_ROLE", "TYPE")},
            "HAS_PASSWORD": bool(item.body.get("password")),
            "HAS_RSA_PUBLIC_KEY": bool(properties.get("RSA_PUBLIC_KEY")),
            "DISABLED": str(bool(properties.get("DISABLED"))).lower(),
            "COMMENT": item.comment or None,
            "OWNER": role_name(reader.catalog, item.owner) or None,
        }
