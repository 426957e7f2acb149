"""Policy packs: analyzers that look at each resource before it is made and at the whole stack after."""

from __future__ import annotations

from embedded.engine.deployment.goal import Goal
from embedded.engine.state import Resource


class PolicyChecker:
    """The policy packs of a run; none until `--policy-pack` is given."""

    async def check_resource(self, resource: Resource, goal: Goal) -> None:
        """Have every pack look at a resource."""
