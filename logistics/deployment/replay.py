"""A past checkpoint's recorded inputs as a program: the same URNs, the same inputs, the same options.

Either engine plans and applies it as it does any program. What the checkpoint does not hold is settled here:
`deleteBeforeReplace` is in no state, and an `Execute` always needs it, since its statement cannot be done twice; a
constraint too, since the one of its name is dropped by that name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import pulumi

from logistics.deployment.state import PROVIDER_PREFIX, STACK_TYPE, Checkpoint, Resource, is_secret, opened

_DELETE_FIRST = frozenset({"Execute", "TableConstraint"})
_DEFAULT_PROVIDER = "default_"
_AT_A_TIME = 64
"""Registrations under way: more than an engine does at once, and few, since the SDK goes through all of them whenever one ends."""


def program_of(checkpoint: Checkpoint) -> Callable[[], Awaitable[None]]:
    """Returns an inline program of the Automation API that declares what a checkpoint holds.

    Args:
        checkpoint: exported with its secrets shown, so that they can be declared as secrets again.
    """

    async def program() -> None:
        _keep_back_debug_messages()
        await Replay(checkpoint).run()

    return program


def _keep_back_debug_messages() -> None:
    """Lets the SDK of this process send no debug messages: nobody asks for them, and it waits for the answer to each of them.

    They are several a resource, and most of the time that the registrations take.
    """
    pulumi.log.debug = lambda *_arguments, **_keywords: None


class Replay:
    """Registers every resource of a checkpoint again, in its order."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._made: dict[str, pulumi.Resource] = {}
        self._versions: dict[str, str] = {}

    async def run(self) -> None:
        """Registers the resources and the stack's outputs; ends at the first one that fails, which the SDK then tells."""
        under_way: set[asyncio.Future[Any]] = set()
        for resource in self._checkpoint.resources:
            if resource.type == STACK_TYPE:
                for name, value in resource.outputs.items():
                    pulumi.export(name, _value(value))
            elif resource.type.startswith(PROVIDER_PREFIX) and resource.name.startswith(_DEFAULT_PROVIDER):
                self._versions[_reference(resource)] = resource.inputs.get("version", "")
            else:
                self._made[resource.urn] = made = self._register(resource)
                under_way.add(asyncio.ensure_future(made.urn.future()))
            if len(under_way) >= _AT_A_TIME:
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                if any(each.cancelled() or each.exception() for each in done):
                    return

    def _register(self, resource: Resource) -> pulumi.Resource:
        options = self._options(resource)
        inputs = {
            key: self._depending(_value(value), resource.property_dependencies.get(key, ()))
            for key, value in resource.inputs.items()
            if not _is_internal(key)
        }
        if resource.type.startswith(PROVIDER_PREFIX):
            return pulumi.ProviderResource(resource.type.removeprefix(PROVIDER_PREFIX), resource.name, inputs, options)
        if not resource.custom:
            component = pulumi.ComponentResource(resource.type, resource.name, None, options)
            component.register_outputs({key: _value(value) for key, value in resource.outputs.items()})
            return component
        if resource.raw.get("external"):
            options.id = resource.id
        return pulumi.CustomResource(resource.type, resource.name, inputs, options)

    def _options(self, resource: Resource) -> pulumi.ResourceOptions:
        raw = resource.raw
        options = pulumi.ResourceOptions(
            parent=self._made.get(raw.get("parent", "")),
            depends_on=self._all_made(raw.get("dependencies") or ()),
            protect=raw.get("protect"),
            additional_secret_outputs=raw.get("additionalSecretOutputs"),
            ignore_changes=raw.get("ignoreChanges"),
            replace_on_changes=raw.get("replaceOnChanges"),
            replacement_trigger=_value(raw["replacementTrigger"]) if "replacementTrigger" in raw else None,
            retain_on_delete=raw.get("retainOnDelete"),
            deleted_with=self._made.get(raw.get("deletedWith", "")),
            custom_timeouts=_timeouts(raw.get("customTimeouts")),
            delete_before_replace=resource.kind in _DELETE_FIRST or None,
        )
        provider = raw.get("provider", "")
        if provider in self._versions:
            options.version = self._versions[provider] or None
        elif provider:
            made = self._made.get(provider.rsplit("::", 1)[0])
            options.provider = made if isinstance(made, pulumi.ProviderResource) else None
        return options

    def _depending(self, value: Any, urns: Iterable[str]) -> Any:
        """Returns an input that comes from resources, as far as they are made.

        Whatever is replaced later takes those along of which an input comes from it, such as the grants on a procedure.
        """
        made = self._all_made(urns)
        if not made:
            return value
        plain = pulumi.Output.from_input(value)
        return pulumi.Output(set(made), plain.future(), plain.is_known(), plain.is_secret())

    def _all_made(self, urns: Iterable[str]) -> list[pulumi.Resource]:
        return [self._made[urn] for urn in urns if urn in self._made]


def _reference(provider: Resource) -> str:
    return f"{provider.urn}::{provider.id}"


def _is_internal(key: str) -> bool:
    return key.startswith("__")


def _value(value: Any) -> Any:
    """Returns a recorded value as a program gives it: secrets as secrets, the engine's notes of defaults left out."""
    if is_secret(value):
        return pulumi.Output.secret(_value(opened(value)))
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in value.items() if not _is_internal(key)}
    return [_value(item) for item in value] if isinstance(value, list) else value


def _timeouts(raw: Mapping[str, Any] | None) -> pulumi.CustomTimeouts | None:
    if not raw:
        return None
    return pulumi.CustomTimeouts(**{verb: f"{seconds}s" for verb, seconds in raw.items()})
