"""The models whose rows the program itself declares: seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.modelling import Model, Models
from logistics.settings import PlatformSettings
from logistics.sql import full_name, literal


@dataclass(frozen=True, kw_only=True)
class DataModelsConfig:
    """The compiled models, the tables and when each of them was made."""

    settings: PlatformSettings
    models: Models
    tables: Mapping[str, snowflake.Table]
    created_on: Mapping[str, pulumi.Output[str]]


@dataclass(frozen=True, kw_only=True)
class DataModelsResources:
    """The seeds' rows by `schema.table`."""

    seeds: dict[str, snowflake.Execute]


class DataModels(pulumi.ComponentResource):
    """Every seed's rows, as its CSV file has them."""

    def __init__(self, name: str, config: DataModelsConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:models:DataModels", name, None, opts)
        self._config = config
        seeds = {
            model.name: self._fill(model)
            for model in config.models.models.values()
            if model.contract.materialization == "seed"
        }
        self.resources = DataModelsResources(seeds=seeds)
        self.register_outputs({"seeds": sorted(seeds)})

    def _fill(self, model: Model) -> snowflake.Execute:
        """Writes a seed's rows.

        A changed file is written over the rows in one statement, before the old resource goes, so that no reader ever meets
        an empty table; hence nothing is undone. A table that was dropped by hand and made again is filled again.
        """
        table = full_name(self._config.settings.database, *model.name.upper().split("."))
        columns = ", ".join(column.name for column in model.columns)
        rows = ", ".join(
            f"({', '.join('NULL' if value is None else literal(value) for value in row)})" for row in model.seed_rows
        )
        return snowflake.Execute(
            f"seed_{model.contract.table}",
            execute=f"INSERT OVERWRITE INTO {table} ({columns}) VALUES {rows}",
            revert="SELECT 1",
            query=f"SELECT {columns} FROM {table} ORDER BY {', '.join(model.contract.primary_key) or 'ALL'}",
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[self._config.tables[model.name]],
                replacement_trigger=self._config.created_on[model.name],
            ),
        )
