"""The `pulumi` command of a stack: the embedded one of this project, or the official one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from logistics.errors import LogisticsError, UsageError

EMBEDDED, OFFICIAL = "embedded", "pulumi"
ENGINES = (EMBEDDED, OFFICIAL)
"""What ENGINE may be: the engine of this project, or the official CLI that is on PATH."""


class PulumiCommand:
    """Runs `pulumi` in the project, in a stack's environment."""

    def __init__(self, root: Path, stack: str, engine: str, variables: Mapping[str, str]) -> None:
        """Finds the command.

        Raises:
            UsageError: the official CLI was asked for and is not on PATH.
        """
        self._root = root
        self._stack = stack
        self._program = _program(root, engine)
        self._environment = os.environ | dict(variables)

    def run(self, *arguments: str) -> int:
        """Runs a command on the stack, its output left as it is; returns the exit code."""
        return subprocess.run(
            [self._program, *arguments, "--stack", self._stack], cwd=self._root, env=self._environment, check=False
        ).returncode

    def known_stacks(self) -> dict[str, int]:
        """Returns the project's stacks in the backend and how many resources each has."""
        return {
            entry["name"]: int(entry.get("resourceCount") or 0)
            for entry in json.loads(self.answer(["stack", "ls", "--json"]) or "[]")
        }

    def ensure_stack(self) -> None:
        """Makes the stack if the backend does not know it.

        Raises:
            LogisticsError: the command fails; with its own words.
        """
        if self._stack not in self.known_stacks():
            self.answer(["stack", "init", "--no-select", "--stack", self._stack])

    def resource_counts(self) -> Counter[str]:
        """Returns how many resources of each type the stack has, components and providers apart."""
        types = (
            resource["type"]
            for resource in self._export()["deployment"].get("resources") or []
            if resource.get("custom")
        )
        return Counter(kind.rsplit(":", 1)[-1] for kind in types if not kind.startswith("pulumi:"))

    def unprotect(self, folder: Path) -> None:
        """Takes the protection off every resource of the stack's state, so that it can be destroyed.

        Args:
            folder: where the changed state may lie for a moment.
        """
        exported = self._export()
        for resource in exported["deployment"].get("resources") or []:
            resource.pop("protect", None)
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".json", encoding="utf-8") as file:
            json.dump(exported, file)
            file.flush()
            self.answer(["stack", "import", "--file", file.name, "--stack", self._stack])

    def deployment(self) -> dict[str, Any]:
        """Returns the stack's state as `pulumi stack export` has it; secrets stay encrypted."""
        return self._export()["deployment"]

    def _export(self) -> dict[str, Any]:
        """Returns the stack's state; secrets stay encrypted."""
        exported = json.loads(self.answer(["stack", "export", "--stack", self._stack]))
        exported["deployment"] = exported.get("deployment") or {}
        return exported

    def answer(self, arguments: Sequence[str]) -> str:
        """Runs a command as it stands, without a terminal, and returns what it prints.

        Raises:
            LogisticsError: it fails; with its own words.
        """
        done = subprocess.run(
            [self._program, "--non-interactive", *arguments],
            cwd=self._root,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LogisticsError(f"pulumi {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


def program_folder(root: Path, engine: str) -> str:
    """Returns the folder that holds `bin/pulumi`, as Pulumi's Automation API wants it.

    Raises:
        UsageError: the official CLI was asked for and is not on PATH.
    """
    return str(Path(_program(root, engine)).parent.parent)


def _program(root: Path, engine: str) -> str:
    if engine == EMBEDDED:
        return str(root / "embedded" / "bin" / "pulumi")
    found = shutil.which("pulumi")
    if found is None:
        raise UsageError(
            "ENGINE=pulumi asks for the official CLI, which is not on PATH: install it, or leave ENGINE out"
        )
    return found
