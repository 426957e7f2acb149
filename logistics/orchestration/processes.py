"""Runs one attempt of a job: a process group of its own, a time limit, its output kept in files."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

MAX_OUTPUT_BYTES = 32 * 1024 * 1024
"""What a job prints beyond this is not read: the job has failed."""
TERM_SECONDS = 5.0
"""Time between the polite signal and the one that cannot be refused."""
_TAIL_BYTES = 8_000
_POLL_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one attempt of a job ended.

    Attributes:
        exit_code: None where it could not be started; negative for a signal.
        output: what it wrote to its standard output.
        errors: the end of what it wrote to its standard error, or why it could not be started.
        timed_out: its time was over and it was ended.
        overflowed: it printed more than is read.
        seconds: how long it took.
    """

    exit_code: int | None
    output: str = ""
    errors: str = ""
    timed_out: bool = False
    overflowed: bool = False
    seconds: float = 0.0


class Processes:
    """Starts attempts, and can end all that run."""

    def __init__(self, folder: Path, variables: Mapping[str, str], term_seconds: float = TERM_SECONDS) -> None:
        self._folder = folder
        self._variables = dict(variables)
        self._term_seconds = term_seconds
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def running(self) -> list[dict[str, float]]:
        """Returns id and time of creation of each process that runs, so that a later command can end what is left."""
        with self._lock:
            ids = list(self._running)
        return [{"pid": pid, "created": created} for pid in ids if (created := created_at(pid)) is not None]

    def run(
        self, command: Sequence[str], timeout_seconds: float, started: Callable[[], None] = lambda: None
    ) -> Attempt:
        """Runs a command to its end or its time limit; never raises for what the command does.

        Args:
            command: program and arguments.
            timeout_seconds: then the process and all that it started are ended.
            started: told when the process runs.
        """
        began = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = self._start(command, out, err)
            except OSError as error:
                return Attempt(exit_code=None, errors=f"{command[0]}: {error.strerror or error}")
            started()
            timed_out = self._await(process, timeout_seconds)
            return Attempt(
                exit_code=process.returncode,
                output=_read(out, MAX_OUTPUT_BYTES),
                errors=_tail(err),
                timed_out=timed_out,
                overflowed=out.seek(0, os.SEEK_END) > MAX_OUTPUT_BYTES,
                seconds=time.monotonic() - began,
            )

    def end_all(self) -> None:
        """Ends every process that runs, with all that it started; none is started any more."""
        with self._lock:
            self._closed = True
            processes = list(self._running.values())
        end_groups([process.pid for process in processes], self._term_seconds)

    def _start(self, command: Sequence[str], out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise InterruptedError("the run is being stopped")
            process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            self._running[process.pid] = process
            return process

    def _await(self, process: subprocess.Popen[bytes], timeout_seconds: float) -> bool:
        """Waits; returns whether the time was over."""
        try:
            process.wait(timeout_seconds)
            return False
        except subprocess.TimeoutExpired:
            end_groups([process.pid], self._term_seconds)
            process.wait()
            return True
        finally:
            with self._lock:
                self._running.pop(process.pid, None)


def end_groups(leaders: Sequence[int], term_seconds: float = TERM_SECONDS) -> None:
    """Ends processes and all of their groups: politely, then for good."""
    for leader in leaders:
        _signal_group(leader, signal.SIGTERM)
    deadline = time.monotonic() + term_seconds
    while any(_group_lives(leader) for leader in leaders) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for leader in leaders:
        _signal_group(leader, signal.SIGKILL)


def created_at(pid: int) -> float | None:
    """Returns when a living process was created, by which it is told from a later one of the same id."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def end_leftovers(processes: Sequence[Mapping[str, float]]) -> int:
    """Ends what a killed command left running; returns how many groups that were."""
    found = []
    for known in processes:
        created = created_at(int(known["pid"]))
        if created is not None and abs(created - known["created"]) < 1:
            found.append(int(known["pid"]))
    end_groups(found)
    return len(found)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _group_lives(leader: int) -> bool:
    """Returns whether any process of a group still works; one that only waits to be collected does not."""
    try:
        os.killpg(leader, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return created_at(leader) is not None or _has_members(leader)


def _has_members(leader: int) -> bool:
    for process in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError, PermissionError):
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == leader:
                return True
    return False


def _read(file: IO[bytes], limit: int) -> str:
    file.seek(0)
    return file.read(limit).decode("utf-8", errors="replace")


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    return file.read().decode("utf-8", errors="replace")
