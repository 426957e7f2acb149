"""Warehouses and the monitor of what they spend."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_snowflake as snowflake

from logistics.settings import PlatformSettings

NOTIFY_PERCENT, SUSPEND_PERCENT, SUSPEND_IMMEDIATELY_PERCENT = 80, 90, 100
"""Shares of the daily quota at which `daily_cost_monitor` acts."""


@dataclass(frozen=True, kw_only=True)
class ComputeConfig:
    """The stack's settings."""

    settings: PlatformSettings


@dataclass(frozen=True, kw_only=True)
class ComputeResources:
    """The monitor, unless the account has one, and the warehouses as `environment`, `xs` and `multi`."""

    monitor: snowflake.ResourceMonitor | None
    warehouses: dict[str, snowflake.Warehouse]


class Compute(pulumi.ComponentResource):
    """The environment's warehouse under its daily monitor, COMPUTE_WH_XS and COMPUTE_WH_MULTI."""

    def __init__(self, name: str, config: ComputeConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("logistics:compute:Compute", name, None, opts)
        self._settings = config.settings
        # Only ACCOUNTADMIN may make a monitor and put it on a warehouse: a role with less is bounded by the account's own.
        monitor = self._create_monitor() if config.settings.cost_monitor == "deployed" else None
        bound: dict[str, pulumi.Input] = {"resource_monitor": monitor.name} if monitor else {}
        # In production nothing spends without a bound; elsewhere the monitor watches the environment's warehouse alone.
        watched = bound if config.settings.environment == "prod" else {}
        warehouses = {
            "environment": self._create_environment_warehouse(bound),
            "xs": self._create_warehouse(
                "compute_wh_xs",
                "X-SMALL",
                "Small tasks, such as update_customer_segments",
                auto_suspend=config.settings.xs_auto_suspend_seconds,
                **watched,
            ),
            "multi": self._create_multi_cluster_warehouse(watched),
        }
        self.resources = ComputeResources(monitor=monitor, warehouses=warehouses)
        self.register_outputs({"warehouses": {key: warehouse.name for key, warehouse in warehouses.items()}})

    def _create_monitor(self) -> snowflake.ResourceMonitor:
        """Creates the monitor; a frequency needs a start, and IMMEDIATELY starts the first day now, in UTC."""
        return snowflake.ResourceMonitor(
            "daily_cost_monitor",
            name=self._settings.named("daily_cost_monitor"),
            credit_quota=self._settings.daily_credit_quota,
            frequency="DAILY",
            start_timestamp="IMMEDIATELY",
            notify_triggers=[NOTIFY_PERCENT],
            suspend_trigger=SUSPEND_PERCENT,
            suspend_immediate_trigger=SUSPEND_IMMEDIATELY_PERCENT,
            notify_users=list(self._settings.monitor_notify_users) or None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _create_environment_warehouse(self, bound: dict[str, pulumi.Input]) -> snowflake.Warehouse:
        environment = self._settings.environment
        return self._create_warehouse(
            f"compute_wh_{environment}",
            self._settings.warehouse_size,
            f"Everyday work in {environment}",
            auto_suspend=self._settings.warehouse_auto_suspend_seconds,
            **_clusters(self._settings.warehouse_max_clusters),
            **bound,
        )

    def _create_multi_cluster_warehouse(self, watched: dict[str, pulumi.Input]) -> snowflake.Warehouse:
        return self._create_warehouse(
            "compute_wh_multi",
            self._settings.multi_cluster_size,
            "Many users at once",
            auto_suspend=self._settings.multi_cluster_auto_suspend_seconds,
            **_clusters(self._settings.multi_cluster_max_clusters),
            **watched,
        )

    def _create_warehouse(
        self, name: str, size: str, comment: str, *, auto_suspend: int | None = None, **more: pulumi.Input
    ) -> snowflake.Warehouse:
        return snowflake.Warehouse(
            name,
            name=self._settings.named(name),
            warehouse_size=size.replace("-", ""),
            auto_suspend=auto_suspend or self._settings.auto_suspend_seconds,
            auto_resume="true",
            initially_suspended=True,
            statement_timeout_in_seconds=self._settings.statement_timeout_seconds,
            statement_queued_timeout_in_seconds=self._settings.queued_timeout_seconds,
            comment=comment,
            opts=pulumi.ResourceOptions(parent=self),
            **more,
        )


def _clusters(most: int) -> dict[str, pulumi.Input]:
    """Returns the cluster settings; an edition without multi-cluster warehouses refuses the settings themselves."""
    return {"min_cluster_count": 1, "max_cluster_count": most, "scaling_policy": "STANDARD"} if most > 1 else {}
