"""The order in which a review tells of steps: one in which they can be done, and the same in each run.

An engine does independent steps at the same time, so that neither its events nor its state have a lasting order.
"""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import TopologicalSorter

from logistics.deployment.state import Checkpoint, Resource
from logistics.deployment.steps import Step


def in_order(steps: Iterable[Step], base: Checkpoint) -> list[Step]:
    """Sorts steps as things depend on each other before the change; deletions come last, the other way round.

    A new resource comes after those of its kind, by name.

    Args:
        steps: of a preview.
        base: the state before it.
    """
    positions = {urn: position for position, urn in enumerate(_sorted_urns(base))}
    kinds: dict[str, int] = {}
    for urn, position in positions.items():
        kinds[_kind(urn)] = position

    def place(step: Step) -> tuple[bool, int, bool, str]:
        new = step.urn not in positions
        position = positions.get(step.urn, kinds.get(_kind(step.urn), len(positions)))
        return step.op == "delete", -position if step.op == "delete" else position, new, step.urn

    return sorted(steps, key=place)


def _sorted_urns(base: Checkpoint) -> Iterable[str]:
    """Yields the URNs of a state, what others need first; those that are ready at the same time by name."""
    sorter = TopologicalSorter({resource.urn: _needed(resource) for resource in base.resources})
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        yield from ready
        sorter.done(*ready)


def _needed(resource: Resource) -> set[str]:
    raw = resource.raw
    by_property = (urn for urns in (raw.get("propertyDependencies") or {}).values() for urn in urns or ())
    parent = [raw["parent"]] if raw.get("parent") else []
    return {*parent, *(raw.get("dependencies") or ()), *by_property}


def _kind(urn: str) -> str:
    return urn.rsplit("::", 2)[-2]
