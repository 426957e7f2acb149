"""`logistics quality`: run checks, see and acknowledge alerts, mend tasks and streams."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from logistics.project import local_folder, project_root

_ENGINEER = "DATA_ENGINEER"
_Command = Callable[..., Any]


def _environment(command: _Command) -> _Command:
    return click.option(
        "--environment", "-e", "--stack", "environment", default="dev", show_default=True, help="dev, staging or prod."
    )(command)


def _format(*allowed: str) -> Callable[[_Command], _Command]:
    return click.option("--format", "form", type=click.Choice(allowed), default="table", show_default=True)


@dataclass(frozen=True, kw_only=True)
class _Site:
    """An environment: its settings, declarations and the variables to reach it with."""

    root: Path
    settings: Any
    declared: Any
    variables: dict[str, str]

    @property
    def database(self) -> str:
        return self.settings.platform.database

    @contextmanager
    def cursor(self, role: str | None = None) -> Iterator[Any]:
        from logistics.connection import connect

        with connect(self.settings, self.variables, role=role) as connection:
            yield connection.cursor()

    @property
    def channels(self) -> Any:
        from logistics.notices import WEBHOOK_VARIABLE, Channels

        platform = self.settings.platform
        return Channels(
            log=local_folder(self.root) / "quality" / self.settings.stack / "notices.log",
            webhook_url=self.variables.get(WEBHOOK_VARIABLE, ""),
            email_integration=platform.quality_email_integration,
            email_to=tuple(platform.quality_email_to),
        )


def _site(environment: str) -> _Site:
    from logistics.declarations import load_declarations
    from logistics.local.environment import environment as variables_of
    from logistics.settings import load_stack

    root = project_root()
    settings = load_stack(root, environment)
    return _Site(
        root=root,
        settings=settings,
        declared=load_declarations(root, settings),
        variables=dict(os.environ | variables_of(root, settings)),
    )


@click.group(invoke_without_command=True)
@_environment
@_format("table", "json", "junit")
@click.option("--check", "checks", multiple=True, help="Only this check, with or without its table; may be repeated.")
@click.option("--table", "tables", multiple=True, help="Only checks of this table; may be repeated.")
@click.option(
    "--severity",
    type=click.Choice(["info", "warning", "critical"]),
    default="info",
    show_default=True,
    help="Only checks of this severity and graver ones.",
)
@click.pass_context
def quality(
    context: click.Context, environment: str, form: str, checks: tuple[str, ...], tables: tuple[str, ...], severity: str
) -> None:
    """Runs the checks of the data's quality, keeps results and alerts, and says which rows fail.

    Exits with 0 if nothing graver than info failed, 5 if a warning did, 1 if a critical check failed or could not be run.

    \b
    logistics quality --environment prod
    logistics quality --environment prod --format junit > quality.xml
    logistics quality --table tbl_fact_shipments --severity critical
    logistics quality --check "marts.tbl_fact_shipments: key" --format json
    """
    if context.invoked_subcommand is not None:
        return
    from logistics.quality import output
    from logistics.quality.alerts import deliver
    from logistics.quality.run import choose, run_checks

    site = _site(environment)
    chosen = choose(site.declared.quality, checks, tables, severity)
    with site.cursor(_ENGINEER) as cursor:
        run = run_checks(cursor, site.declared.quality, chosen)
        untold = deliver(cursor, site.database, site.channels, cursor.execute)
    forms = {"json": lambda: output.as_json(run, environment), "junit": lambda: output.as_junit(run, environment)}
    click.echo(forms.get(form, lambda: output.as_table(run))())
    for problem in untold:
        click.echo(f"not told: {problem}", err=True)
    raise SystemExit(output.exit_code(run))


@quality.command("list")
@_environment
@_format("table", "json")
def list_checks(environment: str, form: str) -> None:
    """Lists the checks that are declared, with severity, owner and meaning."""
    found = _site(environment).declared.quality.checks
    names = ("name", "table", "kind", "severity", "owner", "cadence", "description", "what_to_do")
    rows = [{name: getattr(check, name) for name in names} for check in found]
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['severity']:8}  {row['kind']:12}  {row['name']}  ({row['owner']})")


@quality.command()
@_environment
@_format("table", "json")
@click.option("--all", "with_closed", is_flag=True, help="Also those that are closed.")
def alerts(environment: str, form: str, with_closed: bool) -> None:
    """Shows the open alerts, the gravest first."""
    from logistics.connection import shown
    from logistics.sql import identifier

    site = _site(environment)
    where = "" if with_closed else "where closed_at is null "
    with site.cursor(_ENGINEER) as cursor:
        rows = shown(
            cursor,
            f"select * from {identifier(site.database)}.monitoring.quality_alerts {where}"
            "order by decode(severity, 'critical', 0, 'warning', 1, 2), opened_at desc",
        )
    if form == "json":
        click.echo(json.dumps(rows, indent=2, default=str))
        return
    for row in rows:
        state = f"closed {row['closed_at']:%Y-%m-%d %H:%M}" if row["closed_at"] else f"{row['occurrences']} times"
        seen = f", acknowledged by {row['acknowledged_by']}" if row["acknowledged_by"] else ""
        click.echo(f"{row['alert_id'][:8]}  {row['severity']:8}  {row['check_name']}: {row['message']} ({state}{seen})")
    if not rows:
        click.echo("no alert is open" if not with_closed else "there has been no alert")


@quality.command()
@_environment
@click.option("--by", required=True, help="Who takes care of it.")
@click.option("--note", default="", help="What is being done.")
@click.argument("alert_id")
def acknowledge(environment: str, by: str, note: str, alert_id: str) -> None:
    """Marks the open alert ALERT_ID, or the one whose id begins so, as taken care of; it is not told again.

    \b
    logistics quality acknowledge 3f2a91c0 --environment prod --by anna --note "load is being repeated"
    """
    from logistics.quality.alerts import acknowledge as mark

    site = _site(environment)
    with site.cursor(_ENGINEER) as cursor:
        found = mark(cursor, site.database, alert_id, by, note)
    click.echo(f"{found['alert_id']}: {found['check']}: acknowledged by {by}")


@quality.command()
@_environment
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_format("table", "json")
def heal(environment: str, dry_run: bool, form: str) -> None:
    """Mends what is safe to mend: resumes declared tasks, retries failed ones, rebuilds stale streams and fills back.

    Each act is kept in MONITORING.HEALING_LOG. A task is retried three times a day at most. Exits with 1 if something is left.

    \b
    logistics quality heal --environment prod --dry-run
    """
    from logistics.quality.heal import apply, find

    site = _site(environment)
    with site.cursor() as cursor, site.cursor(_ENGINEER) as engineer:
        acts = find(cursor, site.declared, site.database)
        if not dry_run:
            acts = apply(cursor, engineer, site.declared, site.database, acts, getpass.getuser())
    if form == "json":
        click.echo(json.dumps([vars(act) for act in acts], indent=2))
    else:
        for act in acts:
            click.echo(
                f"{act.result or 'would'} {act.action} {act.object_type.lower()} {act.object_name}: {act.detail}"
            )
        if not acts:
            click.echo("nothing is to be mended")
    if any(act.result in ("failed", "refused") for act in acts):
        raise SystemExit(1)


COMMANDS = (quality,)
"""What `logistics` registers."""
