"""The dashboard in Snowflake: the stage of its files, the app, and the role that it asks with."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from components.governance.grants import Grants, Protected
from logistics.dashboard.bundle import MAIN_FILE, STAGE
from logistics.settings import PlatformSettings

ROLE = "dashboard"
"""Owns the app, so the app sees what it may: everybody who may open the app sees that, and no more."""
VIEWERS = ("data_engineer", "finance_owner")
"""Who may open the app: the roles that may read all that it shows."""
_SCHEMA = "monitoring"
_MODEL_TABLES = ("model_versions", "model_metrics", "model_events", "drift_results", "ab_tests")
"""Tables of ML without a row of a customer or vehicle."""


@dataclass(frozen=True, kw_only=True)
class DashboardConfig:
    """The settings, the files' version, the plugin's configuration, and what the app's role needs before the app is made.

    Attributes:
        version: the folder of the files on the stage.
        provider: the stack's `snowflake:` configuration, by key; secret values as outputs.
    """

    settings: PlatformSettings
    version: str
    provider: Mapping[str, pulumi.Input[str]]
    schemas: Mapping[str, snowflake.Schema]
    database: snowflake.Database
    warehouse: snowflake.Warehouse
    tables: Mapping[str, snowflake.Table]
    roles: Mapping[str, snowflake.AccountRole]
    needed: Sequence[pulumi.Resource]


@dataclass(frozen=True, kw_only=True)
class DashboardResources:
    """The app, and who may open it."""

    app: snowflake.Streamlit
    grants: list[snowflake.GrantPrivilegesToAccountRole]


class Dashboard(pulumi.ComponentResource):
    """The app of role DASHBOARD, made by that role: an app runs as who made it, and Snowflake lets nobody give it away."""

    def __init__(self, name: str, config: DashboardConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:monitoring:Dashboard", name, None, opts)
        self._config = config
        self._grants = Grants(self, config.roles)
        stage = self._create_stage()
        given = [
            self._grants.on_object(
                ROLE, ["READ"], STAGE.lower(), Protected(kind="STAGE", name=stage.fully_qualified_name)
            ),
            self._grants.on_schema(ROLE, config.schemas[_SCHEMA], _SCHEMA, ["CREATE STREAMLIT", "USAGE"]),
            *self._grant_models(),
        ]
        app = self._create_app(stage, given)
        target = Protected(kind="STREAMLIT", name=app.fully_qualified_name)
        opened = [self._grants.on_object(role, ["USAGE"], "dashboard", target) for role in VIEWERS]
        self.resources = DashboardResources(app=app, grants=opened)
        self.register_outputs({"app": app.fully_qualified_name})

    def _create_stage(self) -> snowflake.StageInternal:
        return snowflake.StageInternal(
            STAGE.lower(),
            name=STAGE,
            database=self._config.database.name,
            schema=self._config.schemas[_SCHEMA].name,
            comment="The dashboard's files, a folder a version; put by logistics up, deploy and dashboard --publish",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _grant_models(self) -> list[snowflake.GrantPrivilegesToAccountRole]:
        """Grants the app's role what the ML page reads."""
        tables = {name: self._config.tables[f"ml.{name}"] for name in _MODEL_TABLES}
        schema = self._grants.on_schema(ROLE, self._config.schemas["ml"], "ml", ["USAGE"])
        return [schema] + [
            self._grants.on_object(ROLE, ["SELECT"], name, Protected(kind="TABLE", name=table.fully_qualified_name))
            for name, table in tables.items()
        ]

    def _create_app(self, stage: snowflake.StageInternal, given: Sequence[pulumi.Resource]) -> snowflake.Streamlit:
        maker = pulumi.ProviderResource(
            "snowflake",
            "as_dashboard",
            {**self._config.provider, "role": self._config.roles[ROLE].name},
            pulumi.ResourceOptions(parent=self, version=importlib.metadata.version("pulumi-snowflake")),
        )
        return snowflake.Streamlit(
            "logistics_dashboard",
            name="LOGISTICS_DASHBOARD",
            database=self._config.database.name,
            schema=self._config.schemas[_SCHEMA].name,
            stage=stage.fully_qualified_name,
            directory_location=self._config.version,
            main_file=MAIN_FILE,
            query_warehouse=self._config.warehouse.name,
            title=f"Logistics platform, {self._config.settings.environment}",
            comment="Health, quality, performance, cost, models, deployments, security and lineage",
            opts=pulumi.ResourceOptions(parent=self, provider=maker, depends_on=[*given, *self._config.needed]),
        )
