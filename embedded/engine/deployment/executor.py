"""Runs steps: chains one after another inside, side by side among each other, up to `--parallel` at once.

Source: pkg/resource/deploy/step_executor.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from embedded.engine.deployment.context import Context
from embedded.engine.deployment.steps import Step, mark_secret_outputs
from embedded.engine.errors import EngineError
from embedded.engine.events import ResourceOperationFailedEvent, ResourceOutputsEvent, ResourcePreEvent
from embedded.engine.plugins.results import InitError, PluginGoneError


class StepExecutor:
    """Runs chains of steps. After a failure nothing new is begun, unless `--continue-on-error`.

    `failed` says that some step failed; `stopped` is set when the run must end.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._slots = asyncio.Semaphore(max(1, context.options.parallel))
        self.failed = False
        self.stopped = asyncio.Event()

    async def run(self, chain: Sequence[Step]) -> bool:
        """Run the steps in order; False if one failed, or the run was stopped before."""
        async with self._slots:
            for step in chain:
                if self.stopped.is_set() or not await self._execute(step):
                    return False
        return True

    def stop(self) -> None:
        """Begin no further steps."""
        self.stopped.set()

    async def _execute(self, step: Step) -> bool:
        context = self._context
        self._before(step)
        # A preview keeps the same books, only without a journal: what is left to delete is told from them.
        manager = context.manager
        key = manager.begin(step.pending, step.resource) if step.pending else None
        try:
            await self._apply_with_hooks(step)
        except InitError as error:
            self._finish(step, key)
            self._fail(step, error)
            return False
        except EngineError as error:
            if key is not None and not _is_open(step, error):
                manager.finish(key)
            self._fail(step, error)
            return False
        self._finish(step, key)
        self._succeed(step)
        return await self._after(step)

    def _before(self, step: Step) -> None:
        if not step.silent:
            self._context.emit(ResourcePreEvent(step.metadata(), planning=self._context.dry_run))

    async def _apply_with_hooks(self, step: Step) -> None:
        hooks = self._context.hooks
        if step.hooks_kind:
            await hooks.run("before", step, self._context.dry_run)
        attempts: list[str] = []
        while True:
            try:
                await step.apply(self._context)
                return
            except InitError:
                raise
            except EngineError as error:
                attempts.append(error.message)
                if not step.hooks_kind or not await hooks.should_retry(step, attempts):
                    raise

    async def _after(self, step: Step) -> bool:
        if not step.hooks_kind:
            return True
        try:
            await self._context.hooks.run("after", step, self._context.dry_run)
        except EngineError as error:
            self._context.diagnose("error", error.message, step.urn)
            self._mark_failed()
            return False
        return True

    def _finish(self, step: Step, key: int | None) -> None:
        context = self._context
        if step.new is not None:
            mark_secret_outputs(step.new)
            context.news[step.new.urn] = step.new
        step.record(context.manager, key)

    def _succeed(self, step: Step) -> None:
        context = self._context
        if step.silent:
            return
        if step.counts and (step.op != "refresh" or context.operation.kind == "refresh"):
            context.count(step.result_op, step.resource)
        # A component's outputs are told when the program registers them; those of a deleted one never are.
        if step.resource.custom or step.new is None or step.op == "refresh" or step.op.startswith("import"):
            context.emit(ResourceOutputsEvent(step.metadata(step.result_op), planning=context.dry_run))

    def _fail(self, step: Step, error: EngineError) -> None:
        context = self._context
        context.diagnose("error", error.message, step.urn)
        context.emit(ResourceOperationFailedEvent(step.metadata(), status=0, steps=context.steps))
        self._mark_failed()

    def _mark_failed(self) -> None:
        self.failed = True
        if not self._context.options.continue_on_error:
            self.stop()


def _is_open(step: Step, error: EngineError) -> bool:
    """Whether a resource may have been made although its creation failed: the state goes on to say so."""
    return isinstance(error, PluginGoneError) and step.pending == "creating"
