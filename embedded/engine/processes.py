"""Child processes that end with the engine, however it ends.

A killed engine must leave nobody behind that still changes something: the next run would race with it. On Linux the kernel ends
the children; elsewhere they see the end of their pipes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("bound.py")
_LINE_LIMIT_BYTES = 1 << 20


async def start(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    stderr: int | None = asyncio.subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """Start a child without input, its output in pipes; it is killed when the engine is gone.

    Raises:
        OSError: It cannot be started.
    """
    return await asyncio.create_subprocess_exec(
        *bound(command, folder, environment),
        cwd=folder,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        limit=_LINE_LIMIT_BYTES,
    )


def bound(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the command that is started so that it ends with the engine; the same one where the kernel cannot see to that.

    Raises:
        OSError: There is no such program, or it may not be run.
    """
    if sys.platform != "linux":
        return list(command)
    program = command[0] if os.path.isabs(command[0]) else os.path.join(folder, command[0])
    found = shutil.which(program if os.sep in command[0] else command[0], path=environment.get("PATH", os.defpath))
    if found is None:
        number = errno.EACCES if os.path.exists(program) else errno.ENOENT
        raise OSError(number, os.strerror(number), command[0])
    return [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), found, *command[1:]]
