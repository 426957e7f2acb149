"""Row access policies, the rows each user may see, and the policies' place on every table that needs one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.contracts import TableContract
from logistics.settings import PlatformSettings, UserSettings
from logistics.sql import PolicyFile, full_name, literal, quoted

_ACCESS_LISTS = (("customers", "governance.user_customer_access"), ("vehicles", "governance.user_vehicle_access"))
"""Which key of a user lists the rows of which table."""


@dataclass(frozen=True, kw_only=True)
class RowAccessConfig:
    """The policies' files, the contracts that name them, the tables and when they were made, and the tag for personal data."""

    settings: PlatformSettings
    policies: Mapping[str, PolicyFile]
    contracts: Mapping[str, TableContract]
    tables: Mapping[str, snowflake.Table]
    created_on: Mapping[str, pulumi.Output[str]]
    pii: snowflake.Tag
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]


@dataclass(frozen=True, kw_only=True)
class RowAccessResources:
    """Policies by name, attachments by `schema.table`, access lists by user and table, tagged columns by kind."""

    policies: dict[str, snowflake.RowAccessPolicy]
    attachments: dict[str, snowflake.Execute]
    access_lists: dict[str, snowflake.Execute]
    tagged: dict[str, snowflake.TagAssociation]


class RowAccess(pulumi.ComponentResource):
    """`customer_data_policy` and `vehicle_data_policy` on the tables whose contracts name them."""

    def __init__(self, name: str, config: RowAccessConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:governance:RowAccess", name, None, opts)
        self._config = config
        policies = {policy.object_name.lower(): self._create_policy(policy) for policy in config.policies.values()}
        attachments = {
            table: self._attach(contract, policies[contract.row_access_policy])
            for table, contract in config.contracts.items()
            if contract.row_access_policy
        }
        self.resources = RowAccessResources(
            policies=policies,
            attachments=attachments,
            access_lists=self._create_access_lists(),
            tagged=self._tag_columns(),
        )
        self.register_outputs({"protected": sorted(attachments)})

    def _create_policy(self, policy: PolicyFile) -> snowflake.RowAccessPolicy:
        """Creates the policy after the tables that its body reads."""
        database = self._config.settings.database.lower()
        read = [self._config.tables[table.removeprefix(f"{database}.")] for table in sorted(policy.reads)]
        return snowflake.RowAccessPolicy(
            policy.object_name.lower(),
            name=policy.object_name,
            database=self._config.database.name,
            schema=self._config.schemas[policy.schema.lower()].name,
            arguments=[{"name": argument, "type": data_type} for argument, data_type in policy.arguments],
            body=policy.body,
            comment=policy.comment,
            opts=pulumi.ResourceOptions(parent=self, depends_on=read),
        )

    def _attach(self, contract: TableContract, policy: snowflake.RowAccessPolicy) -> snowflake.Execute:
        """Puts the policy on a table; the plugin has no resource for it.

        A table carries one row access policy at most, so an attachment is dropped before its replacement is made; grants
        hang on the attachment (components/governance/grants.py) and go before it. A table that was dropped by hand and is
        made again has no policy, though its name and the statement are the same: its time of creation brings the policy back.
        """
        table = self._config.tables[contract.full_name].fully_qualified_name
        column = quoted(str(contract.policy_column).upper())
        return snowflake.Execute(
            f"protect_{contract.schema_name}_{contract.table}",
            execute=pulumi.Output.format(
                "ALTER TABLE {0} ADD ROW ACCESS POLICY {1} ON ({2})", table, policy.fully_qualified_name, column
            ),
            revert=pulumi.Output.format("ALTER TABLE IF EXISTS {0} DROP ALL ROW ACCESS POLICIES", table),
            query=pulumi.Output.format(
                "SELECT POLICY_NAME, REF_ARG_COLUMN_NAMES FROM TABLE({0}.INFORMATION_SCHEMA.POLICY_REFERENCES("
                "REF_ENTITY_NAME => '{1}', REF_ENTITY_DOMAIN => 'TABLE')) WHERE POLICY_KIND = 'ROW_ACCESS_POLICY'",
                quoted(self._config.settings.database),
                table,
            ),
            opts=pulumi.ResourceOptions(
                parent=self, delete_before_replace=True, replacement_trigger=self._config.created_on[contract.full_name]
            ),
        )

    def _create_access_lists(self) -> dict[str, snowflake.Execute]:
        """Writes the rows that each user may see; a changed list is deleted first, so that nobody sees too much."""
        lists = {}
        for user in self._config.settings.users:
            for key, table in _ACCESS_LISTS:
                if values := getattr(user, key):
                    lists[f"{user.name.lower()}_{key}"] = self._create_access_list(user, key, table, values)
        return lists

    def _create_access_list(self, user: UserSettings, key: str, table: str, values: Sequence[str]) -> snowflake.Execute:
        settings = self._config.settings
        into = full_name(settings.database, *table.upper().split("."))
        user_id = literal(settings.named(user.name))
        column = self._config.contracts[table].columns[1].name
        rows = ", ".join(f"({user_id}, {literal(value)})" for value in sorted(set(values)))
        return snowflake.Execute(
            f"{key}_of_{user.name.lower()}",
            execute=f"INSERT INTO {into} (USER_ID, {column.upper()}) VALUES {rows}",
            revert=f"DELETE FROM {into} WHERE USER_ID = {user_id}",
            query=f"SELECT {column.upper()} FROM {into} WHERE USER_ID = {user_id} ORDER BY 1",
            opts=pulumi.ResourceOptions(
                parent=self, delete_before_replace=True, depends_on=[self._config.tables[table]]
            ),
        )

    def _tag_columns(self) -> dict[str, snowflake.TagAssociation]:
        kinds: dict[str, list[pulumi.Output[str]]] = {}
        for table, contract in self._config.contracts.items():
            for column in contract.columns:
                if column.pii:
                    name = pulumi.Output.format(
                        "{0}.{1}", self._config.tables[table].fully_qualified_name, quoted(column.name.upper())
                    )
                    kinds.setdefault(column.pii, []).append(name)
        return {kind: self._tag(kind, columns) for kind, columns in sorted(kinds.items())}

    def _tag(self, kind: str, columns: list[pulumi.Output[str]]) -> snowflake.TagAssociation:
        return snowflake.TagAssociation(
            f"pii_{kind}",
            tag_id=self._config.pii.fully_qualified_name,
            tag_value=kind,
            object_type="COLUMN",
            object_identifiers=columns,
            opts=pulumi.ResourceOptions(parent=self),
        )
