"""Credits a day: sizes, schedules, ranges and the budget's gate."""

from __future__ import annotations

from decimal import Decimal

import pytest

from logistics.deployment.state import Checkpoint
from logistics.deployment.steps import Step
from logistics.errors import UsageError
from logistics.review.spend import forecast, read_usage

URN = "urn:pulumi:prod::logistics::snowflake:index/{}::{}"
KINDS = {
    "Warehouse": "warehouse:Warehouse",
    "ResourceMonitor": "resourceMonitor:ResourceMonitor",
    "Task": "task:Task",
    "Table": "table:Table",
}
WAREHOUSE = {
    "name": "COMPUTE_WH_PROD",
    "warehouseSize": "MEDIUM",
    "autoSuspend": 60,
    "resourceMonitor": "daily_cost_monitor",
}
MONITOR = {"name": "daily_cost_monitor", "creditQuota": 100}


def _urn(kind, name):
    return URN.format(KINDS[kind], name)


def _state(**resources):
    told = [
        {"urn": _urn(kind, name), "type": f"snowflake:index/{KINDS[kind]}", "custom": True, "inputs": inputs}
        for name, (kind, inputs) in resources.items()
    ]
    return Checkpoint.of({"resources": told})


def _step(kind, name, op, new=None, diffs=()):
    return Step(op=op, urn=_urn(kind, name), type=f"snowflake:index/{KINDS[kind]}", new=new or {}, diffs=diffs)


def _forecast(steps, usage=None, **more):
    state = _state(compute_wh_prod=("Warehouse", WAREHOUSE), daily_cost_monitor=("ResourceMonitor", MONITOR), **more)
    return forecast("prod", state, steps, Decimal(3), usage or {})


def test_nothing_changes_without_steps():
    found = _forecast([])
    assert (found.before, found.raises_budget, found.over_budget) == (found.after, False, False)


def test_a_warehouse_of_twice_the_size_costs_up_to_twice_as_much():
    found = _forecast([_step("Warehouse", "compute_wh_prod", "update", WAREHOUSE | {"warehouseSize": "LARGE"})])
    before, after = found.before["COMPUTE_WH_PROD"], found.after["COMPUTE_WH_PROD"]
    assert (after.low, after.expected, after.high) == pytest.approx(
        (before.low, before.expected * 1.5, before.high * 2)
    )
    assert list(found.sizes) == ["compute_wh_prod"]


def test_measured_hours_replace_assumed_ones():
    found = _forecast([], usage={"COMPUTE_WH_PROD": 10.0})
    value = found.before["COMPUTE_WH_PROD"]
    assert (value.low, value.expected, value.high) == pytest.approx((30, 40, 60))


@pytest.mark.parametrize(
    ("size", "quota", "over", "raises"),
    [
        ("MEDIUM", 100, False, False),
        ("6X-LARGE", 100, True, False),
        ("X6LARGE", 5000, True, True),
        ("MEDIUM", None, False, True),
    ],
    ids=["within", "over", "over with a raised budget", "no budget any more"],
)
def test_the_gate_holds_a_change_to_the_lower_budget(size, quota, over, raises):
    steps = [_step("Warehouse", "compute_wh_prod", "update", WAREHOUSE | {"warehouseSize": size})]
    monitor = _step(
        "ResourceMonitor", "daily_cost_monitor", "update" if quota else "delete", MONITOR | {"creditQuota": quota}
    )
    found = _forecast([*steps, *([monitor] if quota != 100 else [])])
    assert (found.over_budget, found.raises_budget) == (over, raises)


@pytest.mark.parametrize(
    ("task", "runs"),
    [
        ({"schedule": {"usingCron": "*/15 * * * * UTC"}, "started": True}, (96, 96, 96)),
        ({"schedule": {"usingCron": "0 6 * * 1 UTC"}}, (1 / 7, 1 / 7, 1 / 7)),
        ({"schedule": {"minutes": 60}, "when": "system$stream_has_data('x')"}, (0, 12, 24)),
        ({"when": "system$stream_has_data('x')"}, (0, 24, 288)),
        ({"schedule": {"minutes": 1}, "started": False}, (0, 0, 0)),
        ({"afters": ["a"]}, (0, 0, 0)),
    ],
    ids=["cron", "weekly", "schedule and stream", "stream", "suspended", "child"],
)
def test_a_task_costs_by_its_runs(task, runs):
    found = _forecast([_step("Task", "a_task", "create", task | {"warehouse": "COMPUTE_WH_PROD"})])
    added = found.difference
    assert (added.low, added.expected, added.high) == pytest.approx(
        tuple(min(24, each * 120 / 3600) * 4 for each in runs), abs=16.1
    )
    assert (added.low > 0) == (runs[0] > 0)


def test_what_has_no_price_here_is_said():
    found = _forecast([_step("Table", "tbl_a", "update", diffs=("dataRetentionTimeInDays",))])
    assert found.notes == ("storage of tbl_a for Time Travel",)


@pytest.mark.parametrize("text", ["[]", "{", '{"A": "much"}', '{"A": 25}'])
def test_a_file_of_hours_that_is_none_is_refused(tmp_path, text):
    file = tmp_path / "usage.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="hours a day"):
        read_usage(file)


def test_an_unknown_size_is_refused():
    with pytest.raises(UsageError, match="HUGE is no size"):
        _forecast([_step("Warehouse", "compute_wh_prod", "update", WAREHOUSE | {"warehouseSize": "HUGE"})])


def test_tasks_that_streams_start_wake_a_warehouse_together():
    task = {"when": "system$stream_has_data('x')", "warehouse": "COMPUTE_WH_PROD"}
    one = _forecast([_step("Task", "a", "create", task)])
    two = _forecast([_step("Task", name, "create", task) for name in "ab"])
    assert one.difference == two.difference
