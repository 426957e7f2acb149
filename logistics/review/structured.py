"""Writes a report as JSON, whole and the same for the same change."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from logistics.review.plans import Plan
from logistics.review.rehearsal import Rehearsal
from logistics.review.report import Report
from logistics.review.sight import Sight, SightChange
from logistics.review.spend import Forecast, Range
from logistics.review.words import sight_sentence


def as_json(report: Report) -> str:
    """Returns the report as JSON, keys in a fixed order."""
    told = {
        "base": report.commit,
        "environments": list(report.stacks),
        "needs_approval": report.needs_approval,
        "nothing_deployed_changes": report.files_only,
        "findings": [asdict(finding) for finding in report.findings],
        "settings": {
            stack: {key: {"before": old, "after": new} for key, (old, new) in keys.items()}
            for stack, keys in report.settings.items()
        },
        "removed_stack_files": list(report.removed),
        "plans": [_plan(plan) for plan in report.plans],
        "rehearsals": [_rehearsal(each) for each in report.rehearsals],
        "covered_by_another_environment": dict(report.covered),
        "credits": [_forecast(each) for each in report.forecasts],
        "blast_radius": asdict(report.radius),
        "secrets_replaced": list(report.hidden),
    }
    return json.dumps(told, indent=2, default=str) + "\n"


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "environment": plan.stack,
        "refused": plan.refused,
        "renames": [asdict(each) for each in plan.renames],
        "steps": [
            {
                "op": step.op,
                "kind": step.kind,
                "name": step.name,
                "urn": step.urn,
                "meaning": plan.labels[step.urn].value,
                "properties": list(step.diffs),
                "statements": plan.statements.get(step.urn, []),
            }
            for step in plan.steps
        ],
        "policies_unchecked": plan.unchecked,
        "violations": None if plan.violations is None else [asdict(each) for each in plan.violations],
    }


def _rehearsal(each: Rehearsal) -> dict[str, Any]:
    return {
        "environment": each.stack,
        "rows_of_data": each.rows,
        "error": each.error,
        "who_sees_what_changes": [_change(change) for change in each.changes],
        "who_sees_what": {"before": _sight(each.before, each.ignored), "after": _sight(each.after, each.ignored)},
        "tests": {"run": each.test_count, "outcomes": [asdict(test) for test in each.tests]},
        "streams": [asdict(backlog) for backlog in each.backlogs],
        "refreshed": list(each.refreshed),
        "way_back": asdict(each.way_back) | {"whole": each.way_back.whole} if each.way_back else None,
    }


def _change(change: SightChange) -> dict[str, Any]:
    return {"sentence": sight_sentence(change), "widens": change.widens, **asdict(change)}


def _sight(sight: Sight, ignored: frozenset[str]) -> list[dict[str, Any]]:
    """Returns who may read what; rows that tell of the account's own past are left out, they are others each time."""
    return [
        {
            "role": asker.role,
            "user": asker.user,
            "object": name,
            "rows": None if name in ignored else seen.rows,
            "columns": dict(seen.columns),
        }
        for (asker, name), seen in sorted(sight.items())
        if seen.rows is not None
    ]


def _forecast(each: Forecast) -> dict[str, Any]:
    return {
        "environment": each.stack,
        "before": {name: _range(value) for name, value in each.before.items()},
        "after": {name: _range(value) for name, value in each.after.items()},
        "difference": _range(each.difference),
        "budget": each.budget,
        "over_budget": each.over_budget,
        "measured": each.measured,
        "not_counted": list(each.notes),
    }


def _range(value: Range) -> dict[str, float]:
    return {key: round(part, 3) for key, part in asdict(value).items()}
