"""Reviews a change: every environment planned, those that differ rehearsed, all of it in one report."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from logistics.deployment.context import open_context
from logistics.deployment.state import Checkpoint
from logistics.errors import LogisticsError
from logistics.pulumi_command import EMBEDDED
from logistics.review.blast import Radius, radius_of
from logistics.review.findings import Finding, findings_of
from logistics.review.plans import Plan, Side, check_side, chosen_stacks, deploy_base, make_plan, renames_columns
from logistics.review.rehearsal import Rehearsal, Stage, rehearse, set_stage
from logistics.review.sources import Sides, settings_of
from logistics.review.spend import Forecast, forecast
from logistics.review.world import open_world, served

_Said = Callable[[str], Any]
_AT_A_TIME = 2
_NOT_DEPLOYED = ("docs", "tests", ".github", "build", ".local", ".venv")
_NOT_DEPLOYED_FILES = (".md", ".patch")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        root: the project.
        base: the commit, branch or tag that the change is compared with.
        environment: a stack, or `all`.
        allow_dirty: whether what no commit holds belongs to the change.
        patch: a change to apply to the project as it is.
        scale: TPC-H scale factor of the data of a rehearsal.
        approvals: names that are approved.
        usage: measured hours a day by warehouse.
        with_data: whether changes are made on data, and taken back; else they are only previewed.
    """

    root: Path
    base: str = "HEAD"
    environment: str = "all"
    allow_dirty: bool = False
    patch: Path | None = None
    scale: Decimal = Decimal("0.01")
    approvals: tuple[str, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)
    with_data: bool = True


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that a review found.

    Attributes:
        commit: the base's commit.
        stacks: the environments that were reviewed.
        settings: by environment, changed keys of the stack file with their values before and after.
        removed: environments that the head has not any more; nothing is done in them.
        plans, forecasts: by environment.
        rehearsals: of those environments that do something no other one rehearsed.
        covered: environments whose changes another one's rehearsal covers, by that one's name.
        radius: what hangs on what is changed.
        findings: what needs a yes.
        hidden: secret settings that nobody opened, as `file: key`.
        files_only: whether nothing that is deployed differs.
    """

    commit: str
    stacks: tuple[str, ...]
    settings: Mapping[str, Mapping[str, tuple[Any, Any]]] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    plans: tuple[Plan, ...] = ()
    rehearsals: tuple[Rehearsal, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    covered: Mapping[str, str] = field(default_factory=dict)
    radius: Radius = field(default_factory=Radius)
    findings: tuple[Finding, ...] = ()
    hidden: tuple[str, ...] = ()
    files_only: bool = False

    @property
    def needs_approval(self) -> bool:
        """Whether a finding has no approval."""
        return any(not finding.approved for finding in self.findings)


def review(request: Request, said: _Said = lambda _: None) -> Report:
    """Reviews a change on a local Snowflake of its own, without an account and without credentials.

    Raises:
        UsageError: there is no such base or environment, the project has changes that are not allowed, or a side does not compile.
        LogisticsError: the base cannot be deployed.
    """
    with open_world(request.root, request.base, allow_dirty=request.allow_dirty, patch=request.patch) as sides:
        stacks = chosen_stacks(sides, request.environment)
        told = _settings_changed(sides, stacks)
        pairs = {stack: _checked(sides, stack) for stack in stacks}
        if _same_files(sides):
            return Report(commit=sides.commit, stacks=tuple(stacks), files_only=True)
        removed = tuple(
            sorted(
                {p.name for p in sides.base.glob("Pulumi.*.yaml")} - {p.name for p in sides.head.glob("Pulumi.*.yaml")}
            )
        )
        said(f"{len(stacks)} environments checked, base and head")
        with served(request.root, sides) as sides:
            return _reviewed(request, sides, _reloaded(sides, pairs), told, removed, said)


def _checked(sides: Sides, stack: str) -> tuple[Side | None, Side]:
    base = check_side(sides.base, stack, "the base")
    head = check_side(sides.head, stack, "the change")
    assert head is not None
    return base, head


def _reloaded(sides: Sides, pairs: Mapping[str, tuple[Side | None, Side]]) -> dict[str, tuple[Side | None, Side]]:
    """Reads the stack files again, which now name the local Snowflake."""
    return {stack: _checked(sides, stack) for stack in pairs}


def _reviewed(
    request: Request,
    sides: Sides,
    pairs: Mapping[str, tuple[Side | None, Side]],
    told: Mapping[str, Mapping[str, tuple[Any, Any]]],
    removed: tuple[str, ...],
    said: _Said,
) -> Report:
    radius = next((radius_of(base, head) for base, head in pairs.values() if base is not None), Radius())
    work = _Work(request, said, next(iter(pairs)))
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        done = list(pool.map(lambda stack: work.plan(stack, *pairs[stack]), pairs))
    plans = [plan for plan, _ in done]
    forecasts = [
        forecast(plan.stack, state, plan.steps, plan.head.settings.platform.credit_price_usd, request.usage)
        for plan, state in done
        if not plan.refused
    ]
    covered = work.rehearse_rest(plans)
    rehearsals = [work.rehearsals[plan.stack] for plan in plans if plan.stack in work.rehearsals]
    return Report(
        commit=sides.commit,
        stacks=tuple(pairs),
        settings=told,
        removed=removed,
        plans=tuple(plans),
        rehearsals=tuple(rehearsals),
        forecasts=tuple(forecasts),
        covered=covered,
        radius=radius,
        findings=tuple(findings_of(plans, rehearsals, forecasts, request.approvals)),
        hidden=sides.hidden,
    )


class _Work:
    """Plans and rehearses environments; the first one is rehearsed while others are still planned."""

    def __init__(self, request: Request, said: _Said, first: str) -> None:
        self._request = request
        self._said = said
        self._first = first
        self.rehearsals: dict[str, Rehearsal] = {}

    def plan(self, stack: str, base: Side | None, head: Side) -> tuple[Plan, Checkpoint]:
        """Deploys the base of an environment, plans the change, and rehearses it in the first one."""
        if base is not None:
            deploy_base(base)
        context = open_context(head.root, stack, EMBEDDED)
        state = context.engine.checkpoint()
        with ThreadPoolExecutor(1) as pool:
            # A preview only reads, so the data are loaded meanwhile; unless columns have their new names while it runs.
            stage = None
            if stack == self._first and base and self._request.with_data and not renames_columns(head.declared.tables):
                stage = pool.submit(self._set_stage, base, head)
            plan = make_plan(stack, base, head)
            self._said(f"{stack}: {plan.refused or f'{len(plan.steps)} changes'}")
            if stack == self._first:
                self._rehearse(plan, stage)
        return plan, state

    def rehearse_rest(self, plans: Iterable[Plan]) -> dict[str, str]:
        """Rehearses what no other environment has shown; returns the environments that need none, by the one that covers them."""
        shown: dict[str, frozenset[str]] = {}
        covered: dict[str, str] = {}
        for plan in plans:
            if plan.stack in self.rehearsals:
                shown[plan.stack] = plan.signature
                continue
            by = next((stack for stack, signature in shown.items() if plan.signature <= signature), None)
            if plan.signature and by:
                covered[plan.stack] = by
            elif self._rehearse(plan):
                shown[plan.stack] = plan.signature
        return covered

    def _rehearse(self, plan: Plan, stage: Future[Stage] | None = None) -> bool:
        if plan.refused or plan.base is None or not plan.signature or not self._request.with_data:
            return False
        try:
            found = rehearse(plan, stage.result() if stage else self._set_stage(plan.base, plan.head))
        except LogisticsError as error:
            raise LogisticsError(f"the base cannot be rehearsed in {plan.stack}: {error}") from None
        self.rehearsals[plan.stack] = found
        self._said(f"{plan.stack}: rehearsed on {found.rows:,} generated rows")
        return True

    def _set_stage(self, base: Side, head: Side) -> Stage:
        return set_stage(self._request.root, base, head, self._request.scale)


def _settings_changed(sides: Sides, stacks: Iterable[str]) -> dict[str, dict[str, tuple[Any, Any]]]:
    found: dict[str, dict[str, tuple[Any, Any]]] = {}
    for stack in stacks:
        before, after = settings_of(sides.base, stack), settings_of(sides.head, stack)
        changed = {
            key: (before.get(key), after.get(key))
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key)
        }
        if changed:
            found[stack] = changed
    return found


def _same_files(sides: Sides) -> bool:
    """Whether all that a deployment can read is the same on both sides."""
    return _deployed_files(sides.base) == (names := _deployed_files(sides.head)) and all(
        filecmp.cmp(sides.base / name, sides.head / name, shallow=False) for name in names
    )


def _deployed_files(folder: Path) -> set[str]:
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {
        str(path) for path in found if path.parts[0] not in _NOT_DEPLOYED and path.suffix not in _NOT_DEPLOYED_FILES
    }
