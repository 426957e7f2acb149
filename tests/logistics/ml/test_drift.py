"""Planted drift raises an alarm by the input's name, its absence does not; the rate of false alarms is measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from logistics.ml.core.drift import DriftLimits, check_age, check_inputs, check_performance, profile, psi
from logistics.ml.core.frames import normalized

LIMITS = DriftLimits()


@pytest.fixture(scope="module")
def before(case, frame):
    """The profile of a training frame."""
    return profile(case(), normalized(frame(2000), case()))


def drifted(case, profiles, rows, limits=LIMITS):
    return {
        reading.feature
        for reading in check_inputs(case, profiles, normalized(rows, case), limits)
        if reading.is_drifted
    }


@pytest.mark.parametrize(
    ("column", "change"),
    [
        pytest.param("SIGNAL", lambda s: s + 1.0, id="shifted"),
        pytest.param("SIGNAL", lambda s: s * 3, id="spread"),
        pytest.param("NOISE", lambda s: s.where(np.arange(len(s)) % 2 == 0), id="half is missing"),
        pytest.param("NOISE", lambda s: s * 0, id="constant"),
        pytest.param("COLOUR", lambda s: s.where(np.arange(len(s)) % 2 == 0, "red"), id="one category grows"),
        pytest.param("COLOUR", lambda s: s.where(np.arange(len(s)) % 4 != 0, "violet"), id="a new category"),
        pytest.param("COLOUR", lambda s: s.where(np.arange(len(s)) % 4 != 0, None), id="a category is missing"),
    ],
)
def test_planted_drift_is_found_by_name(case, frame, before, column, change):
    rows = frame(600, seed=7)
    assert drifted(case(), before, rows.assign(**{column: change(rows[column])})) == {column.lower()}


def test_false_alarms_are_no_more_than_stated(case, frame, before):
    wanted = DriftLimits(psi=0.0, ks=0.0, alpha=0.05)  # by chance alone, without the distance that matters
    alarms = [bool(drifted(case(), before, frame(300, seed=seed), wanted)) for seed in range(1000, 1200)]
    assert np.mean(alarms) < 0.10  # 0.05 and four standard errors
    assert np.mean([bool(drifted(case(), before, frame(300, seed=seed))) for seed in range(1000, 1200)]) <= 0.03


def test_ties_raise_no_false_alarm(case, frame):
    rows = [frame(1500, seed=seed, SIGNAL=np.random.default_rng(seed).integers(1, 8, 1500)) for seed in range(20)]
    profiles = profile(case(), normalized(rows[0], case()))
    assert not any(drifted(case(), profiles, each) for each in rows[1:])


@pytest.mark.parametrize("rows", [0, 29])
def test_few_rows_tell_nothing(case, frame, before, rows):
    assert check_inputs(case(), before, normalized(frame(rows), case()), LIMITS) == []


def test_an_input_that_was_never_there_and_comes(case, frame):
    profiles = profile(case(), normalized(frame(500, NOISE=np.nan), case()))
    assert drifted(case(), profiles, frame(500, seed=3)) == {"noise"}
    assert drifted(case(), profiles, frame(500, seed=3, NOISE=np.nan)) == set()


def test_the_index_is_zero_of_the_same_and_as_computed_by_hand_of_others():
    assert psi({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}) == 0
    assert psi({"a": 0.5, "b": 0.5}, {"a": 0.8, "b": 0.2}) == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4))


@pytest.mark.parametrize(("worse", "wanted"), [(1.0, False), (1.1, False), (1.6, True)])
def test_performance_that_falls_is_found(case, worse, wanted):
    served = np.random.default_rng(1).exponential(0.1 * worse, 800)
    [reading] = check_performance(case(), 0.1, served, 0.003, LIMITS)
    assert (reading.kind, reading.is_drifted) == ("concept", wanted)


def test_performance_of_few_rows_tells_nothing(case):
    assert check_performance(case(), 0.1, [1.0] * 29, 0.0, LIMITS) == []


def test_false_alarms_of_performance(case):
    random = np.random.default_rng(2)
    found = [
        check_performance(case(), 0.1, random.exponential(0.1, 200), 0.002, LIMITS)[0].is_drifted for _ in range(300)
    ]
    assert np.mean(found) <= 0.02


@pytest.mark.parametrize(("days", "wanted"), [(29, False), (31, True), (-3, False)])
def test_a_model_that_is_too_old(case, days, wanted):
    trained_at = pd.Timestamp("2026-01-01")
    assert check_age(case(), trained_at, trained_at + pd.Timedelta(days=days), LIMITS).is_drifted is wanted
