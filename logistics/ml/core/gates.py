"""The tests that a version must pass before it may serve: signature, skill, latency, fairness, and no step back."""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .metrics import rounded
from .prediction import classes_of, predict
from .use_cases import UseCase

_LATENCY_ROWS = 1000
_LATENCY_TIMES = 5
_LEAST_IN_GROUP = 30
_LEAST_SKILL = 0.01
_LEAST_LOSS = 1e-6
_SURE = 1.645
"""Standard errors: a chance of 5 % on one side."""


@dataclass(frozen=True, kw_only=True)
class GateLimits:
    """What a version must keep to.

    Attributes:
        latency_milliseconds: to score 1,000 rows, the median of several times.
        fairness_gap: by what share a customer tier's metric may be worse than that of all other tiers' rows.
        step_back: by what share of production's metric the version may be worse, where chance does not explain it.
    """

    latency_milliseconds: float = 500.0
    fairness_gap: float = 0.5
    step_back: float = 0.02


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One test's result."""

    name: str
    passed: bool
    value: float
    limit: float
    detail: str


def check_gates(
    case: UseCase,
    model: Any,
    signature: Mapping[str, Any],
    holdout: pd.DataFrame,
    baseline: np.ndarray,
    production: Any | None,
    limits: GateLimits,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Gate]:
    """Returns every gate's result for a version.

    Args:
        case: the use case.
        model: the version's model, as it was loaded from its artifact.
        signature: as registered.
        holdout: rows that the version has not seen; production may have, which favours production.
        baseline: the baseline's loss on each of these rows.
        production: the model that serves now, or None.
        limits: what must be kept to.
        clock: seconds.
    """
    losses = row_losses(case, model, holdout)
    return [
        _signature_gate(case, model, signature),
        _skill_gate(case, losses, baseline),
        _latency_gate(case, model, holdout, limits, clock),
        _fairness_gate(case, holdout, losses, baseline, limits),
        _step_back_gate(case, losses, None if production is None else row_losses(case, production, holdout), limits),
    ]


def signature_of(case: UseCase, model: Any) -> dict[str, Any]:
    """Returns what a version takes and gives."""
    inputs = dict.fromkeys(case.categorical, "string") | dict.fromkeys(case.numeric, "double")
    return {"inputs": inputs, "output": case.kind, "classes": classes_of(model, case)}


def _signature_gate(case: UseCase, model: Any, signature: Mapping[str, Any]) -> Gate:
    """A version takes exactly the inputs of its use case, gives one answer a row, and stands missing and unseen values."""
    problem = (
        "" if dict(signature) == signature_of(case, model) else "its inputs or classes are not those of the use case"
    )
    strange = pd.DataFrame(
        [
            dict.fromkeys(case.inputs),
            {**dict.fromkeys(case.categorical, "never seen"), **dict.fromkeys(case.numeric, 1e12)},
        ]
    )
    if not problem:
        try:
            answers = np.asarray(predict(model, case, strange), float)
            problem = (
                ""
                if len(answers) == 2 and np.isfinite(answers).all()
                else "missing or unseen values give no finite answer"
            )
        except (ValueError, TypeError) as error:
            problem = f"missing or unseen values are refused: {error}"
    return Gate(
        name="schema", passed=not problem, value=float(not problem), limit=1.0, detail=problem or "as registered"
    )


def _skill_gate(case: UseCase, losses: np.ndarray, baseline: np.ndarray) -> Gate:
    """A version beats its baseline by a share that matters, and by more than chance (5 %) on the same rows."""
    value, limit = rounded(losses.mean()), rounded(baseline.mean() * (1 - _LEAST_SKILL))
    better = baseline - losses
    sure = better.mean() > _SURE * better.std() / np.sqrt(len(better))
    detail = f"{case.metric} against {baseline.mean():.4f} of {case.baseline}, {len(losses):,} rows"
    return Gate(name="baseline", passed=bool(value < limit and sure), value=value, limit=limit, detail=detail)


def _latency_gate(
    case: UseCase, model: Any, rows: pd.DataFrame, limits: GateLimits, clock: Callable[[], float]
) -> Gate:
    thousand = rows.iloc[np.arange(_LATENCY_ROWS) % len(rows)].reset_index(drop=True)
    taken = []
    for _ in range(_LATENCY_TIMES):
        began = clock()
        predict(model, case, thousand)
        taken.append((clock() - began) * 1000)
    value = float(np.median(taken))
    limit = limits.latency_milliseconds
    return Gate(
        name="latency", passed=value <= limit, value=round(value, 3), limit=limit, detail="milliseconds for 1,000 rows"
    )


def group_losses(case: UseCase, rows: pd.DataFrame, losses: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the losses of each group that has enough rows to tell."""
    if case.group is None:
        return {}
    places = rows.groupby(rows[case.group].fillna("(none)")).indices
    return {str(name): losses[each] for name, each in sorted(places.items()) if len(each) >= _LEAST_IN_GROUP}


def _fairness_gate(
    case: UseCase, rows: pd.DataFrame, losses: np.ndarray, baseline: np.ndarray, limits: GateLimits
) -> Gate:
    """A group is failed where it fares worse than all others by more than the limit, and by more than chance (5 % in all).

    Some groups are harder to tell of than others: each group's loss counts in shares of what the baseline loses there.
    """
    limit, easy = limits.fairness_gap, group_losses(case, rows, baseline)
    found = group_losses(case, rows, losses)
    groups = {name: each / easy[name].mean() for name, each in found.items() if easy[name].mean() > _LEAST_LOSS}
    if len(groups) < 2:
        why = f"{len(groups)} groups with {_LEAST_IN_GROUP} rows" if case.group else "has no customers"
        return Gate(name="fairness", passed=True, value=0.0, limit=limit, detail=f"nothing to compare: {why}")
    gaps = {name: _gap(groups, name) for name in groups}
    told = ", ".join(f"{name} {each.mean():.3f} ({len(each):,} rows)" for name, each in groups.items())
    failed = any(gap > limit and p_value < 0.05 / len(groups) for gap, p_value in gaps.values())
    value = rounded(max(gap for gap, _ in gaps.values()))
    detail = f"{case.metric} in shares of the baseline's, by {case.group}: {told}"
    return Gate(name="fairness", passed=not failed, value=value, limit=limit, detail=detail)


def _gap(groups: Mapping[str, np.ndarray], name: str) -> tuple[float, float]:
    """Returns by what share a group's mean loss is above that of all others' rows, and the probability of it by chance."""
    from scipy.stats import norm

    mine = groups[name]
    rest = np.concatenate([each for other, each in groups.items() if other != name])
    difference = float(mine.mean() - rest.mean())
    spread = float(np.sqrt(mine.var(ddof=1) / len(mine) + rest.var(ddof=1) / len(rest)))
    p_value = float(norm.sf(difference / spread)) if spread else float(difference <= 0)
    return (difference / float(rest.mean()) if rest.mean() else float(difference > 0)), p_value


def _step_back_gate(case: UseCase, losses: np.ndarray, serving: np.ndarray | None, limits: GateLimits) -> Gate:
    """Worse than production on the same rows by more than the limit, and by more than chance (5 %), is a step back."""
    if serving is None:
        return Gate(
            name="production",
            passed=True,
            value=0.0,
            limit=limits.step_back,
            detail="there is no production version yet",
        )
    worse = losses - serving
    value = rounded(losses.mean() / serving.mean() - 1) if serving.mean() else float(losses.mean() > 0)
    sure = worse.mean() > _SURE * worse.std() / np.sqrt(len(worse))
    detail = f"share by which {case.metric} is worse, {len(losses):,} rows"
    passed = bool(value <= limits.step_back or not sure)
    return Gate(name="production", passed=passed, value=value, limit=limits.step_back, detail=detail)


def row_losses(case: UseCase, model: Any, rows: pd.DataFrame) -> np.ndarray:
    """Returns each row's part of the use case's metric."""
    return losses_of(case, predict(model, case, rows), rows, classes_of(model, case))


def losses_of(case: UseCase, answers: np.ndarray, rows: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Returns each row's part of the use case's metric, of a model's or a baseline's answers."""
    if case.kind == "regression":
        return np.abs(answers - rows[case.target].to_numpy(float))
    true = rows[case.target].to_numpy(str)[:, None] == np.asarray(classes)[None, :]
    return ((answers - true) ** 2).sum(axis=1) / 2
