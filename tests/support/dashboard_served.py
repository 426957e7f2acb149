"""A deployed account with ninety days of results, and the dashboard's own process on it: for tests, measurements and pictures."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard_history import write_history
from local_server import copy_project, log_in

_HIDDEN = ("LOGISTICS_", "SNOWFLAKE_", "PULUMI_", "STREAMLIT_")


@dataclass
class Deployed:
    """The project's copy with its own local Snowflake."""

    root: Path
    environment: dict[str, str]

    def logistics(self, *arguments: str, may_fail: bool = False) -> str:
        """Run the command to its end; the words it said."""
        done = subprocess.run(
            [str(Path(sys.executable).with_name("logistics")), *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert may_fail or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    @contextmanager
    def cursor(self, role: str = "ACCOUNTADMIN") -> Iterator[Any]:
        """A session of ADMIN on the deployed account."""
        from logistics.local import server

        running = server.find(self.root)
        assert running is not None
        password = (self.root / ".local" / "admin-password").read_text().strip()
        with log_in(running.port, password, role=role, database="LOGISTICS", warehouse="COMPUTE_WH_DEV") as connection:
            yield connection.cursor()

    def statements(self) -> int:
        """How many statements the dashboard has sent."""
        with self.cursor() as cursor:
            cursor.execute("select count(*) from snowflake.account_usage.query_history where query_tag = 'DASHBOARD'")
            return cursor.fetchone()[0]


@dataclass
class Served:
    """The dashboard's process."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def deployed_account(base: Path) -> Iterator[Deployed]:
    """A dev stack by `logistics up` under a folder, its results tables filled, until the block ends."""
    root = copy_project(base / "project")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
    environment = kept | {
        "LOGISTICS_ROOT": str(root),
        "HOME": str(base),
        "SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true",
    }
    made = Deployed(root, environment)
    try:
        made.logistics("up", "--stack", "dev", "--scale", "0.001", "--port", "0")
        with made.cursor() as cursor:
            write_history(cursor)
        yield made
    finally:
        made.logistics("local", "stop")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(deployed: Deployed, *options: str, port: int | None = None) -> Iterator[Served]:
    """The dashboard, until the block ends."""
    port = port or free_port()
    log = deployed.root.parent / f"dashboard-{port}.log"
    command = [str(Path(sys.executable).with_name("logistics")), "dashboard", "--port", str(port), *options]
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=deployed.root, env=deployed.environment, stdout=file, stderr=file)
    try:
        url = f"http://127.0.0.1:{port}"
        _await_health(url, process, log)
        yield Served(url, process, log)
    finally:
        process.terminate()
        process.wait(timeout=120)


def _await_health(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def chromium() -> str | None:
    """The system's Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def opened_browser(executable: str) -> Iterator[Any]:
    """The browser with an empty profile, until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield opened
        opened.close()


def ready(page: Any, name: str, milliseconds: int = 180_000) -> None:
    """Wait until a page shows its data."""
    page.get_by_role("heading", name=name, exact=True, level=1).wait_for(timeout=milliseconds)
    page.get_by_text("Data of").first.wait_for(timeout=milliseconds)
    page.wait_for_function("() => !document.querySelector('[data-stale=true]')", timeout=milliseconds)
