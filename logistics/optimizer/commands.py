"""`logistics optimize`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from logistics.errors import UsageError
from logistics.project import project_root
from logistics.pulumi_command import EMBEDDED, ENGINES

_WIDTH = 160


@click.command()
@click.option("--environment", "-e", default="dev", show_default=True, help="The stack: dev, staging or prod.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("table", "json", "html")),
    default="table",
    show_default=True,
    help="How to show it.",
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file in place of printing it."
)
@click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True, help="Days of history to read.")
@click.option(
    "--history", metavar="DATABASE.SCHEMA", help="Views or tables named and shaped as ACCOUNT_USAGE's, in its place."
)
@click.option(
    "--partition-rows",
    type=click.IntRange(1),
    help="Rows of a simulated micro-partition; else by each table's size, of 16 MiB.",
)
@click.option(
    "--record/--no-record", default=True, show_default=True, help="Write the results to the schema MONITORING."
)
@click.option(
    "--apply", "apply_changes", is_flag=True, help="Commit the safe changes of settings to a branch, and preview them."
)
@click.option("--pull-request", is_flag=True, help="With --apply: push the branch and open a pull request with `gh`.")
@click.option(
    "--engine", type=click.Choice(ENGINES), default=EMBEDDED, show_default=True, help="What makes the preview."
)
def optimize(
    environment: str,
    form: str,
    output: Path | None,
    days: int,
    history: str | None,
    partition_rows: int | None,
    record: bool,
    apply_changes: bool,
    pull_request: bool,
    engine: str,
) -> None:
    """Recommends what to change: statements, warehouses, tables, budget, with evidence, saving and confidence.

    \b
    logistics optimize --environment prod
    logistics optimize --environment prod --format html --output report.html
    logistics optimize --environment prod --apply
    """
    from logistics.local.environment import environment as stack_environment
    from logistics.optimizer.apply import applicable, apply
    from logistics.optimizer.run import Request
    from logistics.optimizer.run import optimize as run
    from logistics.optimizer.store import store
    from logistics.settings import load_stack

    if pull_request and not apply_changes:
        raise UsageError("--pull-request goes with --apply")
    root = project_root()
    settings = load_stack(root, environment)
    variables = os.environ | stack_environment(root, settings)
    report = run(settings, variables, Request(days=days, history=history, partition_rows=partition_rows))
    applied = None
    if apply_changes and applicable(report.recommendations):
        applied = apply(root, settings, variables, report, engine, pull_request)
    if record:
        store(settings, variables, report, applied.branch if applied else "", applied.commit if applied else "")
    _show(report, form, output, applied)
    if applied:
        _tell(applied, err=form != "table")
    elif apply_changes:
        click.echo("nothing to apply: no recommendation is a change of settings that is safe here", err=form != "table")


def _show(report: Any, form: str, output: Path | None, applied: Any) -> None:
    from rich.console import Console

    from logistics.optimizer.output import as_json, print_report

    if form == "table":
        if output is None:
            print_report(Console() if sys.stdout.isatty() else Console(width=_WIDTH, soft_wrap=True), report)
            return
        with output.open("w", encoding="utf-8") as file:
            print_report(Console(file=file, width=_WIDTH, soft_wrap=True), report)
    else:
        from logistics.optimizer.html import as_html

        text = as_json(report, applied.told if applied else None) if form == "json" else as_html(report)
        if output is None:
            click.echo(text)
            return
        output.write_text(text + "\n", encoding="utf-8")
    click.echo(f"{output}: written", err=True)


def _tell(applied: Any, *, err: bool) -> None:
    for line in applied.lines:
        click.echo(line, err=err)


COMMANDS = (optimize,)
