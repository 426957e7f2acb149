"""Says how a run ended to those who should know: a log file always, a webhook and an e-mail where they are configured."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from logistics.deployment.runs import Run
from logistics.notices import Channels, append, email_statement, post

__all__ = ["Channels", "notify"]


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
    senders: dict[str, Callable[[], Any]] = {"log": lambda: append(channels.log, f"{run.ended_at} {text}\n")}
    if channels.webhook_url:
        senders["webhook"] = lambda: post(channels.webhook_url, {"text": text, "run": run.run_id, "result": run.result})
    if channels.email_integration and channels.email_to and execute:
        statement = email_statement(channels, text, json.dumps(run.details, default=str))
        senders["e-mail"] = lambda: execute(statement)
    return senders
