"""Anomalies: a planted one is found, false alarms are rare over many histories, and a short history judges nothing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from logistics.quality.anomalies import MIN_DAYS, judge
from logistics.quality.checks import ANOMALY_SUFFIX
from logistics.quality.statements import register
from logistics.sql import literal

SERIES = 50
DAYS = 45
NOISE = {"volume": 40.0, "freshness": 0.5, "completeness": 0.004}


def weekday_change(day):
    """Rows a day: a tenth on weekends."""
    return 100.0 if day % 7 in (5, 6) else 1000.0


def history(kind, seed, days):
    """Values of one measure, oldest first, with a usual week and normal noise."""
    made, level, values = random.Random(f"{kind} {seed}"), 50_000.0, []
    for day in range(days):
        if kind == "volume":
            level += weekday_change(day) + made.gauss(0, NOISE[kind])
            values.append(round(level))
        elif kind == "freshness":
            values.append(abs((12.0 if day % 7 in (5, 6) else 3.0) + made.gauss(0, NOISE[kind])))
        else:
            values.append(min(1.0, max(0.0, 0.02 + made.gauss(0, NOISE[kind]))))
    return values


@pytest.fixture
def judged(account):
    """Judges histories by name; returns result and score of each."""

    def judge_all(kind, histories):
        base = next(check for check in account.quality.checks if check.kind == "anomaly")
        checks = [replace(base, name=name + ANOMALY_SUFFIX) for name in histories]
        quality = replace(account.quality, checks=tuple(checks))
        for statement in register(quality, checks, ["hour"]):
            account.cursor.execute(statement)
        rows = [
            (f"r{back}" if back else "now", name, kind, value, back)
            for name, values in histories.items()
            for back, value in enumerate(reversed(values))
        ]
        values = ", ".join(
            f"('{run}', {literal(name)}, '{kind}', {value}, {back})" for run, name, kind, value, back in rows
        )
        account.cursor.execute(
            "insert into logistics.monitoring.quality_results (run_id, check_name, table_name, kind, severity, result, value, "
            "rows_checked, message, run_by, checked_at) select column1, column2, 't', column3, 'info', 'passed', column4, 1, '', "
            f"'task', dateadd('day', -column5, '2026-03-01 10:07:00'::timestamp_ntz) from values {values}"
        )
        account.cursor.execute(judge(quality, checks, "'now'", "task"))
        found = account.ask(
            "select check_name, result, value from logistics.monitoring.quality_results where run_id = 'now' "
            f"and endswith(check_name, {literal(ANOMALY_SUFFIX)})"
        )
        return {name.removesuffix(ANOMALY_SUFFIX): (result, value) for name, result, value in found}

    return judge_all


@pytest.mark.parametrize("kind", NOISE)
def test_false_alarms_are_rare_and_planted_anomalies_are_found(judged, kind):
    usual = {f"usual {seed}": history(kind, seed, DAYS) for seed in range(SERIES)}
    moved = {"volume": -1500, "freshness": 24.0, "completeness": 0.2}[kind]
    planted = {f"planted {seed}": history(kind, seed, DAYS) for seed in range(5)}
    for values in planted.values():
        values[-1] += moved
    found = judged(kind, usual | planted)
    alarms = sum(found[name][0] == "failed" for name in usual)
    assert alarms <= SERIES * 0.02, f"{alarms} of {SERIES}"
    assert {found[name][0] for name in planted} == {"failed"}


def test_a_quiet_weekend_is_no_anomaly_but_a_quiet_monday_is(judged):
    steady = [1000.0 * day - 900 * sum(d % 7 in (5, 6) for d in range(day + 1)) for day in range(56)]
    weekend = steady[:55]  # its last change is that of a weekday
    found = judged(
        "volume", {"as ever": weekend, "as ever on a weekend": steady, "stopped": [*steady[:-1], steady[-2] - 3000]}
    )
    assert found["as ever"][0] == found["as ever on a weekend"][0] == "passed"
    assert found["stopped"][0] == "failed"


def test_the_score_is_the_distance_from_the_median_in_spreads(judged):
    # Ages of 1 and 3 hours in turn, weekdays mixed: the median of each weekday is 1, 2 or 3, the floor of the spread holds.
    values = [2.0] * 30 + [3.0]
    found = judged(
        "freshness", {"one": values, "six": [*values[:-1], 2.0 + 6 * 0.25], "more": [*values[:-1], 2.0 + 6.1 * 0.25]}
    )
    assert found["one"] == ("passed", pytest.approx(4.0))
    assert found["six"] == ("passed", pytest.approx(6.0))
    assert found["more"] == ("failed", pytest.approx(6.1))


@pytest.mark.parametrize(("days", "result"), [(1, "no_data"), (MIN_DAYS, "no_data"), (MIN_DAYS + 1, "passed")])
def test_a_short_history_judges_nothing(judged, days, result):
    assert judged("freshness", {"short": [1.0] * days})["short"][0] == result
