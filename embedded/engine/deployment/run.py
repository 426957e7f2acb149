"""Runs an operation from its prelude to its summary.

Source: pkg/resource/deploy/deployment_executor.go and pkg/engine/update.go of Pulumi 3.260.0.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable

import grpc.aio

from embedded.engine.deployment.builtin import Builtin
from embedded.engine.deployment.callbacks import Callbacks
from embedded.engine.deployment.context import Bail, Context
from embedded.engine.deployment.deletions import delete_steps, run_deletes
from embedded.engine.deployment.destroy import destroy_steps
from embedded.engine.deployment.executor import StepExecutor
from embedded.engine.deployment.generator import StepGenerator
from embedded.engine.deployment.hooks import HookRegistry
from embedded.engine.deployment.importer import run_imports
from embedded.engine.deployment.monitor import EngineService, MonitorService, serve
from embedded.engine.deployment.operation import Operation, Result
from embedded.engine.deployment.plan import Plan
from embedded.engine.deployment.policy import PolicyChecker
from embedded.engine.deployment.providers import ProviderRegistry
from embedded.engine.deployment.refresh import run_refresh
from embedded.engine.deployment.registrar import Registrar
from embedded.engine.deployment.remote import Remote
from embedded.engine.deployment.transforms import Transforms
from embedded.engine.errors import EngineError, NoChangesExpectedError
from embedded.engine.events import CancelEvent, PreludeEvent, SummaryEvent
from embedded.engine.language import LanguageHost, RunInfo, RunResult
from embedded.engine.plugins.client import Handshake
from embedded.engine.plugins.host import PluginHost
from embedded.engine.snapshot import SnapshotManager
from embedded.engine.state import Resource, Snapshot, timestamp
from embedded.engine.urn import package_of, provider_reference


def run(operation: Operation) -> Result:
    """Run an operation and say what came of it; its events are emitted meanwhile, errors among them."""
    return asyncio.run(_Run(operation).run())


class _Run:
    """One run: the parts, put together, and the order in which they act."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._started = time.monotonic()
        self._reported = False
        self._cancelled = False

    async def run(self) -> Result:
        operation = self._operation
        operation.emit(PreludeEvent(dict(operation.shown_config)))
        self._build()
        server: grpc.aio.Server | None = None
        try:
            with self._interruptible():
                server, address = await serve(self._monitor, self._engine)
                self._address = self._remote.address = self._handshake.engine_address = address
                self._prewarm()
                await self._execute()
        finally:
            self._monitor.close()
            await self._close(server)
        return self._result()

    # --- putting it together -----------------------------------------------------------------------------------------

    def _build(self) -> None:
        operation = self._operation
        # Steps mark old resources in place: the caller's snapshot stays as it is.
        base = Snapshot(
            manifest=operation.base.manifest,
            secrets_provider=operation.base.secrets_provider,
            resources=[resource.copy() for resource in operation.base.resources],
            pending_operations=list(operation.base.pending_operations),
            metadata=operation.base.metadata,
        )
        journal = None if operation.preview else operation.journal
        manager = SnapshotManager(base, journal, operation.encrypt)
        self._callbacks = Callbacks()
        self._handshake = Handshake("", str(operation.plugins.root), str(operation.plugins.program))
        self._host = PluginHost(operation.plugins, self._handshake, self._plugin_log)
        builtin = Builtin(operation.stack_outputs, lambda urn: self._context.news.get(urn))
        providers = ProviderRegistry(self._host, operation.preview, self._find_provider, builtin)
        hooks = HookRegistry(self._callbacks, lambda *arguments: self._context.diagnose(*arguments))
        self._context = Context(operation, manager, providers, hooks, dry_run=operation.preview)
        self._executor = StepExecutor(self._context)
        self._policies = PolicyChecker(self._context)
        self._generator = StepGenerator(self._context, self._policies)
        self._registrar = Registrar(self._context, self._generator, self._executor)
        self._remote = Remote(self._context, self._registrar)
        self._monitor = MonitorService(self._context, self._registrar, self._remote, Transforms(self._callbacks))
        self._engine = EngineService(self._context, self._executor.stopped.is_set)

    def _find_provider(self, reference: str) -> Resource | None:
        resources = [*self._context.previous, *self._context.news.values()]
        return next((item for item in resources if provider_reference(item.urn, item.id) == reference), None)

    def _plugin_log(self, message: str, severity: str) -> None:
        self._context.diagnose(severity, message)

    def _prewarm(self) -> None:
        for resource in self._context.previous:
            if resource.is_provider and not resource.delete:
                version = resource.inputs.get("version")
                self._host.prewarm(package_of(resource.type), version if isinstance(version, str) else "")

    # --- the order of things -----------------------------------------------------------------------------------------

    async def _execute(self) -> None:
        operation, options = self._operation, self._operation.options
        self._warn_of_pending_operations()
        if options.clear_pending_creates:
            self._context.manager.settle_pending()
        try:
            self._check_targets()
            self._take_over_creates()
            if options.plan:
                self._context.plan = Plan.load(options.plan, operation.decrypt)
                self._warn_of_changed_config()
            elif options.save_plan:
                self._context.plan = Plan(records=True)
            self._policies.start(self._address)
            if not self._runs_program() or options.refresh:
                await self._policies.started()
            if (operation.kind == "refresh" and not self._runs_program()) or options.refresh:
                await self._refresh()
            elif any(resource.refresh_before_update for resource in self._context.previous):
                await self._refresh(only=True)
            if self._runs_program() and not self._executor.stopped.is_set():
                await self._run_program()
            elif operation.kind == "destroy" and not self._executor.stopped.is_set():
                await self._delete()
            elif operation.kind == "import":
                await run_imports(self._context, self._registrar, self._executor)
        except Bail:
            self._executor.stop()
        except EngineError as error:
            self._context.diagnose("error", error.message)
            self._registrar.refuse()
        self._registrar.finish_stack(self._failed)
        if options.save_plan and not self._failed:
            self._context.plan.save(
                options.save_plan, operation.encrypt, operation.config, operation.config_secret_keys
            )
        self._report_failure()

    def _runs_program(self) -> bool:
        operation = self._operation
        if operation.kind == "up":
            return True
        return operation.kind in ("destroy", "refresh") and bool(operation.options.run_program)

    def _warn_of_pending_operations(self) -> None:
        pending = self._operation.base.pending_operations
        if not pending or self._context.dry_run or self._operation.kind == "refresh":
            return
        listed = "".join(f"  * {item.resource.urn}, interrupted while {item.type}\n" for item in pending)
        self._context.diagnose("warning", _PENDING_TEXT.format(count=len(pending), listed=listed))

    def _warn_of_changed_config(self) -> None:
        changed = self._context.plan.changed_config(self._operation.config)
        if changed:
            text = _CONFIG_TEXT.format(keys=", ".join(changed))
            self._context.diagnose("warning", text)

    def _take_over_creates(self) -> None:
        """Make resources of the interrupted creates whose ids the user knows; the refresh reads what they are."""
        pending = {
            item.resource.urn: item.resource
            for item in self._operation.base.pending_operations
            if item.type == "creating"
        }
        for urn, id_ in self._operation.options.import_pending_creates:
            if urn not in pending:
                raise EngineError(f"--import-pending-creates: the state has no pending create of {urn}")
            now = timestamp()
            self._context.manager.settle_create(pending[urn].copy(id=id_, created=now, modified=now))
        if self._operation.options.import_pending_creates:
            self._context.rebuild()

    def _check_targets(self) -> None:
        generator = self._generator
        if self._operation.kind == "up":
            self._refuse_missing(generator.replace_targets.unmatched(self._context.olds))
        else:
            self._refuse_missing(generator.targets.unmatched(self._context.olds))
            self._refuse_missing(generator.excludes.unmatched(self._context.olds), "Exclude")

    def _refuse_missing(self, urns: list[str], noun: str = "Target") -> None:
        """Stop for targets that are neither in the state nor in the program."""
        for urn in urns:
            hint = "" if "$" in urn else " Did you forget to escape $ in your shell?"
            self._context.diagnose("error", f"{noun} '{urn}' could not be found in the stack.{hint}")
            self._registrar.refuse()
        if urns:
            raise Bail

    async def _refresh(self, only: bool = False) -> None:
        """Refresh what the targets name; `only` those resources whose providers want it before each update."""
        targets, excludes = self._generator.targets, self._generator.excludes
        options, wanted = self._operation.options, []
        for resource in self._context.manager.live_resources():
            references = resource.references()
            # Dependents stand after what they depend on, so one pass finds all of them.
            if options.target_dependents and targets.given and any(map(targets.matches, references)):
                targets.add(resource.urn)
            if options.exclude_dependents and any(map(excludes.matches, references)):
                excludes.add(resource.urn)
            if (not targets.given or targets.matches(resource.urn)) and not excludes.matches(resource.urn):
                wanted.append(resource)
        await run_refresh(
            self._context, self._executor, [item for item in wanted if not only or item.refresh_before_update]
        )

    async def _run_program(self) -> None:
        operation = self._operation
        assert operation.program is not None
        self._generator.only_same = operation.kind != "up"
        self._registrar.silent = operation.kind == "refresh"
        language = LanguageHost(operation.program, self._program_log, operation.interpreter)
        program = asyncio.create_task(language.run(self._run_info()))
        watchers = [
            program,
            asyncio.create_task(self._monitor.finished.wait()),
            asyncio.create_task(self._executor.stopped.wait()),
        ]
        try:
            # The program loads while the packs do; its registrations wait for them.
            await self._policies.started()
            await asyncio.wait(watchers, return_when=asyncio.FIRST_COMPLETED)
            await self._registrar.drain()
            if not self._executor.stopped.is_set() and not self._ended_badly(program):
                await self._after_program()
            self._monitor.close()
            if self._executor.stopped.is_set():
                await language.stop()
                program.cancel()
            else:
                self._take_result(await program)
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await language.stop()

    async def _after_program(self) -> None:
        if self._operation.kind == "refresh":
            await self._refresh()
        else:
            if self._operation.kind == "up":
                self._refuse_missing(self._generator.targets.unmatched({*self._context.olds, *self._generator.urns}))
            await self._delete()
            if not self._executor.failed:
                self._context.plan.check_done(resource.urn for resource in self._operation.base.resources)
            await self._policies.check_stack()

    def _ended_badly(self, program: asyncio.Task[RunResult]) -> bool:
        return program.done() and (program.exception() is not None or program.result().failed)

    def _take_result(self, result: RunResult) -> None:
        if not result.failed:
            return
        if result.error:
            self._context.diagnose("error", f"an unhandled error occurred: {result.error}")
        self._registrar.broken = True

    def _run_info(self) -> RunInfo:
        operation = self._operation
        return RunInfo(
            project=operation.project,
            stack=operation.stack,
            organization=operation.organization,
            config=operation.config,
            config_secret_keys=tuple(sorted(operation.config_secret_keys)),
            dry_run=operation.preview,
            parallel=operation.options.parallel,
            monitor_address=self._address,
            engine_address=self._address,
            debug=operation.options.debug or operation.options.verbose > 0,
        )

    def _program_log(self, line: str, severity: str, stream_id: int) -> None:
        self._context.diagnose(severity, line + "\n", stream_id=stream_id)

    async def _delete(self) -> None:
        if self._context.saw_error and not self._context.dry_run:
            return
        if self._operation.kind == "destroy":
            steps = await destroy_steps(self._context, self._generator, self._executor)
        else:
            steps = delete_steps(self._context, self._context.previous, self._is_unwanted)
            self._context.plan.take(steps, self._generator.aliased)
        await run_deletes(self._executor, self._context, steps)

    def _is_unwanted(self, resource: Resource) -> bool:
        return not self._generator.is_registered(resource.urn) and self._generator.may_delete(resource)

    # --- the end -----------------------------------------------------------------------------------------------------

    @property
    def _failed(self) -> bool:
        return self._executor.failed or self._context.saw_error or self._registrar.broken or self._cancelled

    def _report_failure(self) -> None:
        kind = "preview" if self._context.dry_run else "update"
        if self._cancelled:
            self._context.diagnose("error", f"{kind} canceled")
        elif (self._executor.failed or self._context.saw_error) and not self._registrar.broken:
            self._context.diagnose("error", f"{kind} failed")

    def _result(self) -> Result:
        context, operation = self._context, self._operation
        changes = dict(context.changes)
        result = Result(
            changes=changes,
            outputs=self._stack_outputs(),
            snapshot=operation.base if context.dry_run else context.manager.snapshot(),
            changed=not context.dry_run and context.manager.changed,
            failed=self._failed,
            cancelled=self._cancelled,
            exit_code=1 if self._failed else 0,
        )
        if not self._failed and operation.options.expect_no_changes and any(op != "same" for op in changes):
            result.exit_code = NoChangesExpectedError.exit_code
        self._context.emit(
            SummaryEvent(
                resource_changes=changes,
                duration_seconds=time.monotonic() - self._started,
                is_preview=context.dry_run,
                result="failed" if self._failed else "succeeded",
                maybe_corrupt=context.maybe_corrupt,
                policy_packs=self._policies.versions,
            )
        )
        self._context.emit(CancelEvent())
        return result

    def _stack_outputs(self) -> dict:
        root = self._context.news.get(self._context.root_urn) or self._context.olds.get(self._context.root_urn)
        return dict(root.outputs) if root is not None else {}

    @contextlib.contextmanager
    def _interruptible(self):
        loop = asyncio.get_running_loop()
        handled: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._interrupt)
                handled.append(number)
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)

    def _interrupt(self) -> None:
        if self._cancelled:
            self._context.diagnose("warning", "interrupted again: the plugins are ended in the midst of what they do")
            self._host.kill()
            return
        self._cancelled = True
        self._executor.stop()
        self._tasks = [asyncio.get_running_loop().create_task(self._host.cancel())]

    async def _close(self, server: grpc.aio.Server | None) -> None:
        closing: list[Callable] = [self._host.close, self._callbacks.close, self._policies.close]
        await asyncio.gather(*(close() for close in closing))
        if server is not None:
            await server.stop(None)


_CONFIG_TEXT = (
    "The configuration is not the one that the plan was made with: {keys}. The update uses the stack's; what comes of it that "
    "was not planned is refused."
)
_PENDING_TEXT = (
    "Attempting to deploy or update resources with {count} pending operations from previous deployment.\n"
    "{listed}"
    "These resources are in an unknown state because the Pulumi CLI was interrupted while waiting for changes to these resources to "
    "complete. You should confirm whether or not the operations listed completed successfully by checking the state of the appropriate "
    "provider. For example, if you are using AWS, you can confirm using the AWS Console.\n\n"
    "Once you have confirmed the status of the interrupted operations, you can repair your stack using `pulumi refresh` which will "
    "refresh the state from the provider you are using and clear the pending operations if there are any.\n\n"
    "Note that `pulumi refresh` will need to be run interactively to clear pending CREATE operations."
)
