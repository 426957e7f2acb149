"""The engine of a killed command that works on is found; a dead one, another machine's and a number used again are not."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from logistics.deployment import commands
from logistics.deployment.locks import engine_at_work
from logistics.deployment.runs import Runs
from logistics.errors import Locked


@pytest.fixture
def asked(tmp_path):
    """Asks with one lock of a process in the backend."""

    def asking(pid, host=None):
        folder = tmp_path / ".pulumi" / "locks" / "organization" / "logistics" / "dev"
        folder.mkdir(parents=True, exist_ok=True)
        lock = {"pid": pid, "username": "anna", "hostname": host or socket.gethostname(), "timestamp": "now"}
        (folder / "1.json").write_text(json.dumps(lock))
        return engine_at_work(f"file://{tmp_path}", "logistics", "dev")

    return asking


@pytest.fixture
def engine():
    """A process whose command line names the engine."""
    text = "import sys; print(flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", text, "pulumi"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it has become that program
    yield process
    process.stdin.close()
    process.wait()
    process.stdout.close()


def test_an_engine_that_runs_is_told(asked, engine):
    assert asked(engine.pid) == f"process {engine.pid} of anna since now"


def test_no_engine_of_this_machine_is_left_to_the_engine(asked, engine, tmp_path):
    assert asked(engine.pid, host="elsewhere") == ""
    assert asked(os.getpid()) == ""  # a process, but no engine
    engine.stdin.close()
    engine.wait()
    assert asked(engine.pid) == ""
    assert engine_at_work(f"file://{tmp_path}", "logistics", "prod") == ""
    assert engine_at_work("s3://bucket", "logistics", "dev") == ""


def test_a_lock_that_cannot_be_read_is_nobody_s(asked, tmp_path):
    asked(1, host="elsewhere")
    next(tmp_path.rglob("1.json")).write_text("{half")
    assert engine_at_work(f"file://{tmp_path}", "logistics", "dev") == ""


def test_what_a_killed_command_left_is_closed_once_its_engine_has_ended(asked, engine, tmp_path):
    asked(engine.pid)
    runs, released = Runs(tmp_path, "dev"), []
    context = SimpleNamespace(
        runs=runs,
        variables={"PULUMI_BACKEND_URL": f"file://{tmp_path}"},
        engine=SimpleNamespace(project="logistics", release=lambda: released.append(True)),
        settings=SimpleNamespace(stack="dev"),
    )
    runs.start("deploy")
    runs.phase(runs.start("rollback"), "update")  # which the failed deployment began
    with pytest.raises(Locked, match=f"process {engine.pid} of anna"):
        commands._tell_unfinished(context)
    assert not released and [run.result for run in runs.all()] == ["running", "running"]
    engine.stdin.close()
    engine.wait()
    found = commands._tell_unfinished(context)
    assert found is not None and (found.kind, found.phase, found.result) == ("rollback", "update", "stopped")
    assert released and [run.result for run in runs.all()] == ["stopped", "stopped"]
