"""A change made for real on a local account with data: who sees what before and after, tests, and the way back."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from logistics.connection import connect, shown
from logistics.data.generate import generate
from logistics.data.load import load
from logistics.declarations import local_name
from logistics.deployment.context import Context, open_context
from logistics.deployment.deploy import DeployPlan, deploy
from logistics.deployment.rollback import plan_rollback, roll_back
from logistics.errors import LogisticsError
from logistics.local.environment import environment
from logistics.modelling.renames import record_renames
from logistics.modelling.row_tests import load_row_tests, run_row_tests
from logistics.modelling.run import refresh
from logistics.pulumi_command import EMBEDDED
from logistics.review.plans import Plan, Side, plain, rename
from logistics.review.sight import Asker, Seen, Sight, SightChange, askers, changes_of, look
from logistics.settings import StackSettings
from logistics.sql import full_name, quoted
from logistics.summary import ENGINEER

_WRITTEN_BY_THE_CLOCK = {"monitoring.data_loads", "monitoring.quality_checks", "monitoring.quality_results"}
"""Whether a task with a schedule has run before the tasks come to rest is chance."""
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[ T][\d:.]+(?: ?(?:UTC|[+-]\d{2}:?\d{2}))?")


@dataclass(frozen=True, kw_only=True)
class RowTestOutcome:
    """A SQL test whose outcome is not the same on both sides, or that fails on the head.

    Attributes:
        name, comment, severity: of the test.
        before, after: the number of failing rows; None where the side has no such test; a text where it cannot run.
    """

    name: str
    comment: str
    severity: str
    before: int | str | None
    after: int | str | None

    @property
    def breaks(self) -> bool:
        """Whether a test that found nothing, or was not there, fails now and is critical."""
        return bool(self.after) and not self.before and self.severity == "critical"


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """A stream's rows that nobody has taken up; None where it is not there."""

    stream: str
    before: int | None
    after: int | None


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """What going back to the base did.

    Attributes:
        returns: a line for each thing that was brought back.
        lost: what came back without its rows, values or offset.
        differences: what is not as before: who sees what, and streams' waiting rows.
        error: why it failed; empty where it did not.
    """

    returns: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    error: str = ""

    @property
    def whole(self) -> bool:
        """Whether everything is as before."""
        return not (self.lost or self.differences or self.error)


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What came of a change in one environment.

    Attributes:
        stack: the environment.
        rows: of generated data that it ran on.
        before, after: who sees what.
        changes: what of it changes.
        tests: SQL tests that fail or whose outcome changes; `test_count` ran on the head.
        backlogs: streams whose waiting rows change.
        refreshed: models that were brought to all rows of their new queries.
        way_back: the rollback; None where the change itself failed.
        ignored: objects whose rows tell of the account's own past.
        error: why the change could not be made; empty where it could.
    """

    stack: str
    rows: int
    before: Sight
    after: Sight = field(default_factory=dict)
    changes: list[SightChange] = field(default_factory=list)
    tests: list[RowTestOutcome] = field(default_factory=list)
    test_count: int = 0
    backlogs: list[Backlog] = field(default_factory=list)
    refreshed: tuple[str, ...] = ()
    way_back: WayBack | None = None
    ignored: frozenset[str] = frozenset()
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A deployed base with data, as it was looked at before the change.

    Attributes:
        context: the head's, of the environment.
        resting: tasks that were started, by full name; none runs meanwhile.
        rows: of generated data.
        ignored: objects whose rows tell of the account's own past.
        sight, tests: who sees what of it, and what came of its SQL tests.
    """

    context: Context
    resting: set[str]
    rows: int
    ignored: frozenset[str]
    sight: Sight
    tests: Mapping[str, RowTestOutcome]


def set_stage(project: Path, base: Side, head: Side, scale: Decimal) -> Stage:
    """Fills a deployed base with data, and looks at it.

    Tasks rest from now on: what they would do depends on the minute, and the models are refreshed by hand.

    Args:
        project: the caller's project, which keeps the generated data.
        base, head: both sides of the change; the base is deployed.
        scale: TPC-H scale factor of the data.

    Raises:
        LogisticsError: the base cannot be filled or asked.
    """
    context = open_context(head.root, head.settings.stack, EMBEDDED)
    ignored = told_by_the_account(head) | told_by_the_account(base)
    return Stage(
        context=context,
        resting=_rest(context),
        rows=_fill(project, base, scale),
        ignored=ignored,
        sight=_look(base, context, ignored),
        tests=_tests(base, context),
    )


def rehearse(plan: Plan, stage: Stage) -> Rehearsal:
    """Makes a planned change on its stage, looks, and takes it back."""
    assert plan.base is not None
    context, before, ignored = stage.context, stage.sight, stage.ignored
    resting = set(stage.resting)
    goal = context.versions()[-1]
    found = Rehearsal(stack=plan.stack, rows=stage.rows, before=before, ignored=ignored)
    try:
        with context.cursor() as cursor:
            record_renames(cursor, context.database, goal.number, plan.renames)
        rename(context, plan.head.declared.tables)
        deploy(
            context, DeployPlan(steps=plan.steps, labels=dict(plan.labels)), context.runs.start("deploy"), lambda _: []
        )
        resting |= _rest(context)
        refreshed = _refresh(plan.base, plan.head, context)
    except LogisticsError as error:
        return replace(found, error=plain(str(error), plan.head.root))
    after, tests_after = _look(plan.head, context, ignored), _tests(plan.head, context)
    found = replace(
        found,
        after=after,
        changes=_changes(plan, before, after, ignored),
        tests=_compared(stage.tests, tests_after),
        test_count=len(tests_after),
        backlogs=_backlogs(plan, before, after),
        refreshed=tuple(refreshed),
    )
    return replace(found, way_back=_go_back(context, plan, goal, found, resting))


def _rest(context: Context) -> set[str]:
    """Suspends every task; returns those that were started, by full name."""
    with context.cursor() as cursor:
        return _suspended(cursor, context.database)


def _suspended(cursor: Any, database: str) -> set[str]:
    rows = shown(cursor, f"SHOW TASKS IN DATABASE {quoted(database)}")
    started = {full_name(database, row["schema_name"], row["name"]) for row in rows if row["state"] == "started"}
    for name in sorted(started):
        cursor.execute(f"ALTER TASK {name} SUSPEND")
    return started


def _wake(context: Context, resting: set[str]) -> None:
    """Starts those of some tasks that are there, so that the rollback meets the account as a deployment leaves it."""
    with context.cursor() as cursor:
        rows = shown(cursor, f"SHOW TASKS IN DATABASE {quoted(context.database)}")
        there = {full_name(context.database, row["schema_name"], row["name"]) for row in rows}
        for name in sorted(resting & there):
            cursor.execute(f"ALTER TASK {name} RESUME")


def _fill(project: Path, base: Side, scale: Decimal) -> int:
    data, _ = generate(project, scale)
    variables = os.environ | environment(base.root, base.settings)
    with connect(base.settings, variables, role=ENGINEER) as connection:
        load(base.root, base.settings, connection, data)
    return sum(data.rows.values())


def _look(side: Side, context: Context, uncounted: frozenset[str], who: Sequence[Asker] | None = None) -> Sight:
    """Asks as everybody whom a side knows, or as some of them."""
    who = who or askers(side.settings, side.declared)
    return look(side.root, side.settings, context.variables, who, uncounted)


def _tests(side: Side, context: Context) -> dict[str, RowTestOutcome]:
    """Runs a side's SQL tests, each for itself: one that cannot run does not hide the others."""
    found: dict[str, RowTestOutcome] = {}
    with context.cursor(ENGINEER) as cursor:
        for test in load_row_tests(side.root, side.settings):
            about = {"name": test.name, "comment": test.comment, "severity": test.severity, "before": None}
            try:
                (result,) = run_row_tests(cursor, [test])
                found[test.name] = RowTestOutcome(**about, after=result.failures)
            except Exception as error:  # the connector's, of a statement that Snowflake refuses
                found[test.name] = RowTestOutcome(**about, after=" ".join(str(getattr(error, "msg", error)).split()))
    return found


def _compared(before: Mapping[str, RowTestOutcome], after: Mapping[str, RowTestOutcome]) -> list[RowTestOutcome]:
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        about = new or old
        assert about is not None
        outcome = RowTestOutcome(
            name=name,
            comment=about.comment,
            severity=about.severity,
            before=old.after if old else None,
            after=new.after if new else None,
        )
        if outcome.after or (old is None) != (new is None) or outcome.before != outcome.after:
            found.append(outcome)
    return found


def _refresh(base: Side, head: Side, context: Context) -> list[str]:
    """Refreshes the models that are new or have another query, as `logistics refresh` does after a deployment."""
    old, new = base.declared.models.refreshes, head.declared.models.refreshes
    changed = [name for name in new if _bare(new[name], head.settings) != _bare(old.get(name, ""), base.settings)]
    with context.cursor(ENGINEER) as cursor:
        refresh(cursor, head.declared.models, changed, lambda _: None)
    return changed


def _bare(text: str, settings: StackSettings) -> str:
    return text.replace(settings.platform.database, "")


def _go_back(context: Context, plan: Plan, goal: Any, found: Rehearsal, resting: set[str]) -> WayBack:
    """Goes back to the base's version and compares with what was seen: as DATA_ENGINEER, who sees all, and as all who saw a change."""
    assert plan.base is not None
    touched = {change.asker for change in found.changes}
    who = [
        asker for asker in askers(plan.base.settings, plan.base.declared) if asker.role == ENGINEER or asker in touched
    ]
    before = {key: seen for key, seen in found.before.items() if key[0] in who}
    try:
        _wake(context, resting)
        way = plan_rollback(context, goal)
        roll_back(context, way, context.runs.start("rollback"))
        _rest(context)
        now = _look(plan.base, context, found.ignored, who)
    except LogisticsError as error:
        return WayBack(error=plain(str(error), plan.head.root))
    return WayBack(
        returns=tuple(sorted(_timeless(item.said) for item in way.returns if not item.lost)),
        lost=tuple(sorted(_timeless(item.said) for item in way.lost)),
        differences=tuple(_differences(before, now, found.ignored)),
    )


def _timeless(said: str) -> str:
    """Returns what was said without the times of this run, so that the next one says the same."""
    return _TIME.sub("of then", said)


def _differences(before: Sight, now: Sight, ignored: frozenset[str]) -> Iterator[str]:
    for key in sorted({*before, *now}):
        asker, name = key
        old, new = before.get(key, Seen(rows=None)), now.get(key, Seen(rows=None))
        if name in ignored:
            continue
        if old.rows != new.rows:
            yield f"{asker} sees {_rows(new.rows)} of {name}, not {_rows(old.rows)}"
        elif old.columns != new.columns or old.digests != new.digests:
            changed = sorted(c for c in {*old.digests, *new.digests} if old.digests.get(c) != new.digests.get(c))
            yield f"{asker} sees other values of {name}: {', '.join(changed)}"


def _rows(count: int | None) -> str:
    return "nothing" if count is None else f"{count:,} rows"


def _changes(plan: Plan, before: Sight, after: Sight, ignored: frozenset[str]) -> list[SightChange]:
    assert plan.base is not None
    renamed: dict[str, dict[str, str]] = {}
    for each in plan.renames:
        renamed.setdefault(each.table, {})[each.old] = each.new
    # A stream's rows are told apart, as those that nobody has taken up.
    streams = {*plan.base.declared.sql.streams, *plan.head.declared.sql.streams}
    return changes_of(before, after, ignored=ignored | streams, renamed=renamed)


def _backlogs(plan: Plan, before: Sight, after: Sight) -> list[Backlog]:
    """Returns the streams whose waiting rows change, as DATA_ENGINEER counts them."""
    assert plan.base is not None
    streams = sorted({*plan.base.declared.sql.streams, *plan.head.declared.sql.streams})
    counted = [Backlog(stream=name, before=_engineers(before, name), after=_engineers(after, name)) for name in streams]
    return [backlog for backlog in counted if backlog.before != backlog.after]


def _engineers(sight: Sight, name: str) -> int | None:
    return next((seen.rows for (asker, each), seen in sight.items() if each == name and asker.role == ENGINEER), None)


def told_by_the_account(side: Side) -> frozenset[str]:
    """Returns the views and tables whose rows come from the account's own history or from the time of day, also through others."""
    declared, database = side.declared, side.settings.platform.database
    reads = {view.name: {local_name(name, database) for name in view.reads} for view in declared.sql.views.values()}
    found = {name for name, contract in declared.tables.items() if contract.appended_by} | _WRITTEN_BY_THE_CLOCK
    while more := {
        name
        for name, read in reads.items()
        if name not in found and any(r.startswith("snowflake.") or r in found for r in read)
    }:
        found |= more
    return frozenset(found)
