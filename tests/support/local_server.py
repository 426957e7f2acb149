"""The local Snowflake as a process, and Pulumi on it: what end-to-end tests and benchmarks start.

Everything goes through the real interfaces: `python -m embedded.snowflake serve`, the connector, `embedded/bin/pulumi`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import snowflake.connector

PROJECT = Path(__file__).resolve().parents[2]
PASSWORD = "a-test-password"
_LISTENS = re.compile(r"http://127\.0\.0\.1:(\d+)")


def log_in(port: int, password: str, *, account: str = "LOCAL-DEV", user: str = "ADMIN", **options: Any) -> Any:
    """A connection to the local Snowflake at a port of this machine; `options` are the connector's."""
    where = {"account": account, "host": "127.0.0.1", "port": port, "protocol": "http"}
    # Named, since the connector warns of a default that will change.
    keep_alive = {"enable_server_session_keep_alive_auto_detection": False}
    return snowflake.connector.connect(user=user, password=password, **where, **keep_alive, **options)


class LocalServer:
    """A server process on a free port; `data` None keeps everything in memory."""

    def __init__(self, data: Path | None = None, port: int = 0) -> None:
        self.data = data
        self.port = port
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> LocalServer:
        """Start it and wait until it says where it listens.

        Raises:
            RuntimeError: it ended instead; the message is what it said.
        """
        where = ["--memory"] if self.data is None else ["--data", str(self.data)]
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "embedded.snowflake",
                "serve",
                "--host",
                "127.0.0.1",
                "--port",
                str(self.port),
                *where,
            ],
            cwd=PROJECT,
            env={**os.environ, "LOCAL_SNOWFLAKE_ADMIN_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        found = _LISTENS.search(line)
        if found is None:
            raise RuntimeError(line + self.process.stderr.read())
        self.port = int(found[1])
        for pipe in (self.process.stdout, self.process.stderr):
            threading.Thread(target=pipe.read, daemon=True).start()
        return self

    def stop(self, *, kill: bool = False) -> None:
        """End it: gently, or as a crash would."""
        if self.process is None:
            return
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(timeout=120)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        self.process = None

    def connect(self, account: str = "LOCAL-DEV", user: str = "ADMIN", password: str = PASSWORD, **options: Any) -> Any:
        """Log in with the connector."""
        return log_in(self.port, password, account=account, user=user, **options)

    def environment(self) -> dict[str, str]:
        """What a stack needs to reach it."""
        return {
            "SNOWFLAKE_HOST": "127.0.0.1",
            "SNOWFLAKE_PORT": str(self.port),
            "SNOWFLAKE_PROTOCOL": "http",
            "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",
            "SNOWFLAKE_PASSWORD": PASSWORD,
        }


@contextmanager
def local_server(data: Path | None = None) -> Iterator[LocalServer]:
    """A server for the length of the block."""
    server = LocalServer(data).start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Project:
    """A Pulumi project folder with state, home and passphrase of its own."""

    folder: Path
    state: Path
    environment: Mapping[str, str]

    def pulumi(
        self, *arguments: str, check: bool = True, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the drop-in `pulumi` in the project.

        Raises:
            AssertionError: it failed and `check` is set; the message holds its output.
        """
        return run(
            [str(PROJECT / "embedded" / "bin" / "pulumi"), *arguments],
            self.folder,
            {**self.environment, **(environment or {})},
            check,
        )

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the drop-in `pulumi` in the background, in a process group of its own."""
        return subprocess.Popen(
            [str(PROJECT / "embedded" / "bin" / "pulumi"), *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, its output kept.

    Raises:
        AssertionError: it failed and `check` is set; the message holds its output.
    """
    done = subprocess.run(
        list(command),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )
    assert not check or done.returncode == 0, (
        f"{' '.join(command)} gave {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    )
    return done


def pulumi_project(folder: Path, base: Path, server: LocalServer) -> Project:
    """A project folder with its state and home under `base`, on a server."""
    for name in ("state", "home"):
        (base / name).mkdir(parents=True, exist_ok=True)
    environment = {
        **server.environment(),
        "PULUMI_BACKEND_URL": f"file://{base / 'state'}",
        "PULUMI_HOME": str(base / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "a-passphrase",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    return Project(folder, base / "state", environment)


def copy_project(target: Path) -> Path:
    """Copy the project's own files (tracked, and new ones not ignored) to a folder; the virtual environment is shared by a link."""
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], PROJECT, {}).stdout.splitlines()
    for name in listed:
        source = PROJECT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    for stack_file in target.glob("Pulumi.*.yaml"):
        # The salt belongs to the passphrase of whoever ran `make up` here.
        kept = [
            line for line in stack_file.read_text().splitlines(keepends=True) if not line.startswith("encryptionsalt:")
        ]
        stack_file.write_text("".join(kept))
    (target / ".venv").symlink_to(PROJECT / ".venv")
    return target
