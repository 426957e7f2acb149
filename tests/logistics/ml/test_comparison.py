"""A comparison keeps its stated error rates, measured over many seeds and looks; keys stay with their version."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics.ml.core.comparison import Design, bucket, design, judge, likelihood_ratio, meets_challenger
from logistics.ml.core.errors import ModelError

SEEDS = 2000


def decisions(effect: float, plan: Design, *, paired: bool = False, seed: int = 0) -> dict[str, float]:
    """The share of tests that end each way, when one looks every 50 rows."""
    random = np.random.default_rng(seed)
    rows = plan.maximum_rows if paired else plan.maximum_rows // 2
    steps = np.arange(100, rows + 1, 50)
    first, second = (random.exponential(1.0, (SEEDS, rows)).astype(np.float32) for _ in range(2))
    second += effect
    if paired:
        sums, squares = ((np.cumsum((second - first) ** power, axis=1)[:, steps - 1]) for power in (1, 2))
        difference = sums / steps
        variance = (squares / steps - difference**2) / (steps - 1)
    else:
        parts = []
        for values in (first, second):
            sums, squares = (np.cumsum(values**power, axis=1)[:, steps - 1] for power in (1, 2))
            parts.append((sums / steps, (squares / steps - (sums / steps) ** 2) / (steps - 1)))
        difference, variance = parts[1][0] - parts[0][0], parts[0][1] + parts[1][1]
    over = likelihood_ratio(difference, variance, plan.minimum_effect) >= 1 / plan.alpha
    ended = over.any(axis=1)
    at = over.argmax(axis=1)
    sign = difference[np.arange(SEEDS), at]
    return {"challenger": float((ended & (sign < 0)).mean()), "champion": float((ended & (sign > 0)).mean())}


@pytest.mark.parametrize("paired", [False, True], ids=["split", "shadow"])
def test_without_a_difference_no_more_are_promoted_than_stated(paired):
    plan = design(deviation=2**0.5 if paired else 1.0, minimum_effect=0.15, alpha=0.05, paired=paired)
    found = decisions(0.0, plan, paired=paired)
    error = 4 * (0.05 * 0.95 / SEEDS) ** 0.5
    assert found["challenger"] + found["champion"] <= 0.05 + error
    assert found["challenger"] <= 0.025 + error


@pytest.mark.parametrize(("effect", "winner"), [(-0.15, "challenger"), (0.15, "champion")])
def test_a_difference_that_matters_is_found_as_often_as_stated(effect, winner):
    plan = design(deviation=1.0, minimum_effect=0.15, alpha=0.05, power=0.8)
    found = decisions(effect, plan)
    assert found[winner] >= 0.8
    assert min(found.values()) <= 0.005


def test_a_test_ends_by_itself_in_each_way():
    plan = Design(alpha=0.05, power=0.8, minimum_effect=0.2, maximum_rows=2000)
    random = np.random.default_rng(0)
    bad, good = random.normal(1, 0.3, 800), random.normal(0.5, 0.3, 800)
    assert judge(bad, good, plan).decision == "challenger"
    assert judge(good, bad, plan).decision == "champion"
    assert judge(good[:400], good[400:], plan).decision is None
    assert judge(np.tile(good, 2)[:1000], np.tile(good[::-1], 2)[:1000], plan).decision == "no_difference"
    assert judge(bad, bad - 0.2, plan, paired=True).decision == "challenger"


def test_the_same_answers_are_no_difference():
    plan = Design(alpha=0.05, power=0.8, minimum_effect=0.1, maximum_rows=500)
    same = np.random.default_rng(0).normal(size=600)
    found = judge(same, same, plan, paired=True)
    assert (found.likelihood_ratio, found.p_value, found.decision) == (1.0, 1.0, "no_difference")


@pytest.mark.parametrize("rows", [0, 1, 99])
def test_few_rows_decide_nothing(rows):
    plan = Design(alpha=0.05, power=0.8, minimum_effect=0.1, maximum_rows=10)
    found = judge(np.ones(rows), np.zeros(rows) + np.arange(rows) * 1e-3, plan)
    assert (found.decision, found.p_value) == (None, 1.0)


def test_the_p_value_never_rises_again():
    plan = Design(alpha=0.01, power=0.8, minimum_effect=0.2, maximum_rows=10**6)
    random = np.random.default_rng(0)
    assert judge(random.normal(size=200), random.normal(size=200), plan, least_p_value=0.02).p_value == 0.02


@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_a_key_always_meets_the_same_version(test_name, key):
    assert 0 <= bucket(test_name, key) < 1
    assert meets_challenger(test_name, key, 0.3) == meets_challenger(test_name, key, 0.3)
    assert not meets_challenger(test_name, key, 0.3) or meets_challenger(test_name, key, 0.6)


def test_a_split_is_even_and_each_test_splits_anew():
    keys = [f"C{number:09d}" for number in range(20000)]
    first, second = (np.array([meets_challenger(name, key, 0.3) for key in keys]) for name in ("one", "two"))
    assert abs(first.mean() - 0.3) < 0.013
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


@pytest.mark.parametrize(
    "wrong",
    [{"alpha": 0}, {"alpha": 1}, {"power": 1}, {"minimum_effect": 0}, {"challenger_share": 0}, {"challenger_share": 1}],
)
def test_impossible_designs_are_refused(wrong):
    with pytest.raises(ModelError, match="between 0 and 1"):
        design(**({"deviation": 1.0, "minimum_effect": 0.1} | wrong))
