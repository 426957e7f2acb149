"""The tables, from their contracts; columns are masked from the moment they exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_snowflake as snowflake

from logistics.contracts import Column, TableContract, refusals
from logistics.settings import PlatformSettings


@dataclass(frozen=True, kw_only=True)
class TablesConfig:
    """Contracts by `schema.table`, the schemas they lie in, and the masking policies by name."""

    settings: PlatformSettings
    contracts: Mapping[str, TableContract]
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]
    masking_policies: Mapping[str, snowflake.MaskingPolicy]


@dataclass(frozen=True, kw_only=True)
class TablesResources:
    """Tables, when each of them was made, and their primary keys, by `schema.table`.

    What Pulumi cannot read back hangs on a table's time of creation: a table that was dropped by hand and is made again has
    the same name and none of it.
    """

    tables: dict[str, snowflake.Table]
    created_on: dict[str, pulumi.Output[str]]
    primary_keys: dict[str, snowflake.TableConstraint]


class Tables(pulumi.ComponentResource):
    """Every contract's table with columns, masks, clustering, retention and primary key."""

    def __init__(self, name: str, config: TablesConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:storage:Tables", name, None, opts)
        self._config = config
        self._keeps_rows = pulumi.ResourceHook(
            "keeps_rows", self._refuse_loss, pulumi.ResourceHookOptions(on_dry_run=True)
        )
        tables = {full_name: self._create_table(contract) for full_name, contract in config.contracts.items()}
        created_on = {
            full_name: self._created_on(config.contracts[full_name], table) for full_name, table in tables.items()
        }
        keys = {
            full_name: self._create_primary_key(contract, tables[full_name], created_on[full_name])
            for full_name, contract in config.contracts.items()
            if contract.primary_key
        }
        self.resources = TablesResources(tables=tables, created_on=created_on, primary_keys=keys)
        self.register_outputs({"tables": sorted(tables)})

    def _create_table(self, contract: TableContract) -> snowflake.Table:
        settings = self._config.settings
        return snowflake.Table(
            contract.table,
            name=contract.table.upper(),
            database=self._config.database.name,
            schema=self._config.schemas[contract.schema_name].name,
            comment=contract.comment,
            columns=[self._column(column) for column in contract.columns],
            cluster_bies=[name.upper() for name in contract.cluster_by] or None,
            data_retention_time_in_days=min(contract.retention_days, settings.max_retention_days),
            change_tracking=contract.change_tracking,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=settings.protect_stateful,
                hooks=pulumi.ResourceHookBinding(before_update=[self._keeps_rows]),
            ),
        )

    def _refuse_loss(self, args: pulumi.ResourceHookArgs) -> None:
        """Stops a preview or update that would lose values: the Table resource drops and adds columns without a question."""
        before, after = (args.old_inputs or {}).get("columns"), (args.new_inputs or {}).get("columns")
        contract = next(contract for contract in self._config.contracts.values() if contract.table == args.name)
        refused = refusals(contract, before or [], after or [])
        if refused:
            raise ValueError("; ".join(refused))

    def _column(self, column: Column) -> snowflake.TableColumnArgsDict:
        declared: snowflake.TableColumnArgsDict = {
            "name": column.name.upper(),
            "type": column.type,
            "nullable": column.nullable,
        }
        if column.comment:
            declared["comment"] = column.comment
        if column.masking_policy:
            declared["masking_policy"] = self._config.masking_policies[column.masking_policy].fully_qualified_name
        return declared

    def _created_on(self, contract: TableContract, table: snowflake.Table) -> pulumi.Output[str]:
        """Asks the account when the table that stands there now was made."""
        found = snowflake.get_tables_output(
            like=contract.table.upper(),
            in_={"database": self._config.settings.database},
            with_describe=False,
            opts=pulumi.InvokeOutputOptions(parent=self, depends_on=[table]),
        )
        return found.apply(lambda result: _created(result.tables, contract))

    def _create_primary_key(
        self, contract: TableContract, table: snowflake.Table, created_on: pulumi.Output[str]
    ) -> snowflake.TableConstraint:
        """Creates the key without RELY: Snowflake does not enforce it, so no query may be rewritten in trust of it.

        A key in whose place another of its name comes goes first: dropped by its name afterwards, the new one would go.
        """
        return snowflake.TableConstraint(
            f"pk_{contract.table}",
            name=f"PK_{contract.table.upper()}",
            type="PRIMARY KEY",
            table_id=table.fully_qualified_name,
            columns=[name.upper() for name in contract.primary_key],
            rely=False,
            opts=pulumi.ResourceOptions(parent=self, replacement_trigger=created_on, delete_before_replace=True),
        )


def _created(tables: Sequence[Any], contract: TableContract) -> str:
    """Returns when a contract's table was made, empty if there is none; LIKE finds others too."""
    wanted = (contract.schema_name.upper(), contract.table.upper())
    shown = (show for table in tables for show in table.show_outputs)
    return next((show.created_on for show in shown if (show.schema_name, show.name) == wanted), "")
