"""What the command prints: steps as they are done, and the summary; colours only on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from logistics.summary import Summary

_WIDTH_OF_STEP = 20


class Steps:
    """Prints one line for each step of a command, with what came of it and how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Runs a step; the block appends to the list what is to be said when it is done."""
        began = time.monotonic()
        said: list[str] = []
        if self._console.is_terminal:
            with self._console.status(name):
                yield said
        else:
            yield said
        seconds = time.monotonic() - began
        self._console.print(
            f"[green]✓[/] {name:<{_WIDTH_OF_STEP}} {', '.join(said)} [dim]({seconds:.1f} s)[/]", highlight=False
        )

    def announce(self, name: str, text: str) -> None:
        """Prints that a step begins which prints for itself."""
        self._console.print(f"[blue]▸[/] {name:<{_WIDTH_OF_STEP}} [dim]{text}[/]", highlight=False)


def print_summary(console: Console, stack: str, summary: Summary) -> None:
    """Prints what is deployed, what each role sees and what to type next."""
    console.rule(f"{stack} on {summary.account}")
    counts = ", ".join(
        f"{count} {kind}" for kind, count in sorted(summary.resources.items(), key=lambda item: (-item[1], item[0]))
    )
    console.print(f"[bold]Deployed[/]   {sum(summary.resources.values())} resources: {counts}", highlight=False)
    console.print(_sights_table(summary))
    segments = ", ".join(f"{count:,} {segment}" for segment, count in summary.segments.items()) or "none yet"
    console.print(f"[bold]Segments[/]   {segments}", highlight=False)
    console.print("[bold]Next[/]       " + f"\n{'':11}".join(_next_steps(stack)), highlight=False)


def _sights_table(summary: Summary) -> Table:
    title = f"The same {len(summary.customers)} customers, as each role sees them"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("role", "user", "sees", "customer", "e-mail", "tier"):
        table.add_column(heading, no_wrap=True)
    for sight in summary.sights:
        seen = {row[0]: row[1:] for row in sight.rows}
        for position, customer in enumerate(summary.customers):
            who = (sight.role, sight.user, f"{sight.total:,}") if position == 0 else ("", "", "")
            table.add_row(*who, customer, *(str(value) for value in seen.get(customer, ("[dim]no row[/]", ""))))
    return table


def _next_steps(stack: str) -> tuple[str, ...]:
    return (
        f"make preview STACK={stack}   what a change in Pulumi.{stack}.yaml or sql/ would do",
        f'eval "$(.venv/bin/logistics env --stack {stack})"   to use pulumi and any Snowflake client yourself',
        "make down   to remove it all",
    )
