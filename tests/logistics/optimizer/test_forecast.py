"""Forecasts of series whose course is known."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics.optimizer.forecast import Forecast, forecast, together

MONDAY = date(2026, 1, 5)


def _days(values) -> list[tuple[date, float]]:
    return [(MONDAY + timedelta(days=n), float(value)) for n, value in enumerate(values)]


def _made(values) -> Forecast:
    found = forecast("W", _days(values))
    assert found is not None
    return found


def test_weekdays_and_trend_are_found_and_the_back_test_says_so():
    noise = random.Random(7)
    values = [20 + 0.2 * n + (12 if n % 7 < 5 else 0) + noise.gauss(0, 0.5) for n in range(84)]
    found = _made(values)
    assert found.method.startswith("ETS") and found.backtest_days == 42
    assert found.wape is not None and found.wape < 0.05
    assert found.coverage is not None and found.coverage >= 0.88
    truth = [20 + 0.2 * n + (12 if n % 7 < 5 else 0) for n in range(84, 98)]
    assert all(day.low <= expected <= day.high for day, expected in zip(found.days, truth, strict=False))


SHORT = {
    "one day": ([4], "mean"),
    "ten days": ([4] * 10, "mean"),
    "two weeks": ([9, 9, 9, 9, 9, 2, 2] * 2, "weekday means"),
    "a month": ([9, 9, 9, 9, 9, 2, 2] * 4, "weekday means"),
}


@pytest.mark.parametrize(("values", "method"), SHORT.values(), ids=list(SHORT))
def test_a_short_history_falls_back_and_claims_no_back_test(values, method):
    found = _made(values)
    assert (found.method, found.backtest_days, found.wape) == (method, 0, None)
    if method == "weekday means":
        assert [day.expected for day in found.days[:7]] == [9, 9, 9, 9, 9, 2, 2]


def test_the_interval_is_wider_where_the_past_was_wilder():
    calm, wild = ([10 + (n % 7) + (n * 37 % 11 - 5) * factor for n in range(60)] for factor in (0.1, 1.0))
    widths = [_made(values).days[0] for values in (calm, wild)]
    assert widths[0].high - widths[0].low < widths[1].high - widths[1].low


def test_nothing_is_forecast_from_nothing():
    assert forecast("W", []) is None


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 1000), min_size=1, max_size=34))
def test_intervals_hold_what_is_expected_and_credits_are_never_negative(values):
    found = _made(values)
    assert len(found.days) == 30 and found.days[0].date == MONDAY + timedelta(days=len(values))
    assert all(0 <= day.low <= day.expected <= day.high for day in found.days)


def test_the_sum_of_warehouses_is_by_day():
    past = {"A": _days([1, 2]), "B": _days([10, 20]), "C": _days([5, 5])}
    assert [used for _, used in together(past, ["A", "B", "NONE"])] == [11, 22]
    assert together(past, []) == []
