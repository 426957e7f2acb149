"""A plan is kept whole, and held to."""

from __future__ import annotations

import copy
import json
import stat

import pytest

from logistics.deployment.approved import approved, load_plan
from logistics.errors import LogisticsError, UsageError

URN = "urn:pulumi:dev::logistics::logistics:compute:Compute$snowflake:index/warehouse:Warehouse::compute_wh_dev"
STEP = {"op": "update", "urn": URN, "label": "safe", "diffs": ["warehouseSize"], "statements": ["ALTER WAREHOUSE"]}
OTHER = {**STEP, "op": "create", "urn": URN.replace("_dev", "_other")}


@pytest.fixture
def plan():
    return approved("dev", "LOCAL-DEV", "embedded", "abc", [STEP, OTHER], "the engine's own")


def test_it_reads_back_and_is_for_its_owner_alone(plan, tmp_path):
    plan.save(tmp_path / "plan.json")
    assert load_plan(tmp_path / "plan.json") == plan
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    with plan.engine_file() as file:
        assert file.read_text() == "the engine's own"
    assert not file.exists()


def test_the_same_steps_in_any_order_hold(plan):
    plan.hold("dev", "LOCAL-DEV", "embedded", [copy.deepcopy(OTHER), copy.deepcopy(STEP)])


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([STEP], "create Warehouse compute_wh_other would not be done"),
        ([STEP, OTHER, {**STEP, "op": "delete"}], "delete Warehouse compute_wh_dev was not planned"),
        ([{**STEP, "statements": ["DROP"]}, OTHER], "update Warehouse compute_wh_dev has other statements"),
        ([{**STEP, "label": "destructive"}, OTHER], "has other label"),
        ([], "update Warehouse compute_wh_dev would not be done"),
    ],
    ids=["less", "more", "other SQL", "other label", "nothing"],
)
def test_anything_else_stops(plan, steps, words):
    with pytest.raises(LogisticsError, match="Nothing was changed") as stopped:
        plan.hold("dev", "LOCAL-DEV", "embedded", steps)
    assert words in str(stopped.value)


@pytest.mark.parametrize(
    "where",
    [("prod", "LOCAL-DEV", "embedded"), ("dev", "ACME-DEV", "embedded"), ("dev", "LOCAL-DEV", "pulumi")],
    ids=["environment", "account", "engine"],
)
def test_a_plan_for_something_else_is_refused(plan, where):
    with pytest.raises(UsageError, match="the plan was made for"):
        plan.hold(*where, [STEP, OTHER])


@pytest.mark.parametrize("text", ["", "[]", '{"steps": []}', '{"form": 1}'], ids=["empty", "a list", "half", "no plan"])
def test_what_is_no_plan_is_refused(tmp_path, text):
    file = tmp_path / "plan.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="is no plan"):
        load_plan(file)
    with pytest.raises(UsageError, match="cannot be read"):
        load_plan(tmp_path / "none.json")


def test_another_form_is_refused(plan, tmp_path):
    file = tmp_path / "plan.json"
    plan.save(file)
    file.write_text(json.dumps({**json.loads(file.read_text()), "form": 99}))
    with pytest.raises(UsageError, match="another version"):
        load_plan(file)
