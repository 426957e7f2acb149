"""The tests that a version must pass before it may serve: signature, skill, latency, fairness, and no step back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .metrics import rounded
from .prediction import classes_of, inputs_of, predict
from .training import measure_model
from .use_cases import UseCase

_LATENCY_ROWS = 1000
_LATENCY_TIMES = 5
_LEAST_IN_GROUP = 30
_RESAMPLES = 400


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
    baseline: Mapping[str, float],
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
        baseline: the baseline's metrics on the version's own holdout.
        production: the model that serves now, or None.
        limits: what must be kept to.
        clock: seconds.
    """
    measured = measure_model(model, case, holdout)
    return [
        _signature_gate(case, model, signature),
        _skill_gate(case, measured, baseline),
        _latency_gate(case, model, holdout, limits, clock),
        _fairness_gate(case, model, holdout, limits),
        _step_back_gate(case, model, production, holdout, limits),
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


def _skill_gate(case: UseCase, measured: Mapping[str, float], baseline: Mapping[str, float]) -> Gate:
    value, limit = measured[case.metric], baseline[case.metric]
    return Gate(
        name="baseline", passed=value < limit, value=value, limit=limit, detail=f"{case.metric} against {case.baseline}"
    )


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


def group_metrics(case: UseCase, model: Any, rows: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """Returns each group's metric and rows, of groups with enough rows to tell."""
    return {name: (float(each.mean()), len(each)) for name, each in _losses_by_group(case, model, rows).items()}


def _losses_by_group(case: UseCase, model: Any, rows: pd.DataFrame) -> dict[str, np.ndarray]:
    if case.group is None:
        return {}
    losses = row_losses(case, model, rows)
    places = rows.groupby(rows[case.group].fillna("(none)")).indices
    return {str(name): losses[each] for name, each in sorted(places.items()) if len(each) >= _LEAST_IN_GROUP}


def _fairness_gate(case: UseCase, model: Any, rows: pd.DataFrame, limits: GateLimits) -> Gate:
    """A group is failed where it fares worse than all others by more than the limit, and by more than chance (5 % in all)."""
    groups = _losses_by_group(case, model, rows)
    limit = limits.fairness_gap
    if len(groups) < 2:
        why = f"{len(groups)} groups with {_LEAST_IN_GROUP} rows" if case.group else "has no customers"
        return Gate(name="fairness", passed=True, value=0.0, limit=limit, detail=f"nothing to compare: {why}")
    gaps = {name: _gap(groups, name) for name in groups}
    told = ", ".join(f"{name} {each.mean():.4f} ({len(each):,} rows)" for name, each in groups.items())
    failed = any(gap > limit and p_value < 0.05 / len(groups) for gap, p_value in gaps.values())
    value = rounded(max(gap for gap, _ in gaps.values()))
    detail = f"{case.metric} by {case.group}: {told}"
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


def _step_back_gate(case: UseCase, model: Any, production: Any | None, rows: pd.DataFrame, limits: GateLimits) -> Gate:
    """Worse than production on the same rows by more than the limit, and by more than chance (95 % of resamples), is a step back."""
    if production is None:
        return Gate(
            name="production",
            passed=True,
            value=0.0,
            limit=limits.step_back,
            detail="there is no production version yet",
        )
    mine, theirs = row_losses(case, model, rows), row_losses(case, production, rows)
    value = rounded(mine.mean() / theirs.mean() - 1) if theirs.mean() else float(mine.mean() > 0)
    random = np.random.default_rng(0)
    picks = random.integers(0, len(rows), (_RESAMPLES, len(rows))) if len(rows) <= 20000 else None
    differences = mine - theirs
    if picks is not None:
        sure = float(np.quantile(differences[picks].mean(axis=1), 0.05)) > 0
    else:
        sure = differences.mean() > 1.645 * differences.std(ddof=1) / np.sqrt(len(rows))
    worse = value > limits.step_back and sure
    return Gate(
        name="production",
        passed=not worse,
        value=value,
        limit=limits.step_back,
        detail=f"share by which {case.metric} is worse, {len(rows):,} rows",
    )


def row_losses(case: UseCase, model: Any, rows: pd.DataFrame) -> np.ndarray:
    """Returns each row's part of the use case's metric."""
    answers = model.predict(inputs_of(case, rows)) if case.kind == "regression" else predict(model, case, rows)
    if case.kind == "regression":
        return np.abs(answers - rows[case.target].to_numpy(float))
    classes = np.asarray(classes_of(model, case))
    true = rows[case.target].to_numpy(str)[:, None] == classes[None, :]
    return ((answers - true) ** 2).sum(axis=1) / 2
