"""Who may do what: roles, grants and ownership, as indexes over the catalog's records.

Records (collections of the catalog):
    grant: `{on, privilege, grantee, grant_option, granted_by, created_on}`; `on` is an object's oid, or 0 for the account
    membership: a role given to a role or user: `{role, grantee, granted_by, created_on}`
    future_grant: `{container, kind, privilege, grantee, grant_option, granted_by, created_on}`
Ownership is the object's own `owner`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.resolve import full_name, qualify, resolve
from embedded.snowflake.errors import SnowflakeError, does_not_exist, insufficient_privileges
from embedded.snowflake.names import ObjectName

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import Catalog
    from embedded.snowflake.session.session import Session

# Privileges on the account that allow a privilege on every object of a kind.
_GLOBAL = {
    ("WAREHOUSE", "MODIFY"): "MANAGE WAREHOUSES",
    ("WAREHOUSE", "MONITOR"): "MANAGE WAREHOUSES",
    ("WAREHOUSE", "OPERATE"): "MANAGE WAREHOUSES",
    ("MASKING POLICY", "APPLY"): "APPLY MASKING POLICY",
    ("ROW ACCESS POLICY", "APPLY"): "APPLY ROW ACCESS POLICY",
    ("TAG", "APPLY"): "APPLY TAG",
    ("TASK", "EXECUTE"): "EXECUTE TASK",
}


# Who may apply policies or tags everywhere sees what they are applied to, without a privilege on it.
_GOVERNS = ("APPLY MASKING POLICY", "APPLY ROW ACCESS POLICY", "APPLY TAG")
_GOVERNED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("TABLE", "VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE"), _GOVERNS),
    **{privilege.removeprefix("APPLY "): (privilege,) for privilege in _GOVERNS},
}


@dataclass(frozen=True)
class Grants:
    """The account's grants, indexed; one for each state of the records."""

    version: tuple[int, ...]
    on: dict[int, list[dict[str, Any]]]
    to: dict[int, list[dict[str, Any]]]
    held: dict[tuple[int, int], frozenset[str]]
    roles_of: dict[int, list[dict[str, Any]]]
    members_of: dict[int, list[dict[str, Any]]]
    closures: dict[frozenset[int], frozenset[int]]


_indexes: WeakKeyDictionary[Catalog, Grants] = WeakKeyDictionary()


def grants(catalog: Catalog) -> Grants:
    """The account's grants as they are now."""
    found = _indexes.get(catalog)
    version = tuple(catalog.collection_version(name) for name in ("grant", "membership"))
    if found is None or found.version != version:
        found = _indexes[catalog] = _index(catalog, version)
    return found


def _index(catalog: Catalog, version: tuple[int, ...]) -> Grants:
    on, to, held, roles_of, members_of = (defaultdict(list) for _ in range(5))
    for record in catalog.records("grant").values():
        on[record["on"]].append(record)
        to[record["grantee"]].append(record)
        held[record["on"], record["grantee"]].append(record["privilege"])
    for record in catalog.records("membership").values():
        roles_of[record["grantee"]].append(record)
        members_of[record["role"]].append(record)
    return Grants(
        version,
        dict(on),
        dict(to),
        {key: frozenset(names) for key, names in held.items()},
        dict(roles_of),
        dict(members_of),
        {},
    )


def role_closure(catalog: Catalog, roles: Iterable[int]) -> frozenset[int]:
    """These roles, every role granted to them directly or not, and PUBLIC."""
    index, start = grants(catalog), frozenset(roles)
    if start not in index.closures:
        public = catalog.find("ROLE", ACCOUNT, "PUBLIC")
        seen, todo = set(), [*start, *([public.oid] if public else [])]
        while todo:
            role = todo.pop()
            if role not in seen:
                seen.add(role)
                todo.extend(record["role"] for record in index.roles_of.get(role, ()))
        index.closures[start] = frozenset(seen)
    return index.closures[start]


def user_roles(catalog: Catalog, user: int) -> list[int]:
    """The roles granted to a user directly."""
    return [record["role"] for record in grants(catalog).roles_of.get(user, ())]


def active_roles(session: Session) -> frozenset[int]:
    """The oids of all roles whose privileges the session has: its role, its secondary roles, and what these inherit."""
    catalog = session.account.catalog
    secondary = user_roles(catalog, session.user) if session.secondary_roles else []
    return role_closure(catalog, [session.role, *secondary])


def may_use_role(session: Session, role: int) -> bool:
    """Whether USE ROLE may take this role: it is granted to the user, or inherited by a role that is."""
    catalog = session.account.catalog
    return role in role_closure(catalog, user_roles(catalog, session.user))


def holds(catalog: Catalog, roles: frozenset[int], privilege: str, item: CatalogObject | None) -> bool:
    """Whether one of the roles has a privilege on an object (None: on the account), by grant or by ownership."""
    on = item.oid if item is not None else ACCOUNT
    if item is not None and item.owner in roles:
        return True
    held = grants(catalog).held
    if any(privilege in held.get((on, role), ()) for role in roles):
        return True
    if item is not None and privilege == "USAGE" and _usable(catalog, roles, item):
        return True
    wider = _GLOBAL.get((item.kind, privilege)) if item is not None else None
    return wider is not None and any(wider in held.get((ACCOUNT, role), ()) for role in roles)


def _usable(catalog: Catalog, roles: frozenset[int], item: CatalogObject) -> bool:
    """Whether use follows from another thing: INFORMATION_SCHEMA from its database, a database from a role in it."""
    if item.kind == "SCHEMA" and item.name == "INFORMATION_SCHEMA":
        return holds(catalog, roles, "USAGE", catalog.get(item.container))
    return item.kind == "DATABASE" and any(role.oid in roles for role in catalog.children(item.oid, "DATABASE ROLE"))


def holds_any(catalog: Catalog, roles: frozenset[int], item: CatalogObject) -> bool:
    """Whether one of the roles owns the object or has some privilege on it."""
    held = grants(catalog).held
    return item.owner in roles or any((item.oid, role) in held for role in roles)


def visible(session: Session, item: CatalogObject, roles: frozenset[int] | None = None) -> bool:
    """Whether the session's roles know that the object exists: any privilege on it, and on its containers.

    MANAGE GRANTS sees every object. A user sees itself, a role the roles it inherits, everyone the system's schemas of a
    database that they see.
    """
    catalog = session.account.catalog
    roles = active_roles(session) if roles is None else roles
    if holds(catalog, roles, "MANAGE GRANTS", None):
        return True
    if item.kind == "ROLE":
        return item.oid in roles or item.owner in roles
    if item.kind == "USER":
        return item.oid == session.user or holds_any(catalog, roles, item)
    if item.container != ACCOUNT and not visible(session, catalog.get(item.container), roles):
        return False
    if item.kind == "DATABASE ROLE" and item.oid in roles:
        return True
    if item.kind == "SCHEMA" and item.name == "INFORMATION_SCHEMA":
        return True
    if any(holds(catalog, roles, privilege, None) for privilege in _GOVERNED.get(item.kind, ())):
        return True
    return holds_any(catalog, roles, item) or _usable(catalog, roles, item)


def require(session: Session, privilege: str, item: CatalogObject | None = None) -> None:
    """Make sure that the session's roles have a privilege on an object (None: on the account).

    Raises:
        SnowflakeError: the object may not even be seen (002003), or the privilege is missing (003001).
    """
    catalog, roles = session.account.catalog, active_roles(session)
    if holds(catalog, roles, privilege, item):
        return
    if item is None:
        raise insufficient_privileges("account", session.account.account_name)
    if not visible(session, item, roles):
        raise does_not_exist(item.kind, full_name(catalog, item))
    raise insufficient_privileges(item.kind, item.name)


def require_any(session: Session, privileges: Iterable[str], item: CatalogObject | None = None) -> None:
    """Make sure that the session's roles have one of these privileges; errors are those of `require` for the first."""
    wanted = list(privileges)
    catalog, roles = session.account.catalog, active_roles(session)
    if not any(holds(catalog, roles, privilege, item) for privilege in wanted):
        require(session, wanted[0], item)


def reach(
    session: Session, kind: str, name: ObjectName, privilege: str | None = None, signature: str = ""
) -> CatalogObject:
    """The living object of that name, if the session may see it and use the database and schema that it is in.

    Args:
        session: whose roles, and current database and schema for what the name leaves out.
        kind: Snowflake's word for the kind.
        name: as written.
        privilege: what must be held on it besides; None asks only that it may be seen.
        signature: argument types of a function or procedure.

    Raises:
        SnowflakeError: absent or not to be seen (002003, 002043), or a privilege missing (003001).
    """
    item = resolve(session, kind, name, signature)
    if not visible(session, item):
        raise does_not_exist(kind, str(qualify(session, kind, name)))
    require_usage(session, item)
    if privilege is not None:
        require(session, privilege, item)
    return item


def require_usage(session: Session, item: CatalogObject) -> None:
    """Make sure that the session may use the database and schema that hold an object.

    Raises:
        SnowflakeError: USAGE is missing on one of them (002003 or 003001).
    """
    catalog = session.account.catalog
    while item.container != ACCOUNT:
        item = catalog.get(item.container)
        require(session, "USAGE", item)


def owner_name(catalog: Catalog, item: CatalogObject) -> str:
    """The name of the owning role, empty for the system's objects."""
    return role_name(catalog, item.owner)


def role_name(catalog: Catalog, role: int) -> str:
    """The name of a role by its oid, empty for none or one that is gone."""
    try:
        return catalog.get(role).name if role else ""
    except KeyError:
        return ""


__all__ = [
    "Grants",
    "SnowflakeError",
    "active_roles",
    "grants",
    "holds",
    "holds_any",
    "may_use_role",
    "owner_name",
    "reach",
    "require",
    "require_any",
    "require_usage",
    "role_closure",
    "role_name",
    "user_roles",
    "visible",
]
