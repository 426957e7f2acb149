"""Runs of task graphs, put together from the runs of their tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

_FAILED = ("FAILED", "FAILED_AND_AUTO_SUSPENDED")


def complete_graphs(account: Account) -> list[dict[str, Any]]:
    """The runs of graphs that have ended, one row for each attempt, the newest first."""
    running = {(run.group_id, run.attempt) for run in account.scheduler.tasks.running()}
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in account.history.rows("task_history"):
        groups.setdefault((row["graph_run_group_id"], row["attempt_number"]), []).append(row)
    found = [_graph(rows) for key, rows in groups.items() if key not in running]
    return sorted(found, key=lambda row: (row["completed_time"], row["attempt_number"]), reverse=True)


def _graph(rows: list[dict[str, Any]]) -> dict[str, Any]:
    root = next((row for row in rows if row["name"] == row["root_task_name"]), rows[0])
    failed = next((row for row in rows if row["state"] in _FAILED), None)
    cancelled = any(row["state"] == "CANCELLED" for row in rows)
    state = "FAILED" if failed else "CANCELLED" if cancelled else root["state"]
    started = [row["query_start_time"] for row in rows if row["query_start_time"] is not None]
    return {
        **{key: root[key] for key in ("database_name", "schema_name", "root_task_id", "graph_version", "run_id")},
        **{key: root[key] for key in ("scheduled_time", "original_scheduled_time", "attempt_number")},
        "root_task_name": root["root_task_name"] or root["name"],
        "state": state,
        "scheduled_from": root["scheduled_from"],
        "first_error_task_name": failed["name"] if failed else None,
        "first_error_code": failed["error_code"] if failed else None,
        "first_error_message": failed["error_message"] if failed else None,
        "query_start_time": min(started, default=None),
        "next_scheduled_time": None,
        "completed_time": max(row["completed_time"] for row in rows),
        "config": root["config"],
        "graph_run_group_id": root["graph_run_group_id"],
    }


def current_graphs(account: Account) -> list[dict[str, Any]]:
    """The runs of graphs under way, and the next one of each schedule, the latest first."""
    tasks = account.scheduler.tasks
    rows = []
    for run in tasks.running():
        states = [done.state for done in run.runs.values()]
        rows.append({**_place(account, run.root), **_run(run), "state": "EXECUTING" if states else "SCHEDULED"})
    for root, time in tasks.planned():
        planned = {"scheduled_time": time, "original_scheduled_time": time, "attempt_number": 1}
        planned.update(scheduled_from="SCHEDULE", config=root.body["properties"].get("CONFIG"), state="SCHEDULED")
        rows.append({**_place(account, root), **planned})
    return sorted(rows, key=lambda row: row["scheduled_time"], reverse=True)


def _place(account: Account, root: Any) -> dict[str, Any]:
    from embedded.snowflake.scheduler.graph import version

    schema = account.catalog.get(root.container)
    return {
        "root_task_name": root.name,
        "root_task_id": root.body.get("id"),
        "schema_name": schema.name,
        "database_name": account.catalog.get(schema.container).name,
        "graph_version": version(root),
    }


def _run(run: Any) -> dict[str, Any]:
    failed = next((done for done in run.runs.values() if done.state == "FAILED"), None)
    started = [done.started for done in run.runs.values() if done.started is not None]
    return {
        "scheduled_time": run.scheduled_time,
        "original_scheduled_time": run.scheduled_time,
        "attempt_number": run.attempt,
        "scheduled_from": run.scheduled_from,
        "run_id": str(run.run_id),
        "first_error_task_name": failed.task.name if failed else None,
        "first_error_code": failed.error.code if failed and failed.error else None,
        "first_error_message": failed.error.message if failed and failed.error else None,
        "query_start_time": min(started, default=None),
        "config": run.config,
        "graph_run_group_id": run.group_id,
    }
