"""`logistics orchestrate`, with `checks`, `jobs` and `units`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from logistics.errors import UsageError
from logistics.project import project_root

_Command = Callable[..., Any]
_FORMATS = ("table", "markdown", "html", "json")
_DEFAULT_SCHEDULE = "*/15 * * * * UTC"
_MAX_PARALLEL = 64


def _environment(command: _Command) -> _Command:
    return click.option(
        "--environment", "-e", "environment", default="dev", show_default=True, help="The stack: dev, staging or prod."
    )(command)


def _job_table(command: _Command) -> _Command:
    return click.option(
        "--job-table",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Another table of jobs, in YAML; see `orchestrate jobs`.",
    )(command)


@click.group(invoke_without_command=True)
@_environment
@_job_table
@click.option("--action", help="health_check, quality, optimize, ml, deploy_check, report or all.")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="table", show_default=True, help="Of the report."
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report into this file.")
@click.option(
    "--jobs",
    "parallel",
    type=click.IntRange(1, _MAX_PARALLEL),
    help="So many jobs at once; else one a processor, at least 2.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, 86_400, min_open=True),
    help="Seconds that a job may take, for all; else the table's.",
)
@click.option(
    "--retries", type=click.IntRange(0, 20), help="How often a job is tried again, for all; else the table's."
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 3_600),
    default=30.0,
    show_default=True,
    help="Seconds that running jobs have after a stop.",
)
@click.option("--continuous", is_flag=True, help="Run again and again, on --schedule, until stopped.")
@click.option(
    "--schedule", help=f"Five cron fields and a time zone, with --continuous.  [default: {_DEFAULT_SCHEDULE}]"
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65_535),
    help="Serve Prometheus metrics on this port of 127.0.0.1; 0 takes a free one.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["warning", "critical"]),
    default="warning",
    show_default=True,
    help="From which status on the exit code is not 0.",
)
@click.option(
    "--no-record", is_flag=True, help="Leave the account's tables of runs alone; only this machine's lock holds."
)
@click.pass_context
def orchestrate(context: click.Context, environment: str, **options: Any) -> None:
    """Runs an environment's operations together, in parallel, and reports what to do in order of value.

    \b
    logistics orchestrate --action health_check --environment prod
    logistics orchestrate --action all --environment prod --format html --output report.html
    logistics orchestrate --action all --environment prod --continuous --schedule "0 */6 * * * UTC"

    Exit codes: 0 all is well, 1 something critical or a job that failed, 5 a warning, 6 something unknown, 2 wrong use,
    3 no connection, 4 another run is at work, 130 or 143 stopped. OTEL_EXPORTER_OTLP_ENDPOINT sends metrics there.
    """
    if context.invoked_subcommand is None:
        raise SystemExit(_run(environment, **options))


def _run(environment: str, action: str | None, job_table: Path | None, **options: Any) -> int:
    """Runs what the command says; returns its exit code."""
    from logistics.orchestration.jobs import OWN_TABLE, load_jobs, with_limits
    from logistics.orchestration.metrics import open_meters

    table = load_jobs(job_table or OWN_TABLE)
    if action is None:
        raise UsageError(f"--action is needed: {', '.join(table.actions)}")
    jobs = with_limits(table.of_action(action), options["timeout"], options["retries"])
    if options["schedule"] and not options["continuous"]:
        raise UsageError("--schedule needs --continuous")
    meters = open_meters(options["metrics_port"])
    for meter in meters:
        if port := getattr(meter, "port", None):
            click.echo(f"metrics at http://127.0.0.1:{port}/metrics", err=True)
    try:
        return _Session(environment, action, jobs, meters, options).run()
    finally:
        for meter in meters:
            meter.close()


class _Session:
    """One command's runs: their report is written, measured and turned into an exit code."""

    def __init__(
        self, environment: str, action: str, jobs: list[Any], meters: list[Any], options: dict[str, Any]
    ) -> None:
        from logistics.orchestration.scheduler import Stop

        self._environment, self._action, self._jobs, self._meters, self._options = (
            environment,
            action,
            jobs,
            meters,
            options,
        )
        self._stop = Stop(options["grace"])
        self._code = 0

    def run(self) -> int:
        """Runs once, or on the schedule; returns the exit code of the last run, or of the signal that stopped it."""
        from logistics.orchestration.continuous import Schedule, run_continuously

        with _stopped_by_signals(self._stop):
            if self._options["continuous"]:
                schedule = Schedule(self._options["schedule"] or _DEFAULT_SCHEDULE)
                run_continuously(schedule, self._once, self._stop, lambda line: click.echo(line, err=True))
                return 0
            self._once()
        number = self._stop.signal_number
        return 128 + number if number else self._code

    def _once(self) -> None:
        from logistics.orchestration.report import exit_code

        report = self._report()
        for meter in self._meters:
            meter.observe(report)
        _write(report, self._options["form"], self._options["output"])
        self._code = exit_code(report, self._options["fail_on"])

    def _report(self) -> dict[str, Any]:
        from logistics.orchestration.run import Wanted, past_report, run_jobs

        root = project_root()
        if not self._jobs:
            return past_report(root, self._environment)
        wanted = Wanted(
            root=root,
            environment=self._environment,
            action=self._action,
            jobs=self._jobs,
            parallel=self._options["parallel"] or max(2, os.cpu_count() or 2),
            started_by="schedule" if self._options["continuous"] else "command",
            in_account=not self._options["no_record"],
        )
        return run_jobs(wanted, self._stop)


@contextmanager
def _stopped_by_signals(stop: Any) -> Iterator[None]:
    """Turns SIGINT and SIGTERM into a stop with grace; the second one is a stop at once."""

    def handle(number: int, _frame: Any) -> None:
        stop.ask(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write(report: dict[str, Any], form: str, output: Path | None) -> None:
    """Prints the report, or puts it whole into a file."""
    from logistics.orchestration.formats import FORMATS
    from logistics.orchestration.formats.table import print_table

    if output:
        made = output.with_name(f".{output.name}.{os.getpid()}.tmp")
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(FORMATS[form](report), encoding="utf-8")
            made.replace(output)
        except OSError as error:
            raise UsageError(f"{output}: the report cannot be written: {error.strerror}") from None
        click.echo(f"{output}: written", err=True)
    elif form == "table" and sys.stdout.isatty():
        from rich.console import Console

        print_table(Console(), report)
    else:
        click.echo(FORMATS[form](report), nl=False)


@orchestrate.command()
@_environment
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--except", "without", multiple=True, metavar="CHECK", help="Leave this check out; may be given again.")
@click.argument("names", nargs=-1, metavar="[CHECK]...")
def checks(environment: str, form: str, without: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Asks the account how an environment is: all checks, or those named. Exits as `orchestrate` does.

    \b
    logistics orchestrate checks --environment prod
    logistics orchestrate checks streams tasks --format json
    """
    import json

    from logistics.orchestration.checks import open_site, run_checks
    from logistics.orchestration.checks.run import chosen
    from logistics.orchestration.findings import EXIT_CODES, by_value, worst
    from logistics.orchestration.formats.words import SHAPES

    wanted = chosen(names, without)
    with open_site(project_root(), environment) as site:
        found = list(run_checks(site, wanted))
    status = worst(finding.status for finding in found)
    if form == "json":
        said = {"environment": environment, "status": status, "findings": [finding.as_json() for finding in found]}
        click.echo(json.dumps(said, indent=2))
    else:
        for finding in by_value(found):
            what = f"{finding.subject} {finding.evidence}".strip()
            advice = f"\n{'':26}→ {finding.recommendation}" if finding.recommendation else ""
            click.echo(f"{SHAPES[finding.status]} {finding.status:<9} {finding.check:<13} {what}{advice}")
    raise SystemExit(EXIT_CODES[status])


@orchestrate.command()
@_job_table
def jobs(job_table: Path | None) -> None:
    """Lists the jobs and actions, with what each needs and its limits."""
    from logistics.orchestration.jobs import OWN_TABLE, load_jobs

    table = load_jobs(job_table or OWN_TABLE)
    for job in table.jobs:
        click.echo(f"{job.name}: {job.about}")
        click.echo(f"  {' '.join(job.command)}")
        needs = ", ".join(job.needs) or "nothing"
        click.echo(f"  needs {needs}; {job.timeout_seconds:g} s, {job.retries} retries")
    for action, names in table.actions.items():
        click.echo(f"action {action}: {', '.join(names) or 'the newest record of each job'}")


@orchestrate.command()
@_environment
@click.option("--action", default="all", show_default=True)
@click.option("--schedule", default="0 */6 * * * UTC", show_default=True, help="Five cron fields and a time zone.")
@click.argument("kind", type=click.Choice(["cron", "systemd-service", "systemd-timer", "systemd-continuous"]))
def units(environment: str, action: str, schedule: str, kind: str) -> None:
    """Prints a line for cron or a unit of systemd that runs the orchestrator on this machine.

    \b
    logistics orchestrate units cron --environment prod | crontab -
    logistics orchestrate units systemd-timer -e prod > ~/.config/systemd/user/logistics-prod.timer
    """
    from logistics.orchestration.jobs import load_jobs
    from logistics.orchestration.units import unit

    load_jobs().of_action(action)
    click.echo(unit(kind, project_root(), environment, action, schedule), nl=False)


COMMANDS = (orchestrate,)
