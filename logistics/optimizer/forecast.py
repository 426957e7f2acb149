"""What the warehouses will cost: a forecast by day with an interval, by the method that was least off on the days before."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

from logistics.errors import UsageError
from logistics.optimizer.history import History

ALL = "ALL"
"""Names the sum of the stack's warehouses."""

HORIZON_DAYS = 30
HISTORY_DAYS = 120
"""Days of metering that a forecast rests on, whatever window the statements are read in."""

LEVEL = 0.9
"""Share of days that the interval is meant to hold."""

_WEEK = 7
_FOLDS = 6
_LEAST_TRAINING = 21


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day's expected credits, with the interval."""

    date: date
    expected: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a warehouse, or all of them, will use.

    Attributes:
        warehouse: its name, or ALL.
        past: credits by day, without gaps, up to yesterday.
        days: the days to come, today first.
        method: what made it.
        backtest_days: days on which the method was tried with what was known before them; 0 where history is too short.
        wape: sum of its absolute errors over the sum of credits on those days; None without any.
        coverage: share of those days that lay in the interval.
    """

    warehouse: str
    past: Sequence[tuple[date, float]]
    days: Sequence[Day]
    method: str
    backtest_days: int
    wape: float | None
    coverage: float | None


_Method = Callable[[Sequence[float], int], tuple[list[float], list[float]]]


def daily_credits(history: History) -> dict[str, list[tuple[date, float]]]:
    """Returns the credits of each of the stack's warehouses and of ALL by day (UTC), days without work as 0, today left out."""
    rows = history.rows(
        "SELECT WAREHOUSE_NAME, TO_DATE(START_TIME) AS USAGE_DATE, SUM(CREDITS_USED_COMPUTE + COALESCE(CREDITS_USED_CLOUD_SERVICES, 0)) "
        f"AS CREDITS FROM {history.view('WAREHOUSE_METERING_HISTORY')} WHERE {history.within(days=HISTORY_DAYS)} AND {history.of_stack} "
        "GROUP BY WAREHOUSE_NAME, TO_DATE(START_TIME)"
    )
    today = history.until.date()
    used: dict[str, dict[date, float]] = {}
    for row in rows:
        if row["usage_date"] < today:
            for name in (row["warehouse_name"], ALL):
                days = used.setdefault(name, {})
                days[row["usage_date"]] = days.get(row["usage_date"], 0.0) + float(row["credits"] or 0.0)
    if not used:
        return {}
    # The first day of the window is cut by its hour, so it is left out.
    first = max(min(used[ALL]), today - timedelta(days=HISTORY_DAYS - 1))
    return {name: _without_gaps(days, first, today) for name, days in sorted(used.items())}


def credits_today(history: History) -> dict[str, float]:
    """Returns the credits of each warehouse since midnight (UTC)."""
    rows = history.rows(
        "SELECT WAREHOUSE_NAME, SUM(CREDITS_USED_COMPUTE + COALESCE(CREDITS_USED_CLOUD_SERVICES, 0)) AS CREDITS "
        f"FROM {history.view('WAREHOUSE_METERING_HISTORY')} WHERE {history.within()} AND {history.of_stack} "
        f"AND TO_DATE(START_TIME) = '{history.until.date().isoformat()}'::DATE GROUP BY WAREHOUSE_NAME"
    )
    return {row["warehouse_name"]: float(row["credits"] or 0.0) for row in rows}


def _without_gaps(days: Mapping[date, float], first: date, end: date) -> list[tuple[date, float]]:
    count = max(0, (end - first).days)
    return [(day, days.get(day, 0.0)) for day in (first + timedelta(days=n) for n in range(count))]


def together(past: Mapping[str, Sequence[tuple[date, float]]], names: Sequence[str]) -> list[tuple[date, float]]:
    """Returns the sum by day of some of the warehouses."""
    chosen = [past[name] for name in names if name in past]
    return [(days[0][0], sum(used for _, used in days)) for days in zip(*chosen, strict=True)]


def forecast(warehouse: str, past: Sequence[tuple[date, float]], horizon: int = HORIZON_DAYS) -> Forecast | None:
    """Returns the forecast by the method whose back-test was least off; None where there is no whole day of history.

    Each method was tried on up to six weeks, each week forecast from the days before it; the interval is widened until it
    holds its share of those days. With less than five weeks there is no back-test: the weekdays' means are taken from two
    weeks on, before that the mean.

    Raises:
        UsageError: statsmodels is not installed.
    """
    values = [credits for _, credits in past]
    if not values:
        return None
    tests = _backtests(values)
    if tests:
        method, test = min(tests.items(), key=lambda item: (item[1].error, list(_METHODS).index(item[0])))
    else:
        method, test = (_WEEKDAYS if len(values) >= 2 * _WEEK else _MEAN), None
    expected, spread = _METHODS[method](values, horizon)
    factor = test.factor if test else NormalDist().inv_cdf(0.5 + LEVEL / 2)
    first = past[-1][0] + timedelta(days=1)
    days = [
        Day(
            date=first + timedelta(days=n),
            expected=max(0.0, mean),
            low=max(0.0, mean - factor * error),
            high=max(0.0, mean + factor * error),
        )
        for n, (mean, error) in enumerate(zip(expected, spread, strict=True))
    ]
    return Forecast(
        warehouse=warehouse,
        past=past,
        days=days,
        method=method,
        backtest_days=test.days if test else 0,
        wape=test.wape if test else None,
        coverage=test.coverage if test else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Test:
    """How a method did in the back-test; `factor` is by how many of its standard errors the interval has to reach."""

    error: float
    wape: float | None
    coverage: float
    factor: float
    days: int


def _backtests(values: Sequence[float]) -> dict[str, _Test]:
    folds = min(_FOLDS, (len(values) - _LEAST_TRAINING) // _WEEK)
    if folds < 2:
        return {}
    starts = [len(values) - _WEEK * (fold + 1) for fold in range(folds)]
    return {name: _tested(method, values, starts) for name, method in _METHODS.items()}


def _tested(method: _Method, values: Sequence[float], starts: Sequence[int]) -> _Test:
    errors, scores, actual = [], [], 0.0
    for start in starts:
        expected, spread = method(values[:start], _WEEK)
        for offset in range(_WEEK):
            truth = values[start + offset]
            errors.append(abs(truth - max(0.0, expected[offset])))
            scores.append(
                errors[-1] / spread[offset] if spread[offset] > 0 else (0.0 if errors[-1] < 1e-9 else float("inf"))
            )
            actual += truth
    normal = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    finite = sorted(score for score in scores if score != float("inf"))
    reach = finite[min(len(finite) - 1, int(LEVEL * len(finite)))] if finite else normal
    factor = max(normal, reach)
    held = sum(score <= factor for score in scores) / len(scores)
    wape = sum(errors) / actual if actual else None
    return _Test(error=sum(errors), wape=wape, coverage=held, factor=factor, days=len(errors))


def _mean(values: Sequence[float], horizon: int) -> tuple[list[float], list[float]]:
    mean = sum(values) / len(values)
    return [mean] * horizon, [_deviation([value - mean for value in values], mean)] * horizon


def _weekdays(values: Sequence[float], horizon: int) -> tuple[list[float], list[float]]:
    """Forecasts each weekday by the mean of its last four."""
    expected = [_last(values, n) for n in range(_WEEK)]
    means = [sum(found) / len(found) for found in expected]
    errors = [value - means[(position - len(values)) % _WEEK] for position, value in enumerate(values)][-4 * _WEEK :]
    spread = _deviation(errors, sum(means) / _WEEK)
    return [means[n % _WEEK] for n in range(horizon)], [spread] * horizon


def _last(values: Sequence[float], ahead: int) -> list[float]:
    """Returns the values of the last four days of the same weekday as the one so many days ahead."""
    found = list(values[len(values) - _WEEK + ahead % _WEEK :: -_WEEK]) if len(values) >= _WEEK else []
    return found[:4] or [sum(values) / len(values)]


def _deviation(errors: Sequence[float], mean: float) -> float:
    """Returns the standard deviation; of a single value nothing is known, so half of the mean is taken."""
    if len(errors) < 2:
        return abs(mean) / 2
    return (sum(error * error for error in errors) / (len(errors) - 1)) ** 0.5


def _ets(values: Sequence[float], horizon: int) -> tuple[list[float], list[float]]:
    """Forecasts by exponential smoothing: additive error, damped trend, additive weekdays."""
    return _smoothed(values, horizon, trend="add")


def _level(values: Sequence[float], horizon: int) -> tuple[list[float], list[float]]:
    """Forecasts by exponential smoothing without a trend: additive error, additive weekdays."""
    return _smoothed(values, horizon, trend=None)


def _smoothed(values: Sequence[float], horizon: int, trend: str | None) -> tuple[list[float], list[float]]:
    if max(values) - min(values) < 1e-9:
        return _mean(values, horizon)
    series_class, model_class = _statsmodels()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that does not converge shows in the back-test
        model = model_class(
            series_class(values, dtype=float),
            error="add",
            trend=trend,
            damped_trend=trend is not None,
            seasonal="add",
            seasonal_periods=_WEEK,
            initialization_method="heuristic",
        )
        fitted: Any = model.fit(disp=False, maxiter=200)
        predicted = fitted.get_prediction(start=len(values), end=len(values) + horizon - 1)
        table = predicted.summary_frame(alpha=1 - LEVEL)
    expected = [float(value) for value in table["mean"]]
    reach = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    high = [float(value) for value in table["pi_upper"]]
    return expected, [(top - mean) / reach for top, mean in zip(high, expected, strict=True)]


def _statsmodels() -> tuple[Any, Any]:
    try:
        from pandas import Series
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel
    except ImportError:
        raise UsageError("the forecast needs statsmodels, which is not installed: run `make analysis`") from None
    return Series, ETSModel


_MEAN, _WEEKDAYS, _ETS, _LEVEL = "mean", "weekday means", "ETS(A,Ad,A)", "ETS(A,N,A)"
_METHODS: dict[str, _Method] = {_ETS: _ets, _LEVEL: _level, _WEEKDAYS: _weekdays, _MEAN: _mean}
