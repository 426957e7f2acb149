"""Which dependents must be replaced with a resource that is deleted before its replacement is made.

Source: pkg/resource/deploy/step_generator.go (calculateDependentReplacements) of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Collection

from embedded.engine.deployment.context import Context
from embedded.engine.state import Resource
from embedded.engine.values import UNKNOWN

DependentReplacement = tuple[Resource, tuple[str, ...]]


async def dependent_replacements(
    context: Context, root: Resource, registered: Collection[str]
) -> list[DependentReplacement]:
    """The dependents that a change of the resource replaces, in order, each with the properties that do it.

    A dependent is asked for by its provider's Diff, with the inputs that come from replaced resources unknown. Resources that are
    registered already cannot depend on the root any more.
    """
    found: list[DependentReplacement] = []
    replaced = {root.urn}
    for resource in context.graph.dependents(root, ignore=registered):
        replaces, keys = await _needs_replacement(context, resource, replaced)
        if replaces:
            found.append((resource, keys))
            replaced.add(resource.urn)
    return found


async def _needs_replacement(context: Context, resource: Resource, replaced: set[str]) -> tuple[bool, tuple[str, ...]]:
    if not resource.custom or resource.external:
        return False, ()
    if resource.provider and resource.provider.rpartition("::")[0] in replaced:
        return True, ()
    changing = {
        key for key, urns in resource.property_dependencies.items() if any(urn in replaced for urn in urns)
    } & resource.inputs.keys()
    if not changing or resource.is_provider:
        return False, ()
    inputs = {key: UNKNOWN if key in changing else value for key, value in resource.inputs.items()}
    provider = await context.providers.ensure(resource.provider)
    diff = await provider.diff(resource.urn, resource.id, resource.inputs, resource.outputs, inputs)
    return diff.replaces, diff.replace_keys


def protected_text(dependent: str, urn: str) -> str:
    """What is told of a protected dependent that would have to be replaced."""
    return (
        f'unable to replace resource "{dependent}" as part of replacing "{urn}" as it is currently marked for protection. '
        "To unprotect the resource, remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`, or use "
        f"the command:\n`pulumi state unprotect '{dependent}'`"
    )
