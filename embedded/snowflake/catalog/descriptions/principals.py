"""Roles and database roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embedded.snowflake.catalog.kinds import Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.show import columns, number
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.security.bootstrap import SYSTEM_ROLES
from embedded.snowflake.security.privileges import active_roles, grants

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session


def _members(kind: str):
    def count(session: Session, item: CatalogObject) -> int:
        catalog = session.account.catalog
        found = grants(catalog).members_of.get(item.oid, ())
        return sum(1 for record in found if catalog.get(record["grantee"]).kind == kind)

    return count


def _granted(kind: str):
    def count(session: Session, item: CatalogObject) -> int:
        catalog = session.account.catalog
        found = grants(catalog).roles_of.get(item.oid, ())
        return sum(1 for record in found if catalog.get(record["role"]).kind == kind)

    return count


def _is_default_role(session: Session, item: CatalogObject) -> str:
    from embedded.snowflake.security.users import default_role

    return "Y" if default_role(session.account.catalog.get(session.user)) == item.name else "N"


def _is_inherited(session: Session, item: CatalogObject) -> str:
    return "Y" if item.oid != session.role and item.oid in active_roles(session) else "N"


def _dropping(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    """What a dropped role owned belongs to the role that drops it."""
    if item.kind == "ROLE" and item.name in SYSTEM_ROLES:
        raise SqlCompilationError(f"Cannot drop system role '{item.name}'.", 3001, "42501")
    for owned in changes.catalog.owned_by(item.oid):
        changes.put(owned.changed(owner=session.role))


register(
    Kind(
        "ROLE",
        "ROLES",
        create_privilege="CREATE ROLE",
        privileges=(),
        show=columns(
            "created_on name is_default is_current is_inherited assigned_to_users granted_to_roles granted_roles owner comment",
            is_default=_is_default_role,
            is_current=lambda session, item: "Y" if session.role == item.oid else "N",
            is_inherited=_is_inherited,
            assigned_to_users=number(_members("USER")),
            granted_to_roles=number(_members("ROLE")),
            granted_roles=number(_granted("ROLE")),
        ),
        dropping=_dropping,
    )
)

register(
    Kind(
        "DATABASE ROLE",
        "DATABASE ROLES",
        create_privilege="CREATE DATABASE ROLE",
        show=columns(
            "created_on name is_default is_current is_inherited granted_to_roles granted_to_database_roles"
            " granted_database_roles owner comment owner_role_type",
            is_current=lambda *_: "N",
            is_inherited=_is_inherited,
            granted_to_roles=number(_members("ROLE")),
            granted_to_database_roles=number(_members("DATABASE ROLE")),
            granted_database_roles=number(_granted("DATABASE ROLE")),
        ),
        dropping=_dropping,
    )
)
