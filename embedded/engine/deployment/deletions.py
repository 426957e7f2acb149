"""Deletes: what the program no longer has, dependents before what they depend on, side by side where they can.

Source: pkg/resource/deploy/step_generator.go (GenerateDeletes, ScheduleDeletes) of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from embedded.engine.deployment.context import Context
from embedded.engine.deployment.executor import StepExecutor
from embedded.engine.deployment.steps import DeleteStep, RemovePendingReplaceStep, Step
from embedded.engine.state import Resource
from embedded.engine.urn import provider_reference


def delete_steps(context: Context, resources: Sequence[Resource], unwanted: Callable[[Resource], bool]) -> list[Step]:
    """The steps that delete old copies and unwanted resources, in the order in which they run one at a time."""
    steps: list[Step] = []
    for resource in reversed(resources):
        if resource.delete:
            steps.append(DeleteStep(old=resource, replacing=True))
            context.deletes.add(resource.urn)
        elif unwanted(resource):
            if resource.pending_replacement:
                steps.append(RemovePendingReplaceStep(old=resource))
            else:
                steps.append(DeleteStep(old=resource))
                context.deletes.add(resource.urn)
    steps = _without_needed(context, steps)
    # A provider is no longer needed only when everything else is gone.
    return [step for step in steps if not step.resource.is_provider] + [
        step for step in steps if step.resource.is_provider
    ]


def _without_needed(context: Context, steps: list[Step]) -> list[Step]:
    """The deletes without those of resources that what stays refers to: what failed to be changed keeps what it has.

    A provider is referred to with its id: its new copy does not serve what the old one made.
    """
    doomed = {id(step.resource) for step in steps}
    staying = [resource for resource in context.manager.live_resources() if id(resource) not in doomed]
    present = {name for item in staying for name in _names(item) if not (item.delete and name == item.urn)}
    queue = [name for resource in staying for name in _needs(resource) if name not in present]
    needed: set[str] = set()
    while queue:
        name = queue.pop()
        if name not in needed:
            needed.add(name)
            queue.extend(need for step in steps if name in _names(step.resource) for need in _needs(step.resource))
    return [step for step in steps if not needed.intersection(_names(step.resource))] if needed else steps


def _names(resource: Resource) -> list[str]:
    """What others may call the resource."""
    reference = [provider_reference(resource.urn, resource.id)] if resource.is_provider else []
    return [resource.urn, *reference]


def _needs(resource: Resource) -> list[str]:
    return [*resource.references(), *([resource.provider] if resource.provider else [])]


async def run_deletes(executor: StepExecutor, context: Context, steps: Sequence[Step]) -> None:
    """Run deletes, each when all that depends on it is gone; one whose dependent could not go stays."""
    await _load_providers(context, steps)
    users: dict[str, list[Step]] = {}
    for step in steps:
        for urn in set(step.resource.references()):
            users.setdefault(urn, []).append(step)
    # A URN may have an old copy that refers to what now refers to the URN: only what stands behind a copy uses that copy.
    places = {id(resource): place for place, resource in enumerate(context.manager.live_resources())}
    tasks: dict[int, asyncio.Task[bool]] = {}

    async def run(step: Step) -> bool:
        place = places.get(id(step.resource), -1)
        using = (user for user in users.get(step.urn, ()) if places.get(id(user.resource), -1) > place)
        waiting = [tasks[id(user)] for user in using]
        if waiting and not all(await asyncio.gather(*waiting)):
            return False
        return await executor.run([step])

    for step in steps:
        tasks[id(step)] = asyncio.create_task(run(step))
    await asyncio.gather(*tasks.values())


async def _load_providers(context: Context, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.resource.provider and step.resource.custom:
            await context.providers.ensure(step.resource.provider)
