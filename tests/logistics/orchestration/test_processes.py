"""Processes are started in groups of their own, limited, and ended with all that they started."""

from __future__ import annotations

import os
import sys
import threading
import time

import psutil
import pytest

from logistics.orchestration import processes
from logistics.orchestration.processes import Processes, created_at, end_leftovers

CHILD = "import os, signal, sys, time; signal.signal(15, signal.SIG_IGN); open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
PARENT = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-S', '-c', *sys.argv[1:]]); time.sleep(600)"


@pytest.fixture
def runner(tmp_path):
    return Processes(tmp_path, dict(os.environ), term_seconds=0.3)


def python(code, *arguments):
    return [sys.executable, "-S", "-c", code, *map(str, arguments)]


def wait_until(question):
    end = time.monotonic() + 60
    while not question():
        assert time.monotonic() < end
        time.sleep(0.02)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_output_errors_and_code_are_kept(runner):
    done = runner.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"), 30)
    assert (done.exit_code, done.output, done.errors, done.timed_out) == (7, "out\n", "err\n", False)


def test_a_program_that_is_not_there_is_no_crash(runner):
    done = runner.run(["/no/such/program"], 30)
    assert done.exit_code is None
    assert "/no/such/program: No such file" in done.errors


def test_the_time_limit_ends_it(runner):
    done = runner.run(python("import time; time.sleep(600)"), 0.2)
    assert done.timed_out
    assert done.exit_code < 0


def test_the_whole_group_is_ended_even_what_ignores_sigterm(runner, tmp_path):
    file = tmp_path / "child"
    thread = threading.Thread(target=runner.run, args=(python(PARENT, CHILD, file), 600))
    thread.start()
    wait_until(lambda: file.is_file() and file.read_text())
    runner.end_all()
    thread.join(30)
    wait_until(lambda: gone(int(file.read_text())))


def test_too_much_output_is_not_read(runner, monkeypatch):
    monkeypatch.setattr(processes, "MAX_OUTPUT_BYTES", 1000)
    done = runner.run(python("print('x' * 5000)"), 30)
    assert (done.overflowed, len(done.output)) == (True, 1000)


def test_output_that_is_no_text_does_not_stop_the_reading(runner):
    assert runner.run(python("import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok')"), 30).output.endswith(" ok")


def test_ending_all_ends_what_runs_and_starts_nothing_more(runner):
    up = threading.Event()
    done = []
    thread = threading.Thread(
        target=lambda: done.append(runner.run(python("import time; time.sleep(600)"), 600, up.set))
    )
    thread.start()
    assert up.wait(30)
    known = runner.running()
    runner.end_all()
    thread.join(30)
    assert done[0].exit_code < 0
    assert created_at(known[0]["pid"]) is None
    assert runner.run(python("print('no')"), 30).exit_code is None


def test_a_later_process_of_the_same_id_is_left_alone():
    own = {"pid": os.getpid(), "created": 1.0}
    assert end_leftovers([own]) == 0
