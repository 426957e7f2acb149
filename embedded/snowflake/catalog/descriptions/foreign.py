"""Kinds whose statements are done elsewhere (warehouses, tasks, resource monitors): what can be granted on them."""

from __future__ import annotations

from embedded.snowflake.catalog.kinds import Kind, register

register(
    Kind(
        "WAREHOUSE",
        "WAREHOUSES",
        level="warehouse",
        privileges=("APPLYBUDGET", "MODIFY", "MONITOR", "OPERATE", "USAGE"),
    )
)
register(Kind("RESOURCE MONITOR", "RESOURCE MONITORS", privileges=("MODIFY", "MONITOR")))
register(Kind("TASK", "TASKS", level="task", privileges=("APPLYBUDGET", "MONITOR", "OPERATE")))
