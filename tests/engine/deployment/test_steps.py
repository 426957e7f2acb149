"""Which steps a program makes, and in which order: cases that no recording of the official command line has."""

from __future__ import annotations

import pytest

from embedded.engine.deployment.goal import AliasSpec
from embedded.engine.deployment.operation import ImportSpec
from embedded.engine.snapshot import problems


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        pytest.param({"x": 1}, {"x": 1}, ["same a"], id="same"),
        pytest.param({"x": 1}, {"x": True}, ["update a"], id="true-is-not-one"),
        pytest.param({"x": 1}, {"x": 1.0}, ["same a"], id="numbers-are-floats"),
        pytest.param({"r": 1}, {"r": 2}, ["create-replacement a", "replace a", "delete-replaced a"], id="replace"),
        pytest.param({"d": 1}, {"d": 2}, ["delete-replaced a", "replace a", "create-replacement a"], id="delete-first"),
        pytest.param({"x": 1}, {"x": 2, "o_ignore_changes": ["x"]}, ["same a"], id="ignored"),
        pytest.param({"x": 1}, {"x": 2, "o_ignore_changes": ["*"]}, ["same a"], id="all-ignored"),
        pytest.param(
            {"x": 1},
            {"x": 2, "o_replace_on_changes": ["x"]},
            ["create-replacement a", "replace a", "delete-replaced a"],
            id="roc",
        ),
        pytest.param({"x": 1, "o_protect": True}, {"x": 2, "o_protect": True}, ["update a"], id="protected-updates"),
    ],
)
def test_second_deployment(deploy, goal, first, second, wanted) -> None:
    assert deploy([goal("a", **first)]).steps == ["create a"]
    assert deploy([goal("a", **second)]).steps == wanted


def test_ignored_path_through_a_missing_element_is_an_error(deploy, goal) -> None:
    deploy([goal("a", m={"k": {"j": 1}})])
    outcome = deploy([goal("a", x=1, o_ignore_changes=["m.k.j"])])
    assert outcome.failed
    assert "one or more elements of the path are missing" in outcome.errors[0]


def test_a_failed_create_after_its_delete_is_made_up_for_by_the_next_run(deploy, goal) -> None:
    deploy([goal("a", d=1)])
    failed = deploy([goal("a", d=2)], fail=[("create", "a")])
    assert failed.failed
    assert [item.pending_replacement for item in failed.snapshot.resources if item.custom and not item.is_provider] == [
        True
    ]
    assert deploy([goal("a", d=2)]).steps == ["replace a", "create-replacement a"]
    assert len(deploy.cloud) == 1


def test_a_resource_pending_replacement_that_is_no_longer_wanted_is_forgotten(deploy, goal) -> None:
    deploy([goal("a", d=1)])
    deploy([goal("a", d=2)], fail=[("create", "a")])
    outcome = deploy([])
    assert outcome.steps == ["remove-pending-replace a"]
    assert ("delete", "a") not in outcome.provider.calls


def test_independent_resources_are_made_at_once(deploy, goal) -> None:
    outcome = deploy([goal(f"n{number}", x=1) for number in range(8)], parallel=8)
    creates = [index for index, call in enumerate(outcome.provider.calls) if call[0] == "create"]
    checks = [index for index, call in enumerate(outcome.provider.calls) if call[0] == "check"]
    assert min(creates) > max(checks) - 8


def test_dependents_wait_although_much_runs_at_once(deploy, goal) -> None:
    goals = [goal("a", x=1), goal("b", deps=["a"], by="y"), goal("c", deps=["b"], by="y")]
    order = [name for op, name in deploy(goals, parallel=16).provider.calls if op == "create"]
    assert order == ["a", "b", "c"]
    order = [name for op, name in deploy([], parallel=16).provider.calls if op == "delete"]
    assert order == ["c", "b", "a"]


def test_preview_changes_nothing(deploy, goal) -> None:
    deploy([goal("a", r=1), goal("b", deps=["a"], by="y")])
    before, cloud = deploy.snapshot.resources, dict(deploy.cloud)
    outcome = deploy([goal("a", r=2), goal("b", deps=["a"], by="y")], preview=True)
    assert outcome.steps == ["create-replacement a", "replace a", "same b", "delete-replaced a"]
    assert outcome.entries == []
    assert deploy.cloud == cloud
    assert not any(resource.delete for resource in before)


def test_failed_delete_keeps_what_it_needs(deploy, goal) -> None:
    deploy([goal("a", x=1), goal("b", deps=["a"], by="y"), goal("c", x=1)])
    outcome = deploy(kind="destroy", fail=[("delete", "b")], continue_on_error=True)
    names = {item.urn.rpartition("::")[2] for item in outcome.snapshot.resources}
    assert names == {"proj-dev", "default", "a", "b"}
    assert not problems(outcome.snapshot)


def test_what_depends_on_a_failure_stays(deploy, goal) -> None:
    """With --continue-on-error it is left as it is, under its old name too; what the program no longer has still goes."""
    deploy([goal("a", x=1), goal("b", deps=["a"], by="y"), goal("c", deps=["b"]), goal("gone", x=1)])
    before = {item.urn: item.inputs for item in deploy.snapshot.resources}
    alias = AliasSpec(urn="urn:pulumi:dev::proj::tst:index:Res::c")
    goals = [goal("a", x=2), goal("b", deps=["a"], by="y", z=1), goal("d", deps=["b"], o_aliases=[alias])]
    outcome = deploy(goals, fail=[("update", "a")], continue_on_error=True)
    assert outcome.steps == ["update a", "delete gone"]
    after = {item.urn: item.inputs for item in outcome.snapshot.resources}
    assert after == {urn: inputs for urn, inputs in before.items() if not urn.endswith("::gone")}
    assert len(deploy.cloud) == 3
    assert not deploy(goals).failed


def test_init_error_is_kept_and_mended(deploy, goal) -> None:
    first = deploy([goal("a", x=1)], partial=["a"])
    assert first.failed
    assert first.snapshot.resources[-1].init_errors == ["did not come up"]
    second = deploy([goal("a", x=1)])
    assert second.steps == ["update a"]
    assert second.snapshot.resources[-1].init_errors == []


def test_refresh_takes_over_drift_and_drops_what_is_gone(deploy, goal) -> None:
    deploy([goal("a", x=1), goal("b", deps=["a"], by="y")])
    ids = {item.urn.rpartition("::")[2]: item.id for item in deploy.snapshot.resources}
    del deploy.cloud[ids["a"]]
    deploy.cloud[ids["b"]]["y"] = "drifted"
    outcome = deploy(kind="refresh")
    (b,) = [item for item in outcome.snapshot.resources if item.id == ids["b"]]
    assert (b.inputs, b.dependencies, b.property_dependencies) == ({"y": "drifted"}, [], {"y": []})
    assert not problems(outcome.snapshot)


@pytest.mark.parametrize("option", ["o_replace_with", "o_deleted_with"])
def test_what_follows_a_resource_goes_before_it(option: str, deploy, goal) -> None:
    """A resource replaced whenever another is goes first too, when that other is deleted before its replacement."""
    urn = "urn:pulumi:dev::proj::tst:index:Res::a"
    follow = {option: [urn] if option == "o_replace_with" else urn, "deps": ["a"]}
    deploy([goal("a", d=1), goal("b", x=1, **follow)])
    outcome = deploy([goal("a", d=2), goal("b", x=1, **follow)])
    assert not outcome.failed, outcome.errors
    assert outcome.steps == [
        "delete-replaced b", "delete-replaced a", "replace a", "create-replacement a", "replace b", "create-replacement b",
    ]  # fmt: skip
    assert len([item for item in outcome.snapshot.resources if item.type == "tst:index:Res"]) == 2


def test_copies_that_refer_to_each_other_in_a_ring_are_deleted(deploy, goal) -> None:
    """The old `a` depends on what is `b` now, and `b` on what is `a` now: neither delete waits for the other."""
    deploy([goal("b", x=1), goal("a", r=1, deps=["b"])])
    deploy([goal("a", r=2), goal("b", x=1, deps=["a"])], fail=[("delete", "a")])
    outcome = deploy([goal("a", r=2)])
    assert not outcome.failed, outcome.errors
    assert len(deploy.cloud) == 1


def test_a_replaced_provider_stays_as_long_as_it_serves_something(deploy, goal) -> None:
    provider = "pulumi:providers:tst"
    first = deploy([goal("p", type=provider, r=1), goal("a", x=1, o_provider="p")])
    old = next(item.id for item in first.snapshot.resources if item.type == provider and item.id)
    goals = [goal("p", type=provider, r=2), goal("b", x=1, o_provider="p"), goal("a", x=1, o_provider="p")]
    outcome = deploy(goals, targets=["**::b"])
    assert not outcome.failed, outcome.errors
    assert not (found := problems(outcome.snapshot)), found
    assert old in {item.id for item in outcome.snapshot.resources}
    assert "delete-replaced p" in deploy(goals).steps


def test_a_target_must_not_depend_on_what_still_depends_on_it(deploy, goal) -> None:
    deploy([goal("b", x=1), goal("a", x=1, deps=["b"])])
    goals = [goal("a", x=1), goal("b", x=2, deps=["a"])]
    outcome = deploy(goals, targets=["**::b"])
    assert "depends on it until it is updated too" in outcome.errors[0]
    assert not problems(outcome.snapshot)
    assert not deploy(goals).failed


def test_an_untargeted_resource_cannot_move_under_an_untargeted_new_one(deploy, goal) -> None:
    deploy([goal("b", x=1)])
    alias = AliasSpec(urn="urn:pulumi:dev::proj::tst:index:Res::b")
    outcome = deploy([goal("c", x=1), goal("b", x=1, parent="c", o_aliases=[alias])], targets=["**::other"])
    assert "depends on" in outcome.errors[0]
    assert not (found := problems(outcome.snapshot)), found


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        pytest.param({"full_after": 2}, "No space left on device", id="full-disk"),
        pytest.param(
            {"provider": "urn:pulumi:dev::proj::pulumi:providers:tst::nope"}, "unknown provider", id="unknown"
        ),
    ],
)
def test_an_import_without_its_provider_fails_plainly(deploy, settings, wanted) -> None:
    provider = settings.pop("provider", "")
    spec = ImportSpec("tst:index:Res", "a", "a-0", provider=provider)
    outcome = deploy(kind="import", imports=[spec], **settings)
    assert outcome.failed
    assert any(wanted in error for error in outcome.errors), outcome.errors
