"""Resource hooks: functions of the program that run before and after steps, and decide on retries.

Source: pkg/resource/deploy/resource_hooks.go of Pulumi 3.260.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulumi.runtime.proto import callback_pb2, resource_pb2

from embedded.engine.deployment.callbacks import Callbacks
from embedded.engine.deployment.steps import Step
from embedded.engine.errors import EngineError
from embedded.engine.state import Resource
from embedded.engine.urn import name_of
from embedded.engine.values import to_struct

KINDS = (
    "before_create",
    "after_create",
    "before_update",
    "after_update",
    "before_delete",
    "after_delete",
    "on_error",
)
"""The fields of a hooks binding in the protocol; the state has the same names in Pascal case."""


def state_name(kind: str) -> str:
    """The name of a kind of hook in the state: `BeforeCreate`."""
    return "".join(part.capitalize() for part in kind.split("_"))


@dataclass(frozen=True)
class _Hook:
    callback: callback_pb2.Callback
    on_dry_run: bool = False
    ignore_errors: bool = False


class HookRegistry:
    """The hooks that the program has registered, by name."""

    def __init__(self, callbacks: Callbacks, warn: Any) -> None:
        self._callbacks = callbacks
        self._warn = warn
        self._hooks: dict[str, _Hook] = {}
        self._error_hooks: dict[str, _Hook] = {}

    def register(self, request: resource_pb2.RegisterResourceHookRequest) -> None:
        """Keep a hook.

        Raises:
            EngineError: The name is taken.
        """
        if request.name in self._hooks:
            raise EngineError(f"resource hook already registered for name {request.name!r}")
        self._hooks[request.name] = _Hook(request.callback, request.on_dry_run, request.ignore_errors)

    def register_error_hook(self, request: resource_pb2.RegisterErrorHookRequest) -> None:
        """Keep a hook that is asked whether a failed step is tried again.

        Raises:
            EngineError: The name is taken.
        """
        if request.name in self._error_hooks:
            raise EngineError(f"error hook already registered for name {request.name!r}")
        self._error_hooks[request.name] = _Hook(request.callback)

    async def run(self, when: str, step: Step, dry_run: bool) -> None:
        """Run the hooks of a step, `when` before or after it.

        Raises:
            EngineError: A hook failed, or is not registered.
        """
        kind = f"{when}_{step.hooks_kind}"
        for name in self._names(step, kind):
            hook = self._hooks.get(name)
            if hook is None:
                raise EngineError(
                    f"resource hook {name!r} of {step.urn} is not registered: run the program too (--run-program)"
                )
            if not dry_run or hook.on_dry_run:
                await self._call(hook, name, when, step)

    async def should_retry(self, step: Step, errors: list[str]) -> bool:
        """Ask the error hooks whether a failed step is to be tried again; `errors` are those of all attempts."""
        for name in self._names(step, "on_error"):
            hook = self._error_hooks.get(name)
            if hook is None:
                raise EngineError(f"error hook {name!r} of {step.urn} is not registered")
            request = resource_pb2.ErrorHookRequest(
                **_identity(step), **_bags(step, with_new_outputs=False), failed_operation=step.op, errors=errors
            )
            response = await self._callbacks.invoke(hook.callback, request, resource_pb2.ErrorHookResponse)
            if response.error:
                raise EngineError(f'error hook "{name}" failed: {response.error}')
            if response.retry:
                return True
        return False

    def _names(self, step: Step, kind: str) -> list[str]:
        return step.resource.resource_hooks.get(state_name(kind), [])

    async def _call(self, hook: _Hook, name: str, when: str, step: Step) -> None:
        request = resource_pb2.ResourceHookRequest(**_identity(step), **_bags(step, with_new_outputs=when == "after"))
        try:
            response = await self._callbacks.invoke(hook.callback, request, resource_pb2.ResourceHookResponse)
            error = response.error
        except EngineError as failure:
            error = failure.message
        if not error:
            return
        message = f'{when} hook "{name}" failed: {error}'
        if not hook.ignore_errors:
            raise EngineError(message)
        self._warn("warning", message, step.urn)


def _identity(step: Step) -> dict[str, Any]:
    resource = step.resource
    return {"urn": resource.urn, "id": resource.id, "name": name_of(resource.urn), "type": resource.type}


def _bags(step: Step, with_new_outputs: bool) -> dict[str, Any]:
    bags: dict[str, Any] = {}
    old: Resource | None = step.old
    new: Resource | None = step.new
    if new is not None:
        bags["new_inputs"] = to_struct(new.inputs)
        if with_new_outputs:
            bags["new_outputs"] = to_struct(new.outputs)
    if old is not None:
        bags["old_inputs"] = to_struct(old.inputs)
        bags["old_outputs"] = to_struct(old.outputs)
    return bags
