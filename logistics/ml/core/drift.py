"""Drift: whether inputs are distributed otherwise than in training, and whether predictions come true less than they did.

Two readings an input: the population stability index over the training's tenths (or categories), and for numbers the
Kolmogorov-Smirnov distance. Both vary by chance, the more the fewer the rows; an input has drifted only where the distance matters
(its threshold) and chance does not explain it (`alpha`, shared by all readings of a check).
"""

# pandas says of most of its results that they may be anything.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false, reportReturnType=false
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .metrics import rounded
from .use_cases import UseCase

BINS = 10
_QUANTILES = 200
_MISSING = "(missing)"
_OTHER = "(other)"
_MOST_CATEGORIES = 30
_LEAST_SHARE = 1e-4
LEAST_ROWS = 30
"""Fewer rows than this tell nothing."""


@dataclass(frozen=True, kw_only=True)
class DriftLimits:
    """From where a reading is drift.

    Attributes:
        psi, ks: distances that matter; 0.2 and 0.1 are the usual ones.
        alpha: probability that a check without any drift raises at least one alarm, at most.
        performance_drop: by what share of its value in the holdout the metric may get worse.
        age_days: days after which a production model is trained anew.
    """

    psi: float = 0.2
    ks: float = 0.1
    alpha: float = 0.01
    performance_drop: float = 0.2
    age_days: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reading of a check; `value` over `threshold` with a `p_value` under the check's alpha has drifted."""

    kind: str
    feature: str
    statistic: str
    value: float
    threshold: float
    p_value: float | None
    is_drifted: bool
    rows: int


@dataclass(frozen=True)
class Profile:
    """How an input was distributed: shares by bin or category, and for numbers the quantiles."""

    rows: int
    shares: Mapping[str, float]
    edges: Sequence[float] = ()
    quantiles: Sequence[float] = field(default_factory=tuple)

    @property
    def is_numeric(self) -> bool:
        """Whether the input is a number."""
        return bool(self.quantiles)


def profile(case: UseCase, frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Returns how the inputs of a training frame are distributed, ready for JSON."""
    found = {name: _of_numbers(frame[name].to_numpy(float)) for name in case.numeric}
    found |= {name: _of_categories(frame[name]) for name in case.categorical}
    return {
        name: {
            "rows": each.rows,
            "shares": dict(each.shares),
            "edges": list(each.edges),
            "quantiles": list(each.quantiles),
        }
        for name, each in found.items()
    }


def _of_numbers(values: np.ndarray) -> Profile:
    there = values[~np.isnan(values)]
    if len(there) == 0:
        return Profile(len(values), {_MISSING: 1.0}, [], [math.nan])
    edges = sorted({float(each) for each in np.quantile(there, np.linspace(0, 1, BINS + 1)[1:-1])})
    quantiles = np.quantile(there, np.linspace(0, 1, _QUANTILES + 1))
    return Profile(len(values), _numeric_shares(values, edges), edges, [rounded(each) for each in quantiles])


def _numeric_shares(values: np.ndarray, edges: Sequence[float]) -> dict[str, float]:
    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(np.asarray(edges), values[~missing], side="left"), minlength=len(edges) + 1)
    shares = {str(place): float(count) / len(values) for place, count in enumerate(counts)}
    return shares | {_MISSING: float(missing.mean())}


def _of_categories(values: pd.Series) -> Profile:
    shares = values.fillna(_MISSING).astype(str).value_counts(normalize=True)
    kept = shares.head(_MOST_CATEGORIES)
    rest = float(shares.iloc[_MOST_CATEGORIES:].sum())
    return Profile(len(values), {**{str(k): float(v) for k, v in kept.items()}, _OTHER: rest})


def check_inputs(
    case: UseCase, profiles: Mapping[str, Mapping[str, Any]], frame: pd.DataFrame, limits: DriftLimits
) -> list[Reading]:
    """Returns the readings of every input against its training profile: PSI, and for numbers KS; none of too few rows."""
    if len(frame) < LEAST_ROWS:
        return []
    known = {name: Profile(**profiles[name]) for name in case.inputs if name in profiles}
    count = sum(2 if each.is_numeric else 1 for each in known.values())
    alpha = limits.alpha / max(count, 1)
    found = []
    for name, before in known.items():
        found.append(_psi(name, before, frame[name], limits.psi, alpha))
        if before.is_numeric:
            found.append(_ks(name, before, frame[name].to_numpy(float), limits.ks, alpha))
    return found


def psi(expected: Mapping[str, float], actual: Mapping[str, float]) -> float:
    """Returns the population stability index of two distributions over the same bins."""
    bins = sorted({*expected, *actual})
    before = np.array([max(expected.get(each, 0.0), _LEAST_SHARE) for each in bins])
    now = np.array([max(actual.get(each, 0.0), _LEAST_SHARE) for each in bins])
    return float(((now - before) * np.log(now / before)).sum())


def _psi(name: str, before: Profile, values: pd.Series, threshold: float, alpha: float) -> Reading:
    if before.is_numeric:
        now = _numeric_shares(values.to_numpy(float), before.edges)
    else:
        texts = values.fillna(_MISSING).astype(str)
        counted = texts.where(texts.isin(before.shares), _OTHER).value_counts(normalize=True)
        now = {str(key): float(share) for key, share in counted.items()}
    value = psi(before.shares, now)
    p_value = _same_shares(before, now, len(values))
    return Reading(
        kind="data", feature=name, statistic="psi", value=rounded(value), threshold=threshold, p_value=rounded(p_value),
        is_drifted=value > threshold and p_value < alpha, rows=len(values),
    )  # fmt: skip


def _same_shares(before: Profile, now: Mapping[str, float], rows: int) -> float:
    """Returns the probability of shares so far apart by chance: chi-square of two samples over bins that either has."""
    from scipy.stats import chi2

    bins = [each for each in sorted({*before.shares, *now}) if before.shares.get(each, 0) + now.get(each, 0) > 0]
    if len(bins) < 2:
        return 1.0
    first = np.array([before.shares.get(each, 0.0) for each in bins]) * before.rows
    second = np.array([now.get(each, 0.0) for each in bins]) * rows
    pooled = first + second
    statistic = 0.0
    for counts, total in ((first, before.rows), (second, rows)):
        expected = pooled * total / (before.rows + rows)
        statistic += float(((counts - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, len(bins) - 1))


def _ks(name: str, before: Profile, values: np.ndarray, threshold: float, alpha: float) -> Reading:
    from scipy.stats import kstwobign

    there = np.sort(values[~np.isnan(values)])
    quantiles = np.asarray(before.quantiles, float)
    if len(there) == 0 or np.isnan(quantiles).any():
        distance, p_value = 0.0, 1.0
    else:
        distance = _distance(quantiles, there)
        size = before.rows * len(there) / (before.rows + len(there))
        p_value = float(kstwobign.sf(distance * math.sqrt(size)))
    return Reading(
        kind="data", feature=name, statistic="ks", value=rounded(distance), threshold=threshold, p_value=rounded(p_value),
        is_drifted=distance > threshold and p_value < alpha, rows=len(values),
    )  # fmt: skip


def _distance(quantiles: np.ndarray, there: np.ndarray) -> float:
    """Returns the greatest distance between the training's distribution, known at its quantiles, and a sorted sample's.

    Within a step of the quantiles the training's distribution is not known: what lies between its bounds is no distance.
    """
    points = np.unique(quantiles)
    low = np.searchsorted(quantiles, points, side="left") / (len(quantiles) - 1)
    high = np.minimum((np.searchsorted(quantiles, points, side="right") - 1) / (len(quantiles) - 1), 1)
    below = np.searchsorted(there, points, side="left") / len(there)
    up_to = np.searchsorted(there, points, side="right") / len(there)
    step = 1 / (len(quantiles) - 1)
    apart = np.concatenate([np.abs(up_to - high), np.abs(below - np.maximum(low - step, 0)) - step])
    return float(max(apart.max(), 0.0))


def check_performance(
    case: UseCase, reference: float, losses: Sequence[float], reference_spread: float, limits: DriftLimits
) -> list[Reading]:
    """Returns the reading of the mean loss of served rows whose outcome is known by now, against that of the holdout.

    Args:
        case: the use case.
        reference: the mean loss in the holdout.
        losses: of the served rows.
        reference_spread: the standard error of `reference`.
        limits: by what share the loss may rise, and how sure the rise must be.
    """
    if len(losses) < LEAST_ROWS:
        return []
    from scipy.stats import norm

    values = np.asarray(losses, float)
    mean = float(values.mean())
    threshold = reference * (1 + limits.performance_drop)
    spread = math.sqrt(float(values.var(ddof=1)) / len(values) + reference_spread**2)
    p_value = float(norm.sf((mean - reference) / spread)) if spread else float(mean <= reference)
    return [
        Reading(
            kind="concept", feature=case.target, statistic="loss", value=rounded(mean), threshold=rounded(threshold),
            p_value=rounded(p_value), is_drifted=mean > threshold and p_value < limits.alpha, rows=len(values),
        )
    ]  # fmt: skip


def check_age(case: UseCase, trained_at: pd.Timestamp, now: pd.Timestamp, limits: DriftLimits) -> Reading:
    """Returns the reading of a model's age: the days since it was trained."""
    days = max((now - trained_at).total_seconds() / 86400, 0.0)
    return Reading(
        kind="age", feature=case.target, statistic="days", value=rounded(days), threshold=limits.age_days, p_value=None,
        is_drifted=days > limits.age_days, rows=0,
    )  # fmt: skip


def never_trained(case: UseCase, limits: DriftLimits) -> Reading:
    """Returns the reading of a model that no version serves: older than any limit."""
    return Reading(
        kind="age", feature=case.target, statistic="days", value=math.inf, threshold=limits.age_days, p_value=None,
        is_drifted=True, rows=0,
    )  # fmt: skip
