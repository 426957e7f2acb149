"""A/B tests: a stable split by key, and a test of two mean losses that may be looked at any time.

The test is the mixture sequential probability ratio test for two means (Robbins 1970; Johari, Pekelis and Walsh 2015): under no
difference its likelihood ratio passes 1 / alpha with probability alpha at most, however often one looks; the p-value is the least
inverse so far. The losses' variances are estimated, so the bound holds for large samples; `LEAST_ROWS` keeps small ones out.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .errors import ModelError

LEAST_ROWS = 100
"""Rows that each version needs before anything is decided."""

Decision = Literal["challenger", "champion", "no_difference"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """A comparison's stated error rates.

    Attributes:
        alpha: the most probable error that a difference is found where there is none; half of it that the challenger is favoured.
        power: the least probability that a difference of `minimum_effect` is found within `maximum_rows`.
        minimum_effect: the difference of mean losses that matters.
        maximum_rows: rows of both versions, after which the test ends without a difference.
    """

    alpha: float
    power: float
    minimum_effect: float
    maximum_rows: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a comparison says by now; a decision ends it.

    Attributes:
        difference: mean loss of the challenger less that of the champion; negative is better.
    """

    champion_rows: int
    challenger_rows: int
    champion_loss: float
    challenger_loss: float
    difference: float
    likelihood_ratio: float
    p_value: float
    decision: Decision | None


def bucket(test_name: str, key: str) -> float:
    """Returns the place of a key in a test, 0 to below 1; the same always and everywhere.

    In SQL: `to_number(left(sha2(test_name || '/' || key, 256), 8), 'XXXXXXXX') / 4294967296`.
    """
    return int(hashlib.sha256(f"{test_name}/{key}".encode()).hexdigest()[:8], 16) / 2**32


def meets_challenger(test_name: str, key: str, challenger_share: float) -> bool:
    """Returns whether a customer or vehicle is served by the challenger."""
    return bucket(test_name, key) < challenger_share


def design(
    *,
    deviation: float,
    minimum_effect: float,
    alpha: float = 0.05,
    power: float = 0.8,
    challenger_share: float = 0.5,
    paired: bool = False,
) -> Design:
    """Returns a comparison's design, with the rows that it may take.

    A sequential test needs more rows than a fixed one in the worst case; it is given twice the fixed one's, and the tests of this
    package measure the power that comes of it.

    Args:
        deviation: the standard deviation of a loss, or of the paired differences.
        minimum_effect: the difference that matters, above 0.
        alpha, power: the stated error rates.
        challenger_share: of the rows.
        paired: both versions score every row (shadow mode).

    Raises:
        ModelError: a value is out of its range.
    """
    from scipy.stats import norm

    if not (0 < alpha < 1 and 0 < power < 1 and 0 < challenger_share < 1 and minimum_effect > 0 and deviation >= 0):
        raise ModelError("an A/B test needs alpha, power and share between 0 and 1, and an effect above 0")
    quantiles = norm.isf(alpha / 2) + norm.isf(1 - power)
    spread = 1.0 if paired else 1 / (challenger_share * (1 - challenger_share))
    fixed = (quantiles * deviation / minimum_effect) ** 2 * spread
    least = 2 * LEAST_ROWS if paired else math.ceil(2 * LEAST_ROWS / min(challenger_share, 1 - challenger_share))
    rows = max(math.ceil(2 * fixed), least)
    return Design(alpha=alpha, power=power, minimum_effect=minimum_effect, maximum_rows=rows)


def likelihood_ratio(difference: float | np.ndarray, variance: float | np.ndarray, effect: float) -> np.ndarray:
    """Returns how much likelier a difference is under normally mixed effects of scale `effect` than under none.

    Args:
        difference: of the means, so far.
        variance: of that difference.
        effect: the scale of the mixture, the difference that matters.
    """
    difference, variance = np.asarray(difference, float), np.asarray(variance, float)
    spread = effect**2
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponent = spread * difference**2 / (2 * variance * (variance + spread))
        found = np.sqrt(variance / (variance + spread)) * np.exp(np.minimum(exponent, 700.0))
    return np.where(variance > 0, found, np.where(difference == 0, 1.0, np.exp(700.0)))


def judge(
    champion: np.ndarray, challenger: np.ndarray, design: Design, least_p_value: float = 1.0, *, paired: bool = False
) -> Standing:
    """Returns where a comparison stands with all losses so far.

    Args:
        champion, challenger: losses of the rows of each; of the same rows in the same order where `paired`.
        design: the stated error rates.
        least_p_value: the least of the looks before.
        paired: both versions scored every row.
    """
    if paired:
        differences = np.asarray(challenger, float) - np.asarray(champion, float)
        rows, variance = len(differences), _variance_of_mean(differences)
    else:
        rows = len(champion) + len(challenger)
        variance = _variance_of_mean(champion) + _variance_of_mean(challenger)
    means = [float(np.mean(each)) if len(each) else math.nan for each in (champion, challenger)]
    enough = min(len(champion), len(challenger)) >= LEAST_ROWS
    difference = means[1] - means[0]
    ratio = float(likelihood_ratio(difference, variance, design.minimum_effect)) if enough else 1.0
    p_value = min(least_p_value, 1 / ratio if ratio > 1 else 1.0)
    decision: Decision | None = None
    if enough and p_value <= design.alpha and difference:
        decision = "challenger" if difference < 0 else "champion"
    elif rows >= design.maximum_rows and enough:
        decision = "no_difference"
    return Standing(
        champion_rows=len(champion), challenger_rows=len(challenger), champion_loss=means[0], challenger_loss=means[1],
        difference=difference, likelihood_ratio=ratio, p_value=p_value, decision=decision,
    )  # fmt: skip


def _variance_of_mean(values: np.ndarray) -> float:
    return float(np.var(values, ddof=1)) / len(values) if len(values) > 1 else 0.0
