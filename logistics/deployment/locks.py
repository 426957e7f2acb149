"""Whether the engine of a killed command still works on a stack: the command is gone, its engine may not be.

Source: the lock files of file backends, `.pulumi/locks/organization/<project>/<stack>/*.json`, which both engines write.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_ENGINE = "pulumi"


def engine_at_work(backend_url: str, project: str, stack: str) -> str:
    """Returns who holds a stack with a process that runs on this machine; empty if nobody does.

    Locks of other machines and in buckets say nothing of their processes; they are left to the engine.
    """
    parts = urlsplit(backend_url)
    folder = Path(parts.netloc + parts.path).expanduser() / ".pulumi" / "locks" / "organization" / project / stack
    if parts.scheme != "file" or not folder.is_dir():
        return ""
    locks = [_read(file) for file in sorted(folder.glob("*.json"))]
    return next((_described(lock) for lock in locks if _runs_here(lock)), "")


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _runs_here(lock: dict[str, Any]) -> bool:
    """Returns whether a lock's process runs, and is an engine still: numbers of processes are used again."""
    pid = lock.get("pid")
    if lock.get("hostname") != socket.gethostname() or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return _ENGINE in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return not Path("/proc").is_dir()


def _described(lock: dict[str, Any]) -> str:
    return f"process {lock['pid']} of {lock.get('username')} since {lock.get('timestamp')}"
