"""A stack on a local Snowflake of its own that is thrown away: what is weakened to see whether it is noticed."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from logistics.connection import connect
from logistics.errors import LogisticsError
from logistics.local import server
from logistics.local.environment import environment
from logistics.pulumi_command import EMBEDDED, PulumiCommand
from logistics.settings import StackSettings, load_stack

_LOCAL_ACCOUNT = {
    "snowflake:organizationName": "LOCAL",
    "snowflake:user": "ADMIN",
    "snowflake:role": "ACCOUNTADMIN",
}
"""What a copied stack file says of its account, whatever the project's says."""
_OF_THE_CALLER = ("PULUMI_", "SNOWFLAKE_")
_NOT_LINKED = frozenset({".local", ".git"})


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """A deployed copy of a stack: its folder, its settings and how to reach it."""

    root: Path
    settings: StackSettings
    variables: Mapping[str, str]

    @contextmanager
    def cursor(self, **login: Any) -> Iterator[Any]:
        """Opens a session; see `logistics.connection.connect` for the arguments."""
        with connect(self.settings, self.variables, **login) as connection:
            yield connection.cursor()


@contextmanager
def scratch(root: Path, stack: str) -> Iterator[Scratch]:
    """Deploys a stack's program to a fresh local Snowflake for a `with` block; the project's folder is only read.

    Args:
        root: the project's folder.
        stack: the stack whose settings are taken; its account, where it names a real one, is never reached.

    Raises:
        LogisticsError: the program cannot be deployed; with Pulumi's last words.
    """
    with tempfile.TemporaryDirectory(prefix="logistics-prove-") as folder, _without_credentials(), _ended_by_signal():
        copy = Path(folder) / "project"
        _copy(root, copy)
        settings = load_stack(copy, stack)
        try:
            server.start(copy, 0)
            _deploy(copy, settings)
            yield Scratch(root=copy, settings=settings, variables=os.environ | environment(copy, settings))
        finally:
            server.stop(copy)


@contextmanager
def _without_credentials() -> Iterator[None]:
    """Takes the caller's accounts and backends out of the environment for a block."""
    kept = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith(_OF_THE_CALLER)}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """Ends the block at SIGTERM as at an interrupt, so that the server does not outlive it."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _copy(root: Path, target: Path) -> None:
    """Links the project's files into a folder; stack files, which Pulumi writes to, are copied."""
    target.mkdir()
    for path in root.iterdir():
        if path.name in _NOT_LINKED:
            continue
        if path.match("Pulumi.*.yaml"):
            _copy_stack_file(path, target / path.name)
        else:
            (target / path.name).symlink_to(path)


def _copy_stack_file(path: Path, target: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document.pop("encryptionsalt", None)
    stack = path.name.split(".")[1].upper()
    document["config"] |= {**_LOCAL_ACCOUNT, "snowflake:accountName": stack}
    target.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _deploy(root: Path, settings: StackSettings) -> None:
    pulumi = PulumiCommand(root, settings.stack, EMBEDDED, environment(root, settings))
    pulumi.ensure_stack()
    program = str(root / "embedded" / "bin" / "pulumi")
    done = subprocess.run(
        [program, "up", "--yes", "--skip-preview", "--non-interactive", "--stack", settings.stack],
        cwd=root,
        env=os.environ | environment(root, settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise LogisticsError(f"the scratch deployment of {settings.stack} failed: {' | '.join(said[-6:])}")
