"""Child processes that end with the engine, however it ends.

A killed engine must leave nobody behind that still changes something: the next run would race with it. On Linux the kernel ends
the children; elsewhere they see the end of their pipes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
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
        *command,
        cwd=folder,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        limit=_LINE_LIMIT_BYTES,
        preexec_fn=_bound_to(os.getpid()) if sys.platform == "linux" else None,
    )


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _bound_to(engine: int) -> Any:
    prctl = _libc().prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != engine:
            # It was gone before the kernel knew of the wish.
            os._exit(1)

    return bind
