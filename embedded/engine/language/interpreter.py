"""The process that a program runs in.

It can be started early: it loads the SDK while the engine makes itself ready, then waits to be told what to run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO

from embedded.engine.processes import bound

_RUNNER = Path(__file__).with_name("runner.py")
_LINE_LIMIT_BYTES = 1 << 20
_SECONDS_TO_END = 2


class Interpreter:
    """A Python process with the SDK loaded; it runs one program, once, and ends with the engine or with its owner.

    Args:
        python: The interpreter.
        folder: The program's folder, the first place where the program's imports are looked for.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, python: str, folder: Path) -> None:
        environment = dict(os.environ)
        command = bound([python, "-u", str(_RUNNER), str(folder)], folder, environment)
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._end = weakref.finalize(self, _end, self._process)

    async def run(self, arguments: str, log: Callable[[str, str, int], None]) -> int:
        """Run the program that the arguments (the run's JSON) name; `log` gets (line, severity, stream id) of what it prints.

        Returns:
            The exit code, negative for the signal that ended it.
        """
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        forwarding = [
            asyncio.create_task(_forward(process.stdout, log, "info", 1)),
            asyncio.create_task(_forward(process.stderr, log, "info#err", 2)),
        ]
        try:
            with contextlib.suppress(BrokenPipeError):  # it is gone already: its exit code tells
                await asyncio.to_thread(_tell, process.stdin, arguments)
            await asyncio.gather(*forwarding)
            return await asyncio.to_thread(process.wait)
        finally:
            for task in forwarding:
                task.cancel()

    async def stop(self) -> None:
        """End the process, if it still runs: by request, and by force when it does not listen."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, _SECONDS_TO_END)
        self.close()

    def close(self) -> None:
        """End the process by force, if it still runs."""
        self._end()


def _tell(pipe: IO[bytes], arguments: str) -> None:
    pipe.write(arguments.encode())
    pipe.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


async def _forward(pipe: IO[bytes], log: Callable[[str, str, int], None], severity: str, stream_id: int) -> None:
    stream = asyncio.StreamReader(limit=_LINE_LIMIT_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), pipe
    )
    try:
        while True:
            try:
                line = await stream.readline()
            except ValueError:
                line = await stream.read(1 << 20)
            if not line:
                return
            log(line.decode(errors="replace").rstrip("\n"), severity, stream_id)
    finally:
        transport.close()
