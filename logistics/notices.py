"""Notices to those who should know: a log file, a webhook, and an e-mail by the account's own integration."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from logistics.sql import literal

WEBHOOK_VARIABLE = "LOGISTICS_WEBHOOK_URL"
"""Where notices go by POST; a secret, so it is no setting of the stack file."""
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


def tell(
    title: str,
    text: str,
    facts: Mapping[str, Any],
    channels: Channels,
    names: Iterable[str] = ("log", "webhook", "e-mail"),
    execute: Callable[[str], Any] | None = None,
) -> list[str]:
    """Tells each of the named channels that is configured; returns what could not be told, without any address.

    Args:
        title, text: what happened; the log takes both in one line.
        facts: put into the webhook's JSON beside the text.
        names: of `log`, `webhook` and `e-mail`.
        execute: sends a statement to the account; None where it cannot be reached.
    """
    line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {title}: {' | '.join(text.splitlines())}\n"
    senders: dict[str, Callable[[], Any]] = {"log": lambda: append(channels.log, line)}
    if channels.webhook_url:
        senders["webhook"] = lambda: post(channels.webhook_url, {"text": f"{title}\n{text}", **facts})
    if channels.email_integration and channels.email_to and execute:
        statement = email_statement(channels, title, text)
        senders["e-mail"] = lambda: execute(statement)
    failures = []
    for name in names:
        try:
            if name in senders:
                senders[name]()
        except Exception as error:
            failures.append(f"{name}: {' '.join(str(error).split())}")
    return failures


def email_statement(channels: Channels, title: str, text: str) -> str:
    """Returns the statement by which Snowflake sends an e-mail."""
    to = ", ".join(channels.email_to)
    parts = (channels.email_integration, to, title, text[:4000])
    return f"CALL SYSTEM$SEND_EMAIL({', '.join(map(literal, parts))})"


def append(path: Path, line: str) -> None:
    """Adds a line to a file, whose folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line)


def post(url: str, body: Mapping[str, Any]) -> None:
    """Sends JSON by POST.

    Raises:
        ValueError: the address is not https, nor on this machine.
    """
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ValueError("a webhook's address has to begin with https://")
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
        answer.read()
