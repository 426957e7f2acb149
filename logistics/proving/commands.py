"""`logistics prove`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any

import click

from logistics.errors import LogisticsError
from logistics.project import project_root


@click.command()
@click.option("--environment", "-e", default="dev", show_default=True, help="The stack: dev, staging or prod.")
@click.option(
    "--mutations", is_flag=True, help="Weaken each policy, mask and grant, and see whether the table notices."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def prove(environment: str, mutations: bool, form: str) -> None:
    """Proves who sees what: asks as each role what docs/who_sees_what.yaml says of each table and column.

    The stack's program is deployed to a local Snowflake of its own, which gets three rows a table and is thrown away: no account
    is touched. Exits with 1 where an answer differs, or a weakening goes unnoticed.

    \b
    logistics prove
    logistics prove --environment prod --mutations
    """
    with _prepared(environment) as table:
        answers = list(table.answers())
        wrong = list(table.differences())
        verdicts = []
        if mutations and not wrong:
            from logistics.proving.mutations import try_all

            verdicts = list(try_all(table))
    if form == "json":
        click.echo(
            json.dumps(
                {"answers": [asdict(each) for each in answers], "differences": wrong, **_scored(verdicts)}, indent=2
            )
        )
    else:
        _print(answers, wrong, verdicts)
    missed = [verdict for verdict in verdicts if not verdict.caught]
    if wrong or missed:
        raise LogisticsError(
            f"{len(wrong)} answers differ from docs/who_sees_what.yaml"
            if wrong
            else f"{len(missed)} of {len(verdicts)} weakenings go unnoticed"
        )


@contextmanager
def _prepared(environment: str) -> Iterator[Any]:
    """Deploys a throw-away copy of a stack, and makes its truth table ready to be asked."""
    from logistics.connection import connect
    from logistics.proving.scratch import scratch
    from logistics.proving.truth_table import TruthTable

    root = project_root()
    with ExitStack() as stack:
        made = stack.enter_context(scratch(root, environment))

        def login(*, role: str, user: str | None = None, password: str | None = None) -> Any:
            variables = {**made.variables, **({"SNOWFLAKE_PASSWORD": password} if password else {})}
            return connect(made.settings, variables, role=role, user=user)

        table = TruthTable(login, root / "docs" / "who_sees_what.yaml", warehouse=made.settings.platform.warehouse)
        yield table.prepare(stack)


def _scored(verdicts: list[Any]) -> dict[str, Any]:
    if not verdicts:
        return {}
    caught = sum(verdict.caught for verdict in verdicts)
    told = [{"name": each.mutation.name, "caught": each.caught, "noticed_by": each.noticed_by} for each in verdicts]
    return {"mutations": told, "score": caught / len(verdicts)}


def _print(answers: list[Any], wrong: list[str], verdicts: list[Any]) -> None:
    click.echo(f"{'role':<17}{'table.column':<68}{'expected':<18}actual")
    for each in answers:
        mark = "" if each.holds else "  ✗"
        name = f"{each.object}.{each.column}" if each.column else each.object
        click.echo(f"{each.role:<17}{name:<68}{each.expected:<18}{each.actual}{mark}")
    held = sum(each.holds for each in answers)
    click.echo(f"{held:,} of {len(answers):,} answers are as the table says")
    for line in wrong:
        click.echo(f"differs: {line}")
    for verdict in verdicts:
        click.echo(
            f"{'caught' if verdict.caught else 'MISSED'}  {verdict.mutation.name}: {verdict.noticed_by or 'nothing differs'}"
        )
    if verdicts:
        caught = sum(verdict.caught for verdict in verdicts)
        click.echo(
            f"mutation score {100 * caught / len(verdicts):.1f} %: {caught} of {len(verdicts)} weakenings are noticed"
        )


COMMANDS = (prove,)
