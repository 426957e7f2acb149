"""Runs the app on this machine by Streamlit, with nothing sent elsewhere."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from logistics.dashboard.bundle import APP_FOLDER, DECLARED_FILE, MAIN_FILE, as_json, facts, users
from logistics.declarations import load_declarations
from logistics.errors import LogisticsError, UsageError
from logistics.project import ROOT_VARIABLE, local_folder
from logistics.settings import StackSettings

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Start:
    """How the app is to run.

    Attributes:
        address, port: where it listens.
        user, role: whose session the queries run by, where nobody signs in.
        sign_in: a TOML file with `[auth]`; everybody signs in by it. None: the connection is the viewer.
        refresh_seconds: how often a page asks anew.
    """

    address: str = LOOPBACK
    port: int = 5000
    user: str
    role: str
    sign_in: Path | None = None
    refresh_seconds: int = 300


def check(start: Start) -> None:
    """Checks what would keep the app from starting.

    Raises:
        LogisticsError: Streamlit is not installed, or the port is taken.
        UsageError: others could reach it, and nobody signs in; or the file of the sign-in cannot be used.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise LogisticsError("the dashboard needs Streamlit, which is not installed: run `make analysis`")
    if start.sign_in is None and start.address not in (LOOPBACK, "localhost", "::1"):
        raise UsageError(
            f"on {start.address} others would see what {start.user} sees: name a file with [auth] by --sign-in"
        )
    if start.sign_in is not None:
        _check_sign_in(start.sign_in)
    with socket.socket(socket.AF_INET6 if ":" in start.address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((start.address, start.port))
        except OSError as error:
            raise LogisticsError(
                f"port {start.port} of {start.address} cannot be used ({error.strerror}): name another by --port"
            ) from None


def _check_sign_in(file: Path) -> None:
    import tomllib

    if importlib.util.find_spec("authlib") is None:
        raise LogisticsError("the sign-in needs Authlib, which is not installed: run `make analysis`")
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read as TOML: {error}") from None
    auth = found.get("auth")
    missing = [key for key in ("redirect_uri", "cookie_secret") if key not in (auth or {})]
    if missing:
        raise UsageError(f"{file}: [auth] lacks {', '.join(missing)}; see docs/dashboard.md")


def command(start: Start, folder: Path) -> list[str]:
    """Returns Streamlit's command line."""
    flags = {
        "server.address": start.address,
        "server.port": start.port,
        "server.headless": "true",
        "server.showEmailPrompt": "false",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": start.address,
        "logger.level": "warning",
    }
    if start.sign_in is not None:
        flags["secrets.files"] = str(start.sign_in.resolve())
    given = [f"--{key}={value}" for key, value in flags.items()]
    return [sys.executable, "-m", "streamlit", "run", str(folder / MAIN_FILE), *given]


def variables(root: Path, settings: StackSettings, start: Start) -> dict[str, str]:
    """Returns the app's own environment variables, and writes the declared facts that they name."""
    folder = local_folder(root) / APP_FOLDER / settings.stack
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / DECLARED_FILE
    told = facts(root, settings.platform, load_declarations(root, settings))
    file.write_bytes(as_json(told | {"users": users(settings)}))
    return {
        ROOT_VARIABLE: str(root),
        "LOGISTICS_DASHBOARD_DECLARED": str(file),
        "LOGISTICS_DASHBOARD_STACK": settings.stack,
        "LOGISTICS_DASHBOARD_USER": start.user,
        "LOGISTICS_DASHBOARD_ROLE": start.role,
        "LOGISTICS_DASHBOARD_REFRESH_SECONDS": str(start.refresh_seconds),
        "LOGISTICS_DASHBOARD_SIGN_IN": str(start.sign_in or ""),
    }


def run(root: Path, settings: StackSettings, start: Start, given: Mapping[str, str] = os.environ) -> None:
    """Becomes Streamlit: this process goes on as it, so that a signal to one is a signal to the other."""
    folder = root / APP_FOLDER
    environment = dict(given) | variables(root, settings, start)
    line = command(start, folder)
    os.chdir(folder)
    os.execve(line[0], line, environment)
