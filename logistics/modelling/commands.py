"""`logistics compile`, `lineage`, `refresh`, `test` and `columns`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import click

from logistics.errors import LogisticsError, UsageError
from logistics.project import project_root
from logistics.pulumi_command import EMBEDDED, ENGINES

_Command = Callable[..., Any]
_ENGINEER = "DATA_ENGINEER"


def _environment(command: _Command) -> _Command:
    return click.option(
        "--environment",
        "-e",
        "--stack",
        "environment",
        default="dev",
        show_default=True,
        help="The stack: dev, staging or prod.",
    )(command)


def _declared(environment: str) -> Any:
    from logistics.declarations import load_declarations
    from logistics.settings import load_stack

    root = project_root()
    return load_declarations(root, load_stack(root, environment))


@click.command("compile")
@_environment
@click.argument("model", required=False)
def compile_command(environment: str, model: str | None) -> None:
    """Checks all models against their contracts, or prints the SQL that keeps MODEL.

    \b
    logistics compile
    logistics compile marts.tbl_fact_shipments
    """
    models = _declared(environment).models
    if model is None:
        for found in models.models.values():
            click.echo(f"{found.name}  {found.contract.materialization}  reads {', '.join(found.reads) or 'nothing'}")
        return
    name = _model_name(models, model)
    refreshed = [task for task in models.tasks.values() if task.name == _task_of(models, name)]
    for task in refreshed:
        click.echo(f"-- task {task.name} when {task.when}\n{task.body};\n")
    click.echo(f"-- whole\n{models.refreshes[name]};" if name in models.refreshes else models.models[name].query)


@click.command()
@_environment
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("what", required=False)
def lineage(environment: str, as_json: bool, what: str | None) -> None:
    """Shows where rows and columns come from: of all models, of a MODEL, or of a MODEL.COLUMN and what hangs on it.

    \b
    logistics lineage analytics.mv_customer_summary
    logistics lineage tbl_dim_customer.contact_email
    """
    from logistics.modelling.shown import lineage_of

    models = _declared(environment).models
    found = lineage_of(models, what)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, steps in found.items():
        click.echo(name)
        for direction, others in steps.items():
            for other in others:
                click.echo(f"  {direction} {other}")


@click.command()
@_environment
@click.option("--behind", is_flag=True, help="Also what is computed from them.")
@click.argument("model", nargs=-1)
def refresh(environment: str, behind: bool, model: tuple[str, ...]) -> None:
    """Brings MODELs (default: all behind the raw tables) to all rows of their queries: first fill, backfill after a change.

    It may be repeated without harm, also while the models' tasks run.
    """
    from logistics.modelling.run import chosen, refresh

    models = _declared(environment).models
    names = chosen(models, model, behind)
    with _connected(environment) as connection:
        refresh(connection.cursor(), models, names, click.echo)


@click.command()
@_environment
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("only", nargs=-1)
def test(environment: str, as_json: bool, only: tuple[str, ...]) -> None:
    """Runs the SQL tests of sql/tests and of the contracts on what is deployed; a row returned is a failure.

    ONLY names tests, tables or models. Exits with 1 if a critical test fails.
    """
    from logistics.modelling.row_tests import failed, load_row_tests, run_row_tests
    from logistics.modelling.shown import print_results, results_as_json
    from logistics.settings import load_stack

    root = project_root()
    tests = load_row_tests(root, load_stack(root, environment), only)
    with _connected(environment) as connection:
        results = list(run_row_tests(connection.cursor(), tests))
    click.echo(results_as_json(results)) if as_json else print_results(results)
    if count := len(failed(results)):
        raise LogisticsError(f"{count} of {len(results)} tests failed")


@click.command()
@_environment
@click.option("--engine", type=click.Choice(ENGINES), default=EMBEDDED, show_default=True)
def columns(environment: str, engine: str) -> None:
    """Renames deployed columns whose contract says `renamed_from`, rows kept, and tells the stack's state of it.

    `pulumi up` alone refuses such a change: it could only drop the old column and add an empty one. `make up` does this first.
    """
    from logistics.local.environment import environment as variables_of
    from logistics.modelling.renames import rename_columns
    from logistics.pulumi_command import PulumiCommand
    from logistics.settings import load_stack

    root = project_root()
    settings = load_stack(root, environment)
    variables = os.environ | variables_of(root, settings)
    pulumi = PulumiCommand(root, settings.stack, engine, variables)
    renames = rename_columns(root, settings, pulumi, variables)
    for rename in renames:
        click.echo(f"{rename.table}: {rename.old} is now {rename.new}")
    if not renames:
        click.echo("no column is to be renamed")


def _model_name(models: Any, wanted: str) -> str:
    found = [name for name in models.models if wanted in (name, name.split(".")[1])]
    if not found:
        raise UsageError(f"there is no model {wanted}: allowed: {', '.join(models.models)}")
    return found[0]


def _task_of(models: Any, name: str) -> str:
    contract = models.models[name].contract
    return contract.task or f"{contract.schema_name}.refresh_{contract.table}"


def _connected(environment: str) -> Any:
    from logistics.connection import connect
    from logistics.local.environment import environment as variables_of
    from logistics.settings import load_stack

    root = project_root()
    settings = load_stack(root, environment)
    return connect(settings, os.environ | variables_of(root, settings), role=_ENGINEER)


COMMANDS = (compile_command, lineage, refresh, test, columns)
