"""The two commands of the README in a copy of the project, with real processes all the way."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from local_server import copy_project

Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project without state, in the environment that runs the tests."""
    return copy_project(tmp_path / "copy")


@pytest.fixture
def make(copy: Path) -> Iterator[Make]:
    """Runs a target; the environment counts as installed, since it is the tests' own."""
    # A make that was started by `make test` would say on standard output which folder it enters.
    foreign = ("PULUMI", "SNOWFLAKE", "MAKE", "MFLAGS")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    environment["LOGISTICS_ROOT"] = str(copy)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "-o", ".venv/.installed", "-o", ".venv/.installed-handlers", *arguments]
        return subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=900, check=False
        )

    yield run
    subprocess.run(
        [Path(sys.prefix) / "bin/logistics", "local", "stop"], env=environment, check=True, capture_output=True
    )


@pytest.mark.slow
def test_from_the_first_up_to_down(make, copy):
    _deploys_loads_and_shows(make("up", "SCALE=0.001", "LOCAL_PORT=0"))
    _changes_nothing(make("up", "SCALE=0.001"))
    assert make("preview", "ARGS=--expect-no-changes").returncode == 0
    _shows_exactly_the_change(make, copy / "Pulumi.dev.yaml")
    _leaves_neither_objects_nor_process(make, copy)


def test_up_in_a_fresh_clone_installs_what_runs_and_no_more(copy):
    (copy / ".venv").unlink()
    done = subprocess.run(["make", "-n", "up"], cwd=copy, capture_output=True, text=True, timeout=900, check=True)
    # The platform's procedure is Python: without the handlers' environment the deployment would fail.
    assert list(dict.fromkeys(re.findall(r"-r requirements/(\w+)\.txt", done.stdout))) == ["run", "handlers"]


def _deploys_loads_and_shows(done):
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("TPC-H scale 0.001", "rows loaded", "update_customer_segments done", "Deployed", "LOW_FREQUENCY"):
        assert words in done.stdout
    assert "contact1@building.example" in done.stdout
    assert "***@building.example" in done.stdout


def _changes_nothing(done):
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("unchanged", "nothing pending"):
        assert words in done.stdout
    assert " created" not in done.stdout
    assert " updated" not in done.stdout


def _shows_exactly_the_change(make, stack_file):
    text = stack_file.read_text()
    stack_file.write_text(text.replace("autoSuspendSeconds: 60", "autoSuspendSeconds: 90"))
    done = make("preview", "ARGS=--json")
    stack_file.write_text(text)
    steps = [step for step in json.loads(done.stdout)["steps"] if step["op"] not in ("same", "read")]
    changed = [(step["op"], step["urn"].split("::")[2].rsplit(":", 1)[-1]) for step in steps]
    assert changed == [("update", "Warehouse")] * 3


def _leaves_neither_objects_nor_process(make, copy):
    record = json.loads((copy / ".local/snowflake/server.json").read_text())
    done = make("down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not psutil.pid_exists(record["pid"]) or psutil.Process(record["pid"]).status() == psutil.STATUS_ZOMBIE
    state = json.loads(next((copy / ".local/state").rglob("stacks/logistics/dev.json")).read_text())
    left = (state["checkpoint"]["latest"] or {}).get("resources") or []
    assert [resource["urn"] for resource in left if resource["type"].startswith("snowflake:")] == []
