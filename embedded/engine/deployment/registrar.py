"""Takes the program's registrations through planning and execution, and gives it the results.

Up to `--parallel` registrations are planned at once, each answered as soon as its steps are done. After a failure the program gets no
more answers: it is ended, or told that the monitor is gone.

Source: pkg/resource/deploy/source_eval.go and deployment_executor.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from embedded.engine.deployment.context import Bail, Context
from embedded.engine.deployment.executor import StepExecutor
from embedded.engine.deployment.generator import StepGenerator
from embedded.engine.deployment.goal import Goal, ReadGoal
from embedded.engine.deployment.providers import PackageRequest, add_request, default_provider_goal
from embedded.engine.deployment.steps import Step
from embedded.engine.errors import EngineError
from embedded.engine.events import ResourceOutputsEvent
from embedded.engine.state import Resource
from embedded.engine.urn import child, is_provider_type, package_of, provider_reference
from embedded.engine.values import Properties, equal

# Turns of the event loop that a planned registration leaves to the others: enough for one to send its first call.
_YIELDS = 4


class Terminated(Exception):
    """The run ends: the caller gets no answer."""


@dataclass
class Registered:
    """What became of a registration; `failed` only with `--continue-on-error`, `skipped` for want of a target."""

    resource: Resource
    failed: bool = False
    skipped: bool = False


class Registrar:
    """Registers resources, one call each; `broken` says that planning failed, which ends the run without further words.

    `silent` registrations are not told: the program runs only to set up providers and hooks.
    """

    def __init__(self, context: Context, generator: StepGenerator, executor: StepExecutor) -> None:
        self._context = context
        self._generator = generator
        self._executor = executor
        self._planning = asyncio.Semaphore(max(1, context.options.parallel))
        self._steps: dict[str, Step] = {}
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._failed: set[str] = set()
        self._stack_outputs: Properties | None = None
        self.broken = False
        self.silent = False

    async def register(self, goal: Goal, request: PackageRequest) -> Registered:
        """Register a resource; one without a provider gets the default one of its package.

        Raises:
            Terminated: The run ends.
        """
        if is_provider_type(goal.type):
            add_request(goal.inputs, request)
        elif goal.custom:
            goal.provider = await self._provider(goal.provider, request)
        return await self._run(goal)

    async def read(self, goal: ReadGoal, request: PackageRequest) -> Registered:
        """Read a resource that Pulumi does not own.

        Raises:
            Terminated: The run ends.
        """
        goal.provider = await self._provider(goal.provider, request)
        self._enter()
        try:
            steps = self._planned(self._generator.read(goal))
            return await self._execute(steps, goal.type, goal.name, goal.parent)
        except (Bail, EngineError) as error:
            raise self._refused(error, goal.type, goal.name, goal.parent) from error
        finally:
            self._leave()

    async def default_provider(self, request: PackageRequest) -> str:
        """The reference of a package's default provider, registered on its first use."""
        return await self._context.providers.default(request, self._register_default)

    def register_outputs(self, urn: str, outputs: Properties) -> None:
        """Set the outputs of a component or the stack.

        Raises:
            EngineError: No such registration is open.
        """
        if self.silent:
            return
        if urn == self._context.root_urn:
            self._stack_outputs = outputs
        else:
            self._set_outputs(urn, outputs)

    def finish_stack(self, failed: bool) -> None:
        """Set the outputs of the stack, which count when all is done; after a failure none of the old ones is lost."""
        root = self._context.root_urn
        if self.silent or self._stack_outputs is None or root in self._context.deletes:
            return
        old = self._context.olds.get(root)
        kept = dict(old.outputs) if failed and old is not None else {}
        try:
            self._set_outputs(root, {**kept, **self._stack_outputs})
        except EngineError as error:
            self._context.diagnose("error", error.message, root)
            self._context.saw_error = True

    def _set_outputs(self, urn: str, outputs: Properties) -> None:
        step = self._steps.get(urn)
        if step is None or step.new is None:
            raise EngineError(f"cannot complete a resource '{urn}' whose registration isn't pending")
        self._context.plan.register_outputs(urn, step.old.outputs if step.old is not None else {}, outputs)
        step.new.outputs = outputs
        if step.old is None or step.op != "same" or not equal(step.old.outputs, outputs):
            self._context.manager.update(step.new)
        if not self.silent:
            self._context.emit(ResourceOutputsEvent(step.metadata(), planning=self._context.dry_run))

    async def drain(self) -> None:
        """Wait until nothing is being registered."""
        await self._idle.wait()

    def refuse(self) -> None:
        """End the run: an error that was already shown."""
        self.broken = True
        self._executor.stop()

    async def _provider(self, reference: str, request: PackageRequest) -> str:
        if reference:
            self._context.providers.get(reference)
            return reference
        return await self.default_provider(request)

    async def _register_default(self, request: PackageRequest) -> str:
        operation = self._context.operation
        goal = default_provider_goal(request, operation.config, operation.config_secret_keys)
        registered = await self._run(goal)
        if registered.failed:
            raise Terminated
        return provider_reference(registered.resource.urn, registered.resource.id)

    async def _run(self, goal: Goal) -> Registered:
        self._enter()
        try:
            async with self._planning:
                if self._executor.stopped.is_set():
                    raise Terminated
                if self._failed and (spared := self._after_failure(goal)):
                    return spared
                steps = self._planned(await self._generator.register(goal))
            registered = await self._execute(steps, goal.type, goal.name, goal.parent)
            if steps[-1].op == "import" and not registered.failed:
                steps = await self._generator.after_import(goal, registered.resource)
                if steps:
                    registered = await self._execute(self._planned(steps), goal.type, goal.name, goal.parent)
            return registered
        except (Bail, EngineError) as error:
            raise self._refused(error, goal.type, goal.name, goal.parent) from error
        finally:
            self._leave()

    def _planned(self, steps: list[Step]) -> list[Step]:
        self._context.plan.take(steps, self._generator.aliased)
        for step in steps:
            step.silent = self.silent
            if step.logical and step.new is not None:
                self._steps[step.new.urn] = step
        return steps

    def _after_failure(self, goal: Goal) -> Registered | None:
        """What becomes of a registration that depends on one that failed: nothing, and so on down."""
        operation = self._context.operation
        urn = child(operation.stack, operation.project, goal.parent, goal.type, goal.name)
        resource = Resource(urn=urn, type=goal.type, custom=goal.custom, **_references_of(goal))
        if not any(reference in self._failed for reference in resource.references()):
            return None
        self._generator.spare(goal)
        self._failed.add(urn)
        return Registered(resource, failed=True)

    async def _execute(self, steps: list[Step], type_: str, name: str, parent: str) -> Registered:
        # Others that are ready are planned first: what is wrong with them is found before more is changed.
        for _ in range(_YIELDS):
            await asyncio.sleep(0)
        done = await self._executor.run(steps)
        resource = next((step.new for step in reversed(steps) if step.new is not None), None)
        if resource is None:
            operation = self._context.operation
            resource = Resource(urn=child(operation.stack, operation.project, parent, type_, name), type=type_)
        if not done and self._executor.stopped.is_set():
            raise Terminated
        if not done:
            self._failed.add(resource.urn)
        skipped = any(getattr(step, "skipped_create", False) for step in steps)
        return Registered(resource, failed=not done, skipped=skipped)

    def _refused(self, error: Exception, type_: str, name: str, parent: str) -> Terminated:
        if isinstance(error, EngineError):
            operation = self._context.operation
            urn = child(operation.stack, operation.project, parent, type_, name)
            self._context.diagnose("error", error.message, urn)
        self.refuse()
        return Terminated()

    def _enter(self) -> None:
        self._in_flight += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._in_flight -= 1
        if not self._in_flight:
            self._idle.set()


def _references_of(goal: Goal) -> dict[str, Any]:
    return {
        "parent": goal.parent,
        "provider": goal.provider,
        "dependencies": goal.dependencies,
        "property_dependencies": goal.property_dependencies,
        "deleted_with": goal.deleted_with,
        "replace_with": goal.replace_with,
    }


def package_request(type_: str, version: str, download_url: str) -> PackageRequest:
    """The plugin that a resource of this type wants."""
    return PackageRequest(package_of(type_), version, download_url)
