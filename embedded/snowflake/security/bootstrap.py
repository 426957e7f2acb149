"""What every account has from the start: system roles, the user ADMIN, the database SNOWFLAKE."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.catalog.store import Catalog, CatalogTransaction
from embedded.snowflake.security.passwords import hash_password
from embedded.snowflake.security.records import put_grant, put_membership

# Each system role: its comment, and the privileges on the account that it starts with.
SYSTEM_ROLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "ACCOUNTADMIN": (
        "Account administrator can manage all aspects of the account.",
        (
            "APPLY AUTHENTICATION POLICY",
            "APPLY MASKING POLICY",
            "APPLY PASSWORD POLICY",
            "APPLY ROW ACCESS POLICY",
            "APPLY SESSION POLICY",
            "APPLY TAG",
            "ATTACH POLICY",
            "CREATE DATABASE",
            "CREATE INTEGRATION",
            "CREATE NETWORK POLICY",
            "CREATE ROLE",
            "CREATE SHARE",
            "CREATE USER",
            "CREATE WAREHOUSE",
            "EXECUTE ALERT",
            "EXECUTE MANAGED TASK",
            "EXECUTE TASK",
            "IMPORT SHARE",
            "MANAGE GRANTS",
            "MANAGE WAREHOUSES",
            "MODIFY LOG LEVEL",
            "MODIFY METRIC LEVEL",
            "MODIFY TRACE LEVEL",
            "MONITOR EXECUTION",
            "MONITOR SECURITY",
            "MONITOR USAGE",
            "OVERRIDE SHARE RESTRICTIONS",
            "RESOLVE ALL",
        ),
    ),
    "ORGADMIN": ("Organization administrator can manage organization and accounts in the organization.", ()),
    "PUBLIC": ("Public role is automatically available to every user in the account.", ()),
    "SECURITYADMIN": (
        "Security administrator can manage security aspects of the account.",
        ("CREATE NETWORK POLICY", "MANAGE GRANTS"),
    ),
    "SYSADMIN": (
        "System administrator can create and manage databases and warehouses.",
        ("CREATE DATABASE", "CREATE WAREHOUSE"),
    ),
    "USERADMIN": ("User administrator can create and manage users and roles", ("CREATE ROLE", "CREATE USER")),
}
# Role, and the role that it is granted to.
_HIERARCHY = (("SYSADMIN", "ACCOUNTADMIN"), ("SECURITYADMIN", "ACCOUNTADMIN"), ("USERADMIN", "SECURITYADMIN"))
_SHARED_SCHEMAS = ("ACCOUNT_USAGE", "CORE", "INFORMATION_SCHEMA", "ORGANIZATION_USAGE")
FIRST_WAREHOUSE = "COMPUTE_WH"
INFORMATION_SCHEMA_COMMENT = "Views describing the contents of schemas in this database"


def bootstrap(catalog: Catalog, admin_password: str) -> None:
    """Give a new account its system roles, user ADMIN and database SNOWFLAKE; an account that has them stays as it is."""
    if catalog.find("ROLE", ACCOUNT, "ACCOUNTADMIN") is not None:
        return
    with catalog.transaction() as changes:
        roles = _create_roles(changes)
        admin = changes.create(
            "USER",
            ACCOUNT,
            "ADMIN",
            owner=roles["ACCOUNTADMIN"],
            body={
                "properties": {
                    "LOGIN_NAME": "ADMIN",
                    "DISPLAY_NAME": "ADMIN",
                    "DEFAULT_ROLE": "ACCOUNTADMIN",
                    "DEFAULT_WAREHOUSE": FIRST_WAREHOUSE,
                },
                "password": hash_password(admin_password),
                "password_last_set": datetime.now(UTC).isoformat(),
                "parameters": {},
            },
        )
        put_membership(changes, roles["ACCOUNTADMIN"], admin.oid, 0)
        _create_warehouse(changes, roles)
        _create_shared_database(changes, roles["ACCOUNTADMIN"])


def _create_warehouse(changes: CatalogTransaction, roles: dict[str, int]) -> None:
    """The warehouse that a new account has, for everyone to use: X-Small, suspended."""
    body = {
        "properties": {"INITIALLY_SUSPENDED": True},
        "parameters": {},
        "uuid": str(uuid.uuid4()),
        "updated_on": changes.catalog.now().isoformat(),
    }
    warehouse = changes.create("WAREHOUSE", ACCOUNT, FIRST_WAREHOUSE, owner=roles["ACCOUNTADMIN"], body=body)
    put_grant(changes, warehouse.oid, "USAGE", roles["PUBLIC"], grant_option=False, granted_by=0)


def _create_roles(changes: CatalogTransaction) -> dict[str, int]:
    roles = {}
    for name, (comment, privileges) in SYSTEM_ROLES.items():
        role = changes.create("ROLE", ACCOUNT, name, comment=comment)
        roles[name] = role.oid
        for privilege in privileges:
            put_grant(changes, ACCOUNT, privilege, role.oid, grant_option=True, granted_by=0)
    for child, parent in _HIERARCHY:
        put_membership(changes, roles[child], roles[parent], 0)
    return roles


def _create_shared_database(changes: CatalogTransaction, accountadmin: int) -> None:
    database = changes.create(
        "DATABASE", ACCOUNT, "SNOWFLAKE", body={"origin": "SNOWFLAKE.ACCOUNT_USAGE", "kind": "APPLICATION"}
    )
    put_grant(changes, database.oid, "USAGE", accountadmin, grant_option=False, granted_by=0)
    for name in _SHARED_SCHEMAS:
        schema = changes.create("SCHEMA", database.oid, name)
        put_grant(changes, schema.oid, "USAGE", accountadmin, grant_option=False, granted_by=0)
