"""A report for a terminal: plain text of lines, with colours only where `print_table` finds a terminal."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from logistics.orchestration.formats.words import COLOURS, SHAPES, STATE_SHAPES, job_line, summary, title

_WIDTH = 140


def as_table(report: Mapping[str, Any]) -> str:
    """Returns the report as text without colours."""
    console = Console(file=io.StringIO(), width=_WIDTH, color_system=None, force_terminal=False)
    print_table(console, report)
    file = console.file
    assert isinstance(file, io.StringIO)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def print_table(console: Console, report: Mapping[str, Any]) -> None:
    """Prints the report."""
    console.rule(Text(title(report)))
    console.print(Text(f"{SHAPES[report['status']]} {summary(report)}", style=f"bold {COLOURS[report['status']]}"))
    for note in report["notes"]:
        console.print(Text(f"▲ {note}", style="yellow"))
    console.print(_jobs(report))
    if report["recommendations"]:
        console.print(_recommendations(report))


def _jobs(report: Mapping[str, Any]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("job", "state", "found", "seconds", ""):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for job in report["jobs"]:
        state = f"{STATE_SHAPES[job['state']]} {job['state'].replace('_', ' ')}"
        table.add_row(job["job"], state, _status(job), f"{job['seconds']:.1f}", Text(job_line(job)))
    return table


def _recommendations(report: Mapping[str, Any]) -> Table:
    table = Table(
        title="What to do, the most valuable first", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in ("#", "status", "check", "what", "what to do"):
        table.add_column(heading)
    for each in report["recommendations"]:
        what = Text(f"{each['subject']} {each['evidence']}".strip())
        table.add_row(str(each["rank"]), _status(each), Text(each["check"]), what, Text(each["recommendation"]))
    return table


def _status(of: Mapping[str, Any]) -> Text:
    return Text(f"{SHAPES[of['status']]} {of['status']}", style=COLOURS[of["status"]])
