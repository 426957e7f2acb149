"""Tasks as graphs: predecessors, roots, children, finalizers.

A task's body: `{"properties", "parameters", "after": [oids], "finalize": oid | None, "condition": text | None, "definition":
text, "state": "started" | "suspended", "since": ISO time of the last RESUME, "last_committed_on", "last_suspended_on",
"last_suspended_reason"}`.
"""

from __future__ import annotations

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.store import Catalog


def is_started(task: CatalogObject) -> bool:
    """Whether the task is resumed."""
    return task.body.get("state") == "started"


def may_overlap(root: CatalogObject) -> bool:
    """Whether a root begins again while a run of its graph goes on."""
    properties = root.body["properties"]
    policy = properties.get("OVERLAP_POLICY")
    return bool(properties.get("ALLOW_OVERLAPPING_EXECUTION")) if policy is None else policy != "NO_OVERLAP"


def version(root: CatalogObject) -> int:
    """The version of a root's graph: it grows when the graph is resumed or executed after a change."""
    return int(root.body.get("graph_version") or 1)


def is_root(task: CatalogObject) -> bool:
    """Whether the task is the first of its graph (or alone): it comes after none and finalizes none."""
    return not task.body.get("after") and task.body.get("finalize") is None


def predecessors(catalog: Catalog, task: CatalogObject) -> list[CatalogObject]:
    """The tasks that a task comes after, those that are there."""
    return [found for oid in task.body.get("after") or [] if (found := living(catalog, oid)) is not None]


def living(catalog: Catalog, oid: int | None) -> CatalogObject | None:
    """The living task with this oid, or None."""
    if oid is None:
        return None
    try:
        found = catalog.get(oid)
    except KeyError:
        return None
    return found if catalog.is_live(found) else None


def _siblings(catalog: Catalog, task: CatalogObject) -> list[CatalogObject]:
    return catalog.children(task.container, "TASK")


def children(catalog: Catalog, task: CatalogObject) -> list[CatalogObject]:
    """The tasks that come directly after a task, by name."""
    return [other for other in _siblings(catalog, task) if task.oid in (other.body.get("after") or [])]


def finalizer(catalog: Catalog, root: CatalogObject) -> CatalogObject | None:
    """The task that ends the graph of a root, or None."""
    # SHOW TASKS asks this of every task: sorting all of them each time would take longer than all else that it does.
    others = catalog.members(root.container, "TASK")
    return next((other for other in others if other.body.get("finalize") == root.oid), None)


def finalized_root(catalog: Catalog, task: CatalogObject) -> CatalogObject | None:
    """The root whose graph a finalizer ends, or None."""
    return living(catalog, task.body.get("finalize"))


def roots(catalog: Catalog, task: CatalogObject) -> list[CatalogObject]:
    """The roots above a task; a root is its own."""
    ends = finalized_root(catalog, task)
    if ends is not None:
        return [ends]
    found: dict[int, CatalogObject] = {}
    seen, todo = set(), [task]
    while todo:
        item = todo.pop()
        if item.oid in seen:
            continue
        seen.add(item.oid)
        above = predecessors(catalog, item)
        if above:
            todo.extend(above)
        else:
            found[item.oid] = item
    return list(found.values())


def descendants(catalog: Catalog, root: CatalogObject) -> list[CatalogObject]:
    """The root and every task after it, each after all its predecessors; the finalizer left out."""
    below: dict[int, list[CatalogObject]] = {}
    for other in _siblings(catalog, root):
        for oid in other.body.get("after") or []:
            below.setdefault(oid, []).append(other)
    order: list[CatalogObject] = []
    seen: set[int] = set()

    def visit(task: CatalogObject) -> None:
        if task.oid in seen:
            return
        seen.add(task.oid)
        for child in below.get(task.oid, ()):
            visit(child)
        order.insert(0, task)

    visit(root)
    return order
