"""The models' stage, procedure and functions, and who may use them; tables, views, stream and tasks are declared with all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.governance.grants import Grants, Protected
from logistics.ml.objects import CodeObject
from logistics.settings import PlatformSettings
from logistics.sql import full_name, literal

MODELS_STAGE = "MODELS"
"""Name of the stage in ML that holds the artifacts."""

_USED_BY = {"PROCEDURE": "ml_write", "FUNCTION": "ml_read"}
"""The access role that may call each kind."""


@dataclass(frozen=True, kw_only=True)
class MachineLearningConfig:
    """The procedure and functions, where they lie, the tables that they name, and the roles."""

    settings: PlatformSettings
    objects: Sequence[CodeObject]
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]
    tables: Mapping[str, snowflake.Table]
    roles: Mapping[str, snowflake.AccountRole]


@dataclass(frozen=True, kw_only=True)
class MachineLearningResources:
    """The stage, the procedure and functions by name, and the grants, which tasks need to run."""

    stage: snowflake.StageInternal
    code: dict[str, snowflake.Execute]
    grants: list[snowflake.GrantPrivilegesToAccountRole]


class MachineLearning(pulumi.ComponentResource):
    """Stage MODELS, procedure RUN_MODELS, functions SCORE and PREDICT."""

    def __init__(self, name: str, config: MachineLearningConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:ml:MachineLearning", name, None, opts)
        self._config = config
        self._grants = Grants(self, config.roles)
        stage = self._create_stage()
        code: dict[str, snowflake.Execute] = {}
        for each in config.objects:
            code[each.name.lower()] = self._create_code(each, list(code.values()))
        grants = [self._grant_code(each, code[each.name.lower()]) for each in config.objects]
        on_stage = Protected(kind="STAGE", name=stage.fully_qualified_name)
        grants.append(self._grants.on_object("ml_write", ["READ", "WRITE"], "models_stage", on_stage))
        self.resources = MachineLearningResources(stage=stage, code=code, grants=grants)
        self.register_outputs({"code": sorted(code)})

    def _create_stage(self) -> snowflake.StageInternal:
        return snowflake.StageInternal(
            "models",
            name=MODELS_STAGE,
            database=self._config.database.name,
            schema=self._config.schemas["ml"].name,
            comment="Trained models, one skops file a version",
            opts=pulumi.ResourceOptions(parent=self, protect=self._config.settings.protect_stateful),
        )

    def _create_code(self, declared: CodeObject, before: Sequence[pulumi.Resource]) -> snowflake.Execute:
        """Creates a procedure or function from its file; one that is dropped before it is made anew loses its grants, which follow."""
        schema = full_name(self._config.settings.database, declared.schema)
        tables = [self._config.tables[name] for name in ("ml.model_versions", "ml.model_artifacts")]
        return snowflake.Execute(
            declared.name.lower(),
            execute=declared.statement,
            revert=f"DROP {declared.kind} IF EXISTS {self._signature(declared)}",
            query=f"SHOW {declared.kind}S LIKE {literal(declared.name)} IN SCHEMA {schema}",
            opts=pulumi.ResourceOptions(
                parent=self,
                delete_before_replace=True,
                depends_on=[self._config.schemas["ml"], *tables, *before],
            ),
        )

    def _signature(self, declared: CodeObject) -> str:
        place = full_name(self._config.settings.database, declared.schema, declared.name)
        return f"{place}({', '.join(declared.types)})"

    def _grant_code(self, declared: CodeObject, resource: snowflake.Execute) -> snowflake.GrantPrivilegesToAccountRole:
        name = resource.id.apply(lambda _: self._signature(declared))
        target = Protected(kind=declared.kind, name=name)
        return self._grants.on_object(_USED_BY[declared.kind], ["USAGE"], declared.name.lower(), target)
