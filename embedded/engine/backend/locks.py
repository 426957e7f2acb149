"""Locks: one file for each process that changes a stack; a second process is refused until it is gone.

A lock left by a killed process stays until `pulumi cancel`, as with the official CLI.

Source: pkg/backend/diy/lock.go of Pulumi.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from embedded.engine.backend.buckets import StorePath
from embedded.engine.backend.files import read_file, write_atomically
from embedded.engine.errors import EngineError

PROCESS_LOCK_ID = str(uuid.uuid4())


class StackLockedError(EngineError):
    """Another process holds the stack."""


@contextmanager
def hold(folder: StorePath, url_of: Callable[[StorePath], str]) -> Iterator[None]:
    """Hold the lock of a stack.

    Args:
        folder: The stack's lock folder.
        url_of: The URL of a lock file, for messages.

    Raises:
        StackLockedError: Another process holds it.
    """
    mine = folder / f"{PROCESS_LOCK_ID}.json"
    _refuse_others(folder, mine, url_of)
    content = {
        "pid": os.getpid(),
        "username": user_name(),
        "hostname": socket.gethostname(),
        "timestamp": datetime.now().astimezone().isoformat(),
    }
    write_atomically(mine, json.dumps(content, separators=(",", ":")).encode(), durable=False)
    try:
        _refuse_others(folder, mine, url_of)
        yield
    finally:
        mine.unlink(missing_ok=True)
        _prune(folder)


def release_all(folder: StorePath) -> int:
    """Delete every lock of a stack, whoever holds it; returns how many there were."""
    locks = _locks_in(folder)
    for lock in locks:
        lock.unlink(missing_ok=True)
    _prune(folder)
    return len(locks)


def user_name() -> str:
    """The name of the user of this process; their number where they have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _locks_in(folder: StorePath) -> list[StorePath]:
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith(".")) if folder.is_dir() else []


def _refuse_others(folder: StorePath, mine: StorePath, url_of: Callable[[StorePath], str]) -> None:
    others = [path for path in _locks_in(folder) if path != mine]
    if others:
        lines = "".join(f"\n  {url_of(path)}: {_describe(path)}" for path in others)
        raise StackLockedError(
            f"the stack is currently locked by {len(others)} lock(s). Either wait for the other process(es) to end "
            f"or delete the lock file with `pulumi cancel`.{lines}"
        )


def _describe(path: StorePath) -> str:
    try:
        lock = json.loads(read_file(path) or b"")
        when = datetime.fromisoformat(lock["timestamp"]).isoformat(timespec="seconds").replace("+00:00", "Z")
        return f"created by {lock['username']}@{lock['hostname']} (pid {lock['pid']}) at {when}"
    except (EngineError, ValueError, KeyError, TypeError):
        return "of unknown origin"


def _prune(folder: StorePath) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
