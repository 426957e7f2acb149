"""What each role may do, and which users have it: everything is granted after it is protected."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.compute import ComputeResources
from components.governance.grants import Grants, Protected
from components.governance.logins import LoginsResources, bind
from components.storage import StorageResources
from logistics.contracts import AccessContract, TableContract
from logistics.settings import PlatformSettings, UserSettings

ENGINEER = "data_engineer"
"""The role that builds and runs the platform; tasks run as it unless sql/access.yaml names another."""

_LOADERS = "raw_write"
"""The access role that brings files in."""

LOCAL_KEY_VARIABLE = "LOGISTICS_LOCAL_USER_PUBLIC_KEY"
"""Public key for the users of a local stack, whose stack files need hold none."""

_WRITE = ("DELETE", "INSERT", "SELECT", "TRUNCATE", "UPDATE")
_SCHEMA = {"read": ["USAGE"], "write": [], "own": ["CREATE TABLE", "CREATE VIEW"]}
"""What each level adds on the schema itself."""


@dataclass(frozen=True, kw_only=True)
class AccessConfig:
    """Who (roles, settings.users) may use what (compute, storage, tables), and what protects each table."""

    settings: PlatformSettings
    access: AccessContract
    contracts: Mapping[str, TableContract]
    compute: ComputeResources
    storage: StorageResources
    logins: LoginsResources
    tables: Mapping[str, snowflake.Table]
    protections: Mapping[str, snowflake.Execute]
    roles: Mapping[str, snowflake.AccountRole]


@dataclass(frozen=True, kw_only=True)
class AccessResources:
    """All grants made here, by functional or access role; the users, and the grants of their roles."""

    grants: dict[str, list[snowflake.GrantPrivilegesToAccountRole]]
    users: dict[str, snowflake.User]
    memberships: dict[str, snowflake.GrantAccountRole]


class Access(pulumi.ComponentResource):
    """Grants on account, warehouses, database, schemas, tables and stage, and the users."""

    def __init__(self, name: str, config: AccessConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:governance:Access", name, None, opts)
        self._config = config
        self._grants = Grants(self, config.roles)
        grants = {role: self._grant_places(role) for role in config.access.roles}
        grants |= {role: self._grant_schema(role, *place) for role, place in config.access.access_roles.items()}
        grants[_LOADERS].append(self._grant_load_stage())
        for role, granted in self._grant_appending().items():
            grants[role] += granted
        users = {user.name: self._create_user(user) for user in config.settings.users}
        for user, resource in users.items():
            bind(user, resource, config.logins, self)
        memberships = {user.name: self._grant_role(user, users[user.name]) for user in config.settings.users}
        self.resources = AccessResources(grants=grants, users=users, memberships=memberships)
        self.register_outputs({"users": sorted(users)})

    def _grant_places(self, role: str) -> list[snowflake.GrantPrivilegesToAccountRole]:
        """Grants what a functional role has beside its access roles: account privileges, warehouses, the database."""
        config, contract = self._config, self._config.access.roles[role]
        warehouses = [
            self._grants.on_account_object(
                role, "WAREHOUSE", config.compute.warehouses[key].name, f"warehouse_{key}", ["USAGE"]
            )
            for key in contract.warehouses
        ]
        account = [self._grants.on_account(role, contract.account_privileges)] if contract.account_privileges else []
        database = self._grants.on_account_object(role, "DATABASE", config.storage.database.name, "database", ["USAGE"])
        return [*account, *warehouses, database]

    def _grant_schema(self, role: str, schema: str, level: str) -> list[snowflake.GrantPrivilegesToAccountRole]:
        """Grants an access role what its level adds to those below it."""
        grants = []
        if privileges := _SCHEMA[level]:
            grants.append(self._grants.on_schema(role, self._config.storage.schemas[schema], schema, privileges))
        for table, contract in self._config.contracts.items():
            if contract.schema_name == schema and (privileges := _table_privileges(level, contract)):
                grants.append(self._grants.on_object(role, privileges, contract.table, self._protected(table)))
        return grants

    def _grant_appending(self) -> dict[str, list[snowflake.GrantPrivilegesToAccountRole]]:
        """Grants the right to add rows to those tables that one role alone fills."""
        return {
            contract.appended_by: [
                self._grants.on_object(contract.appended_by, ["INSERT"], contract.table, self._protected(table))
            ]
            for table, contract in self._config.contracts.items()
            if contract.appended_by
        }

    def _protected(self, table: str) -> Protected:
        protection = self._config.protections.get(table)
        name = self._config.tables[table].fully_qualified_name
        return Protected(kind="TABLE", name=name, protections=[protection] if protection else [])

    def _grant_load_stage(self) -> snowflake.GrantPrivilegesToAccountRole:
        stage = Protected(kind="STAGE", name=self._config.storage.load_stage.fully_qualified_name)
        return self._grants.on_object(_LOADERS, ["READ", "WRITE"], "load_stage", stage)

    def _create_user(self, user: UserSettings) -> snowflake.User:
        """Creates a user without password: it logs in with its key, or as its account lets it."""
        settings = self._config.settings
        return snowflake.User(
            user.name.lower(),
            name=settings.named(user.name),
            login_name=settings.named(user.name),
            email=user.email or None,
            rsa_public_key=user.rsa_public_key or os.environ.get(LOCAL_KEY_VARIABLE) or None,
            default_role=self._config.roles[user.role.lower()].name,
            network_policy=self._config.logins.network and self._config.logins.network.name,
            use_cached_result=settings.result_cache,
            default_warehouse=self._config.compute.warehouses["environment"].name,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _grant_role(self, user: UserSettings, resource: snowflake.User) -> snowflake.GrantAccountRole:
        return snowflake.GrantAccountRole(
            f"{user.role.lower()}_to_{user.name.lower()}",
            role_name=self._config.roles[user.role.lower()].name,
            user_name=resource.name,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _table_privileges(level: str, contract: TableContract) -> tuple[str, ...]:
    """Returns what a level of access adds on a table: readers read what is there for them, writers the rest."""
    if level == "read":
        return ("SELECT",) if contract.readers else ()
    if level == "write":
        return ("SELECT",) if contract.engineer_reads_only else _WRITE
    return ()
