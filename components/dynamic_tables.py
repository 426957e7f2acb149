"""The models that Snowflake keeps fresh itself: dynamic tables, protected from their birth and owned by the engineer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.governance.access import ENGINEER
from components.governance.grants import Grants, Protected
from logistics.contracts import ModelContract
from logistics.modelling import Model, Models
from logistics.modelling.dynamic import create_dynamic_table, dynamic_refresh
from logistics.settings import PlatformSettings
from logistics.sql import full_name, quoted


@dataclass(frozen=True, kw_only=True)
class DynamicTablesConfig:
    """The compiled models, what their statements name, and the roles that read them.

    Attributes:
        needed: the grants by which the owner's refreshes read, and the role hierarchy, by which the deploying role manages
            what the engineer owns.
    """

    settings: PlatformSettings
    models: Models
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]
    warehouses: Mapping[str, snowflake.Warehouse]
    pii: snowflake.Tag
    masking_policies: Mapping[str, snowflake.MaskingPolicy]
    row_access_policies: Mapping[str, snowflake.RowAccessPolicy]
    roles: Mapping[str, snowflake.AccountRole]
    needed: Sequence[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class DynamicTablesResources:
    """Dynamic tables, their first refreshes and their readers' grants by `schema.table`; the future ownership by schema."""

    tables: dict[str, snowflake.Execute]
    refreshes: dict[str, snowflake.Execute]
    grants: dict[str, snowflake.GrantPrivilegesToAccountRole]
    ownership: dict[str, snowflake.GrantOwnership]


class DynamicTables(pulumi.ComponentResource):
    """Every model that its contract keeps as a `dynamic_table`."""

    def __init__(self, name: str, config: DynamicTablesConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:models:DynamicTables", name, None, opts)
        self._config = config
        contracts = config.models.dynamic_tables
        schemas = sorted({contract.schema_name for contract in contracts.values()})
        self._ownership = {schema: self._own_future_tables(schema) for schema in schemas}
        self._tables: dict[str, snowflake.Execute] = {}
        self._refreshes: dict[str, snowflake.Execute] = {}
        for full in contracts:  # each after what it reads
            self._tables[full] = self._create_table(config.models.models[full])
            self._refreshes[full] = self._refresh(full)
        grants = Grants(self, config.roles)
        readers = {full: contract for full, contract in contracts.items() if contract.readers}
        self.resources = DynamicTablesResources(
            tables=self._tables,
            refreshes=self._refreshes,
            grants={full: self._grant(grants, contract) for full, contract in readers.items()},
            ownership=self._ownership,
        )
        self.register_outputs({"dynamicTables": sorted(self._tables)})

    def _own_future_tables(self, schema: str) -> snowflake.GrantOwnership:
        """Makes DATA_ENGINEER the owner of a dynamic table from its birth.

        A refresh sees what the table's owner sees, and the row access policies show rows to DATA_ENGINEER alone: as the
        deploying role it would keep no row, and take that for the truth until a table beneath changes.
        """
        return snowflake.GrantOwnership(
            f"{schema}_dynamic_tables_to_{ENGINEER}",
            account_role_name=self._config.roles[ENGINEER].name,
            on={
                "future": {
                    "object_type_plural": "DYNAMIC TABLES",
                    "in_schema": self._config.schemas[schema].fully_qualified_name,
                }
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_table(self, model: Model) -> snowflake.Execute:
        """Creates a dynamic table by its statement: the plugin's resource knows neither columns nor policies.

        With these in the statement there is no moment in which it has rows and no policy. A changed query, lag or policy
        drops it, its readers' grants before it, and makes it anew from its query.
        """
        config, contract = self._config, model.contract
        days = min(contract.retention_days, config.settings.max_retention_days)
        table = self._identifier(model.name)
        text = config.warehouses[contract.warehouse].name.apply(
            lambda name: create_dynamic_table(model, config.settings.database, name, days)
        )
        before = [self._tables[read] for read in self._dynamic_below(model.name)]
        before += [self._refreshes[read] for read in self._dynamic_below(model.name)]
        return snowflake.Execute(
            f"dynamic_{contract.schema_name}_{contract.table}",
            execute=text,
            revert=f"DROP DYNAMIC TABLE IF EXISTS {table}",
            query=f"SELECT POLICY_NAME, REF_COLUMN_NAME, REF_ARG_COLUMN_NAMES FROM TABLE({quoted(config.settings.database)}"
            f".INFORMATION_SCHEMA.POLICY_REFERENCES(REF_ENTITY_NAME => '{table}', REF_ENTITY_DOMAIN => 'TABLE')) ORDER BY 1, 2",
            opts=pulumi.ResourceOptions(
                parent=self,
                delete_before_replace=True,
                depends_on=[
                    *config.needed,
                    *self._protections(contract),
                    *before,
                    self._ownership[contract.schema_name],
                ],
            ),
        )

    def _protections(self, contract: ModelContract) -> list[pulumi.Resource]:
        """Returns the policies and the tag that the statement of a dynamic table names."""
        found: list[pulumi.Resource] = [self._config.pii]
        masks = {column.masking_policy for column in contract.columns if column.masking_policy}
        found += [self._config.masking_policies[name] for name in sorted(masks)]
        if contract.row_access_policy:
            found.append(self._config.row_access_policies[contract.row_access_policy])
        return found

    def _dynamic_below(self, name: str) -> list[str]:
        """Returns the dynamic tables that a model reads, also through views."""
        found: list[str] = []
        for read in self._config.models.models[name].reads:
            model = self._config.models.models.get(read)
            if model and model.contract.is_dynamic:
                found.append(read)
            elif model and model.contract.is_view:
                found += self._dynamic_below(read)
        return found

    def _refresh(self, name: str) -> snowflake.Execute:
        """Refreshes a new dynamic table once, with its owner's rights: until then a query of it is an error."""
        table = self._tables[name]
        return snowflake.Execute(
            f"first_refresh_of_{name.replace('.', '_')}",
            execute=dynamic_refresh(self._identifier(name)),
            revert="SELECT 1",
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[table], replacement_trigger=table.id, delete_before_replace=True
            ),
        )

    def _grant(self, grants: Grants, contract: ModelContract) -> snowflake.GrantPrivilegesToAccountRole:
        target = Protected(
            kind="DYNAMIC TABLE",
            name=pulumi.Output.from_input(self._identifier(contract.full_name)),
            protections=[self._tables[contract.full_name], self._refreshes[contract.full_name]],
        )
        return grants.on_object(f"{contract.schema_name}_read", ["SELECT"], contract.table, target)

    def _identifier(self, name: str) -> str:
        return full_name(self._config.settings.database, *name.upper().split("."))
