"""What `logistics deploy` and `logistics rollback` cost against a bare `pulumi up` of the same change of the dev stack."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_server import copy_project
from rich.table import Table

RUNS = 2
"""Times that up and rollback are measured; the quicker counts, since others on the machine only slow it down."""
_BARE = (
    "env",
    "--stack",
    "dev",
    "--",
    "pulumi",
    "up",
    "--yes",
    "--skip-preview",
    "--non-interactive",
    "--stack",
    "dev",
)


def bench_deployments(table: Table) -> None:
    """One warehouse of the dev stack made larger: by a bare up, back by a rollback, and again by a deployment."""
    with tempfile.TemporaryDirectory() as base, _project(Path(base)) as (root, environment):
        seconds: dict[str, list[float]] = {"up": [], "rollback": [], "deploy": []}

        def timed(what: str, *arguments: str) -> None:
            began = time.perf_counter()
            _logistics(root, environment, *arguments)
            seconds[what].append(time.perf_counter() - began)

        _logistics(root, environment, "deploy", "--yes")
        stack = root / "Pulumi.dev.yaml"
        stack.write_text(stack.read_text().replace("warehouseSize: X-SMALL", "warehouseSize: SMALL"))
        for _ in range(RUNS):
            timed("up", *_BARE)
            timed("rollback", "rollback", "--yes", "--to", "1")
        timed("deploy", "deploy", "--yes")
        up, back, deploy = (min(seconds[what]) for what in ("up", "rollback", "deploy"))
        table.add_row("bare up of the change", f"{up:.2f} s", "through `logistics env`")
        table.add_row(
            "rollback of that version", f"{back:.2f} s", f"{back / up:.2f} x the up; previewed, backed up, verified"
        )
        table.add_row(
            "deploy of the same change", f"{deploy:.2f} s", f"{deploy / up:.2f} x the up; checked, previewed, tested"
        )


@contextmanager
def _project(base: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A copy of the project with a local Snowflake of its own for the length of the block."""
    root = copy_project(base / "project")
    foreign = ("PULUMI", "SNOWFLAKE", "LOGISTICS")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    environment = kept | {"LOGISTICS_ROOT": str(root)}
    _logistics(root, environment, "local", "start", "--port", "0")
    try:
        yield root, environment
    finally:
        _logistics(root, environment, "local", "stop")


def _logistics(root: Path, environment: dict[str, str], *arguments: str) -> None:
    command = [str(Path(sys.prefix) / "bin" / "logistics"), *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
