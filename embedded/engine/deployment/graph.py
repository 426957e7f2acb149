"""Who depends on whom in a snapshot: by parent, provider, dependencies, deletedWith.

Source: sdk/go/common/resource/graph (dependency_graph.go) of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from embedded.engine.state import Resource


class DependencyGraph:
    """The graph of a list of resources, each standing behind what it refers to."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = list(resources)
        self._index = {id(resource): index for index, resource in enumerate(self._resources)}

    def dependents(self, root: Resource, ignore: Collection[str] = (), children: bool = False) -> list[Resource]:
        """Those that depend on the resource, directly or not, in order.

        Args:
            root: The resource that they depend on.
            ignore: URNs to leave out.
            children: Count the children of a dependent as dependents too.
        """
        found: list[Resource] = []
        urns = {root.urn}
        for resource in self._resources[self._index[id(root)] + 1 :]:
            if resource.urn not in ignore and _depends_on(resource, urns, children):
                found.append(resource)
                urns.add(resource.urn)
        return found


def _depends_on(resource: Resource, urns: set[str], children: bool) -> bool:
    if children and resource.parent in urns:
        return True
    if resource.provider and resource.provider.rpartition("::")[0] in urns:
        return True
    if resource.deleted_with and resource.deleted_with in urns:
        return True
    if any(urn in urns for urn in resource.dependencies):
        return True
    return any(urn in urns for items in resource.property_dependencies.values() for urn in items)
