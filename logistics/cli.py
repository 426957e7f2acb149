"""The `logistics` command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from logistics.dashboard.commands import COMMANDS as DASHBOARD_COMMANDS
from logistics.deployment.commands import COMMANDS
from logistics.environments.commands import COMMANDS as ENVIRONMENT_COMMANDS
from logistics.errors import LogisticsError
from logistics.ml.commands import COMMANDS as ML_COMMANDS
from logistics.modelling.commands import COMMANDS as MODEL_COMMANDS
from logistics.optimizer.commands import COMMANDS as OPTIMIZER_COMMANDS
from logistics.orchestration.commands import COMMANDS as ORCHESTRATION_COMMANDS
from logistics.project import project_root
from logistics.proving.commands import COMMANDS as PROVING_COMMANDS
from logistics.pulumi_command import EMBEDDED, ENGINES
from logistics.quality.commands import COMMANDS as QUALITY_COMMANDS
from logistics.review.commands import COMMANDS as REVIEW_COMMANDS
from logistics.shell import COMMANDS as SHELL_COMMANDS

MAX_SCALE = Decimal(1000)
LOG_WIDTH = 100

_Command = Callable[..., Any]


class _Scale(click.ParamType):
    name = "scale"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            scale = Decimal(str(value))
        except InvalidOperation:
            scale = Decimal(0)
        if not 0 < scale <= MAX_SCALE:
            self.fail(f"{value!r} is no scale factor: allowed: above 0, up to {MAX_SCALE}", param, ctx)
        return scale.normalize()


def _stack_option(command: _Command) -> _Command:
    return click.option("--stack", default="dev", show_default=True, help="The stack: dev, staging or prod.")(command)


def _engine_option(command: _Command) -> _Command:
    return click.option(
        "--engine",
        type=click.Choice(ENGINES),
        default=EMBEDDED,
        show_default=True,
        help="The embedded engine, or the official CLI on PATH.",
    )(command)


def _scale_option(command: _Command) -> _Command:
    return click.option(
        "--scale", type=_Scale(), default="0.01", show_default=True, help="TPC-H scale factor of the generated data."
    )(command)


def _port_option(command: _Command) -> _Command:
    return click.option(
        "--port",
        type=click.IntRange(0, 65535),
        envvar="LOCAL_SNOWFLAKE_PORT",
        help="Port of the local Snowflake; else 8084 or the next free one.",
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="logistics-platform")
def commands() -> None:
    """Runs the logistics analytics platform: deploys it, loads it, shows it.

    Exit codes: 0 done, 1 failed, 2 wrong use or a wrong file, 3 no connection, 4 locked by somebody else.
    """


@commands.command()
@_stack_option
@_engine_option
@_scale_option
@_port_option
def up(stack: str, engine: str, scale: Decimal, port: int | None) -> None:
    """Deploys a stack, loads its data and runs its tasks; what is done already stays as it is."""
    from logistics.console import Steps, print_summary
    from logistics.deployment_steps import bring_up

    console = _console()
    summary = bring_up(project_root(), stack, engine, scale, port, Steps(console))
    print_summary(console, stack, summary)


@commands.command(context_settings={"ignore_unknown_options": True})
@_stack_option
@_engine_option
@_port_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def preview(stack: str, engine: str, port: int | None, arguments: tuple[str, ...]) -> None:
    """Shows what `up` would change. ARGUMENTS go to `pulumi preview`, such as --diff."""
    from logistics import deployment_steps

    raise SystemExit(deployment_steps.preview(project_root(), stack, engine, port, list(arguments)))


@commands.command()
@_engine_option
def down(engine: str) -> None:
    """Destroys every stack on the local Snowflake and stops it; real accounts are left alone."""
    from logistics.console import Steps
    from logistics.deployment_steps import bring_down

    bring_down(project_root(), engine, Steps(_console()))


@commands.command()
@_stack_option
@_engine_option
def summary(stack: str, engine: str) -> None:
    """Shows what is deployed, who sees what of it, and the segments."""
    from logistics.console import print_summary
    from logistics.deployment_steps import prepared_pulumi
    from logistics.summary import summarize

    root, settings, variables = _context(stack)
    counts = prepared_pulumi(root, settings, engine).resource_counts()
    print_summary(_console(), stack, summarize(root, settings, variables, counts))


class _EnvironmentGroup(click.Group):
    """Its commands, and any other program's command line."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "run", _run_in_environment, args


@commands.group(cls=_EnvironmentGroup, invoke_without_command=True, subcommand_metavar="[COMMAND [ARGS]...]")
@_stack_option
@_engine_option
@click.pass_context
def env(context: click.Context, stack: str, engine: str) -> None:
    """Prints a stack's environment for the shell, runs a program in it, or clones it for a pull request.

    \b
    eval "$(logistics env --stack dev)"
    logistics env --stack dev -- pulumi stack output
    logistics env clone --from staging --name pr-123 --ttl 24h
    """
    from logistics.local.environment import environment, shell_lines
    from logistics.settings import load_stack

    context.obj = stack, engine
    if context.invoked_subcommand is None:
        root = project_root()
        click.echo("\n".join(shell_lines(root, environment(root, load_stack(root, stack)), engine)))


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def _run_in_environment(chosen: tuple[str, str], command: tuple[str, ...]) -> None:
    """Runs a program in the stack's environment."""
    from logistics.local.environment import environment, path_with_engine
    from logistics.settings import load_stack

    stack, engine = chosen
    root = project_root()
    variables = environment(root, load_stack(root, stack))
    path = path_with_engine(root, engine, os.environ.get("PATH", ""))
    try:
        done = subprocess.run(command, env=os.environ | variables | {"PATH": path}, check=False)
    except FileNotFoundError:
        raise LogisticsError(f"{command[0]}: there is no such command") from None
    raise SystemExit(done.returncode)


for _environment_command in ENVIRONMENT_COMMANDS:
    env.add_command(_environment_command)


@commands.command()
@_stack_option
@click.option("--reference", "as_reference", is_flag=True, help="Print the reference of all settings, in Markdown.")
def settings(stack: str, as_reference: bool) -> None:
    """Checks a stack file and everything in sql/, and prints the settings in force."""
    if as_reference:
        from logistics.settings.reference import reference

        click.echo(reference())
        return
    from logistics.declarations import load_declarations
    from logistics.settings import load_stack

    root = project_root()
    found = load_stack(root, stack)
    load_declarations(root, found)
    for key, value in found.platform.model_dump(mode="json", by_alias=True).items():
        click.echo(f"logistics:{key} = {value}")


@commands.command()
@click.option("--to", "target", type=click.Path(path_type=Path), help="The folder; else build/site of the project.")
@click.option("--reference", "as_reference", is_flag=True, help="Write docs/reference.md instead.")
def docs(target: Path | None, as_reference: bool) -> None:
    """Writes the documentation site: catalog, lineage, who sees what, environments, settings."""
    from logistics.documentation import build
    from logistics.documentation.reference import FILE, reference

    root = project_root()
    if as_reference:
        (root / FILE).write_text(reference(root, commands), encoding="utf-8")
        click.echo(f"{FILE}: written")
        return
    click.echo(f"{build(root, target or root / 'build' / 'site')[0]}: written")


@commands.group()
def local() -> None:
    """The local Snowflake of this project."""


@local.command()
@_port_option
def start(port: int | None) -> None:
    """Starts it in the background and waits until it answers."""
    from logistics.local import server

    running, started = server.start(project_root(), port)
    click.echo(
        f"local Snowflake {'started' if started else 'already running'} on {server.HOST}:{running.port}, process {running.pid}"
    )


@local.command()
def stop() -> None:
    """Stops it; its data stay."""
    from logistics.local import server

    stopped = server.stop(project_root())
    click.echo(f"local Snowflake stopped, process {stopped.pid}" if stopped else "the local Snowflake does not run")


@local.command()
def status() -> None:
    """Says whether it runs, where, and where its log lies; exits with 3 if it does not."""
    from logistics.local import server

    root = project_root()
    running = server.find(root)
    if running is None:
        click.echo("the local Snowflake does not run")
        raise SystemExit(3)
    click.echo(
        f"local Snowflake running on {server.HOST}:{running.port}, process {running.pid}, log {server.log_file(root)}"
    )


@commands.group()
def data() -> None:
    """The generated data."""


@data.command("generate")
@_scale_option
def generate_data(scale: Decimal) -> None:
    """Makes the files; the same scale always gives the same rows."""
    from logistics.data.generate import generate

    found, made = generate(project_root(), scale)
    click.echo(
        f"{'generated' if made else 'unchanged'}: "
        + ", ".join(f"{rows:,} {table}" for table, rows in found.rows.items())
    )


@data.command("load")
@_stack_option
@_scale_option
def load_data(stack: str, scale: Decimal) -> None:
    """Loads the files through the stage into the raw tables, and from there into the marts; twice is once."""
    from logistics.connection import connect
    from logistics.data.generate import generate
    from logistics.data.load import load
    from logistics.summary import ENGINEER

    root, found, variables = _context(stack)
    files, _ = generate(root, scale)
    with connect(found, variables, role=ENGINEER) as connection:
        loaded = load(root, found, connection, files, click.echo)
    click.echo(f"{'loaded' if loaded.changed else 'unchanged'}: {loaded.rows:,} rows")


@commands.group()
def tasks() -> None:
    """The platform's tasks."""


@tasks.command("run")
@_stack_option
def run_tasks(stack: str) -> None:
    """Runs update_customer_segments on what waits in its stream, and waits until it is done."""
    from logistics.connection import connect
    from logistics.summary import ENGINEER
    from logistics.tasks import run_segments_task

    _, found, variables = _context(stack)
    with connect(found, variables, role=ENGINEER) as connection:
        run = run_segments_task(found, connection)
    click.echo(f"update_customer_segments done in {run.seconds:.1f} s" if run.had_changes else "nothing pending")


for _command in (
    *COMMANDS,
    *DASHBOARD_COMMANDS,
    *ML_COMMANDS,
    *MODEL_COMMANDS,
    *OPTIMIZER_COMMANDS,
    *ORCHESTRATION_COMMANDS,
    *PROVING_COMMANDS,
    *QUALITY_COMMANDS,
    *REVIEW_COMMANDS,
    *SHELL_COMMANDS,
):
    commands.add_command(_command)


def _context(stack: str) -> tuple[Path, Any, dict[str, str]]:
    """Returns the project's folder, the stack's settings and the environment to work on it in."""
    from logistics.local.environment import environment
    from logistics.settings import load_stack

    root = project_root()
    found = load_stack(root, stack)
    return root, found, os.environ | environment(root, found)


def _console() -> Any:
    """Returns the console to print to; where it is no terminal, lines are as long as the summary's table needs."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=LOG_WIDTH, soft_wrap=True)


def main() -> None:
    """Runs the command; an error of the platform is one message and its exit code."""
    try:
        commands(standalone_mode=True)
    except LogisticsError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except OSError as error:  # a full disk, a folder that may not be written
        click.echo(f"error: {error}", err=True)
        raise SystemExit(LogisticsError.exit_code) from None
