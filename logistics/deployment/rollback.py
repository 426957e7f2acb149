"""Goes back to a version: plans it, says what cannot come back, brings the data back, replays, verifies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from logistics.deployment.context import Context
from logistics.deployment.replay import program_of
from logistics.deployment.restore import Restorer, Return, adopted, as_renamed, bring_back, refill
from logistics.deployment.runs import Run, record
from logistics.deployment.safety import Safety
from logistics.deployment.state import Checkpoint
from logistics.deployment.steps import Step, changing
from logistics.deployment.versions import Version
from logistics.errors import LogisticsError
from logistics.summary import ENGINEER

_Said = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class RollbackPlan:
    """What a rollback will do.

    Attributes:
        version: where it goes back to.
        past: its checkpoint, secrets plain; never written to disk.
        steps: the engine's steps, as the preview of the replay tells them before anything but columns' names is brought back.
        returns: what is brought back, and what cannot be.
    """

    version: Version
    past: Checkpoint
    steps: list[Step]
    returns: list[Return]

    @property
    def lost(self) -> list[Return]:
        """What comes back without its rows or its offset."""
        return [item for item in self.returns if item.lost]


def plan_rollback(context: Context, version: Version) -> RollbackPlan:
    """Returns what going back to a version would do; changes nothing.

    Raises:
        LogisticsError: the version's checkpoint cannot be read, or the preview fails.
    """
    encrypted = version.checkpoint()
    past = version.plain_checkpoint(context.engine.with_secrets)
    steps = context.engine.preview(program_of(past))
    now = context.engine.checkpoint()
    with context.cursor() as cursor:
        versions = {each.number: each for each in context.versions()}
        restorer = Restorer(cursor, context.database, version.number, max(versions), _created_in(versions))
        returns = restorer.plan(encrypted, now, steps)
    steps = changing(as_renamed(step, returns) for step in steps)
    return RollbackPlan(version=version, past=past, steps=steps, returns=returns)


def _created_in(versions: Mapping[int, Version]) -> Callable[[int, str], str]:
    """Returns what tells when a version's checkpoint says that the resource of a URN was created; empty if it cannot be read."""

    @cache
    def checkpoint(number: int) -> Checkpoint | None:
        try:
            return versions[number].checkpoint() if number in versions else None
        except LogisticsError:
            return None

    def created(number: int, urn: str) -> str:
        state = checkpoint(number)
        resource = state.by_urn.get(urn) if state else None
        return resource.raw.get("created") or "" if resource else ""

    return created


def roll_back(context: Context, plan: RollbackPlan, run: Run, said: _Said = lambda _: None) -> None:
    """Does what a plan says and verifies it.

    Every part can be done again: what was brought back stands and is taken up, what was replayed has nothing to do.

    Raises:
        LogisticsError: a step fails, or the verification finds a difference; the same command goes on from there.
    """
    versions = context.versions()
    run.version_before = versions[-1].number if versions else None
    run.details["goes_back_to"] = plan.version.number
    context.runs.phase(run, "backup")
    run.details["backup"] = context.backups.write(context.engine.checkpoint()).name
    context.runs.phase(run, "restore")
    _keep_what_goes(context, plan, run, said)
    _bring_back(context, plan, said)
    context.runs.phase(run, "update")
    context.engine.up(program_of(plan.past), message=f"rollback to version {plan.version.number}", said=said)
    context.runs.phase(run, "refill")
    _refill(context, plan)
    context.runs.phase(run, "verify")
    verify(context, plan.past)
    run.version_after = context.versions()[-1].number
    _record(context, run, "succeeded")


def verify(context: Context, past: Checkpoint) -> None:
    """Checks that the account is what a checkpoint says: the replay, after reading the account, has nothing to do.

    Raises:
        LogisticsError: something differs; names the resources.
    """
    left = changing(context.engine.preview(program_of(past), refresh=True))
    if left:
        named = ", ".join(f"{step.op} {step.kind} {step.name}" for step in left[:5])
        raise LogisticsError(f"after the rollback {len(left)} resources still differ: {named}; run the rollback again")


def _keep_what_goes(context: Context, plan: RollbackPlan, run: Run, said: _Said) -> None:
    """Keeps what the rollback itself takes away, so that one can go forward again."""
    with context.cursor() as cursor:
        safety = Safety(cursor, context.database)
        if run.version_before and safety.prepare():
            replaced = [item.replaces for item in plan.returns if item.replaces]
            for line in safety.keep(run.version_before, context.engine.checkpoint(), plan.steps, replaced):
                said(line)


def _bring_back(context: Context, plan: RollbackPlan, said: _Said) -> None:
    wanted = [item for item in plan.returns if item.adopt or item.statements]
    if not wanted:
        return
    with context.cursor() as cursor:
        for item in wanted:
            bring_back(cursor, item)
            said(item.said)
    state = adopted(context.engine.checkpoint(), wanted)
    context.engine.restore(state)


def _refill(context: Context, plan: RollbackPlan) -> None:
    """Puts values back into columns that were made again, as the role that sees every row."""
    wanted = [item for item in plan.returns if item.after]
    if not wanted:
        return
    role = context.settings.platform.named(ENGINEER)
    with context.cursor() as cursor, context.cursor(ENGINEER) as engineer:
        for item in wanted:
            refill(cursor, context.database, item, role, engineer.execute)


def _record(context: Context, run: Run, result: str) -> None:
    context.runs.end(run, result)
    with context.cursor() as cursor:
        if Safety(cursor, context.database).prepare():
            record(cursor, context.database, run)
