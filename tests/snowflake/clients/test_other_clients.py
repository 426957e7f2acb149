"""The older connector, pandas and Snowpark against a server of its own process, each in an environment made for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import environments

PASSWORD = "a-test-password"
PACKAGES = ("snowflake-connector-python[pandas]==4.8.1", "snowflake-snowpark-python==1.56.0")


@pytest.fixture
def port() -> Iterator[str]:
    """A server in memory."""
    command = [sys.executable, "-m", "embedded.snowflake", "serve", "--host", "127.0.0.1", "--port", "0", "--memory"]
    environment = {**os.environ, "LOCAL_SNOWFLAKE_ADMIN_PASSWORD": PASSWORD}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().rstrip().rpartition(":")[2]
        server.terminate()


@pytest.mark.slow
def test_the_clients_of_an_older_environment(port: str, tmp_path: Path) -> None:
    python = environments.make(tmp_path / "env", *PACKAGES)
    script = Path(__file__).with_name("other_clients.py")
    done = subprocess.run(
        [str(python), str(script), port, PASSWORD],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["cursors", "stage_binds", "asynchronous", "frames", "offsets", "snowpark"]
