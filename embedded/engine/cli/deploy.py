"""One deployment from the command line's side: the stack locked and opened, the run followed, the state kept, the history written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from embedded.engine import config as configuration
from embedded.engine import snapshot as snapshots
from embedded.engine import state, values
from embedded.engine.backend import login
from embedded.engine.backend.buckets import StorePath
from embedded.engine.backend.checkpoints import Checkpoint
from embedded.engine.backend.files import write_atomically
from embedded.engine.backend.history import UpdateInfo
from embedded.engine.backend.journal import Journal, fingerprint, open_journal
from embedded.engine.backend.recovery import current_checkpoint, recover
from embedded.engine.backend.references import ORGANIZATION, StackReference
from embedded.engine.cli.command import Call
from embedded.engine.cli.deployments import stack_resource
from embedded.engine.cli.metadata import update_environment
from embedded.engine.display.options import DisplayOptions
from embedded.engine.errors import EngineError
from embedded.engine.event_log import EventLog
from embedded.engine.events import CancelEvent, Event
from embedded.engine.options import Options
from embedded.engine.secrets import PassphraseManager
from embedded.engine.stackfile import StackFile

if TYPE_CHECKING:
    from embedded.engine.deployment.operation import ImportSpec, Operation, Result
    from embedded.engine.language import Interpreter, Program

_NOT_SAVED = (
    "\nThe state could not be written. What was done is in '{path}': once the backend can be written again, the next `pulumi up`, "
    "`refresh` or `destroy` takes it over. Do not delete that file"
)
_OVERTAKEN = (
    "the stack's lock was dropped while this ran, and another process has written the state since, or is about to. The state that "
    "this run ended with is in '{path}' and was not saved. Compare it with `pulumi stack export`, and take what is missing there "
    "into the stack with `pulumi import` or `pulumi stack import`"
)
LAUNCHER_FOLDER = Path(__file__).resolve().parents[2] / "bin"
_HISTORY_KINDS = {"up": "update", "import": "resource-import"}
_TITLES = {"up": ("Updating", "update"), "refresh": ("Refreshing", "refresh"), "destroy": ("Destroying", "destroy")}
_TITLES["import"] = ("Importing", "import")


class Display(Protocol):
    """Shows the events of a run."""

    def handle(self, event: Event) -> None:
        """Show an event."""
        ...

    def close(self) -> None:
        """End."""
        ...


@dataclass
class Deployment:
    """A deployment of one stack: first perhaps a preview, then the run itself."""

    call: Call
    kind: str
    reference: StackReference
    options: Options
    display_options: DisplayOptions
    imports: tuple[ImportSpec, ...] = ()
    event_log: EventLog | None = None
    seen: list[Event] = field(default_factory=list)
    _interpreter: Interpreter | None = None

    # --- what the run needs ------------------------------------------------------------------------------------------

    @cached_property
    def file(self) -> StackFile:
        """The stack's configuration file."""
        return self.call.session.stack_file(self.reference, self.call.flags.get("config_file", ""))

    @cached_property
    def manager(self) -> PassphraseManager:
        """The secrets manager of the configuration, under which the state is written."""
        session = self.call.session
        return session.config_manager(self.file, lambda: session.backend.checkpoint(self.reference))

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration of the run, with the project's defaults, checked."""
        project = self.call.session.project
        if self.call.flags.get("skip_config_validation"):
            return configuration.with_project_defaults(self.file.config, project)[0]
        return configuration.effective_config(self.file.config, project, self.reference.name, self.manager.decrypt)

    @cached_property
    def program(self) -> Program:
        """The project's program."""
        from embedded.engine.language import Program

        project = self.call.session.project
        return Program(project.root, project.program, project.runtime_options, self.call.flags.get("client", ""))

    def start_early(self) -> None:
        """Start the interpreter that the program will run in, if one will: it loads the SDK while the engine makes itself ready."""
        from embedded.engine.language import start_early

        if self._interpreter is None and (self.kind == "up" or self.options.run_program):
            self._interpreter = start_early(self.program)

    def operation(self, checkpoint: Checkpoint, journal: Journal | None) -> Operation:
        """The engine's order, its events not yet followed."""
        from embedded.engine.deployment.operation import Operation
        from embedded.engine.language import program_python
        from embedded.engine.plugins.host import PluginSource

        session, program = self.call.session, self.program
        project = session.project
        plugins = PluginSource(
            paths={plugin.name: str(plugin.path) for plugin in project.plugins if plugin.kind == "providers"},
            launcher_folder=LAUNCHER_FOLDER,
            home=login.pulumi_home(),
            root=project.root,
            program=program.folder,
            python=program_python(program),
        )
        return Operation(
            kind=self.kind,
            project=project.name,
            stack=self.reference.name,
            organization=ORGANIZATION,
            preview=journal is None,
            config={key: configuration.text_of(value, self.manager.decrypt) for key, value in self.config.items()},
            config_secret_keys=frozenset(key for key, value in self.config.items() if configuration.is_secret(value)),
            shown_config={key: configuration.text_of(value, configuration.mask) for key, value in self.config.items()},
            base=self._snapshot(checkpoint),
            journal=journal,
            encrypt=self.manager.encrypt,
            decrypt=self.manager.decrypt,
            options=self.options,
            program=program,
            interpreter=self._interpreter,
            plugins=plugins,
            tags=session.backend.tags(self.reference) if self.options.policy_packs else {},
            imports=self.imports,
            stack_outputs=self._outputs_of_stack,
        )

    def _snapshot(self, checkpoint: Checkpoint) -> state.Snapshot:
        manager = self.call.session.state_manager(checkpoint)
        snapshot = state.deployment_from_json(checkpoint.deployment or {}, manager.decrypt if manager else None)
        found = snapshots.problems(snapshot) if self.call.session.verify_integrity else []
        if found:
            raise EngineError(
                f"snapshot integrity failure; refusing to use it: {found[0]} (--disable-integrity-checking goes on "
                "regardless; `pulumi stack export` and `import` let you repair the state)"
            )
        return snapshot

    def _outputs_of_stack(self, name: str) -> values.Properties | None:
        session = self.call.session
        reference = session.backend.parse(name)
        if not session.backend.exists(reference):
            return None
        checkpoint = current_checkpoint(session.backend, reference)
        manager = session.state_manager(checkpoint)
        outputs = (stack_resource(checkpoint) or {}).get("outputs") or {}
        return values.properties_from_json(outputs, manager.decrypt if manager else None)

    def _emit(self, event: Event, display: Display) -> None:
        self.seen.append(event)
        display.handle(event)
        if self.event_log is not None:
            self.event_log.write(event)

    # --- the runs ----------------------------------------------------------------------------------------------------

    def preview(self) -> Result:
        """Plan the run and show the plan."""
        self.seen = []
        checkpoint = current_checkpoint(self.call.session.backend, self.reference)
        return self._run(checkpoint, None)

    def apply(self) -> Result:
        """Do the run; the caller holds the stack's lock."""
        self.seen = []
        backend = self.call.session.backend
        started = int(time.time())
        checkpoint = recover(backend, self.reference)
        base = fingerprint(backend.checkpoint_bytes(self.reference))
        journal = open_journal(backend.journal_file(self.reference), base)
        try:
            result = self._run(checkpoint, journal)
            if result.snapshot is not None and self._is_overtaken(base, journal):
                raise EngineError(_OVERTAKEN.format(path=self._set_aside(result.snapshot)))
            self._save(result)
        except BaseException as error:
            journal.close(remove=False)
            if self._is_overtaken(base, journal):
                raise  # The checkpoint and the journal that are there now are another process's.
            try:
                recover(backend, self.reference)
            except EngineError:
                # What was done is in the journal, for the next command that can write.
                if isinstance(error, EngineError):
                    error.message += _NOT_SAVED.format(path=backend.journal_file(self.reference))
            raise
        journal.close(remove=True)
        backend.record(self.reference, self._update_info(result, started))
        return result

    def _run(self, checkpoint: Checkpoint, journal: Journal | None) -> Result:
        from embedded.engine.deployment import run
        from embedded.engine.display.factory import make_display

        self.start_early()
        # By now the key is there: a wrong passphrase shows before anything runs, even if there is no secret yet.
        self.manager.verify()
        # The order is made first: what is wrong with configuration or state shows before any line of the run.
        operation = self.operation(checkpoint, journal)
        preview = journal is None
        verb, noun = _TITLES[self.kind]
        title = f"Previewing {noun}" if preview else verb
        display = make_display(
            f"{title} ({self.call.session.show_name(self.reference)}):",
            title.lower(),
            self.reference.name,
            self.call.session.project.name,
            preview,
            self.display_options,
        )
        operation.emit = lambda event: self._emit(event, display)
        self._interpreter = None  # it runs one program only, and ends with the operation
        try:
            return run(operation)
        finally:
            display.close()

    def _save(self, result: Result) -> None:
        if result.snapshot is not None:
            deployment, features = self._final_state(result.snapshot)
            self.call.session.backend.save(self.reference, deployment, features)

    def _final_state(self, snapshot: state.Snapshot) -> tuple[dict[str, Any], list[str]]:
        snapshot = replace(snapshot, manifest=state.Manifest.now(), secrets_provider=self.manager.state)
        return state.deployment_to_json(snapshot, self.manager.encrypt), state.features_of(snapshot)

    def _is_overtaken(self, base: str, journal: Journal) -> bool:
        """Whether another process wrote the state meanwhile or is about to, which it can only once the lock was dropped."""
        return journal.is_replaced() or fingerprint(self.call.session.backend.checkpoint_bytes(self.reference)) != base

    def _set_aside(self, snapshot: state.Snapshot) -> StorePath:
        """Keep the state that a run ended with in a file as `stack import` reads it."""
        path = self.call.session.backend.journal_file(self.reference).with_name(f"{self.reference.name}.json.lost")
        deployment, features = self._final_state(snapshot)
        content: dict[str, Any] = {"version": 4, "features": features} if features else {"version": 3}
        write_atomically(path, (values.dumps({**content, "deployment": deployment}, indent=4) + "\n").encode())
        return path

    def _update_info(self, result: Result, started: int) -> UpdateInfo:
        environment, message = update_environment(self.call)
        return UpdateInfo(
            kind=_HISTORY_KINDS.get(self.kind, self.kind),
            start_time=started,
            message=self.options.message or message,
            environment=environment,
            config={key: configuration.encode(value) for key, value in self.file.config.items()},
            result="failed" if result.failed else "succeeded",
            end_time=int(time.time()),
            resource_changes=result.changes,
        )


@contextmanager
def opened_event_log(target: str) -> Iterator[EventLog | None]:
    """The event log of a command, closed at its end with a cancel event if none was sent.

    Raises:
        EngineError: The log cannot be opened.
    """
    if not target:
        yield None
        return
    log = _CancelledLog(target)
    try:
        yield log
    finally:
        log.finish()


class _CancelledLog(EventLog):
    """An event log that passes on one cancel event only, as the last: a preview and its run share the log."""

    def write(self, event: Event) -> None:
        if not isinstance(event, CancelEvent):
            super().write(event)

    def finish(self) -> None:
        """Say that nothing more comes."""
        super().write(CancelEvent())
        self.close()
