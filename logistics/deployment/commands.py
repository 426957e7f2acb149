"""`logistics deploy`, `history`, `rollback`, `backup` and `restore`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from logistics.errors import Locked, LogisticsError, UsageError
from logistics.project import project_root
from logistics.pulumi_command import EMBEDDED, ENGINES

_Command = Callable[..., Any]
_FILE = click.Path(path_type=Path, dir_okay=False)


def _common(command: _Command) -> _Command:
    """Adds the options that every command of this file takes."""
    command = click.option("--engine", type=click.Choice(ENGINES), default=EMBEDDED, show_default=True)(command)
    return click.option(
        "--environment", "-e", "environment", default="dev", show_default=True, help="The stack: dev, staging or prod."
    )(command)


@click.command()
@_common
@click.option("--dry-run", is_flag=True, help="Check and preview only.")
@click.option("--save-plan", type=_FILE, help="With --dry-run: write what would be done into a file, to be approved.")
@click.option(
    "--plan", "plan_file", type=_FILE, help="Do what this approved file says, or stop where it would be something else."
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option(
    "--allow-destructive", is_flag=True, help="Do not stop at steps that lose rows (they are kept for 14 days)."
)
def deploy(
    environment: str,
    engine: str,
    dry_run: bool,
    save_plan: Path | None,
    plan_file: Path | None,
    yes: bool,
    allow_destructive: bool,
) -> None:
    """Deploys an environment: checks, preview, backup, update, SQL tests; goes back by itself on a failure.

    \b
    logistics deploy --environment prod --dry-run --save-plan plan.json
    logistics deploy --environment prod --plan plan.json
    logistics deploy --environment prod --yes
    """
    from logistics.deployment import deploy as deployment
    from logistics.deployment.approved import load_plan
    from logistics.deployment.context import open_context

    if save_plan and not dry_run:
        raise UsageError("--save-plan goes with --dry-run: a plan is approved before it is applied")
    if save_plan and plan_file:
        raise UsageError("--plan and --save-plan exclude each other")
    approved = load_plan(plan_file) if plan_file else None
    context = open_context(project_root(), environment, engine)
    with context.runs.lock("deploy"), ExitStack() as opened:
        killed = _tell_unfinished(context)
        for line in deployment.check(context):
            click.echo(f"checked {line}")
        plan = _planned(context, engine, save_plan)
        _show_steps(plan)
        if approved:
            approved.hold(environment, context.settings.account.account, engine, plan.as_json())
            click.echo(f"the same as approved on {approved.made_at[:16]} UTC, {len(plan.steps)} changes")
        is_left = killed is not None and killed.kind == "deploy" and killed.touched
        if dry_run or not (plan.steps or is_left):
            click.echo("nothing to change" if not plan.steps else "dry run: nothing was changed")
            return
        _refuse_destructive(plan, allow_destructive)
        _ask(yes or approved is not None, f"Deploy {len(plan.steps)} changes to {environment}?")
        run = context.runs.start("deploy", _git_revision(context.root))
        run.details["approved_at"] = approved.made_at if approved else None
        engine_plan = opened.enter_context(approved.engine_file()) if approved else None
        with _ended_if_it_fails(context, run):
            back_to = killed.version_before if is_left and killed else None
            deployment.deploy(context, plan, run, _row_tests, click.echo, engine_plan, back_to)
        _publish_dashboard(context)
    click.echo(f"deployed version {run.version_after}; to go back: logistics rollback -e {environment}")


def _planned(context: Any, engine: str, save_plan: Path | None) -> Any:
    """Plans a deployment, and writes the plan into a file if one is named."""
    from logistics.deployment.approved import approved
    from logistics.deployment.deploy import plan_deployment

    if save_plan is None:
        return plan_deployment(context)
    with TemporaryDirectory(prefix="logistics-") as folder:
        own = Path(folder) / "plan.json"
        plan = plan_deployment(context, own)
        text = own.read_text(encoding="utf-8")
    account, revision = context.settings.account.account, _git_revision(context.root)
    approved(context.settings.stack, account, engine, revision, plan.as_json(), text).save(save_plan)
    click.echo(f"{save_plan}: the plan; to apply it: logistics deploy -e {context.settings.stack} --plan {save_plan}")
    return plan


def _refuse_destructive(plan: Any, allowed: bool) -> None:
    from logistics.deployment.steps import Label

    destructive = plan.labelled(Label.DESTRUCTIVE)
    if destructive and not allowed:
        names = ", ".join(f"{step.op} {step.kind} {step.name}" for step in destructive)
        raise UsageError(f"this loses rows: {names}; if that is meant, add --allow-destructive")


@click.command()
@_common
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(environment: str, engine: str, as_json: bool) -> None:
    """Lists an environment's versions: when, who, what changed, from which commit, until when one can go back to it.

    Going back is always possible; what a later version took away comes back with its rows for 14 days.
    """
    from logistics.deployment.context import open_context
    from logistics.deployment.horizon import horizons, in_words

    context = open_context(project_root(), environment, engine)
    versions = context.versions()
    until = horizons(context, versions)
    if as_json:
        keys = ("number", "kind", "result", "message", "author", "git_revision", "ended_at", "changes")
        told = [
            {**{key: getattr(version, key) for key in keys}, "comes_back_whole_until": until[version.number]}
            for version in reversed(versions)
        ]
        click.echo(json.dumps(told, indent=2, default=str))
        return
    now = datetime.now(UTC)
    click.echo(
        f"{'version':>7}  {'when (UTC)':<16}  {'kind':<8}  {'result':<11}  {'changes':<28}  {'back until':<16}  {'commit':<9}  what"
    )
    for version in reversed(versions):
        changes = ", ".join(f"{count} {op}" for op, count in version.changes.items() if op != "same") or "none"
        commit = version.git_revision[:8] + ("*" if version.git_dirty else "")
        when, back = f"{version.ended_at:%Y-%m-%d %H:%M}", in_words(until[version.number], now)
        start = f"{version.number:>7}  {when:<16}  {version.kind:<8}  {version.result:<11}"
        click.echo(f"{start}  {changes:<28}  {back:<16}  {commit:<9}  {version.message}")


@click.command()
@_common
@click.option("--to", "to", type=int, metavar="VERSION", help="The version to go back to; see `logistics history`.")
@click.option("--last-good", is_flag=True, help="The newest good version before the latest (the default).")
@click.option("--dry-run", is_flag=True, help="Say what would be done and what cannot come back.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--allow-loss", is_flag=True, help="Go on although something comes back without its rows or offset.")
def rollback(
    environment: str, engine: str, to: int | None, last_good: bool, dry_run: bool, yes: bool, allow_loss: bool
) -> None:
    """Goes back to a version: objects, grants, policies, and the rows of what was dropped or replaced since.

    \b
    logistics rollback --environment prod --dry-run
    logistics rollback --environment prod --to 12 --yes
    """
    from logistics.deployment.context import open_context
    from logistics.deployment.rollback import plan_rollback, roll_back
    from logistics.deployment.versions import pick

    if to is not None and last_good:
        raise UsageError("--to and --last-good exclude each other")
    context = open_context(project_root(), environment, engine)
    with context.runs.lock("rollback"):
        killed = _tell_unfinished(context)
        is_left = killed is not None and killed.kind == "rollback" and killed.touched
        if killed and killed.touched and to is None and not last_good:
            to = killed.details.get("goes_back_to") if is_left else killed.version_before
        version = pick(context.versions(), to, context.in_between())
        commit = version.git_revision[:8] or "no commit"
        click.echo(
            f"back to version {version.number} of {version.ended_at:%Y-%m-%d %H:%M} UTC ({commit}): {version.message}"
        )
        plan = plan_rollback(context, version)
        for step in plan.steps:
            click.echo(f"  {step.op:<8} {step.kind} {step.name}")
        for item in plan.returns:
            click.echo(f"  {'lost' if item.lost else 'back':<8} {item.said}")
        if not (plan.steps or plan.returns or is_left):
            click.echo("nothing to change")
            return
        if dry_run:
            click.echo("dry run: nothing was changed")
            return
        if plan.lost and not allow_loss:
            raise UsageError(f"{len(plan.lost)} objects cannot come back whole (see above); to go on, add --allow-loss")
        _ask(yes, f"Go back to version {version.number}?")
        run = context.runs.start("rollback", _git_revision(context.root))
        with _ended_if_it_fails(context, run):
            roll_back(context, plan, run, click.echo)
    click.echo(f"back at version {version.number}, verified; the code of it is commit {commit}")


@click.command()
@_common
@click.option("--list", "listing", is_flag=True, help="List the backups instead of making one.")
def backup(environment: str, engine: str, listing: bool) -> None:
    """Makes an encrypted backup of an environment's state, or lists those there are."""
    from logistics.deployment.context import open_context

    context = open_context(project_root(), environment, engine)
    if listing:
        for found in context.backups.all():
            click.echo(f"{found.name}  {found.made_at:%Y-%m-%d %H:%M} UTC  {found.file.stat().st_size:,} bytes")
        return
    made = context.backups.write(context.engine.checkpoint())
    click.echo(f"backup {made.name} written and read back: {made.file.relative_to(context.root)}")


@click.command()
@_common
@click.option("--backup", "name", help="Which; else the newest that can be read.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def restore(environment: str, engine: str, name: str | None, yes: bool) -> None:
    """Puts a backup in the place of an environment's state; the account is not touched."""
    from logistics.deployment.context import open_context

    context = open_context(project_root(), environment, engine)
    with context.runs.lock("restore"):
        found, checkpoint = context.backups.read(name)
        count = sum(resource.custom for resource in checkpoint.resources)
        _ask(yes, f"Put the state of {found.made_at:%Y-%m-%d %H:%M} UTC ({count} objects) in the place of today's?")
        context.engine.restore(checkpoint)
    click.echo(f"restored {count} objects from {found.name}; `logistics deploy --dry-run` shows what differs now")


@click.command()
@_common
@click.option("--revert", "action", flag_value="revert", help="Bring the account back to what was deployed.")
@click.option("--adopt", "action", flag_value="adopt", help="Write what the account has into the stack file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def drift(environment: str, engine: str, action: str | None, as_json: bool) -> None:
    """Finds what changed outside of the stack: who, when, which statement; grants too. Exits with 1 if anything did.

    \b
    logistics drift --environment prod
    logistics drift --environment prod --revert
    """
    from logistics.deployment import drift as drifting
    from logistics.deployment.context import open_context

    context = open_context(project_root(), environment, engine)
    found = drifting.find_drift(context)
    if as_json:
        keys = ("what", "kind", "name", "values", "author")
        click.echo(
            json.dumps([{key: getattr(item, key) for key in keys} for item in found], indent=2, default=vars_or_text)
        )
    else:
        _show_drift(found)
    if not found or action is None:
        raise SystemExit(1 if found else 0)
    with context.runs.lock(f"drift --{action}"):
        if action == "adopt":
            click.echo("\n".join(drifting.adopt(context, found)))
        else:
            drifting.revert(context, found)
            click.echo(f"reverted {len(found)} changes")


def vars_or_text(value: Any) -> Any:
    """Returns what JSON is to say of a value that it does not know: an object's attributes, else its text."""
    return vars(value) if hasattr(value, "__dict__") else str(value)


def _show_drift(found: Any) -> None:
    if not found:
        click.echo("the account is as it was deployed")
    for item in found:
        click.echo(f"  {item.what:<8} {item.kind} {item.name}")
        for name, (is_now, deployed) in item.values.items():
            click.echo(f"           {name}: {is_now!r}, deployed {deployed!r}")
        if item.author:
            by = item.author
            click.echo(
                f"           by {by.user} as {by.role} at {by.at:%Y-%m-%d %H:%M:%S}: {' '.join(by.statement.split())[:200]}"
            )


COMMANDS = (drift, deploy, history, rollback, backup, restore)


def _show_steps(plan: Any) -> None:
    for step in plan.steps:
        diffs = f" [{', '.join(step.diffs)}]" if step.diffs else ""
        click.echo(f"  {step.op:<8} {step.kind} {step.name}{diffs}  {plan.labels[step.urn].value}")
        for statement in plan.statements.get(step.urn, ()):
            click.echo("           " + statement.replace("\n", "\n           "))


def _tell_unfinished(context: Any) -> Any:
    """Says where a killed run stood, lets go of the engine's lock that it left, closes its record and returns it."""
    from logistics.deployment.locks import engine_at_work

    found = context.runs.unfinished()
    if found is None:
        return None
    stood = f"in phase {found.phase}" if found.touched else f"in phase {found.phase}, before anything was changed"
    click.echo(f"{found.kind} {found.run_id} was killed {stood}; this command takes up from there")
    engine = engine_at_work(context.variables["PULUMI_BACKEND_URL"], context.engine.project, context.settings.stack)
    if engine:
        raise Locked(f"its engine, {engine}, is still at work on {context.settings.stack}: wait until it ends")
    context.engine.release()
    for run in context.runs.all():
        if run.result == "running":  # a rollback that a failed deployment began, and that deployment
            context.runs.end(run, "stopped")
    found.result = "stopped"
    return found


@contextmanager
def _ended_if_it_fails(context: Any, run: Any) -> Iterator[None]:
    """Records a run that fails as failed: only a killed one is left as running."""
    try:
        yield
    except LogisticsError as error:
        if run.result == "running":
            run.details["error"] = str(error)
            context.runs.end(run, "failed")
        raise


def _publish_dashboard(context: Any) -> None:
    """Puts the dashboard's files where the app in Snowflake finds them, and lets its readers see the record of deployments."""
    from logistics.dashboard.bundle import bundle
    from logistics.dashboard.publish import open_history, publish

    with context.cursor() as cursor:
        click.echo(f"dashboard: {publish(cursor, context.settings, bundle(context.root, context.settings))}")
        open_history(cursor, context.settings)


def _row_tests(context: Any) -> list[str]:
    """Runs the SQL tests on what is deployed; returns a line for each critical one that fails, without its rows."""
    from logistics.modelling.row_tests import failed, load_row_tests, run_row_tests
    from logistics.summary import ENGINEER

    tests = load_row_tests(context.root, context.settings)
    with context.cursor(ENGINEER) as cursor:
        results = list(run_row_tests(cursor, tests))
    found = failed(results)
    click.echo(f"{len(results)} SQL tests, {len(found)} failed")
    return [f"{result.test.name} ({result.failures} rows; see `logistics test`)" for result in found]


def _ask(yes: bool, question: str) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked here: add --yes")
    click.confirm(question, abort=True)


def _git_revision(root: Any) -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
