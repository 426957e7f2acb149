"""Starts, finds and stops the local Snowflake, a process in the background with its own folder, log and record."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import psutil

from logistics.errors import Locked, LogisticsError
from logistics.local.secrets import admin_password
from logistics.project import local_folder

HOST = "127.0.0.1"
DEFAULT_PORT = 8084
START_SECONDS = 60.0
STOP_SECONDS = 20.0
_PORTS_TRIED = 100
_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: its process, told from a later one of the same id by its start time, and its port."""

    pid: int
    started: float
    port: int

    def process(self) -> psutil.Process | None:
        """Returns the process if it still runs."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if same else None


def start(root: Path, port: int | None = None) -> tuple[Server, bool]:
    """Starts the server, or finds it running; returns it and whether it was started now.

    Args:
        root: the project's folder; the server's data lie in `.local/snowflake`.
        port: the port to listen on; without one, 8084 or the next free one.

    Raises:
        LogisticsError: the port that was asked for is taken, or the server does not come up; the message quotes its log.
    """
    with _one_at_a_time(root):
        running = find(root)
        if running is not None:
            if port not in (None, running.port):
                raise LogisticsError(
                    f"the local Snowflake already runs on port {running.port}: stop it first (logistics local stop)"
                )
            _await_answer(root, running)
            return running, False
        server = _launch(root, _free_port(port))
        _await_answer(root, server)
        _record(root).write_text(json.dumps(asdict(server)), encoding="utf-8")
        return server, True


def find(root: Path) -> Server | None:
    """Returns the running server of this project, if there is one."""
    try:
        server = Server(**json.loads(_record(root).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return server if server.process() else None


def stop(root: Path) -> Server | None:
    """Stops the server of this project and waits until it is gone; returns what was stopped.

    Raises:
        LogisticsError: it does not stop.
    """
    with _one_at_a_time(root):
        server = find(root)
        process = server.process() if server else None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOP_SECONDS)
        _record(root).unlink(missing_ok=True)
        return server


def server_folder(root: Path) -> Path:
    """Returns the folder of the server's data, log and record."""
    folder = local_folder(root) / "snowflake"
    folder.mkdir(exist_ok=True)
    return folder


def log_file(root: Path) -> Path:
    """Returns the server's log."""
    return server_folder(root) / "server.log"


def _record(root: Path) -> Path:
    return server_folder(root) / "server.json"


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Holds the others back while one starts or stops the server.

    Raises:
        Locked: another one has not finished for a long time.
    """
    deadline = time.monotonic() + START_SECONDS + STOP_SECONDS
    with (server_folder(root) / "lock").open("a+") as lock:
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise Locked(
                    f"process {_holder(lock)} starts or stops the local Snowflake and does not finish: see {log_file(root)}"
                )
            time.sleep(_POLL_SECONDS)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: IO[str]) -> str:
    lock.seek(0)
    return lock.read() or "unknown"


def _free_port(asked: int | None) -> int:
    if asked is not None:
        if asked and not _is_free(asked):
            raise LogisticsError(
                f"port {asked} on {HOST} is taken by another program: name another one, or leave the choice to this command"
            )
        return asked or _any_port()
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
        if _is_free(port):
            return port
    return _any_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _command(port: int, data: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "embedded.snowflake",
        "serve",
        "--host",
        HOST,
        "--port",
        str(port),
        "--data",
        str(data),
    ]


def _launch(root: Path, port: int) -> Server:
    """Starts the process in a session of its own, since it outlives this command."""
    data = server_folder(root) / "data"
    data.mkdir(exist_ok=True)
    environment = os.environ | {"LOCAL_SNOWFLAKE_ADMIN_PASSWORD": admin_password(root), "PYTHONUNBUFFERED": "1"}
    with log_file(root).open("ab") as log:
        process = subprocess.Popen(
            _command(port, data),
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    process.returncode = 0  # the process is not this command's to wait for
    return Server(pid=process.pid, started=psutil.Process(process.pid).create_time(), port=port)


def _await_answer(root: Path, server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(server.port):
        if server.process() is None:
            raise LogisticsError(f"the local Snowflake stopped while it started:\n{_log_tail(root)}")
        if time.monotonic() > deadline:
            raise LogisticsError(f"the local Snowflake gives no answer on port {server.port}: see {log_file(root)}")
        time.sleep(_POLL_SECONDS)


def _answers(port: int) -> bool:
    """Tells whether an HTTP server answers; which answer does not matter."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _log_tail(root: Path, lines: int = 15) -> str:
    return "\n".join(log_file(root).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
