"""`pulumi preview`, `up`, `refresh` and `destroy`."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.engine import config as configuration
from embedded.engine import snapshot as snapshots
from embedded.engine import state as states
from embedded.engine.backend.recovery import current_checkpoint
from embedded.engine.backend.references import StackReference
from embedded.engine.cli import terminal
from embedded.engine.cli.command import Call, command
from embedded.engine.cli.deploy import Deployment, opened_event_log
from embedded.engine.cli.operation_flags import (
    DESTROY_FLAGS,
    PREVIEW_FLAGS,
    REFRESH_FLAGS,
    UP_FLAGS,
    display_options,
    engine_options,
)
from embedded.engine.errors import (
    CancelledError,
    ConfigurationError,
    EngineError,
    NoChangesExpectedError,
    UpdateFailedError,
)

if TYPE_CHECKING:
    from embedded.engine.deployment.operation import ImportSpec, Result

_NOUNS = {"up": "update", "refresh": "refresh", "destroy": "destroy", "import": "import"}


def new_deployment(call: Call, kind: str, imports: tuple[ImportSpec, ...] = ()) -> Deployment:
    """The deployment that a command line asks for.

    Raises:
        EngineError: No such stack, or flags that cannot be.
    """
    _ = call.session.project
    reference = call.session.require_stack(call.flags["stack"])
    _store_config(call, reference)
    deployment = Deployment(call, kind, reference, engine_options(call), display_options(call), imports)
    # From here on the program's interpreter makes itself ready and the key is derived, while the rest of the engine is loaded.
    deployment.start_early()
    _ = deployment.manager
    return deployment


@command(flags=PREVIEW_FLAGS)
def preview(call: Call) -> None:
    """Show a preview of updates to a stack's resources

    This command displays a preview of the updates to an existing stack whose state is represented by an existing state file.
    No changes are made, and no lock is taken.
    """
    deployment = new_deployment(call, "up")
    with opened_event_log(call.flags["event_log"]) as log:
        deployment.event_log = log
        result = deployment.preview()
    if path := call.flags["import_file"]:
        from embedded.engine.cli.import_file import write_import_file

        write_import_file(path, deployment.seen, deployment.manager.encrypt)
    check_result(deployment, result, preview=True)


@command("[template|url]", maximum=1, flags=UP_FLAGS)
def up(call: Call) -> None:
    """Create or update the resources in a stack

    This command creates or updates resources in a stack. The new desired goal state is computed by running the program and
    observing all resource allocations to produce a resource graph. This is compared with the existing state to determine what
    create, read, update and delete operations must take place, in the most minimally disruptive way.
    """
    if call.arguments:
        raise EngineError(
            "deploying from a template is not supported by this engine; run `pulumi up` in a project's folder"
        )
    if call.flags["strict"] and call.flags["skip_preview"]:
        raise EngineError("--strict cannot be used with --skip-preview; strict requires a preview")
    deployment = new_deployment(call, "up")
    perform(deployment)


@command(flags=REFRESH_FLAGS)
def refresh(call: Call) -> None:
    """Refresh the resources in a stack

    This command compares the current stack's resource state with the state known to exist in the actual cloud provider. Any
    such changes are adopted into the current stack.
    """
    perform(new_deployment(call, "refresh"))


@command(flags=DESTROY_FLAGS)
def destroy(call: Call) -> None:
    """Destroy all existing resources in the stack

    This command deletes all the resources in the selected stack. After the command completes, all of this stack's resources
    and associated state are deleted; the stack itself is not. Use `pulumi stack rm` (or --remove) for that.
    """
    if call.flags["exclude_protected"] and call.flags["target"]:
        raise EngineError("You cannot specify --target and --exclude-protected")
    deployment = new_deployment(call, "destroy")
    if call.flags["exclude_protected"] and _is_all_protected(call, deployment.reference):
        return
    perform(deployment)
    if call.flags["preview_only"]:
        return
    if call.flags["exclude_protected"]:
        _say_what_is_left(call, deployment.reference)
    elif not call.flags["target"] and not call.flags["exclude"]:
        _after_destroy(call, deployment.reference)


def _protected(call: Call, reference: StackReference) -> tuple[int, int]:
    """How many resources --exclude-protected keeps, what the protected ones need counted in, and how many there are."""
    checkpoint = current_checkpoint(call.session.backend, reference)
    resources = states.deployment_from_json(checkpoint.deployment or {}, None).resources
    kept = snapshots.with_references(resources, [item.urn for item in resources if item.protect])
    return sum(item.urn in kept for item in resources), len(resources)


def _is_all_protected(call: Call, reference: StackReference) -> bool:
    kept, count = _protected(call, reference)
    if not kept or kept < count:
        return False
    if not call.flags["json"]:
        terminal.out(
            f"There were no unprotected resources to destroy. There are still {kept} protected resources associated with this stack."
        )
    return True


def _say_what_is_left(call: Call, reference: StackReference) -> None:
    kept, _ = _protected(call, reference)
    if kept and not call.flags["json"]:
        terminal.out(
            f"All unprotected resources were destroyed. There are still {kept} protected resources associated with this stack."
        )


def _after_destroy(call: Call, reference: StackReference) -> None:
    session = call.session
    name = session.show_name(reference)
    if call.flags["remove"]:
        session.backend.remove(reference)
        session.project.stack_file(reference.name).unlink(missing_ok=True)
        terminal.out(
            f"The resources in the stack have been deleted, and the history and configuration of '{name}' removed."
        )
    elif not call.flags["json"]:
        terminal.out(
            f"The resources in the stack have been deleted, but the history and configuration associated with the stack are "
            f"still maintained. \nIf you want to remove the stack completely, run `pulumi stack rm {name}`."
        )


# --- the way from preview to run -------------------------------------------------------------------------------------


def perform(deployment: Deployment) -> None:
    """Preview (unless told not to), have it confirmed (if somebody is there), and run.

    Raises:
        ConfigurationError: Nobody can confirm and no flag says yes.
        EngineError: The stack is locked, or the run cannot begin.
        UpdateFailedError: The preview or the run failed.
    """
    call = deployment.call
    flags = call.flags
    if flags.get("preview_only"):
        if flags["skip_preview"]:
            raise EngineError("--preview-only and --skip-preview exclude each other")
        with opened_event_log(flags["event_log"]) as log:
            deployment.event_log = log
            check_result(deployment, deployment.preview(), preview=True)
        return
    yes = flags["yes"] or flags["skip_preview"] or configuration_says_yes()
    if not yes and not call.session.interactive:
        raise ConfigurationError(
            "--yes or --skip-preview must be passed in to proceed when running in non-interactive mode"
        )
    backend = call.session.backend
    with (
        backend.lock(deployment.reference),
        opened_event_log(flags["event_log"]) as log,
        _plan_file(deployment) as plan,
    ):
        deployment.event_log = log
        if not flags["skip_preview"]:
            check_result(deployment, deployment.preview(), preview=True, expect=False)
            if not yes:
                confirm(deployment)
        if plan:
            deployment.options = replace(deployment.options, save_plan="", plan=plan)
        check_result(deployment, deployment.apply(), preview=False)


def configuration_says_yes() -> bool:
    """Whether PULUMI_SKIP_CONFIRMATIONS is set."""
    from embedded.engine.backend.checkpoints import is_truthy

    return is_truthy("PULUMI_SKIP_CONFIRMATIONS")


class _plan_file:
    """The temporary plan of `up --strict`: written by the preview, held to by the run; empty without --strict."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> str:
        if not self._deployment.call.flags.get("strict"):
            return ""
        self._folder = tempfile.TemporaryDirectory(prefix="pulumi-plan-")
        path = str(Path(self._folder.name) / "plan.json")
        self._deployment.options = replace(self._deployment.options, save_plan=path)
        return path

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def confirm(deployment: Deployment) -> None:
    """Ask whether to go on; `details` shows the rich diff of the preview and asks again.

    Raises:
        terminal.ConfirmationDeclined: The answer was no.
    """
    noun = _NOUNS[deployment.kind]
    while True:
        answer = terminal.choose(
            f"Do you want to perform this {noun}?", ("yes", "no", "details"), "no", deployment.call.session.color
        )
        if answer == "yes":
            return
        if answer == "no":
            terminal.out(f"confirmation declined, not proceeding with the {noun}")
            raise terminal.ConfirmationDeclined
        _show_details(deployment)


def _show_details(deployment: Deployment) -> None:
    from embedded.engine.display.rich_diff import RichDiffDisplay
    from embedded.engine.events import DiagnosticEvent, SummaryEvent

    display = RichDiffDisplay(replace(deployment.display_options, diff=True))
    for event in deployment.seen:
        if not isinstance(event, SummaryEvent | DiagnosticEvent):
            display.handle(event)


def check_result(deployment: Deployment, result: Result, preview: bool, expect: bool = True) -> None:
    """Turn a bad result into the error that gives the exit code.

    Raises:
        UpdateFailedError: The run failed; it has shown why.
        CancelledError: It was interrupted.
        NoChangesExpectedError: It changed something, against --expect-no-changes.
    """
    if result.cancelled:
        raise CancelledError(f"{_NOUNS[deployment.kind]} cancelled")
    if result.failed:
        raise UpdateFailedError
    changes = sum(count for op, count in result.changes.items() if op != "same")
    if expect and deployment.options.expect_no_changes and changes:
        done = "proposed" if preview else "occurred"
        raise NoChangesExpectedError(f"no changes were expected but changes {'were ' if preview else ''}{done}")


def _store_config(call: Call, reference: StackReference) -> None:
    """Save the values of --config in the stack's file, as `config set` would."""
    if not call.flags.get("config"):
        return
    project = call.session.project
    file = call.session.stack_file(reference, call.flags["config_file"])
    for item in call.flags["config"]:
        name, separator, text = item.partition("=")
        if call.flags["config_path"]:
            key, path = configuration.parse_key_path(name, project.name)
        else:
            key, path = configuration.parse_key(name, project.name), []
        configuration.set_path(
            file.config, key, path, configuration.coerce(text) if path else text if separator else ""
        )
    file.save()
