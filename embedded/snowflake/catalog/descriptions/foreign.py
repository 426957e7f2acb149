"""Tasks: what can be granted on them; their statements are done elsewhere."""

from __future__ import annotations

from embedded.snowflake.catalog.kinds import Kind, register

register(Kind("TASK", "TASKS", level="task", privileges=("APPLYBUDGET", "MONITOR", "OPERATE")))
