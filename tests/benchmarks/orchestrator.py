"""The orchestrator's parallel run against the sum of its parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from local_server import copy_project
from rich.table import Table

WAITS = 8
WAIT_SECONDS = 1.0


def bench_orchestrator(table: Table) -> None:
    """Eight jobs that wait for an account, and what the platform computes itself, side by side."""
    with tempfile.TemporaryDirectory() as base:
        root = copy_project(Path(base) / "project")
        wait = [sys.executable, "-S", "-c", f"import time; time.sleep({WAIT_SECONDS})"]
        compile_all = ["logistics", "compile", "--environment", "{environment}"]
        cases = {
            f"{WAITS} jobs that wait {WAIT_SECONDS:g} s": ([wait] * WAITS, WAITS),
            "4 jobs that compile the models": ([compile_all] * 4, os.cpu_count() or 1),
        }
        for name, (commands, parallel) in cases.items():
            seconds, parts = _run(root, commands, parallel)
            table.add_row(
                f"{name}, {parallel} at once",
                f"{seconds:.2f} s",
                f"sum of its parts {parts:.2f} s, {parts / seconds:.1f} x",
            )


def _run(root: Path, commands: list[list[str]], parallel: int) -> tuple[float, float]:
    """Seconds of a run, and the sum of its jobs' seconds."""
    jobs = [{"name": f"j{number}", "command": command} for number, command in enumerate(commands)]
    file = root / "bench.yaml"
    file.write_text(yaml.safe_dump({"jobs": jobs, "actions": {"all": [job["name"] for job in jobs]}}))
    options = ["--action", "all", "--job-table", str(file), "--no-record", "--format", "json", "--jobs", str(parallel)]
    began = time.perf_counter()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("logistics")), "orchestrate", *options],
        env={**os.environ, "LOGISTICS_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - began
    return seconds, sum(job["seconds"] for job in json.loads(done.stdout)["jobs"])
