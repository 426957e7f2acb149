"""The journal's changes, and the order and references of a snapshot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embedded.engine.errors import InternalError
from embedded.engine.snapshot import SnapshotManager, in_dependency_order, normalized, problems, replay
from embedded.engine.state import PendingOperation, Resource, Snapshot


def resource(name: str, **fields: Any) -> Resource:
    fields = {key: [urn(item) for item in value] if key == "dependencies" else value for key, value in fields.items()}
    if "parent" in fields:
        fields["parent"] = urn(fields["parent"])
    return Resource(urn=urn(name), type="tst:index:Res", **fields)


def urn(name: str) -> str:
    return f"urn:pulumi:dev::proj::tst:index:Res::{name}"


def names(snapshot: Snapshot) -> list[str]:
    return [item.urn.rpartition("::")[2] + ("!" if item.delete else "") for item in snapshot.resources]


class Entries(list):
    def append(self, entry: Any) -> None:
        super().append(json.loads(json.dumps(entry)))


def test_current_resources_come_before_what_is_left_of_the_base() -> None:
    a, b = resource("a"), resource("b")
    manager = SnapshotManager(Snapshot(resources=[a, b]), None)
    manager.finish(new=resource("c"))
    manager.keep(b, b.copy())
    assert names(manager.snapshot()) == ["c", "b", "a"]


def test_a_kill_between_begin_and_end_leaves_a_pending_operation() -> None:
    entries = Entries()
    base = Snapshot()
    manager = SnapshotManager(base, entries)
    new = resource("a")
    key = manager.begin("creating", new)
    killed = replay(base, entries)
    assert [(item.type, item.resource.urn) for item in killed.pending_operations] == [("creating", urn("a"))]
    assert names(killed) == []
    manager.finish(key, new=new)
    assert names(replay(base, entries)) == ["a"]
    assert replay(base, entries).pending_operations == []


def test_only_interrupted_creates_outlive_the_next_run() -> None:
    pending = [PendingOperation(resource("a"), "creating"), PendingOperation(resource("b"), "deleting")]
    manager = SnapshotManager(Snapshot(pending_operations=pending), None)
    assert [item.type for item in manager.snapshot().pending_operations] == ["creating"]
    manager.settle_pending()
    assert manager.snapshot().pending_operations == []


def test_a_replaced_resource_waits_behind_the_new_one_to_be_deleted() -> None:
    entries, old = Entries(), resource("a", id="1")
    base = Snapshot(resources=[old])
    manager = SnapshotManager(Snapshot(resources=[old]), entries)
    old.delete = True
    manager.finish(changed=[old], new=resource("a", id="2"))
    assert names(manager.snapshot()) == ["a", "a!"]
    old.delete = False
    assert names(replay(base, entries)) == ["a", "a!"]


def test_references_to_an_alias_follow_the_new_urn() -> None:
    a, b = resource("new", aliases=[urn("old")]), resource("b", dependencies=["old"], parent="old")
    (renamed, user) = normalized([a, b])
    assert renamed.aliases == []
    assert (user.dependencies, user.parent) == ([urn("new")], urn("new"))


def test_order_is_mended_and_kept_where_it_can_be() -> None:
    a, b, c = resource("a", dependencies=["c"]), resource("b"), resource("c")
    assert [item.urn for item in in_dependency_order([a, b, c])] == [urn("c"), urn("a"), urn("b")]
    assert in_dependency_order([c, b, a]) == [c, b, a]


@pytest.mark.parametrize(
    ("resources", "count"),
    [
        ([resource("a"), resource("b", dependencies=["a"])], 0),
        ([resource("b", dependencies=["a"]), resource("a")], 1),
        ([resource("a"), resource("a")], 1),
        ([resource("a"), resource("a", delete=True)], 0),
        ([resource("a", provider="urn:pulumi:dev::proj::pulumi:providers:tst::p::id")], 1),
    ],
)
def test_problems(resources: list[Resource], count: int) -> None:
    assert len(problems(Snapshot(resources=resources))) == count


def test_unknown_changes_are_refused() -> None:
    with pytest.raises(InternalError):
        replay(Snapshot(), [{"changes": [["novelty"]]}])
