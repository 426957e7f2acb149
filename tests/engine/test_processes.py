"""A killed engine leaves no child behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENGINE = """
import asyncio, os, pathlib, sys
sys.path.insert(0, sys.argv[1])
from embedded.engine import processes

async def main():
    command = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"]
    child = await processes.start(command, pathlib.Path.cwd(), os.environ)
    print(child.pid, flush=True)
    await child.wait()

asyncio.run(main())
"""


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the children on Linux only")
def test_children_die_with_a_killed_engine() -> None:
    root = str(Path(__file__).resolve().parents[3])
    with subprocess.Popen([sys.executable, "-c", ENGINE, root], stdout=subprocess.PIPE, env=dict(os.environ)) as engine:
        assert engine.stdout is not None
        child = int(engine.stdout.readline())
        assert _is_alive(child)
        engine.kill()
    deadline = time.monotonic() + 10
    while _is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_alive(child)
