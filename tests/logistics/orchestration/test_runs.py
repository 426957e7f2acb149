"""Whole runs by the command: real processes, locks, kills and signals."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request

import psutil
import pytest

SLEEPS = "open({file!r}, 'w').write(str(__import__('os').getpid())); __import__('time').sleep(600)"


def eventually(question, seconds=60):
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return answer


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def sleeper(job, tmp_path):
    """A job that runs until it is ended, and the number of its process."""
    file = tmp_path / "pid"
    return job("sleeps", SLEEPS.format(file=str(file))), lambda: int(
        eventually(lambda: file.is_file() and file.read_text())
    )


def test_one_failing_job_stops_no_other_and_its_dependents_say_why(command, table, job, tmp_path):
    flaky = (
        f"import pathlib, sys; p = pathlib.Path({str(tmp_path / 'n')!r}); n = p.exists(); p.touch(); sys.exit(not n)"
    )
    file = table(
        job("good", "print('fine')"),
        job("bad", "import sys; print('error: it broke', file=sys.stderr); sys.exit(1)", retries=1),
        job("after_bad", needs=["bad"]),
        job("after_that", needs=["after_bad"]),
        job("slow", "import time; time.sleep(600)", timeout_seconds=1),
        job("flaky", flaky, retries=2),
        {"name": "absent", "command": ["/no/such/program"]},
    )
    code, report, said = command.run(file, "--jobs", "3")
    jobs = {each["job"]: each for each in report["jobs"]}
    assert {name: each["state"] for name, each in jobs.items()} == {
        "good": "succeeded",
        "bad": "failed",
        "after_bad": "skipped",
        "after_that": "skipped",
        "slow": "timed_out",
        "flaky": "succeeded",
        "absent": "failed",
    }
    assert jobs["bad"]["reason"] == "ended with 1: it broke"
    assert jobs["bad"]["attempts"] == jobs["flaky"]["attempts"] == 2
    assert jobs["after_bad"]["reason"] == "needs bad, which failed"
    assert jobs["after_that"]["reason"] == "needs after_bad, which was skipped"
    assert (code, report["result"]) == (1, "failed")
    assert "slow timed out" in said
    recorded = json.loads(next(command.folder.glob("*.json")).read_text())
    assert recorded["report"] == report


def test_all_well_is_0_and_the_file_is_written_whole(command, table, job, tmp_path):
    target = tmp_path / "reports" / "r.html"
    code, report, _ = command.run(table(job("good")), "--format", "html", "--output", str(target))
    assert (code, report) == (0, None)
    assert target.read_text().startswith("<!doctype html>")
    assert [path.name for path in target.parent.iterdir()] == ["r.html"]


def test_a_second_run_is_refused_and_told_who_holds_it(command, table, sleeper):
    job, pid = sleeper
    first = command.start(table(job), "--grace", "0")
    pid()
    code, report, said = command.run(table(job))
    assert (code, report) == (4, None)
    assert f"dev is orchestrated by all, process {first.pid}" in said
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 128 + signal.SIGTERM


def test_after_a_kill_the_next_run_takes_over_and_ends_what_was_left(command, table, job, sleeper):
    sleeps, pid = sleeper
    first = command.start(table(sleeps))
    left = pid()
    eventually(lambda: any(json.loads(path.read_text())["processes"] for path in command.folder.glob("*.json")))
    first.kill()
    first.wait(30)
    assert alive(left)
    code, report, _ = command.run(table(job("good")))
    assert (code, report["result"]) == (0, "succeeded")
    eventually(lambda: not alive(left))
    killed = json.loads(sorted(command.folder.glob("*.json"))[0].read_text())
    assert killed["result"] == "stopped"
    assert "1 of its jobs were ended by the next run" in killed["notes"][0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_stops_with_a_record(command, table, job, sleeper, number):
    sleeps, pid = sleeper
    process = command.start(table(sleeps, job("later", needs=["sleeps"])), "--grace", "0")
    running = pid()
    process.send_signal(number)
    out, _ = process.communicate(timeout=120)
    report = json.loads(out)
    assert process.returncode == 128 + number
    assert report["result"] == "stopped"
    assert [each["state"] for each in report["jobs"]] == ["stopped", "stopped"]
    assert not alive(running)


def test_a_running_job_may_end_within_the_grace(command, table, job, tmp_path):
    up, go = tmp_path / "up", tmp_path / "go"
    code = f"import os, time; open({str(up)!r}, 'w').close()\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\nprint('whole')"
    process = command.start(table(job("works", code), job("later", needs=["works"])), "--grace", "60")
    eventually(up.exists)
    process.send_signal(signal.SIGTERM)
    go.touch()
    report = json.loads(process.communicate(timeout=120)[0])
    assert [each["state"] for each in report["jobs"]] == ["succeeded", "stopped"]
    assert report["jobs"][0]["findings"][0]["evidence"] == "whole"


def test_continuous_runs_at_once_and_ends_gently(command, table, job):
    process = command.start(table(job("good")), "--continuous", "--schedule", "0 0 1 1 * UTC", "--metrics-port", "0")
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    address = next(line.split()[-1] for line in lines if line.startswith("metrics at"))
    assert any(line.startswith("next at ") for line in lines)
    page = urllib.request.urlopen(address).read().decode()
    assert 'logistics_jobs_total{environment="dev",job="good",state="succeeded"} 1.0' in page
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--schedule", "* * * * *"], "--schedule needs --continuous"),
        (["--continuous", "--schedule", "tea time"], "'tea time' is no schedule"),
        (["--action", "tea"], "there is no action tea: allowed: all"),
        (["--jobs", "0"], "--jobs"),
        (["--environment", "nowhere"], "there is no stack 'nowhere'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_use_is_one_error(command, table, job, arguments, words):
    code, report, said = command.run(table(job("good")), *arguments)
    assert (code, report) == (2, None)
    assert words in said
