"""Update plans: what a plan allows, in the official words, and the file it is kept in."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedded.engine.deployment.goal import AliasSpec, Goal
from embedded.engine.deployment.plan import Plan
from embedded.engine.deployment.plan_goal import GoalPlan, PlanDiff
from embedded.engine.errors import EngineError
from embedded.engine.state import Resource
from embedded.engine.values import UNKNOWN, Secret

_URN = "urn:pulumi:dev::proj::tst:index:Res::a"
_P = "urn:pulumi:dev::proj::pulumi:providers:tst::p"
_UNKNOWN_ID = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@pytest.mark.parametrize(
    ("planned", "actual", "wanted"),
    [
        pytest.param(({}, {"k": 1}), ({}, {"k": 1}), "", id="as-planned"),
        pytest.param(({}, {"k": 1}), ({}, {"k": 2}), "++k[{1}!={2}]", id="added-other"),
        pytest.param(({}, {"k": 1}), ({}, {}), "+-k[{1}]", id="not-added"),
        pytest.param(({}, {"k": 1}), ({"k": 0}, {"k": 1}), "", id="added-meanwhile"),
        pytest.param(({}, {"k": 1}), ({"k": 2}, {"k": 2}), "+=k[{1}!={2}]", id="other-meanwhile"),
        pytest.param(({}, {}), ({}, {"k": "v"}), "=+k[{v}]", id="unplanned-add"),
        pytest.param(({"k": 1}, {"k": 1}), ({"k": 1}, {"k": True}), "=~k[{true}]", id="unplanned-update"),
        pytest.param(({"k": 1}, {"k": 1}), ({"k": 1}, {}), "=-k", id="unplanned-delete"),
        pytest.param(({"k": 1}, {"k": 2}), ({"k": 1}, {"k": 2}), "", id="update"),
        pytest.param(({"k": 1}, {"k": 2}), ({"k": 2}, {"k": 2}), "", id="updated-meanwhile"),
        pytest.param(({"k": 1}, {"k": 2}), ({}, {"k": 2}), "~+k[{2}!={2}]", id="update-became-add"),
        pytest.param(({"k": 1}, {"k": UNKNOWN}), ({"k": 1}, {"k": 5}), "", id="unknown-may-be-any"),
        pytest.param(({"k": 1}, {"k": UNKNOWN}), ({"k": 1}, {}), "", id="unknown-may-be-none"),
        pytest.param(({}, {"k": Secret(UNKNOWN)}), ({}, {"k": Secret("x")}), "", id="secret-unknown"),
        pytest.param(({}, {"k": {"a": UNKNOWN}}), ({}, {"k": {"a": [1]}}), "", id="nested-unknown"),
        pytest.param(({}, {"k": Secret("x")}), ({}, {"k": Secret("y")}), "++k[{[secret]}!={[secret]}]", id="hidden"),
        pytest.param(({"k": 1}, {}), ({"k": 1}, {}), "", id="delete"),
        pytest.param(({"k": 1}, {}), ({}, {}), "", id="deleted-meanwhile"),
        pytest.param(({"k": 1}, {}), ({"k": 1}, {"k": 1}), "-=k[{1}]", id="not-deleted"),
        pytest.param(
            ({}, {"a": [1, 2], "b": {"x": None}}), ({}, {}), "+-a[{[{1} {2}]}], +-b[{map[x:{<nil>}]}]", id="sorted"
        ),
    ],
)
def test_properties(planned: tuple, actual: tuple, wanted: str) -> None:
    text = PlanDiff.of(*planned).violations(*actual)
    assert text == (f"properties changed: {wanted}" if wanted else "")


def _goal(**keywords: Any) -> Goal:
    return Goal(type="tst:index:Res", name="a", custom=keywords.pop("custom", True), **keywords)


@pytest.mark.parametrize(
    ("planned", "actual", "wanted"),
    [
        pytest.param({}, {}, "", id="same"),
        pytest.param({"custom": False}, {}, "resource kind changed (expected component)", id="kind"),
        pytest.param(
            {"provider": f"{_P}::1"}, {"provider": f"{_P}::2"}, f"provider changed (expected {_P}::1)", id="id"
        ),
        pytest.param({"provider": f"{_P}::{_UNKNOWN_ID}"}, {"provider": f"{_P}::2"}, "", id="provider-id-unknown"),
        pytest.param({"parent": "p"}, {"parent": "q"}, "parent changed (expected p)", id="parent"),
        pytest.param({"protect": True}, {}, "protect changed (expected true)", id="protect"),
        pytest.param(
            {}, {"delete_before_replace": True}, "deleteBeforeReplace changed (expected no value)", id="delete-first"
        ),
        pytest.param({"import_id": "i"}, {}, "importID changed (expected i)", id="import"),
        pytest.param({"custom_timeouts": {"update": 60}}, {}, "update timeout changed (expected 60)", id="timeout"),
        pytest.param({}, {"ignore_changes": ["x"]}, "ignoreChanges changed: added x", id="ignore"),
        pytest.param(
            {"dependencies": ["u", "v"]},
            {"dependencies": ["w"]},
            "dependencies changed: added w; deleted u, v",
            id="deps",
        ),
        pytest.param({"aliases": [AliasSpec(urn="u")]}, {}, "aliases changed: deleted u", id="aliases"),
        pytest.param(
            {"property_dependencies": {"k": ["u"]}},
            {"property_dependencies": {"k": []}},
            "dependencies for k changed: deleted u",
            id="property-deps",
        ),
        pytest.param({"property_dependencies": {"k": ["u"]}}, {}, "", id="property-turned-out-none"),
    ],
)
def test_options(planned: dict, actual: dict, wanted: str) -> None:
    written = GoalPlan.of(_goal(**planned), PlanDiff()).to_json(None)
    read = GoalPlan.from_json(json.loads(json.dumps(written)), None)
    assert read.violation(_goal(**actual), {}, {}) == wanted


def _step(op: str) -> Any:
    resource = Resource(urn=_URN, type="tst:index:Res", custom=True, outputs={"out": Secret("o")})
    return SimpleNamespace(op=op, urn=_URN, new=resource)


def _saved(path: Path, *ops: str, inputs: dict | None = None) -> Plan:
    plan = Plan(records=True)
    seed = plan.seed(_URN)
    plan.register(_URN, _goal(), None, inputs or {})
    plan.take([_step(op) for op in ops], {})
    plan.save(str(path), lambda text: text[::-1], {"proj:k": "plain", "proj:s": "hush"}, ["proj:s"])
    held = Plan.load(str(path), lambda text: text[::-1])
    assert len(seed) == 32
    assert held.seed(_URN) == seed
    return held


def test_the_file_is_of_the_official_format(tmp_path: Path) -> None:
    _saved(tmp_path / "plan.json", "create", inputs={"k": Secret("word"), "u": UNKNOWN})
    content = json.loads((tmp_path / "plan.json").read_text())
    assert list(content) == ["manifest", "config", "resourcePlans"]
    assert content["config"] == {"proj:k": "plain", "proj:s": {"secure": "hsuh"}}
    entry = content["resourcePlans"][_URN]
    assert list(entry) == ["goal", "steps", "state", "seed"]
    assert entry["steps"] == ["create"]
    added = entry["goal"]["inputDiff"]["adds"]
    assert added["k"]["ciphertext"] == '"drow"'
    assert added["u"] == _UNKNOWN_ID
    assert entry["goal"]["outputDiff"] == {}
    assert entry["goal"]["customTimeouts"] == {}
    assert entry["goal"]["protect"] is False
    assert "word" not in (tmp_path / "plan.json").read_text()


@pytest.mark.parametrize(
    ("planned", "actual", "wanted"),
    [
        pytest.param(["create"], ["create"], "", id="as-planned"),
        pytest.param(
            ["create"], ["same"], "same is not allowed by the plan: this resource is constrained to create", id="other"
        ),
        pytest.param(["update"], ["same"], "", id="less"),
        pytest.param(["create-replacement", "replace", "delete-replaced"], ["update"], "", id="update-for-replace"),
        pytest.param(
            ["same"], ["same", "delete"], "delete is not allowed by the plan: no more steps were expected", id="more"
        ),
        pytest.param(["create"], [], f"expected resource operations for {_URN} but none were seen", id="none"),
        pytest.param(["delete"], [], "", id="gone-already"),
    ],
)
def test_steps(tmp_path: Path, planned: list, actual: list, wanted: str) -> None:
    held = _saved(tmp_path / "plan.json", *planned)
    found = ""
    try:
        held.take([_step(op) for op in actual], {})
        held.check_done([])
    except EngineError as error:
        found = error.message
    assert found.startswith(wanted) and bool(found) == bool(wanted)


def test_what_was_to_be_deleted_must_not_come_back(tmp_path: Path) -> None:
    plan = Plan(records=True)
    plan.take([_step("delete")], {})
    plan.save(str(tmp_path / "plan.json"), None, {}, [])
    held = Plan.load(str(tmp_path / "plan.json"), None)
    with pytest.raises(EngineError, match=f"resource {_URN} violates plan: resource unexpectedly not deleted"):
        held.register(_URN, _goal(), None, {})


def test_outputs_are_held_to_the_plan(tmp_path: Path) -> None:
    held = _saved(tmp_path / "plan.json", "create")
    with pytest.raises(EngineError, match=r"resource violates plan: properties changed: =\+count\[\{2\}\]"):
        held.register_outputs(_URN, {}, {"count": 2})
    with pytest.raises(EngineError, match="no plan for resource other"):
        held.register_outputs("other", {}, {})


@pytest.mark.parametrize(
    ("planned", "config", "changed"),
    [
        pytest.param({"k": "1"}, {"k": "1"}, [], id="same"),
        pytest.param({"k": "1"}, {"k": "true"}, ["k"], id="other"),
        pytest.param({"k": "1", "l": "2"}, {"m": "3", "l": "2"}, ["k", "m"], id="removed-and-new"),
        pytest.param({"k": {"secure": "hsuh"}}, {"k": "hush"}, [], id="secret"),
        pytest.param({"k": {"secure": "hsuh"}}, {"k": "other"}, ["k"], id="other-secret"),
        pytest.param({"k": {"a": [1, {"secure": "hsuh"}]}}, {"k": '{"a":[1,"hush"]}'}, [], id="object"),
        pytest.param({"k": {"a": 1}}, {"k": '{"a":true}'}, ["k"], id="other-object"),
        pytest.param({"k": {"a": 1}}, {"k": "text"}, ["k"], id="no-object-any-more"),
        pytest.param({"k": True}, {"k": "true"}, [], id="boolean"),
    ],
)
def test_a_changed_configuration_is_known_by_its_keys(
    planned: dict, config: dict, changed: list, tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({"config": planned}))
    held = Plan.load(str(tmp_path / "plan.json"), lambda text: text[::-1])
    assert held.changed_config(config) == changed
    assert Plan().changed_config(config) == []


def test_something_else_is_no_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"resourcePlans": [1]}')
    with pytest.raises(EngineError, match="is no plan"):
        Plan.load(str(tmp_path / "plan.json"), None)
