"""Refresh: reads every resource and takes over what it has become.

Source: pkg/resource/deploy/step.go (RefreshStep) and deployment_executor.go (refresh, rebuildBaseState) of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from embedded.engine.deployment import diffs
from embedded.engine.deployment.context import Context
from embedded.engine.deployment.executor import StepExecutor
from embedded.engine.deployment.steps import Step
from embedded.engine.plugins.client import ProviderClient
from embedded.engine.plugins.results import DiffResult, InitError, ReadResult
from embedded.engine.state import Resource, timestamp
from embedded.engine.values import Properties, equal


@dataclass(eq=False)
class RefreshStep(Step):
    """Read one resource; `new` is what it is now, None if it is gone."""

    op: str = "refresh"
    old: Resource | None = None
    new: Resource | None = None

    @property
    def result_op(self) -> str:
        """What the refresh found: same, update or delete."""
        if self.new is None:
            return "delete"
        return "same" if self.new is self.old or self.diff.changes == "none" else "update"

    async def apply(self, context: Context) -> None:
        """Read it; components, providers and copies to be deleted stay as they are."""
        old = self.old
        assert old is not None
        if not old.custom or old.is_provider or old.pending_replacement or old.delete or not old.provider:
            self.new = old
            return
        provider = await context.providers.ensure(old.provider)
        init_errors: list[str] = []
        try:
            timeout = old.custom_timeouts.get("read", 0)
            read = await provider.read(old.urn, old.id, old.inputs, old.outputs, timeout)
        except InitError as error:
            init_errors = error.reasons
            listed = "".join(f"\n* {reason}" for reason in error.reasons)
            context.diagnose("warning", f"Refreshed resource is in an unhealthy state:{listed}", old.urn)
            read = ReadResult(error.id or old.id, error.properties, error.inputs)
        if read.outputs is None:
            self.new = None
            return
        await self._take_over(provider, old, read, read.outputs, init_errors)

    async def _take_over(
        self,
        provider: ProviderClient,
        old: Resource,
        read: ReadResult,
        outputs: Properties,
        init_errors: list[str],
    ) -> None:
        inputs = old.inputs if read.inputs is None else read.inputs
        outputs_changed = not equal(old.outputs, outputs)
        if not outputs_changed:
            outputs = old.outputs  # The same object: its message is kept.
        new = old.copy(id=read.id or old.id, inputs=inputs, outputs=outputs, init_errors=init_errors)
        if outputs_changed or not equal(old.inputs, inputs):
            new.modified = timestamp()
        self.new = new
        if old.external:
            self.diff = DiffResult("some" if outputs_changed else "none")
            return
        diff = await provider.diff(old.urn, new.id, new.inputs, new.outputs, old.inputs, old.ignore_changes)
        if diff.changes == "unknown":
            diff = diffs.of_values(new.inputs, diffs.with_ignored_changes(old.inputs, new.inputs, old.ignore_changes))
        self.diff = diffs.inverted(diff)
        if diff.changes == "none" and outputs_changed and old.inputs == inputs:
            self.diff = DiffResult("some")


async def run_refresh(context: Context, executor: StepExecutor, wanted: Sequence[Resource]) -> bool:
    """Refresh the given resources of the base; True if all could be read."""
    steps = [RefreshStep(old=resource) for resource in wanted]
    results = await asyncio.gather(*(executor.run([step]) for step in steps))
    found = {id(step.old): step.new for step, done in zip(steps, results, strict=True) if done}
    # All at once: a resource that is gone and the references to it leave the state together.
    context.manager.replace(_changes(context, found))
    for resource in wanted:
        context.news.pop(resource.urn, None)
    context.rebuild()
    return all(results)


def _changes(context: Context, found: dict[int, Resource | None]) -> list[tuple[Resource, Resource | None]]:
    """Each resource that changes, with what it is now; no reference to what is gone remains.

    A child of a gone parent goes to the parent's parent.
    """
    pairs = [(resource, found.get(id(resource), resource)) for resource in context.manager.live_resources()]
    present = {new.urn for _, new in pairs if new is not None}
    parents = {old.urn: old.parent for old, _ in pairs}
    changes: list[tuple[Resource, Resource | None]] = []
    for old, new in pairs:
        if new is not None and any(urn not in present for urn in new.references()):
            new = _without_missing(new, present, parents)
        if new is not old:
            changes.append((old, new))
    return changes


def _without_missing(resource: Resource, present: set[str], parents: dict[str, str]) -> Resource:
    parent = resource.parent
    while parent and parent not in present:
        parent = parents.get(parent, "")
    return resource.copy(
        parent=parent,
        dependencies=[urn for urn in resource.dependencies if urn in present],
        property_dependencies={
            key: [urn for urn in urns if urn in present] for key, urns in resource.property_dependencies.items()
        },
        deleted_with=resource.deleted_with if resource.deleted_with in present else "",
        replace_with=[urn for urn in resource.replace_with if urn in present],
    )
