"""Whether a resource must be replaced, updated or left: by options, by its provider's change, by the provider's Diff.

Source: pkg/resource/deploy/step_generator.go (diff, providerChanged, diffResource) of Pulumi 3.260.0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from embedded.engine.deployment import diffs
from embedded.engine.deployment.context import Context
from embedded.engine.deployment.goal import Goal
from embedded.engine.plugins.results import DiffResult
from embedded.engine.state import Resource
from embedded.engine.urn import is_default_provider, split_provider_reference
from embedded.engine.values import equal

_PROVIDER_CONFIG_UNKNOWN = (
    "The provider for this resource has inputs that are not known during preview.\n"
    "This preview may not correctly represent the changes that will be applied during an update."
)


async def difference(
    context: Context,
    old: Resource,
    new: Resource,
    goal: Goal,
    forced: bool,
    replaced: Collection[str],
    aliased: Mapping[str, str],
) -> DiffResult:
    """What is different between a resource of the state and the one that is wanted.

    Args:
        context: The deployment.
        old: The resource of the state.
        new: The one wanted, its inputs checked.
        goal: What the program registered.
        forced: `--replace` names it.
        replaced: The URNs that are replaced in this run.
        aliased: The new URN of each old one that was taken over.
    """
    blamed = _replacing_option(old, new, forced, replaced)
    if not blamed and await _provider_changed(context, old, new, aliased):
        blamed = "provider"
    if blamed:
        return DiffResult("some", replace_keys=(blamed,))
    if not goal.custom:
        return DiffResult("none" if equal(old.inputs, new.inputs) else "some")
    if new.is_provider:
        return await context.providers.diff(old, new.inputs, goal.ignore_changes)
    return await _provider_difference(context, old, new, goal)


def _replacing_option(old: Resource, new: Resource, forced: bool, replaced: Collection[str]) -> str:
    """What replaces the resource whatever its inputs are; empty if nothing does."""
    if forced or old.taint:
        return "id"
    if old.replacement_trigger is not None and not equal(old.replacement_trigger, new.replacement_trigger):
        return "replacementTrigger"
    leaders = [*new.replace_with, *([new.deleted_with] if new.deleted_with else [])]
    return "replaceWith" if any(urn in replaced for urn in leaders) else ""


async def _provider_difference(context: Context, old: Resource, new: Resource, goal: Goal) -> DiffResult:
    provider = context.providers.get(new.provider)
    if not provider.configured:
        context.diagnose("warning", _PROVIDER_CONFIG_UNKNOWN, new.urn)
        return DiffResult("some")
    result = await provider.diff(new.urn, old.id, old.inputs, old.outputs, new.inputs, goal.ignore_changes)
    if result.changes != "unknown":
        return result
    news = diffs.with_ignored_changes(new.inputs, old.inputs, goal.ignore_changes)
    by_value = diffs.of_values(old.inputs, news)
    return DiffResult(
        by_value.changes,
        result.replace_keys,
        result.stable_keys,
        by_value.changed_keys,
        result.delete_before_replace,
        by_value.detailed,
    )


async def _provider_changed(context: Context, old: Resource, new: Resource, aliased: Mapping[str, str]) -> bool:
    """Whether another provider serves the resource now, so that it must be made anew.

    From one default provider to another (of another version, say) it is not, unless the configurations demand it.
    """
    if old.provider == new.provider or not old.provider or not new.provider:
        return False
    old_urn, _ = split_provider_reference(old.provider)
    new_urn, _ = split_provider_reference(new.provider)
    if aliased.get(old_urn) == new_urn:
        return False
    if not (is_default_provider(old_urn) and is_default_provider(new_urn)):
        return True
    old_provider = context.olds.get(old_urn)
    new_provider = context.news.get(new_urn)
    if old_provider is None or new_provider is None:
        return False
    plugin = context.providers.get(new.provider)
    return (await context.providers.diff_config(plugin, old_provider, new_provider.inputs, [])).replaces
