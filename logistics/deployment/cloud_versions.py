"""The versions of a stack on Pulumi Cloud: asked of it through the `pulumi` command, which alone has the login.

Source: `pulumi stack history --json` and `pulumi stack export --version`, which Pulumi Cloud answers for every update.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from logistics.deployment.state import Checkpoint
from logistics.deployment.versions import Version
from logistics.errors import LogisticsError

Ask = Callable[[Sequence[str]], str]
"""Runs `pulumi` with these arguments and returns what it prints."""
PAGE_SIZE = 100
"""Updates that are asked for at a time."""


def list_cloud_versions(ask: Ask, stack: str) -> list[Version]:
    """Returns a stack's versions, oldest first.

    Raises:
        LogisticsError: the command fails, or answers what is no history.
    """
    newest_first = list(_updates(ask, stack))
    return [_version(ask, stack, number, told) for number, told in enumerate(reversed(newest_first), start=1)]


def _updates(ask: Ask, stack: str) -> Iterator[Mapping[str, Any]]:
    page = 0
    while True:
        page += 1
        pages = ["--page-size", str(PAGE_SIZE), "--page", str(page)]
        told = _read(ask(["stack", "history", "--json", *pages, "--stack", stack]), stack)
        yield from told
        if len(told) < PAGE_SIZE:
            return


def _version(ask: Ask, stack: str, position: int, told: Mapping[str, Any]) -> Version:
    number = int(told.get("version") or position)
    ended_at = datetime.fromisoformat(told.get("endTime") or told["startTime"]).astimezone(UTC)

    def checkpoint(*options: str) -> Checkpoint:
        exported = ask(["stack", "export", "--version", str(number), *options, "--stack", stack])
        return Checkpoint.of(_read(exported, stack)["deployment"])

    return Version.told(number, told, ended_at, load=checkpoint, load_plain=lambda: checkpoint("--show-secrets"))


def _read(answer: str, stack: str) -> Any:
    try:
        return json.loads(answer)
    except ValueError as error:
        raise LogisticsError(f"the history of {stack} on Pulumi Cloud cannot be read: {error}") from None
