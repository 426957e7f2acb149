"""Versions of graphs of tasks: saved when a root is resumed or executed after something in its graph was changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.scheduler import graph
from embedded.snowflake.security.privileges import owner_name

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

# What of a task's body makes a version.
_DESCRIBED = ("properties", "parameters", "after", "finalize", "condition", "definition")


def save_version(account: Account, root_oid: int) -> CatalogObject:
    """Give a root's graph a new version if it differs from the last one saved, and give the root as it is then."""
    catalog = account.catalog
    root = catalog.get(root_oid)
    last = graph.finalizer(catalog, root)
    tasks = [*graph.descendants(catalog, root), *([last] if last is not None else [])]
    parts = [[task.oid, [task.body.get(key) for key in _DESCRIBED]] for task in tasks]
    mark = hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()
    if root.body.get("graph_mark") == mark:
        return root
    with catalog.transaction() as changes:
        new = changes.get(root_oid).changed()
        new.body["graph_version"] = int(root.body.get("graph_version") or 0) + 1
        new.body["graph_mark"] = mark
        changes.put(new)
    for task in tasks:
        account.history.add("task_versions", _row(account, new, task))
    return new


def _row(account: Account, root: CatalogObject, task: CatalogObject) -> dict[str, Any]:
    catalog, properties = account.catalog, task.body["properties"]
    schema = catalog.get(task.container)
    database = catalog.get(schema.container)
    before = [full_name(catalog, other) for other in graph.predecessors(catalog, task)]
    return {
        "root_task_id": root.body.get("id"),
        "graph_version": root.body["graph_version"],
        "graph_version_created_on": account.clock.now(),
        "name": task.name,
        "id": task.body.get("id"),
        "database_id": database.oid,
        "database_name": database.name,
        "schema_id": schema.oid,
        "schema_name": schema.name,
        "owner": owner_name(catalog, task),
        "comment": task.comment or None,
        "warehouse_name": properties.get("WAREHOUSE"),
        "schedule": properties.get("SCHEDULE"),
        "predecessors": orjson.dumps(before).decode(),
        "state": None if task.oid == root.oid else task.body.get("state"),
        "definition": task.body.get("definition"),
        "condition_text": task.body.get("condition"),
        "allow_overlapping_execution": str(graph.may_overlap(task)).lower(),
        "error_integration": properties.get("ERROR_INTEGRATION"),
        "last_committed_on": task.body.get("last_committed_on"),
        "last_suspended_on": task.body.get("last_suspended_on"),
    }
