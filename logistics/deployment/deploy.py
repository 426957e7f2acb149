"""Deploys: checks, preview, backup, update, tests; and goes back by itself when one of them fails after a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logistics.connection import shown
from logistics.declarations import load_declarations
from logistics.deployment.context import Context, evidence_folder
from logistics.deployment.notify import notify
from logistics.deployment.policies import prepare_pack
from logistics.deployment.rollback import plan_rollback, roll_back
from logistics.deployment.runs import Run, record
from logistics.deployment.safety import Safety
from logistics.deployment.statements import statements_of
from logistics.deployment.steps import Label, Step, changing, label_of
from logistics.deployment.versions import Version
from logistics.errors import LogisticsError
from logistics.sql import quoted

_Said = Callable[[str], Any]
_Test = Callable[[Context], list[str]]


@dataclass(frozen=True, kw_only=True)
class DeployPlan:
    """What a deployment will do: the engine's steps that change something, each with its label and its SQL."""

    steps: list[Step]
    labels: dict[str, Label] = field(default_factory=dict)
    statements: dict[str, list[str]] = field(default_factory=dict)

    def labelled(self, *labels: Label) -> list[Step]:
        """Returns the steps of some labels."""
        return [step for step in self.steps if self.labels[step.urn] in labels]

    def as_json(self) -> list[dict[str, Any]]:
        """Returns the plan for a file: one entry a step, in the engine's order."""
        return [
            {
                "op": step.op,
                "urn": step.urn,
                "label": self.labels[step.urn].value,
                "diffs": list(step.diffs),
                "statements": self.statements.get(step.urn, []),
            }
            for step in self.steps
        ]


def check(context: Context) -> list[str]:
    """Checks everything that can be checked before the account is touched; returns a line for each check.

    Raises:
        UsageError: a file is wrong; names it.
        ConnectionFailed: the account cannot be reached or refuses the login.
        LogisticsError: the deploying role lacks a privilege.
    """
    declared = load_declarations(context.root, context.settings)
    said = [f"configuration and {len(declared.tables)} contracts"]
    with context.cursor() as cursor:
        cursor.execute("SELECT CURRENT_USER(), CURRENT_ROLE()")
        user, role = cursor.fetchall()[0]
        said.append(f"login as {user} with role {role}")
        _check_privileges(cursor, role)
    return said


_NEEDED = ("CREATE DATABASE", "CREATE ROLE", "CREATE USER", "CREATE WAREHOUSE", "MANAGE GRANTS")
_HAS_ALL = "ACCOUNTADMIN"


def _check_privileges(cursor: Any, role: str) -> None:
    """Checks that a role may do what the program asks for on the account; ACCOUNTADMIN may."""
    if role == _HAS_ALL:
        return
    held = {grant["privilege"] for grant in shown(cursor, f"SHOW GRANTS TO ROLE {quoted(role)}")}
    missing = [privilege for privilege in _NEEDED if privilege not in held]
    if missing:
        raise LogisticsError(
            f"role {role} lacks {', '.join(missing)} on the account: grant them, or deploy as {_HAS_ALL}"
        )


def plan_deployment(context: Context, save_plan: Path | None = None) -> DeployPlan:
    """Returns what a deployment would do; changes nothing.

    Args:
        context: the environment.
        save_plan: a file for the engine's own plan.

    Raises:
        LogisticsError: the preview fails, or the policy pack objects.
    """
    pack = prepare_pack(context.root, context.settings, context.engine.checkpoint().deployment)
    steps = changing(context.engine.preview(save_plan=save_plan, policies=pack))
    labels = {step.urn: label_of(step) for step in steps}
    return DeployPlan(steps=steps, labels=labels, statements=statements_of(context.root, steps))


def deploy(
    context: Context,
    plan: DeployPlan,
    run: Run,
    tests: _Test,
    said: _Said = lambda _: None,
    engine_plan: Path | None = None,
    back_to: int | None = None,
) -> None:
    """Does what a plan says, tests it, and goes back to the version before when that fails.

    Args:
        context: the environment.
        plan: what was shown and agreed to.
        run: the record, in its first phase.
        tests: runs the SQL tests on what is deployed; returns a line for each that fails.
        said: takes a line of progress.
        engine_plan: the engine's own plan, to which the update is held.
        back_to: the version to go back to; else the newest good one. A killed deployment, whose own version may be the
            newest, goes back to the one before it.

    Raises:
        LogisticsError: it failed; says whether the rollback succeeded.
    """
    unfit = context.in_between()
    versions = [version for version in context.versions() if version.succeeded and version.number not in unfit]
    good = [version for version in versions if back_to is None or version.number <= back_to]
    before = good[-1] if good else None
    run.version_before = before.number if before else None
    run.details["plan"] = plan.as_json()
    context.runs.phase(run, "backup")
    run.details["backup"] = context.backups.write(context.engine.checkpoint()).name
    context.runs.phase(run, "keep")
    _keep(context, plan, run, said)
    try:
        context.runs.phase(run, "update")
        context.engine.up(message=f"deploy {run.run_id}", said=said, plan=engine_plan)
        context.runs.phase(run, "tests")
        failed = tests(context)
        run.details["failed_tests"] = failed
        if failed:
            raise LogisticsError(f"{len(failed)} SQL tests fail on what is deployed: {'; '.join(failed[:3])}")
    except LogisticsError as error:
        raise _gone_back(context, before, run, error, said) from None
    run.version_after = context.versions()[-1].number
    _finish(context, run, "succeeded")


def _keep(context: Context, plan: DeployPlan, run: Run, said: _Said) -> None:
    going = [step for step in plan.steps if step.deletes or step.dropped_columns]
    with context.cursor() as cursor:
        safety = Safety(cursor, context.database)
        if not safety.prepare():
            return
        if going and run.version_before:
            run.details["kept"] = safety.keep(run.version_before, context.engine.checkpoint(), going)
            for line in run.details["kept"]:
                said(line)
        safety.clear_expired()


def _gone_back(
    context: Context, before: Version | None, run: Run, error: LogisticsError, said: _Said
) -> LogisticsError:
    """Rolls back after a failure; returns the failure with what came of it."""
    run.details["error"] = str(error)
    if before is None:
        _finish(context, run, "failed")
        return LogisticsError(f"{error}; there is no version before it to go back to")
    said(f"failed: {error}")
    said(f"going back to version {before.number}")
    back = context.runs.start("rollback", run.git_revision)
    try:
        roll_back(context, plan_rollback(context, before), back, said)
    except LogisticsError as second:
        back.details["error"] = str(second)
        context.runs.end(back, "failed")
        _finish(context, run, "failed")
        return LogisticsError(
            f"{error}; the rollback to version {before.number} failed too: {second}; "
            f"mend it and run `logistics rollback --environment {context.settings.stack} --to {before.number}`"
        )
    _finish(context, run, "rolled back")
    return LogisticsError(f"{error}; rolled back to version {before.number}, verified")


def _finish(context: Context, run: Run, result: str) -> None:
    """Writes the record, the evidence and the notices; what failed may have taken the account's own record out of reach.

    Raises:
        LogisticsError: a run that succeeded cannot be recorded in the account.
    """
    context.runs.end(run, result)
    (evidence_folder(context, run.run_id) / "plan.json").write_text(
        json.dumps(run.details.get("plan", []), indent=2), encoding="utf-8"
    )
    try:
        with context.cursor() as cursor:
            if Safety(cursor, context.database).prepare():
                record(cursor, context.database, run)
            run.details["not_notified"] = notify(run, context.channels, cursor.execute)
    except LogisticsError as error:
        if result == "succeeded":
            raise
        run.details |= {"not_recorded": str(error), "not_notified": notify(run, context.channels)}
    context.runs.save(run)
