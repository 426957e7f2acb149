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
    """The deletes without those of resources that what stays refers to: what failed to be changed keeps what it has."""
    doomed = {id(step.resource) for step in steps}
    staying = [resource for resource in context.manager.live_resources() if id(resource) not in doomed]
    live = {resource.urn for resource in staying if not resource.delete}
    queue = [urn for resource in staying for urn in resource.references() if urn not in live]
    needed: set[str] = set()
    while queue:
        urn = queue.pop()
        if urn not in needed:
            needed.add(urn)
            queue.extend(ref for step in steps if step.urn == urn for ref in step.resource.references())
    return [step for step in steps if step.urn not in needed] if needed else steps


async def run_deletes(executor: StepExecutor, context: Context, steps: Sequence[Step]) -> None:
    """Run deletes, each when all that depends on it is gone; one whose dependent could not go stays."""
    await _load_providers(context, steps)
    users: dict[str, list[Step]] = {}
    for step in steps:
        for urn in set(step.resource.references()):
            users.setdefault(urn, []).append(step)
    tasks: dict[int, asyncio.Task[bool]] = {}

    async def run(step: Step) -> bool:
        waiting = [tasks[id(user)] for user in users.get(step.urn, ()) if user is not step and id(user) in tasks]
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
