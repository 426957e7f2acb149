"""The alert that keeps the quality alerts and mails critical ones; the tasks that run the checks are among the pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.quality.checks import Alert

_SCHEMA = "monitoring"
_READS = ("quality_checks", "quality_results", "quality_alerts")
_VIEW = "monitoring.vw_quality_alert_changes"


@dataclass(frozen=True, kw_only=True)
class QualityConfig:
    """The alert, where it runs, and the tables and views that it works on."""

    alert: Alert
    database: snowflake.Database
    schemas: Mapping[str, snowflake.Schema]
    tables: Mapping[str, snowflake.Table]
    views: Mapping[str, snowflake.View]
    warehouse: snowflake.Warehouse


@dataclass(frozen=True, kw_only=True)
class QualityResources:
    """The alert."""

    alert: snowflake.Alert


class Quality(pulumi.ComponentResource):
    """`raise_quality_alerts`: every 15 minutes, where the newest results change an alert."""

    def __init__(self, name: str, config: QualityConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:monitoring:Quality", name, None, opts)
        declared = config.alert
        needed: Sequence[pulumi.Resource] = [
            *(config.tables[f"{_SCHEMA}.{table}"] for table in _READS),
            config.views[_VIEW],
        ]
        alert = snowflake.Alert(
            declared.name.lower(),
            name=declared.name,
            database=config.database.name,
            schema=config.schemas[_SCHEMA].name,
            warehouse=config.warehouse.name,
            alert_schedule={"interval": declared.minutes},
            condition=declared.condition,
            action=declared.action,
            enabled=True,
            comment="Opens and closes quality alerts by the newest results; mails critical ones where an integration is set",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(needed)),
        )
        self.resources = QualityResources(alert=alert)
        self.register_outputs({"alert": alert.name})
