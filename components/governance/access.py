"""What each role may do, and which users have it: everything is granted after it is protected."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.compute import ComputeResources
from components.governance.grants import Grants, Protected
from components.storage import StorageResources
from logistics.contracts import AccessContract, TableContract
from logistics.settings import PlatformSettings, UserSettings

ENGINEER = "data_engineer"
"""The role that writes; the others read."""

LOCAL_KEY_VARIABLE = "LOGISTICS_LOCAL_USER_PUBLIC_KEY"
"""Public key for the users of a local stack, whose stack files need hold none."""

_WRITE = ("DELETE", "INSERT", "SELECT", "TRUNCATE", "UPDATE")


@dataclass(frozen=True, kw_only=True)
class AccessConfig:
    """Who (roles, settings.users) may use what (compute, storage, tables), and what protects each table."""

    settings: PlatformSettings
    access: AccessContract
    contracts: Mapping[str, TableContract]
    compute: ComputeResources
    storage: StorageResources
    tables: Mapping[str, snowflake.Table]
    protections: Mapping[str, snowflake.Execute]
    roles: Mapping[str, snowflake.AccountRole]


@dataclass(frozen=True, kw_only=True)
class AccessResources:
    """All grants made here, by role; the users, and the grants of their roles."""

    grants: dict[str, list[snowflake.GrantPrivilegesToAccountRole]]
    users: dict[str, snowflake.User]
    memberships: dict[str, snowflake.GrantAccountRole]


class Access(pulumi.ComponentResource):
    """Grants on account, warehouses, database, schemas, tables and stage, and the users."""

    def __init__(self, name: str, config: AccessConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:governance:Access", name, None, opts)
        self._config = config
        self._grants = Grants(self, config.roles)
        grants = {role: [*self._grant_places(role), *self._grant_tables(role)] for role in config.access.roles}
        grants[ENGINEER].append(self._grant_load_stage())
        users = {user.name: self._create_user(user) for user in config.settings.users}
        memberships = {user.name: self._grant_role(user, users[user.name]) for user in config.settings.users}
        self.resources = AccessResources(grants=grants, users=users, memberships=memberships)
        self.register_outputs({"users": sorted(users)})

    def _grant_places(self, role: str) -> list[snowflake.GrantPrivilegesToAccountRole]:
        """Grants where a role may work: account privileges, warehouses, the database and its schemas."""
        config, contract = self._config, self._config.access.roles[role]
        database = config.storage.database.name
        warehouses = [
            self._grants.on_account_object(
                role, "WAREHOUSE", config.compute.warehouses[key].name, f"warehouse_{key}", ["USAGE"]
            )
            for key in contract.warehouses
        ]
        schemas = [
            self._grants.on_schema(role, config.storage.schemas[schema], schema, self._schema_privileges(role, schema))
            for schema in contract.schemas
        ]
        account = [self._grants.on_account(role, contract.account_privileges)] if contract.account_privileges else []
        return [
            *account,
            *warehouses,
            self._grants.on_account_object(role, "DATABASE", database, "database", ["USAGE"]),
            *schemas,
        ]

    @staticmethod
    def _schema_privileges(role: str, schema: str) -> list[str]:
        """The engineer makes tables and views in STAGING only, where no other role reads."""
        return ["CREATE TABLE", "CREATE VIEW", "USAGE"] if (role, schema) == (ENGINEER, "staging") else ["USAGE"]

    def _grant_tables(self, role: str) -> list[snowflake.GrantPrivilegesToAccountRole]:
        return [
            self._grants.on_object(role, privileges, contract.table, self._protected(table))
            for table, contract in self._config.contracts.items()
            if (privileges := self._table_privileges(role, contract))
        ]

    @staticmethod
    def _table_privileges(role: str, contract: TableContract) -> tuple[str, ...]:
        if role == ENGINEER:
            return ("SELECT",) if contract.engineer_reads_only else _WRITE
        return ("SELECT",) if role in contract.readers else ()

    def _protected(self, table: str) -> Protected:
        protection = self._config.protections.get(table)
        name = self._config.tables[table].fully_qualified_name
        return Protected(kind="TABLE", name=name, protections=[protection] if protection else [])

    def _grant_load_stage(self) -> snowflake.GrantPrivilegesToAccountRole:
        stage = Protected(kind="STAGE", name=self._config.storage.load_stage.fully_qualified_name)
        return self._grants.on_object(ENGINEER, ["READ", "WRITE"], "load_stage", stage)

    def _create_user(self, user: UserSettings) -> snowflake.User:
        """Creates a user without password: it logs in with its key, or not at all."""
        settings = self._config.settings
        return snowflake.User(
            user.name.lower(),
            name=settings.named(user.name),
            login_name=settings.named(user.name),
            email=user.email or None,
            rsa_public_key=user.rsa_public_key or os.environ.get(LOCAL_KEY_VARIABLE) or None,
            default_role=self._config.roles[user.role.lower()].name,
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
