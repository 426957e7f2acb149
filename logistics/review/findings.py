"""What of a change needs somebody's yes, and whether somebody gave it by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from logistics.deployment.steps import Label
from logistics.review.plans import Plan
from logistics.review.rehearsal import Rehearsal
from logistics.review.spend import Forecast
from logistics.review.words import counted_rows, sight_sentence


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """Something that should not be merged unseen.

    Attributes:
        what: the sort: broken, destructive, irreversible, sight, protection, policy, budget or tests.
        environment: where.
        name: what it is about, by which it is approved.
        said: in words.
        approved: whether the stack file or the command approves it by that name.
    """

    what: str
    environment: str
    name: str
    said: str
    approved: bool = False


def findings_of(
    plans: Iterable[Plan], rehearsals: Iterable[Rehearsal], forecasts: Iterable[Forecast], approvals: Iterable[str]
) -> list[Finding]:
    """Returns what needs a yes, the gravest first, each thing once an environment.

    Args:
        plans: of the environments.
        rehearsals: those that were made.
        forecasts: of the environments.
        approvals: names that the command approves; those of each stack file hold for its own environment.
    """
    plans = list(plans)
    by_stack = {plan.stack: {name.lower() for name in (*approvals, *_approved(plan))} for plan in plans}
    found = [
        *(finding for plan in plans for finding in _of_plan(plan)),
        *(finding for rehearsal in rehearsals for finding in _of_rehearsal(rehearsal)),
        *(finding for each in forecasts for finding in _of_forecast(each)),
    ]
    order = ("broken", "destructive", "irreversible", "sight", "protection", "policy", "budget", "tests")
    unique = sorted(set(found), key=lambda each: (order.index(each.what), each.environment, each.name, each.said))
    return [replace(each, approved=_is_approved(each, by_stack.get(each.environment, set()))) for each in unique]


def _approved(plan: Plan) -> list[str]:
    return list(getattr(plan.head.settings.platform, "approved_weakenings", []))


_NEVER_APPROVED = frozenset({"broken", "policy"})
"""The policy pack has its own approvals, and what cannot be deployed is not made so by a yes."""


def _is_approved(finding: Finding, names: set[str]) -> bool:
    if finding.what in _NEVER_APPROVED:
        return False
    full = finding.name.lower()
    short = full.split(".")[-1]
    return any(name in (full, short) or name.endswith(f".{full}") for name in names)


def _of_plan(plan: Plan) -> Iterator[Finding]:
    if plan.refused:
        yield Finding(
            what="broken", environment=plan.stack, name=plan.stack, said=f"cannot be deployed: {plan.refused}"
        )
    for step in plan.steps:
        if plan.labels[step.urn] is Label.DESTRUCTIVE:
            lost = f"columns {', '.join(step.dropped_columns)} of " if step.dropped_columns else ""
            said = f"{'drops' if step.op != 'replace' else 'drops and makes anew'} {lost}{step.kind} {step.name}"
            yield Finding(what="destructive", environment=plan.stack, name=step.name, said=said)
        elif plan.labels[step.urn] is Label.WEAKENING:
            said = f"{step.kind} {step.name}: protection is changed or taken off"
            yield Finding(what="protection", environment=plan.stack, name=step.name, said=said)
    for violation in plan.violations or ():
        if violation.level == "mandatory":
            yield Finding(
                what="policy",
                environment=plan.stack,
                name=f"{violation.rule} {violation.resource}".strip(),
                said=f"{violation.rule}: {violation.message}",
            )
    if plan.unchecked:
        yield Finding(
            what="policy", environment=plan.stack, name="policy", said=f"policies were not checked: {plan.unchecked}"
        )


def _of_rehearsal(rehearsal: Rehearsal) -> Iterator[Finding]:
    stack = rehearsal.stack
    if rehearsal.error:
        yield Finding(what="broken", environment=stack, name=stack, said=f"the deployment fails: {rehearsal.error}")
    for change in rehearsal.changes:
        if change.widens:
            yield Finding(what="sight", environment=stack, name=change.object, said=sight_sentence(change))
    for backlog in rehearsal.backlogs:
        if backlog.before and not backlog.after:
            said = f"stream {backlog.stream} loses {counted_rows(backlog.before)} that nobody has taken up"
            yield Finding(what="irreversible", environment=stack, name=backlog.stream, said=said)
    way_back = rehearsal.way_back
    if way_back and not way_back.whole:
        for said in (*way_back.lost, *way_back.differences, *filter(None, [way_back.error])):
            yield Finding(what="irreversible", environment=stack, name=stack, said=f"the way back is not whole: {said}")
    for test in rehearsal.tests:
        if test.breaks:
            count = f"{test.after:,} rows" if isinstance(test.after, int) else str(test.after)
            yield Finding(what="tests", environment=stack, name=test.name, said=f"SQL test {test.name} fails: {count}")


def _of_forecast(each: Forecast) -> Iterator[Finding]:
    if each.over_budget:
        said = f"{each.bounded_after.expected:.1f} credits a day are expected under a budget of {each.budget:g}"
        yield Finding(what="budget", environment=each.stack, name="daily_cost_monitor", said=said)
    if each.raises_budget:
        after = "none" if each.quota_after is None else f"{each.quota_after:g}"
        said = f"the budget itself is changed: {each.quota_before:g} → {after} credits a day"
        yield Finding(what="budget", environment=each.stack, name="daily_cost_monitor", said=said)
