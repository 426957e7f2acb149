"""Tables of tiny jobs, run in this process or by the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from logistics.orchestration.jobs import JobTable, load_jobs

PYTHON = sys.executable


def tiny(name: str, code: str = "pass", **about: Any) -> dict[str, Any]:
    """A job that runs Python code, with pauses too short to notice."""
    return {"name": name, "command": [PYTHON, "-S", "-c", code], "backoff_seconds": 0.01, **about}


@pytest.fixture
def job() -> Callable[..., dict[str, Any]]:
    """Describes a job."""
    return tiny


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Writes a table of jobs whose action `all` runs them all."""

    def write(*jobs: dict[str, Any]) -> Path:
        file = tmp_path / "jobs.yaml"
        file.write_text(yaml.safe_dump({"jobs": list(jobs), "actions": {"all": [each["name"] for each in jobs]}}))
        return file

    return write


@pytest.fixture
def jobs_of(table: Callable[..., Path]) -> Callable[..., JobTable]:
    """Reads back a table of jobs."""
    return lambda *jobs: load_jobs(table(*jobs))


class Command:
    """The command on a copy of the project without an account."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".local" / "orchestrator" / "dev"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI", "SNOWFLAKE", "OTEL"))}
        self._environment = kept | {"LOGISTICS_ROOT": str(root)}
        self._started: list[subprocess.Popen[str]] = []

    def start(self, table: Path, *arguments: str) -> subprocess.Popen[str]:
        """Start a run of all jobs of a table."""
        command = [
            str(Path(PYTHON).with_name("logistics")),
            "orchestrate",
            "--action",
            "all",
            "--job-table",
            str(table),
        ]
        process = subprocess.Popen(
            [*command, "--no-record", "--format", "json", *arguments],
            cwd=self.root,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def run(self, table: Path, *arguments: str) -> tuple[int, Any, str]:
        """Run to the end; the exit code, the report (None where there is none) and what was said beside it."""
        process = self.start(table, *arguments)
        out, err = process.communicate(timeout=900)
        return process.returncode, json.loads(out) if out.strip() else None, err

    def close(self) -> None:
        """End what a failing test left."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def command(project: Path) -> Iterator[Command]:
    """The command, on a project of its own."""
    made = Command(project)
    yield made
    made.close()
