"""The database, its schemas and the stage that loads come in by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.settings import PlatformSettings

LOAD_STAGE = "LOAD_STAGE"
"""Name of the stage in RAW that files are put on before COPY INTO."""


_FILE_FORMAT: snowflake.StageInternalFileFormatArgsDict = {
    "csv": {
        "compression": "GZIP",
        "skip_header": 1,
        "field_optionally_enclosed_by": '"',
        "timestamp_format": "YYYY-MM-DD HH24:MI:SS",
        "date_format": "YYYY-MM-DD",
    }
}
"""Of the files on the stage; the raw models read them without saying it again."""


@dataclass(frozen=True, kw_only=True)
class StorageConfig:
    """The stack's settings, and the schemas with their comments."""

    settings: PlatformSettings
    schemas: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class StorageResources:
    """The database, the schemas by lower-case name, and the load stage."""

    database: snowflake.Database
    schemas: dict[str, snowflake.Schema]
    load_stage: snowflake.StageInternal


class Storage(pulumi.ComponentResource):
    """The platform's database; its schemas are managed, so that only their owner grants what lies in them."""

    def __init__(self, name: str, config: StorageConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:storage:Storage", name, None, opts)
        self._settings = config.settings
        self._options = pulumi.ResourceOptions(parent=self, protect=config.settings.protect_stateful)
        database = snowflake.Database(
            "logistics",
            name=config.settings.database,
            comment=f"Logistics analytics, {config.settings.environment}",
            drop_public_schema_on_creation=True,
            opts=self._options,
        )
        schemas = {schema: self._create_schema(database, schema, comment) for schema, comment in config.schemas.items()}
        load_stage = self._create_load_stage(database, schemas["raw"])
        self.resources = StorageResources(database=database, schemas=schemas, load_stage=load_stage)
        self.register_outputs({"database": database.name})

    def _create_schema(self, database: snowflake.Database, schema: str, comment: str) -> snowflake.Schema:
        return snowflake.Schema(
            schema,
            name=schema.upper(),
            database=database.name,
            comment=comment,
            with_managed_access="true",
            opts=self._options,
        )

    def _create_load_stage(self, database: snowflake.Database, raw: snowflake.Schema) -> snowflake.StageInternal:
        return snowflake.StageInternal(
            "load_stage",
            name=LOAD_STAGE,
            database=database.name,
            schema=raw.name,
            comment="Files on their way into the raw tables",
            file_format=_FILE_FORMAT,
            opts=self._options,
        )
