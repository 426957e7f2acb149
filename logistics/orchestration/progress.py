"""Says how a run goes while it goes: a live table on a terminal, else a line for each job that starts, waits or ends."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from logistics.orchestration.formats.words import STATE_SHAPES
from logistics.orchestration.jobs import Job
from logistics.orchestration.scheduler import Outcome

_STYLES = {"succeeded": "green", "failed": "red", "timed_out": "red", "running": "blue"}
_REFRESHES_A_SECOND = 4


class Progress:
    """The jobs of one run, as they are now."""

    def __init__(self, jobs: Sequence[Job], console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr, stderr=True)
        self._lock = threading.Lock()
        self._told: dict[str, Outcome] = {}
        self._began: dict[str, float] = {}
        self._jobs = [job.name for job in jobs]

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the live table for the length of a `with` block, where there is a terminal."""
        if not self._console.is_terminal:
            yield
            return
        with Live(
            console=self._console, get_renderable=self._table, refresh_per_second=_REFRESHES_A_SECOND, transient=True
        ):
            yield

    def changed(self, outcome: Outcome) -> None:
        """Takes a change of a job."""
        name = outcome.job.name
        with self._lock:
            self._told[name] = outcome
            self._began.setdefault(name, time.monotonic())
        if not self._console.is_terminal:
            self._console.print(Text(_line(outcome)), soft_wrap=True)

    def say(self, text: str) -> None:
        """Prints a line beside the jobs."""
        self._console.print(Text(text), soft_wrap=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        with self._lock:
            for name in self._jobs:
                outcome = self._told.get(name)
                state = outcome.state if outcome else "waiting"
                seconds = f"{time.monotonic() - self._began[name]:.0f} s" if state == "running" else _seconds(outcome)
                shape = Text(f"{STATE_SHAPES[state]} {name}", style=_STYLES.get(state, "dim"))
                table.add_row(shape, state.replace("_", " "), seconds, Text(outcome.reason if outcome else ""))
        return table


def _seconds(outcome: Outcome | None) -> str:
    return f"{outcome.seconds:.1f} s" if outcome and outcome.ended and outcome.attempts else ""


def _line(outcome: Outcome) -> str:
    words = {
        "running": f"started{f', attempt {outcome.attempts}' if outcome.attempts > 1 else ''}",
        "waiting": "will be tried again",
    }
    said = words.get(outcome.state, outcome.state.replace("_", " "))
    if outcome.verdict:
        said += f", {outcome.verdict.status}"
    reason = f": {outcome.reason}" if outcome.reason else ""
    return f"{datetime.now(UTC):%H:%M:%S} {outcome.job.name} {said}{reason}"
