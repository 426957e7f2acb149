"""Random programs, operations and troubles, one after another on one stack: the state stays valid and true, and one update mends it.

By default few and always the same examples; ENGINE_STATE_MACHINE_EXAMPLES=500 looks for more, at random.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from embedded.engine.cli.state import _delete_one
from embedded.engine.deployment.goal import AliasSpec, Goal
from embedded.engine.deployment.operation import ImportSpec
from embedded.engine.errors import EngineError
from embedded.engine.snapshot import problems
from embedded.engine.state import Resource
from embedded.engine.urn import child, name_of

_NAMES = ["a", "b", "c", "d", "e"]
_CUSTOM, _COMPONENT, _PROVIDER = "tst:index:Res", "tst:index:Comp", "pulumi:providers:tst"
_ROOT = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
_CALLS = ["check", "diff", "create", "update", "delete", "read"]
_PENDING = {"creating", "updating", "deleting", "reading", "importing"}
_EXAMPLES = int(os.environ.get("ENGINE_STATE_MACHINE_EXAMPLES", "0"))


@st.composite
def programs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Resources in the order of their registration, each referring to earlier ones only."""
    found: list[dict[str, Any]] = []
    if draw(st.booleans()):
        found.append({"name": "p", "type": _PROVIDER, draw(st.sampled_from(["x", "r"])): draw(st.integers(0, 1))})
    for name in draw(st.permutations(_NAMES))[: draw(st.integers(0, len(_NAMES)))]:
        earlier = [item for item in found if item["name"] != "p"]
        found.append(draw(_resources(name, earlier, bool(found) and found[0]["name"] == "p")))
    return found


@st.composite
def _resources(draw: st.DrawFn, name: str, earlier: list[dict[str, Any]], has_provider: bool) -> dict[str, Any]:
    names = [item["name"] for item in earlier]
    custom = [item["name"] for item in earlier if item["type"] == _CUSTOM]
    deps = draw(st.lists(st.sampled_from(names), unique=True, max_size=2)) if names else []
    common = {
        "name": name,
        "parent": draw(st.sampled_from(["proj-dev", *names])),
        "deps": deps,
        draw(st.sampled_from(["x", "r1", "d1"])): draw(st.integers(0, 1)),
        "o_protect": draw(st.sampled_from([None, None, None, True, False])),
        "o_retain_on_delete": draw(st.sampled_from([None, None, True])),
        "alias": draw(st.none() | st.integers(0, 5)),
    }
    if draw(st.integers(0, 3)) == 0:
        return _said({**common, "type": _COMPONENT})
    return _said(
        {
            **common,
            "type": _CUSTOM,
            "by": draw(st.sampled_from(["", "y", "r", "d"])) if deps else "",
            "o_provider": draw(st.sampled_from(["", "p"])) if has_provider else "",
            "o_delete_before_replace": draw(st.sampled_from([None, True, False])),
            "o_deleted_with": draw(st.sampled_from(["", "", *custom])),
            "o_replace_with": draw(st.lists(st.sampled_from(custom), max_size=1)) if custom else [],
            "o_replacement_trigger": draw(st.sampled_from([None, None, 1, 2])),
        }
    )


def _said(item: dict[str, Any]) -> dict[str, Any]:
    """The resource without what is not said of it, so that an example reads."""
    return {key: value for key, value in item.items() if value not in (None, "", [])}


def _failures() -> st.SearchStrategy[dict[str, Any]]:
    """What goes wrong in one operation; often nothing."""
    calls, names = st.sampled_from(_CALLS), st.sampled_from(_NAMES)
    return st.one_of(
        st.just({}),
        st.fixed_dictionaries({"fail": st.lists(st.tuples(calls, names), min_size=1, max_size=3)}),
        st.fixed_dictionaries({"partial": st.lists(names, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"dies": st.tuples(calls, names, st.booleans())}),
        st.fixed_dictionaries({"killed_after": st.integers(0, 40)}),
        st.fixed_dictionaries({"full_after": st.integers(0, 40)}),
    )


_MODES = st.fixed_dictionaries({"parallel": st.sampled_from([1, 4]), "continue_on_error": st.booleans()})


class Stack(RuleBasedStateMachine):
    """One stack and the cloud behind it. `let_go` are ids that Pulumi gave up without deleting them, on demand."""

    new_deployer: Callable[[], Any]
    goal: Callable[..., Goal]

    def __init__(self) -> None:
        super().__init__()
        self.deploy = type(self).new_deployer()
        self.program: list[dict[str, Any]] = []
        self.let_go: set[str] = set()
        self.disturbed = False

    # --- operations --------------------------------------------------------------------------------------------------

    @rule(program=programs(), failures=_failures(), modes=_MODES, refresh=st.booleans())
    def up(self, program: list, failures: dict, modes: dict, refresh: bool) -> None:
        self.program = program
        outcome = self._run(self._goals(program), failures, refresh=refresh, **modes)
        protected = any(item.protect for item in outcome.base.resources)
        assert failures or protected or not outcome.failed, outcome.errors

    @rule(failures=_failures(), modes=_MODES)
    def up_again(self, failures: dict, modes: dict) -> None:
        self._run(self._goals(self.program), failures, **modes)

    @rule(program=programs(), failures=_failures(), picks=st.sets(st.integers(0, 9), min_size=1), more=st.booleans())
    def up_of_targets(self, program: list, failures: dict, picks: set[int], more: bool) -> None:
        known = sorted({*self._urns(program).values(), *(item.urn for item in self._resources())})
        targets = tuple(known[pick % len(known)] for pick in picks) if known else (_ROOT,)
        self._run(self._goals(program), failures, targets=targets, target_dependents=more)

    @rule(program=programs(), refresh=st.booleans())
    def preview(self, program: list, refresh: bool) -> None:
        before, cloud = _plain(self._resources()), dict(self.deploy.cloud)
        outcome = self.deploy(self._goals(program), preview=True, refresh=refresh)
        assert (_plain(self._resources()), self.deploy.cloud) == (before, cloud)
        protected = any(item.protect for item in outcome.base.resources)
        assert protected or not outcome.failed, outcome.errors

    @rule(failures=_failures(), modes=_MODES)
    def refresh(self, failures: dict, modes: dict) -> None:
        outcome = self._run([], failures, kind="refresh", **modes)
        self.disturbed = self.disturbed and (bool(failures) or outcome.failed)

    @rule(failures=_failures(), modes=_MODES, pick=st.none() | st.integers(0, 9), unprotected=st.booleans())
    def destroy(self, failures: dict, modes: dict, pick: int | None, unprotected: bool) -> None:
        urns = sorted(item.urn for item in self._resources())
        targets = (urns[pick % len(urns)],) if pick is not None and urns else ()
        options = {"targets": targets, "target_dependents": True} if targets else {"exclude_protected": unprotected}
        self._run([], failures, kind="destroy", **modes, **options)

    @rule(name=st.sampled_from(_NAMES), failures=_failures())
    def import_one(self, name: str, failures: dict) -> None:
        id_ = f"found-{len(self.deploy.cloud)}"
        self.deploy.cloud[id_] = {"x": 0, "out": id_}
        self.let_go.add(id_)
        self._run([], failures, kind="import", imports=[ImportSpec(_CUSTOM, name, id_, protect=False)])

    @rule(pick=st.integers(0, 9), dependents=st.booleans(), force=st.booleans())
    def state_delete(self, pick: int, dependents: bool, force: bool) -> None:
        snapshot = self.deploy.snapshot
        if not snapshot.resources:
            return
        target = snapshot.resources[pick % len(snapshot.resources)]
        call: Any = SimpleNamespace(flags={"target_dependents": dependents, "force": force})
        before = self._resources()
        try:
            _delete_one(snapshot, target, [target], call)
        except EngineError:
            assert self._resources() == before
        self.let_go |= _ids(before) - _ids(self._resources())

    @rule(pick=st.integers(0, 9), gone=st.booleans())
    def drift(self, pick: int, gone: bool) -> None:
        ids = sorted(self.deploy.cloud)
        if ids and gone:
            del self.deploy.cloud[ids[pick % len(ids)]]
            self.disturbed = True
        elif ids:
            self.deploy.cloud[ids[pick % len(ids)]]["x"] = 7

    @rule()
    def settle(self) -> None:
        """Without troubles one update makes the stack what its program says, and nothing is left to do."""
        for resource in self._resources():
            resource.protect = False
        outcome = self._run(self._goals(self.program), {})
        assert not outcome.failed, outcome.errors
        live = {item.urn for item in self._resources() if name_of(item.urn) not in ("proj-dev", "default")}
        assert live == set(self._urns(self.program).values())
        assert not any(item.delete or item.pending_replacement for item in self._resources())
        again = self.deploy(self._goals(self.program), preview=True)
        changes = [step for step in again.steps if not step.startswith("same ")]
        assert not again.failed, again.errors
        assert not changes, changes

    def teardown(self) -> None:
        self.settle()

    # --- what always holds -------------------------------------------------------------------------------------------

    @invariant()
    def the_state_is_valid(self) -> None:
        assert not (found := problems(self.deploy.snapshot)), found
        known = {item.urn for item in self._resources()}
        for pending in self.deploy.snapshot.pending_operations:
            assert pending.type in _PENDING
            names = {pending.resource.urn, *pending.resource.aliases}
            assert pending.type in ("creating", "reading", "importing") or names & known

    @invariant()
    def nothing_in_the_cloud_is_forgotten(self) -> None:
        pending = self.deploy.snapshot.pending_operations
        being_made = {name_of(item.resource.urn) for item in pending if item.type == "creating"}
        unknown = set(self.deploy.cloud) - _ids(self._resources()) - self.let_go
        assert {id_.rpartition("-")[0] for id_ in unknown} <= being_made, unknown

    @invariant()
    def nothing_in_the_state_is_made_up(self) -> None:
        made = {item.id for item in self._resources() if _is_managed(item) and not item.pending_replacement}
        assert self.disturbed or made <= set(self.deploy.cloud)

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _run(self, goals: list[Goal], failures: dict[str, Any], **keywords: Any) -> Any:
        before = self._resources()
        outcome = self.deploy(goals, **failures, **keywords)
        if failures.keys() & {"dies", "killed_after", "full_after"}:
            self.disturbed = True
        now = _ids(self._resources())
        self.let_go |= {item.id for item in before if item.retain_on_delete or item.deleted_with} - now
        self.let_go -= now
        return outcome

    def _resources(self) -> list[Resource]:
        return list(self.deploy.snapshot.resources)

    def _urns(self, program: list[dict[str, Any]]) -> dict[str, str]:
        found = {"proj-dev": _ROOT}
        for item in program:
            parent = found[item.get("parent", "proj-dev")]
            found[item["name"]] = child("dev", "proj", parent, item["type"], item["name"])
        del found["proj-dev"]
        return found

    def _goals(self, program: list[dict[str, Any]]) -> list[Goal]:
        """The program's goals; an alias is an old URN of the same type that the program does not have."""
        urns = set(self._urns(program).values())
        goals = []
        taken: set[str] = set()
        for item in program:
            keywords = {key: value for key, value in item.items() if key != "alias"}
            free = sorted({old.urn for old in self._resources() if old.type == item["type"]} - urns - taken)
            if item.get("alias") is not None and free:
                alias = free[item["alias"] % len(free)]
                taken.add(alias)
                keywords["o_aliases"] = [AliasSpec(urn=alias)]
            goals.append(type(self).goal(**keywords))
        return goals


def _is_managed(resource: Resource) -> bool:
    return resource.custom and not resource.is_provider and not resource.external


def _ids(resources: list[Resource]) -> set[str]:
    return {item.id for item in resources if _is_managed(item)}


def _plain(resources: list[Resource]) -> list[tuple]:
    return [(item.urn, item.id, item.delete, item.pending_replacement, item.outputs) for item in resources]


def test_state_machine(new_deployer: Callable, goal: Callable) -> None:
    machine = type("Deployed", (Stack,), {"new_deployer": staticmethod(new_deployer), "goal": staticmethod(goal)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=_EXAMPLES or 100,
            stateful_step_count=8,
            report_multiple_bugs=False,
            derandomize=not _EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
