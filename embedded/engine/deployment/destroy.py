"""Destroy: deletes everything, or what `--target`, `--exclude` and `--exclude-protected` leave of it.

Source: pkg/resource/deploy/step_generator.go (determineResourcesToDeleteFromTargets) of Pulumi 3.260.0, and recordings of it.
"""

from __future__ import annotations

from embedded.engine.deployment.context import Bail, Context
from embedded.engine.deployment.deletions import delete_steps
from embedded.engine.deployment.executor import StepExecutor
from embedded.engine.deployment.generator import StepGenerator
from embedded.engine.deployment.replacements import dependent_replacements
from embedded.engine.deployment.steps import SameStep, Step
from embedded.engine.deployment.targets import UrnPatterns
from embedded.engine.snapshot import with_references
from embedded.engine.state import Resource


async def destroy_steps(context: Context, generator: StepGenerator, executor: StepExecutor) -> list[Step]:
    """The deletes; what stays is first told to stay.

    Raises:
        Bail: A dependent of a target would have to go too, and was not named.
    """
    resources = context.manager.live_resources()
    doomed = await _doomed(context, generator, resources)
    if len(doomed) < len(resources):
        await _keep_the_rest(generator, executor, resources, doomed)
        resources = context.manager.live_resources()
    return delete_steps(context, resources, lambda resource: resource.urn in doomed)


async def _doomed(context: Context, generator: StepGenerator, resources: list[Resource]) -> set[str]:
    options = context.options
    everything = {resource.urn for resource in resources}
    if generator.targets.given:
        return await _targeted(context, generator.targets, resources)
    kept: set[str] = set()
    if generator.excludes.given:
        kept |= {resource.urn for resource in resources if generator.excludes.matches(resource.urn)}
        if options.exclude_dependents:
            for resource in resources:
                if any(urn in kept for urn in resource.references()):
                    kept.add(resource.urn)
    if options.exclude_protected:
        kept |= {resource.urn for resource in resources if resource.protect}
    return everything - with_references(resources, kept)


async def _targeted(context: Context, targets: UrnPatterns, resources: list[Resource]) -> set[str]:
    named = [resource for resource in resources if targets.matches(resource.urn)]
    doomed = {resource.urn for resource in named}
    for resource in named:
        if resource in context.previous:
            await dependent_replacements(context, resource, ())
    unnamed: list[str] = []
    for resource in resources:
        if resource.urn not in doomed and any(urn in doomed for urn in resource.references()):
            doomed.add(resource.urn)
            unnamed.append(resource.urn)
    if unnamed and not context.options.target_dependents:
        for urn in unnamed:
            context.diagnose(
                "error",
                f"Resource '{urn}' will be destroyed but was not specified in --target list.\n"
                "Either include resource in --target list or pass --target-dependents to proceed.",
                urn,
            )
        context.saw_error = True
        if not context.dry_run:
            raise Bail
    return doomed


async def _keep_the_rest(
    generator: StepGenerator, executor: StepExecutor, resources: list[Resource], doomed: set[str]
) -> None:
    for resource in resources:
        if resource.urn in doomed or resource.delete or resource.urn in generator.sames:
            continue
        generator.sames.add(resource.urn)
        await executor.run([_KeepStep(old=resource, new=resource.copy())])


class _KeepStep(SameStep):
    """A same step that starts no plugin: nothing of the provider is needed."""

    async def apply(self, context: Context) -> None:
        """Nothing to do."""
        del context


__all__ = ["destroy_steps"]
