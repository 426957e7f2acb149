"""Writes a report as one comment: what needs a yes first, then each subject in short, with long parts folded."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from logistics.deployment.safety import KEEP_DAYS
from logistics.deployment.steps import Label, Step
from logistics.review.folding import Part, folded, inline, opened, page, table
from logistics.review.plans import Plan
from logistics.review.rehearsal import Rehearsal
from logistics.review.report import Report
from logistics.review.sight import MASKED, OWNER, SightChange
from logistics.review.spend import RESTS_ON, Forecast, Range
from logistics.review.words import counted_rows, sight_sentence

MARK = "<!-- logistics review -->"
"""By this line a workflow finds the comment that it updates."""
LIMIT = 60_000
"""Characters of a comment; GitHub takes 65,536."""
_OPS = {"create": "create", "update": "change", "replace": "replace", "delete": "delete"}
_SHOWN = 12
_ALL_BACK = "every row is there again, and whoever saw a change sees what they saw"
_T = TypeVar("_T", bound=Hashable)


def as_markdown(report: Report) -> str:
    """Returns the comment, under 60,000 characters and the same for the same change."""
    parts = [
        opened([MARK, f"# {_headline(report)}"]),
        *_summary(report),
        *_findings(report),
        *_sight(report),
        *_objects(report),
        *_radius(report),
        *_credits(report),
        *_tests(report),
        *_policies(report),
        *_way_back(report),
        *_basis(report),
    ]
    return page(parts, LIMIT)


def _headline(report: Report) -> str:
    if report.files_only:
        return "Review: nothing that is deployed changes"
    waiting = _merged((f.environment, (f.what, f.name, f.said)) for f in report.findings if not f.approved)
    if waiting:
        return f"Review: {len(waiting)} {'things need' if len(waiting) > 1 else 'thing needs'} approval"
    changes = any(plan.steps or plan.renames for plan in report.plans)
    return "Review: nothing dangerous" if changes else "Review: nothing changes in any environment"


def _summary(report: Report) -> Iterator[Part]:
    if not report.plans:
        return
    rows: list[list[object]] = []
    for op, word in _OPS.items():
        counts = [sum(step.op == op for step in plan.steps) for plan in report.plans]
        rows.append([word, *(count or "·" for count in counts)])
    spend = {each.stack: each for each in report.forecasts}
    rows.append(["credits a day", *(_difference(spend[p.stack]) if p.stack in spend else "?" for p in report.plans)])
    rows.append(["made and taken back", *(_rehearsed(report, plan) for plan in report.plans)])
    yield opened(table(["", *(plan.stack for plan in report.plans)], rows))


def _rehearsed(report: Report, plan: Plan) -> str:
    found = next((each for each in report.rehearsals if each.stack == plan.stack), None)
    if found:
        return "fails" if found.error else "yes" if found.way_back and found.way_back.whole else "not whole"
    if plan.stack in report.covered:
        return f"as {report.covered[plan.stack]}"
    return "refused" if plan.refused else "nothing to do" if not plan.steps else "no"


def _findings(report: Report) -> Iterator[Part]:
    for title, approved in (("Needs approval", False), ("Approved", True)):
        merged = _merged((f.environment, (f.what, f.name, f.said)) for f in report.findings if f.approved is approved)
        if merged:
            lines = [
                f"- **{what}** · {_where(report, stacks)}{inline(said)}" for (what, _, said), stacks in merged.items()
            ]
            yield opened([f"## {title}", "", *lines[:_SHOWN]])
            if lines[_SHOWN:]:
                yield folded(f"{len(lines) - _SHOWN} more", lines[_SHOWN:])


def _sight(report: Report) -> Iterator[Part]:
    if not report.rehearsals:
        return
    lines: list[str] = []
    rows: list[list[object]] = []
    for rehearsal in report.rehearsals:
        changes = [change for change in rehearsal.changes if change.asker.role != OWNER]
        sentences = [sight_sentence(change) for change in changes if change.widens] + list(_narrower(changes))
        lines += [
            f"- {_where(report, [rehearsal.stack], always=len(report.rehearsals) > 1)}{inline(s)}" for s in sentences
        ]
        rows += [_sight_row(rehearsal.stack, change) for change in changes]
    yield opened(["## Who sees what", "", *(lines[:_SHOWN] or ["Nobody sees more or less than before."])])
    if lines[_SHOWN:]:
        yield folded(f"{len(lines) - _SHOWN} more", lines[_SHOWN:])
    if rows:
        head = ["environment", "role", "object", "rows before", "rows after", "clear now", "masked now"]
        yield folded(f"Role by object, before and after ({len(rows)})", table(head, rows), keep=2)
    yield from _whole_sight(report.rehearsals)


def _narrower(changes: Iterable[SightChange]) -> Iterator[str]:
    """Yields what is no danger: new objects and losses, of many objects at once in one line a role."""
    by_asker: dict[Any, list[SightChange]] = {}
    for change in changes:
        if not change.widens:
            by_asker.setdefault(change.asker, []).append(change)
    for asker, found in by_asker.items():
        if len(found) <= 2:
            yield from (sight_sentence(change) for change in found)
        else:
            new = sum(change.opens for change in found)
            yield f"{asker} may read {new} new objects, and sees less of {len(found) - new}"


def _sight_row(stack: str, change: SightChange) -> list[object]:
    return [
        stack,
        change.asker,
        change.object,
        "not there" if change.is_new else counted_rows(change.rows_before),
        "gone" if change.is_gone else counted_rows(change.rows_after),
        ", ".join(change.gained_clear),
        ", ".join(change.lost_clear),
    ]


def _whole_sight(rehearsals: Iterable[Rehearsal]) -> Iterator[Part]:
    """Yields all that everybody sees of the head, an object a line, masked columns by name."""
    for rehearsal in rehearsals:
        by_object: dict[str, list[str]] = {}
        for (asker, name), seen in sorted(rehearsal.after.items()):
            if seen.rows is None or asker.role == OWNER or name in rehearsal.ignored:
                continue
            masked = [column for column, state in seen.columns.items() if state == MASKED]
            hidden = f" without {', '.join(masked)}" if masked else ""
            by_object.setdefault(name, []).append(f"{asker} {seen.rows:,}{hidden}")
        rows = [[name, "; ".join(who)] for name, who in sorted(by_object.items())]
        if rows:
            title = f"All of it, as of this change, in {rehearsal.stack}: who may read an object, and how many rows"
            yield folded(title, table(["object", "who"], rows), keep=2)


def _objects(report: Report) -> Iterator[Part]:
    merged = _merged((plan.stack, _step_key(plan, step)) for plan in report.plans for step in plan.steps)
    renames = _merged((plan.stack, each.statement) for plan in report.plans for each in plan.renames)
    if not merged and not renames and not report.settings:
        return
    lines = ["## Objects", ""]
    for stack, keys in report.settings.items():
        lines += [
            f"- {stack}: {inline(key)} is {inline(_value(new))}, was {inline(_value(old))}"
            for key, (old, new) in keys.items()
        ]
    yield opened(lines if len(lines) > 2 else lines[:1])
    if merged:
        head = ["", "what", "name", "changes", "meaning", "where"]
        rows = [
            [_OPS.get(key[0], key[0]), key[1], key[2], key[3], key[4], _everywhere(report, stacks)]
            for key, stacks in merged.items()
        ]
        yield (
            folded(f"{len(rows)} changes", table(head, rows), keep=2)
            if len(rows) > _SHOWN
            else opened(table(head, rows))
        )
    statements = [f"{statement};" for statement in renames]
    for key, stacks in merged.items():
        where = _everywhere(report, stacks)
        statements += [f"-- {_OPS.get(key[0], key[0])} {key[1]} {key[2]}" + (f" in {where}" if where != "all" else "")]
        statements += [line for statement in key[5] for line in f"{statement};".splitlines()] or [
            "-- depends on what the account says"
        ]
    if statements:
        yield folded(f"The SQL, in order ({len(statements)} lines)", statements, code="sql")


def _step_key(plan: Plan, step: Step) -> tuple[str, str, str, str, str, tuple[str, ...]]:
    said = ", ".join(
        _property(step, diff) for diff in dict.fromkeys(diff.split("[")[0].split(".")[0] for diff in step.diffs)
    )
    return (
        step.op,
        step.kind,
        step.name,
        said,
        _meaning(plan.labels[step.urn], step),
        tuple(plan.statements.get(step.urn, ())),
    )


def _meaning(label: Label, step: Step) -> str:
    if label is Label.DESTRUCTIVE:
        what = "its rows" if step.kind == "Table" else "what it holds"
        return (
            f"destructive: a deployment keeps {what} for {KEEP_DAYS} days"
            if step.kind == "Table"
            else f"destructive: {what} is lost"
        )
    return label.value


def _property(step: Step, name: str) -> str:
    old, new = step.old.get(name), step.new.get(name)
    simple = all(value is None or isinstance(value, str | int | float | bool) for value in (old, new))
    short = simple and max(len(str(old)), len(str(new))) <= 40
    return f"{name}: {_value(old)} → {_value(new)}" if short and step.op in ("update", "replace") else name


def _value(value: Any) -> str:
    return "none" if value in (None, "") else str(value)


def _radius(report: Report) -> Iterator[Part]:
    radius = report.radius
    if not radius.changed:
        return
    lines = ["## Blast radius", ""]
    said = _merged((each.what, f"{each.kind} {each.name}") for each in radius.changed)
    changed = [f"- {inline(name)}: {inline('; '.join(what))}" for name, what in said.items()]
    yield opened(lines + changed[:_SHOWN])
    if changed[_SHOWN:]:
        yield folded(f"{len(changed) - _SHOWN} more objects", changed[_SHOWN:])
    reached = dict(radius.reached)
    if reached:
        counts = ", ".join(
            f"{len(names)} {kind if kind != 'dashboard' else 'tiles of the dashboard'}"
            for kind, names in reached.items()
        )
        yield opened([f"Reaches {counts}, {len(radius.columns)} columns computed from what changes."])
        rows = [[kind, ", ".join(names)] for kind, names in reached.items()]
        yield folded(
            "What hangs on it", table(["", "names"], [*rows, ["columns", ", ".join(radius.columns) or "none"]]), keep=2
        )
    backlogs = [(r.stack, b) for r in report.rehearsals for b in r.backlogs]
    if backlogs:
        yield opened(
            f"- stream {inline(b.stream)} in {stack}: {counted_rows(b.before)} waited before, {counted_rows(b.after)} after"
            for stack, b in backlogs
        )


def _credits(report: Report) -> Iterator[Part]:
    if not report.forecasts:
        return
    changed = [
        each
        for each in report.forecasts
        if each.before != each.after or each.quota_before != each.quota_after or each.notes
    ]
    if not changed:
        yield opened(["## Credits", "", "No warehouse, task or monitor changes: the forecast is the same."])
        return
    rows = [
        [e.stack, _total(e.before), _total(e.after), _range(e.difference, sign=True), _usd(e), _budget(e)]
        for e in changed
    ]
    head = ["", "before, a day", "after, a day", "difference", "USD a month, expected", "budget"]
    lines = ["## Credits", "", *table(head, rows), ""]
    lines += [f"- {e.stack}, {key}: {old} → {new}" for e in changed for key, (old, new) in e.sizes.items()]
    lines += [f"- {e.stack}: not counted: {inline('; '.join(e.notes))}" for e in changed if e.notes]
    yield opened(lines)
    measured = any(each.measured for each in changed)
    rests = ["measured hours a day, three quarters to one and a half of them"] if measured else list(RESTS_ON)
    yield folded("What the forecast rests on", [f"- {inline(line)}" for line in rests])


def _total(ranges: Mapping[str, Range]) -> str:
    return _range(sum(ranges.values(), Range()))


def _range(value: Range, *, sign: bool = False) -> str:
    low, expected, high = (
        f"{each:+.1f}" if sign and abs(each) >= 0.05 else f"{abs(each):.1f}"
        for each in (value.low, value.expected, value.high)
    )
    return f"{expected} ({low} to {high})"


def _difference(each: Forecast) -> str:
    value = each.difference
    return (
        "·"
        if not any(abs(part) >= 0.05 for part in (value.low, value.expected, value.high))
        else _range(value, sign=True)
    )


def _usd(each: Forecast) -> str:
    return f"{each.difference.expected * 30 * float(each.price_usd):+,.0f}"


def _budget(each: Forecast) -> str:
    if each.budget is None:
        return "none"
    word = (
        "over"
        if each.over_budget
        else "within"
        if each.bounded_after.high <= each.budget
        else "within as expected, over at the highest"
    )
    return f"{each.bounded_after.expected:.1f} of {each.budget:g}: {word}"


def _tests(report: Report) -> Iterator[Part]:
    found = [each for each in report.rehearsals if not each.error]
    if not found:
        return
    lines = ["## SQL tests", ""]
    for each in found:
        failing = [test for test in each.tests if test.after]
        lines.append(f"- {each.stack}: {each.test_count} tests, {len(failing)} find something")
        for test in each.tests:
            before, after = (_outcome(value) for value in (test.before, test.after))
            lines.append(f"  - {test.severity}, {inline(test.name)}: {inline(before)} → {inline(after)}")
        if each.refreshed:
            lines.append(f"  - brought to all rows of their new queries first: {inline(', '.join(each.refreshed))}")
    yield opened(lines[: _SHOWN * 2])
    if lines[_SHOWN * 2 :]:
        yield folded(f"{len(lines) - _SHOWN * 2} more", lines[_SHOWN * 2 :])


def _outcome(value: int | str | None) -> str:
    if value is None:
        return "not there"
    return value if isinstance(value, str) else "passes" if value == 0 else counted_rows(value)


def _policies(report: Report) -> Iterator[Part]:
    asked = [plan for plan in report.plans if plan.violations is not None]
    unchecked = [plan for plan in report.plans if plan.unchecked]
    if not asked and not unchecked:
        return
    merged = _merged(
        (plan.stack, (v.level, v.rule, v.resource, v.message)) for plan in asked for v in plan.violations or ()
    )
    lines = [
        f"- {inline(level)} · {_where(report, stacks)}{inline(rule)}, {inline(name)}: {inline(text)}"
        for (level, rule, name, text), stacks in merged.items()
    ]
    lines += [f"- {plan.stack}: not checked: {inline(plan.unchecked)}" for plan in unchecked]
    yield opened(["## Policies", "", *(lines[:_SHOWN] or ["Every rule of the policy pack holds."])])
    if lines[_SHOWN:]:
        yield folded(f"{len(lines) - _SHOWN} more", lines[_SHOWN:])


def _way_back(report: Report) -> Iterator[Part]:
    found = [each for each in report.rehearsals if each.way_back]
    if not found:
        return
    lines = ["## The way back", ""]
    for each in found:
        assert each.way_back is not None
        how = _ALL_BACK if each.way_back.whole else "not whole"
        lines.append(
            f"- {each.stack}: rolled back; {how}"
            if not each.way_back.error
            else f"- {each.stack}: the rollback fails: {inline(each.way_back.error)}"
        )
        lines += [f"  - back: {inline(said)}" for said in each.way_back.returns]
        lines += [f"  - lost: {inline(said)}" for said in each.way_back.lost]
        lines += [f"  - differs: {inline(said)}" for said in each.way_back.differences]
    yield opened(lines[: _SHOWN * 2])
    if lines[_SHOWN * 2 :]:
        yield folded(f"{len(lines) - _SHOWN * 2} more", lines[_SHOWN * 2 :])


def _basis(report: Report) -> Iterator[Part]:
    lines = [
        "Deployed to a local Snowflake of its own: the base first, then this change on top of it; "
        "no account was asked and no credentials were there."
    ]
    lines += [
        f"{each.stack} was filled with {each.rows:,} generated rows, and tasks rested." for each in report.rehearsals
    ]
    lines += [
        f"{stack} was previewed: all it does was rehearsed in {other}." for stack, other in report.covered.items()
    ]
    lines += [
        f"{inline(name)} is gone: what is deployed of it stays until somebody destroys it." for name in report.removed
    ]
    lines += [f"{inline(key)} is secret and was replaced by another value." for key in report.hidden]
    yield opened(
        ["---", *(f"<sub>{line}</sub>" for line in lines)]
        if len(lines) == 1
        else ["---", f"<sub>{' '.join(lines)}</sub>"]
    )


def _merged(pairs: Iterable[tuple[str, _T]]) -> dict[_T, list[str]]:
    """Returns what is the same in several environments once, with where, in order."""
    found: dict[_T, list[str]] = {}
    for where, what in pairs:
        places = found.setdefault(what, [])
        if where not in places:
            places.append(where)
    return found


def _where(report: Report, stacks: list[str], *, always: bool = False) -> str:
    return f"{', '.join(stacks)}: " if always or len(report.stacks) > 1 else ""


def _everywhere(report: Report, stacks: list[str]) -> str:
    return "all" if list(report.stacks) == stacks else ", ".join(stacks)
