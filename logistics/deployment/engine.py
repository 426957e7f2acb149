"""A stack through Pulumi's Automation API, on the embedded engine or the official CLI alike."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# An inline program's gRPC server ends with the update; its library would tell the terminal so.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from pulumi import automation

from logistics.deployment.policies import PackRun, refusal
from logistics.deployment.state import Checkpoint
from logistics.deployment.steps import Step, steps_of
from logistics.errors import Locked, LogisticsError
from logistics.pulumi_command import program_folder

Program = Callable[[], Awaitable[None]]
_Said = Callable[[str], Any]


class Engine:
    """Previews and updates one stack; the stack's own program unless another is given."""

    def __init__(self, root: Path, stack: str, engine: str, variables: Mapping[str, str]) -> None:
        """Opens the stack.

        Args:
            root: the project's folder.
            stack: the stack's name; it is made if need be.
            engine: `embedded` or `pulumi`.
            variables: the environment to work on the stack in.

        Raises:
            LogisticsError: the stack cannot be opened.
        """
        self.root = root
        self.name = stack
        self._variables = {key: value for key, value in variables.items() if os.environ.get(key) != value}
        workspace = automation.LocalWorkspace(
            work_dir=str(root),
            env_vars=self._variables,
            pulumi_command=automation.PulumiCommand(root=program_folder(root, engine)),
        )
        with _as_error("open the stack"):
            self.stack = automation.Stack.create_or_select(stack, workspace)

    @property
    def project(self) -> str:
        """The project's name, as the backend's folders have it."""
        return self.stack.workspace.project_settings().name

    def preview(
        self,
        program: Program | None = None,
        *,
        refresh: bool = False,
        save_plan: Path | None = None,
        policies: PackRun | None = None,
    ) -> list[Step]:
        """Returns the steps that an update would take, in their order.

        Args:
            program: instead of the project's own.
            refresh: whether to read the account first.
            save_plan: a file for the engine's own plan, to which `up` can be held.
            policies: the policy pack to check it by.

        Raises:
            LogisticsError: the preview fails, with the engine's words; or a mandatory policy objects, with each objection.
        """
        events: list[automation.EngineEvent] = []
        with _as_error("preview", lambda: refusal(events)):
            self.stack.preview(
                program=program,
                on_event=events.append,
                refresh=refresh or None,
                plan=self._plan(save_plan),
                policy_packs=[str(policies.folder)] if policies else None,
                policy_pack_configs=[str(policies.config)] if policies else None,
                suppress_progress=True,
            )
        return steps_of(events)

    def up(
        self,
        program: Program | None = None,
        *,
        message: str,
        said: _Said | None = None,
        refresh: bool = False,
        plan: Path | None = None,
    ) -> None:
        """Updates the stack, after reading the account if `refresh` is set; held to the engine's own `plan` if there is one.

        Raises:
            Locked: another update holds the stack.
            LogisticsError: the update fails; with the engine's words.
        """
        with _as_error("update"):
            self.stack.up(
                program=program,
                on_output=said,
                message=message,
                refresh=refresh or None,
                plan=self._plan(plan),
                suppress_outputs=True,
            )

    def _plan(self, file: Path | None) -> str | None:
        """Returns a plan's file for the engine; the official one knows plans as an experiment only."""
        if file is None:
            return None
        workspace = self.stack.workspace
        workspace.env_vars = {**workspace.env_vars, "PULUMI_EXPERIMENTAL": "true"}
        return str(file)

    def checkpoint(self) -> Checkpoint:
        """Returns the stack's state now, secrets encrypted as they are stored."""
        return self._exported()

    def plain_checkpoint(self) -> Checkpoint:
        """Returns the stack's state now, secrets plain; never to be written to disk."""
        return self._exported("--show-secrets")

    def _exported(self, *options: str) -> Checkpoint:
        return Checkpoint.of(json.loads(self.ask(["stack", "export", *options, "--stack", self.name]))["deployment"])

    def ask(self, arguments: Sequence[str]) -> str:
        """Runs a command of the engine that changes nothing, and returns what it prints.

        Raises:
            LogisticsError: it fails; with the engine's words.
        """
        workspace = self.stack.workspace
        with _as_error(" ".join(["run pulumi", *arguments])):
            return workspace.pulumi_command.run(list(arguments), workspace.work_dir, dict(self._variables)).stdout

    def restore(self, checkpoint: Checkpoint) -> None:
        """Makes a checkpoint the stack's state; the account is not touched."""
        with _as_error("import the state"):
            self.stack.import_stack(automation.Deployment(version=3, deployment=dict(checkpoint.deployment)))

    def release(self) -> None:
        """Lets go of the lock that a killed update left behind."""
        with _as_error("release the stack"):
            self.stack.cancel()

    def with_secrets(self, checkpoint: Checkpoint) -> Checkpoint:
        """Returns a past checkpoint of this stack with its secrets plain.

        A state carries what opens its secrets besides the passphrase, so it is opened in a stack of the same name in a
        backend of its own, which is thrown away.

        Raises:
            LogisticsError: the passphrase is not the one that the checkpoint was written with.
        """
        with tempfile.TemporaryDirectory(prefix="logistics-") as folder:
            variables = self._variables | {"PULUMI_BACKEND_URL": f"file://{folder}"}
            workspace = automation.LocalWorkspace(
                work_dir=self._bare_project(Path(folder)),
                env_vars=variables,
                pulumi_command=self.stack.workspace.pulumi_command,
            )
            with _as_error("open the secrets of a past version"):
                stack = automation.Stack.create_or_select(self.name, workspace)
                stack.import_stack(automation.Deployment(version=3, deployment=dict(checkpoint.deployment)))
                return Checkpoint.of(stack.export_stack().deployment)

    def _bare_project(self, folder: Path) -> str:
        """Writes a project of the same name, without stack files that the new stack could change."""
        bare = folder / "project"
        bare.mkdir()
        (bare / "Pulumi.yaml").write_text(f"name: {self.project}\nruntime: python\n", encoding="utf-8")
        return str(bare)


@contextmanager
def _as_error(doing: str, better: Callable[[], LogisticsError | None] = lambda: None) -> Iterator[None]:
    """Raises the engine's refusal as this platform's error, with the engine's last words, or as a `better` one if there is."""
    try:
        yield
    except automation.ConcurrentUpdateError as error:
        raise Locked(f"cannot {doing}: {_last_words(str(error))}") from None
    except automation.CommandError as error:
        raise better() or LogisticsError(f"cannot {doing}: {_last_words(str(error))}") from None
    except OSError as error:  # the Automation API writes files of its own
        raise LogisticsError(f"cannot {doing}: {error}") from None


def _last_words(text: str) -> str:
    """Returns the errors of a command's output with the resource of each, the progress before them left out."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("code:")]
    errors = list(dict.fromkeys(_errors(lines))) or [line for line in lines if "error:" in line]
    causes = [error for error in errors if not error.endswith(_NO_CAUSE)]
    return "; ".join((causes or errors)[-3:]) or " ".join(lines[-3:])


_NO_CAUSE = ("error: update failed", "error: preview failed")
"""What the engine says of the stack when a resource has failed."""
_OF_RESOURCE = re.compile(r"^(?:[\w-]+:)+\w+ \((?P<name>.+)\):$")
_SUMMARY = re.compile(r"^(Resources:|Duration:|Outputs:|stderr:|stdout:|Diagnostics:)")


def _errors(lines: Iterable[str]) -> Iterator[str]:
    """Yields each error on one line: Snowflake says what it refuses on a line of its own."""
    resource, found = "", ""
    for line in lines:
        header = _OF_RESOURCE.match(line)
        is_error = line.startswith("error:")
        if header or _SUMMARY.match(line) or is_error:
            yield from [found] if found else []
            found = ""
        if header:
            resource = f"{header['name']}: "
        elif is_error:
            found = resource + line
        elif found:
            found = f"{found} {line}" if found.endswith(":") else found
    yield from [found] if found else []
