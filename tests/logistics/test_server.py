"""The care of the background process, on a stand-in that answers HTTP."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys

import psutil
import pytest

from logistics.errors import Locked, LogisticsError
from logistics.local import server

ANSWERS = "import sys, http.server as h; h.HTTPServer(('127.0.0.1', int(sys.argv[1])), h.SimpleHTTPRequestHandler).serve_forever()"
BREAKS = "import sys; sys.exit('no room on the device')"


@pytest.fixture
def stand_in(project, monkeypatch):
    """Lets the server be a short program; stops what a test leaves running."""

    def use(program):
        monkeypatch.setattr(server, "_command", lambda port, _: [sys.executable, "-c", program, str(port)])
        return project

    yield use
    server.stop(project)


def taken():
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening, listening.getsockname()[1]


def test_it_starts_is_found_and_stops(stand_in):
    root = stand_in(ANSWERS)
    running, started = server.start(root)
    assert started
    assert server.start(root) == (running, False)
    assert server.find(root) == running
    assert server.stop(root) == running
    assert not psutil.pid_exists(running.pid) or psutil.Process(running.pid).status() == psutil.STATUS_ZOMBIE
    assert server.find(root) is None
    assert server.stop(root) is None


def test_a_port_that_was_asked_for_and_is_taken_is_told(stand_in):
    listening, port = taken()
    with listening, pytest.raises(LogisticsError, match=f"port {port} on 127.0.0.1 is taken by another program"):
        server.start(stand_in(ANSWERS), port)


def test_the_default_port_gives_way(stand_in, monkeypatch):
    listening, port = taken()
    monkeypatch.setattr(server, "DEFAULT_PORT", port)
    with listening:
        running, _ = server.start(stand_in(ANSWERS))
    assert running.port != port


def test_another_port_than_the_running_one_is_told(stand_in):
    root = stand_in(ANSWERS)
    running, _ = server.start(root)
    with pytest.raises(LogisticsError, match=f"already runs on port {running.port}"):
        server.start(root, running.port + 1)


def test_what_it_says_when_it_breaks_is_shown(stand_in):
    root = stand_in(BREAKS)
    with pytest.raises(LogisticsError, match="stopped while it started:\nno room on the device"):
        server.start(root)
    assert server.find(root) is None


def test_another_process_with_its_number_is_left_alone(project):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    record = {"pid": other.pid, "started": psutil.Process(other.pid).create_time() - 3600, "port": 1}
    (server.server_folder(project) / "server.json").write_text(json.dumps(record))
    assert server.find(project) is None
    assert server.stop(project) is None
    assert other.poll() is None
    other.communicate(b"\n")


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"pid": "x"}'])
def test_a_broken_record_is_no_server(project, record):
    (server.server_folder(project) / "server.json").write_text(record)
    assert server.find(project) is None


def test_the_admin_password_reaches_it_by_environment_alone(stand_in):
    root = stand_in(ANSWERS)
    running, _ = server.start(root)
    password = (root / ".local/admin-password").read_text()
    process = psutil.Process(running.pid)
    assert process.environ()["LOCAL_SNOWFLAKE_ADMIN_PASSWORD"] == password
    assert password not in " ".join(process.cmdline())
    assert os.getsid(running.pid) == running.pid


def test_two_do_not_start_it_at_once(stand_in, monkeypatch):
    root = stand_in(ANSWERS)
    monkeypatch.setattr(server, "START_SECONDS", 0)
    monkeypatch.setattr(server, "STOP_SECONDS", 0)
    with (server.server_folder(root) / "lock").open("w") as held:
        held.write("4242")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Locked, match="process 4242 starts or stops the local Snowflake"):
            server.start(root)
    monkeypatch.undo()
