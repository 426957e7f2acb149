"""The server as a process: start, stop, crash."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest
from local_server import LocalServer


@pytest.fixture
def start(tmp_path):
    started = []

    def make(**options):
        started.append(LocalServer(tmp_path / "data", **options).start())
        return started[-1]

    yield make
    for server in started:
        server.stop()


def serve(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "embedded.snowflake", "serve", *arguments],
        env={**{k: v for k, v in os.environ.items() if k != "LOCAL_SNOWFLAKE_ADMIN_PASSWORD"}, **environment},
        capture_output=True,
        text=True,
        timeout=900,
    )


def execute(server, *texts):
    connection = server.connect()
    try:
        return [connection.cursor().execute(text).fetchall() for text in texts][-1]
    finally:
        connection.close()


def test_password_is_needed():
    done = serve("--memory")
    assert done.returncode == 1
    assert "LOCAL_SNOWFLAKE_ADMIN_PASSWORD" in done.stderr


def test_a_taken_port_is_one_clear_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = serve("--memory", "--port", port, LOCAL_SNOWFLAKE_ADMIN_PASSWORD="x")
    assert done.returncode == 1
    assert port in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_data_folder_has_one_server(start, tmp_path):
    start()
    done = serve("--data", str(tmp_path / "data"), "--port", "0", LOCAL_SNOWFLAKE_ADMIN_PASSWORD="x")
    assert done.returncode == 1
    assert "used by another server" in done.stderr


@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_everything_committed_is_there_after_the_end(start, kill):
    server = start()
    execute(
        server, "create database kept", "create role kept_role", "create warehouse kept_wh initially_suspended = true"
    )
    process = server.process
    server.stop(kill=kill)
    assert process.returncode == (-signal.SIGKILL if kill else 0)
    again = start()
    assert [row[1] for row in execute(again, "show databases like 'kept'")] == ["KEPT"]
    assert [row[1] for row in execute(again, "show roles like 'kept_role'")] == ["KEPT_ROLE"]


def test_a_kill_in_the_middle_of_a_transaction_undoes_it(start):
    server = start()
    execute(server, "create database d", "create table d.public.t (n int)", "insert into d.public.t values (1)")
    connection = server.connect()
    connection.cursor().execute("begin")
    connection.cursor().execute("insert into d.public.t values (2)")
    server.stop(kill=True)
    assert execute(start(), "select n from d.public.t") == [(1,)]
