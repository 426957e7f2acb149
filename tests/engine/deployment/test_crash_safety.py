"""Whatever is deployed, fails or is killed: the state stays valid, and no finished step is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedded.engine.snapshot import problems, replay
from embedded.engine.state import deployment_to_json
from embedded.engine.urn import name_of

_NAMES = ["a", "b", "c", "d", "e"]
_OPERATIONS = ["check", "diff", "create", "update", "delete", "read"]


@st.composite
def programs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A list of resources, each depending on earlier ones only; a later program may have them otherwise."""
    names = draw(st.permutations(_NAMES))[: draw(st.integers(0, len(_NAMES)))]
    found: list[dict[str, Any]] = []
    for index, name in enumerate(names):
        deps = draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=2)) if index else []
        parent = draw(st.sampled_from(["proj-dev", *names[:index]]))
        keywords = {
            "parent": parent,
            "deps": deps,
            "by": draw(st.sampled_from(["", "y", "r", "d"])) if deps else "",
            draw(st.sampled_from(["x", "r1", "d1"])): draw(st.integers(0, 1)),
            "o_delete_before_replace": draw(st.sampled_from([None, True, False])),
            "o_retain_on_delete": draw(st.sampled_from([None, True])),
        }
        found.append({"name": name, **keywords})
    return found


_DEPLOYMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "program": programs(),
            "kind": st.sampled_from(["up", "up", "up", "refresh", "destroy"]),
            "refresh": st.booleans(),
            "parallel": st.sampled_from([1, 4]),
            "continue_on_error": st.booleans(),
            "fail": st.lists(st.tuples(st.sampled_from(_OPERATIONS), st.sampled_from(_NAMES)), max_size=3),
            "partial": st.lists(st.sampled_from(_NAMES), max_size=1),
            "killed_after": st.none() | st.integers(0, 60),
        }
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deployments=_DEPLOYMENTS)
def test_state_is_valid_at_every_instant(
    deployments: list[dict[str, Any]], new_deployer: Callable, goal: Callable
) -> None:
    deploy = new_deployer()
    for item in deployments:
        settings_ = {key: item[key] for key in ("kind", "refresh", "parallel", "continue_on_error", "fail", "partial")}
        before = deploy.snapshot
        outcome = deploy([goal(**dict(keywords)) for keywords in item["program"]], **settings_)
        entries = json.loads(json.dumps(outcome.entries))
        for count in range(len(entries) + 1):
            found = problems(replay(outcome.base, entries[:count], decrypt=lambda text: text[::-1]))
            assert not found, (count, found)
        whole = replay(outcome.base, entries, decrypt=lambda text: text[::-1])
        assert _plain(whole) == _plain(outcome.snapshot)
        if item["killed_after"] is not None and item["killed_after"] < len(entries):
            deploy.snapshot = replay(before, entries[: item["killed_after"]], decrypt=lambda text: text[::-1])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=programs(), second=programs())
def test_the_cloud_is_what_the_program_wants(first: list, second: list, new_deployer: Callable, goal: Callable) -> None:
    """Without failures the cloud ends with one copy of each wanted resource (and what was retained)."""
    deploy = new_deployer()
    for program in (first, second):
        outcome = deploy([goal(**{**keywords, "o_retain_on_delete": None}) for keywords in program])
        assert not outcome.failed, outcome.errors
        live = sorted(item.id for item in outcome.snapshot.resources if item.custom and not item.is_provider)
        assert sorted(deploy.cloud) == live
        assert len(live) == len(program)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    first=programs(),
    second=programs(),
    room=st.integers(0, 40),
    kind=st.sampled_from(["up", "up", "refresh", "destroy"]),
)
def test_a_full_disk_forgets_nothing(
    first: list, second: list, room: int, kind: str, new_deployer: Callable, goal: Callable
) -> None:
    """What exists is in the state or is known to be under way, in memory and in what of the journal could be written."""
    deploy = new_deployer()
    deploy([goal(**{**keywords, "o_retain_on_delete": None}) for keywords in first])
    goals = [goal(**{**keywords, "o_retain_on_delete": None}) for keywords in second]
    outcome = deploy(goals, kind=kind, full_after=room)
    written = json.loads(json.dumps(outcome.entries))
    left = replay(outcome.base, written, decrypt=lambda text: text[::-1])
    assert outcome.failed or len(written) <= room
    for snapshot in (outcome.snapshot, left):
        assert not (found := problems(snapshot)), found
    assert set(deploy.cloud) <= {item.id for item in outcome.snapshot.resources}
    known = {item.id for item in left.resources}
    under_way = {name_of(item.resource.urn) for item in left.pending_operations if item.type == "creating"}
    assert {id_.rpartition("-")[0] for id_ in set(deploy.cloud) - known} <= under_way
    # With room again, all is well.
    again = deploy(goals)
    assert not again.failed, again.errors


def _plain(snapshot: Any) -> Any:
    deployment = deployment_to_json(snapshot, lambda text: text)
    deployment.pop("manifest")
    return deployment
