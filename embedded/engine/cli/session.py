"""What all commands share: the working directory, colours, the project, the backend, the stack and its secrets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from embedded.engine import project as projects
from embedded.engine.backend import login
from embedded.engine.backend.checkpoints import Checkpoint, is_truthy
from embedded.engine.backend.references import StackReference
from embedded.engine.backend.stacks import FileBackend
from embedded.engine.errors import EngineError, NoStackSelectedError, StackNotFoundError
from embedded.engine.project import Project
from embedded.engine.secrets import PassphraseManager, SecretsManager, manager_of, read_passphrase
from embedded.engine.stackfile import StackFile

COLOR_CHOICES = ("auto", "always", "never", "raw")
_UNSUPPORTED = ("memprofilerate", "otel-traces", "profiling", "tracing")


class Session:
    """The surroundings of one command."""

    def __init__(self, flags: dict[str, Any]) -> None:
        self.color_choice: str = flags["color"]
        self.emoji: bool = flags["emoji"]
        self.qualify_names: bool = flags["fully_qualify_stack_names"]
        self.verify_integrity = not flags["disable_integrity_checking"]
        self.verbose: int = flags["verbose"]
        self.log_to_stderr: bool = flags["logtostderr"]
        self.log_flow: bool = flags["logflow"]
        self.non_interactive: bool = flags["non_interactive"]
        self._managers: dict[str, PassphraseManager] = {}

    @classmethod
    def start(cls, flags: dict[str, Any]) -> Session:
        """Check the global flags and go to the working directory.

        Raises:
            EngineError: An unknown colour choice, or no such folder.
        """
        if flags["color"] not in COLOR_CHOICES:
            raise EngineError(
                f"unsupported color option: '{flags['color']}'.  Supported values are: {', '.join(COLOR_CHOICES)}"
            )
        for name in _UNSUPPORTED:
            if flags[name.replace("-", "_")]:
                raise EngineError(f"--{name} is not supported by this engine")
        if flags["cwd"]:
            try:
                os.chdir(flags["cwd"])
            except OSError as error:
                raise EngineError(f"chdir {flags['cwd']}: {(error.strerror or '').lower()}") from error
        return cls(flags)

    @property
    def interactive(self) -> bool:
        """Whether there is somebody to ask: both ends are terminals and nothing forbids it."""
        return (
            not self.non_interactive
            and not is_truthy("PULUMI_NON_INTERACTIVE")
            and sys.stdin.isatty()
            and sys.stdout.isatty()
            and not is_truthy("CI")
        )

    @property
    def color(self) -> str:
        """How colours go to standard output: always, never or raw."""
        if self.color_choice != "auto":
            return self.color_choice
        plain = os.environ.get("NO_COLOR") is not None or not sys.stdout.isatty()
        return "never" if plain else "always"

    # --- project and backend -----------------------------------------------------------------------------------------

    @cached_property
    def project(self) -> Project:
        """The project of the working directory.

        Raises:
            EngineError: There is none, or its file is broken.
        """
        return projects.load_project()

    @cached_property
    def optional_project(self) -> Project | None:
        """The project of the working directory; None outside any.

        Raises:
            EngineError: Its file is broken.
        """
        return self.project if projects.find_project_file(Path.cwd()) else None

    @cached_property
    def backend(self) -> FileBackend:
        """The backend in use.

        Raises:
            EngineError: There is none, or it cannot be opened.
        """
        return login.open_backend(self.optional_project)

    def show_name(self, reference: StackReference) -> str:
        """A stack's name for the user's eyes."""
        return self.backend.display_name(reference, self.qualify_names)

    # --- stacks ------------------------------------------------------------------------------------------------------

    def existing_stack(self, name: str) -> StackReference:
        """The stack of a name.

        Raises:
            StackNotFoundError: There is none.
        """
        reference = self.backend.parse(name)
        if not self.backend.exists(reference):
            raise StackNotFoundError(name)
        return reference

    def current_stack(self) -> StackReference | None:
        """The selected stack; None if none is selected."""
        project = self.optional_project
        return login.selected_stack(self.backend, project) if project else None

    def require_stack(self, name: str) -> StackReference:
        """The stack of a name, or without one the selected stack.

        Raises:
            StackNotFoundError: There is none of that name.
            NoStackSelectedError: No name, and none is selected.
        """
        if name:
            return self.existing_stack(name)
        reference = self.current_stack()
        if reference is None:
            raise NoStackSelectedError
        if not self.backend.exists(reference):
            raise StackNotFoundError(self.show_name(reference))
        return reference

    # --- configuration and secrets -----------------------------------------------------------------------------------

    def stack_file(self, reference: StackReference, override: str = "") -> StackFile:
        """The configuration file of a stack.

        Args:
            reference: The stack.
            override: Another file to take instead.

        Raises:
            EngineError: The file is broken.
        """
        project = self.project
        path = Path(override).absolute() if override else project.stack_file(reference.name)
        return StackFile.load(path, project.name)

    def passphrase(self, prompt: str = "Enter your passphrase to unlock config/secrets") -> str:
        """The passphrase of the environment, or asked for.

        Raises:
            EngineError: There is none and nobody to ask.
        """
        return read_passphrase(prompt, self._ask_hidden if self.interactive else None)

    def _ask_hidden(self, prompt: str) -> str:
        import getpass

        return getpass.getpass(
            f"{prompt}\n    (set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to remember): "
        )

    def manager_of_salt(self, salt: str) -> PassphraseManager:
        """The secrets manager of an `encryptionsalt`; one a salt.

        Raises:
            EngineError: There is no passphrase, or the salt is malformed.
        """
        if salt not in self._managers:
            self._managers[salt] = PassphraseManager(salt, self.passphrase())
        return self._managers[salt]

    def state_manager(self, checkpoint: Checkpoint) -> SecretsManager | None:
        """The secrets manager of a stack's state; its errors show when a secret is read. None if the state names none."""
        provider = (checkpoint.deployment or {}).get("secrets_providers")
        if not provider or not provider.get("type"):
            return None
        salt = (provider.get("state") or {}).get("salt") or ""
        if salt in self._managers:
            return self._managers[salt]
        manager = manager_of(provider, self.passphrase)
        if isinstance(manager, PassphraseManager):
            self._managers[salt] = manager
        return manager

    def config_manager(self, file: StackFile, checkpoint: Callable[[], Checkpoint] | None = None) -> PassphraseManager:
        """The secrets manager that a stack's file names; a file that names none is given one and saved.

        Args:
            file: The stack's file.
            checkpoint: Reads the stack's state, whose provider is taken over if the file names none.

        Raises:
            EngineError: There is no passphrase, or another kind of provider is named.
        """
        if file.secrets_provider not in ("", "default", "passphrase"):
            raise EngineError(
                f"'{file.path}': unsupported secretsprovider '{file.secrets_provider}' (supported: passphrase)"
            )
        if file.encryption_salt:
            return self.manager_of_salt(file.encryption_salt)
        provider = ((checkpoint().deployment or {}).get("secrets_providers") or {}) if checkpoint else {}
        salt = (provider.get("state") or {}).get("salt") if provider.get("type") == "passphrase" else None
        manager = self.manager_of_salt(salt) if salt else self.new_manager()
        file.encryption_salt = manager.state["state"]["salt"]
        file.save()
        return manager

    def new_manager(self) -> PassphraseManager:
        """A passphrase manager with a new salt.

        Raises:
            EngineError: There is no passphrase.
        """
        manager = PassphraseManager.create(self._new_passphrase())
        self._managers[manager.salt_state] = manager
        return manager

    def _new_passphrase(self) -> str:
        first = self.passphrase("Enter your passphrase to protect config/secrets")
        second = self.passphrase("Re-enter your passphrase to confirm")
        if first != second:
            raise EngineError("passphrases do not match")
        return first
