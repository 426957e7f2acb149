"""Says how a run ended to those who should know: a log file always, a webhook and an e-mail where they are configured."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.deployment.runs import Run
from logistics.sql import literal

_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Where to; empty ones are left out.

    Attributes:
        log: a file that a line is put into.
        webhook_url: an address that takes JSON by POST.
        email_integration: the account's notification integration of type EMAIL.
        email_to: addresses, as the integration allows them.
    """

    log: Path
    webhook_url: str = ""
    email_integration: str = ""
    email_to: tuple[str, ...] = ()


def notify(run: Run, channels: Channels, execute: Callable[[str], Any] | None = None) -> list[str]:
    """Tells each channel; returns what could not be told, since a lost notice must not fail a deployment.

    Args:
        run: the run that ended.
        channels: where to.
        execute: sends a statement to the account; None where it cannot be reached.
    """
    text = f"{run.kind} of {run.environment} {run.result} ({run.run_id}, version {run.version_after or run.version_before})"
    failures = []
    for name, send in _senders(run, channels, text, execute).items():
        try:
            send()
        except Exception as error:
            failures.append(f"{name}: {error}")
    return failures


def _senders(
    run: Run, channels: Channels, text: str, execute: Callable[[str], Any] | None
) -> dict[str, Callable[[], Any]]:
    senders: dict[str, Callable[[], Any]] = {"log": lambda: _append(channels.log, f"{run.ended_at} {text}\n")}
    if channels.webhook_url:
        senders["webhook"] = lambda: _post(
            channels.webhook_url, {"text": text, "run": run.run_id, "result": run.result}
        )
    if channels.email_integration and channels.email_to and execute:
        to = ", ".join(channels.email_to)
        statement = (
            f"CALL SYSTEM$SEND_EMAIL({literal(channels.email_integration)}, {literal(to)}, {literal(text)}, "
            f"{literal(json.dumps(run.details, default=str)[:4000])})"
        )
        senders["e-mail"] = lambda: execute(statement)
    return senders


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line)


def _post(url: str, body: dict[str, Any]) -> None:
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ValueError("a webhook's address has to begin with https://")
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
        answer.read()
