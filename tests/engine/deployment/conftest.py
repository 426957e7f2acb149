"""Deployments without processes: goals registered at the registrar, a provider in memory."""

# The provider takes what the protocol gives, used or not.
# ruff: noqa: ARG002, ARG004, ARG005
from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from embedded.engine.deployment.builtin import Builtin
from embedded.engine.deployment.callbacks import Callbacks
from embedded.engine.deployment.context import Bail, Context
from embedded.engine.deployment.deletions import delete_steps, run_deletes
from embedded.engine.deployment.destroy import destroy_steps
from embedded.engine.deployment.executor import StepExecutor
from embedded.engine.deployment.generator import StepGenerator
from embedded.engine.deployment.goal import Goal
from embedded.engine.deployment.hooks import HookRegistry
from embedded.engine.deployment.importer import run_imports
from embedded.engine.deployment.operation import ImportSpec, Operation
from embedded.engine.deployment.policy import PolicyChecker
from embedded.engine.deployment.providers import ProviderRegistry
from embedded.engine.deployment.refresh import run_refresh
from embedded.engine.deployment.registrar import Registrar, Terminated, package_request
from embedded.engine.errors import EngineError
from embedded.engine.events import Event
from embedded.engine.options import Options
from embedded.engine.plugins.client import ProviderClient
from embedded.engine.plugins.results import (
    CheckResult,
    CreateResult,
    DiffResult,
    InitError,
    PluginGoneError,
    ProviderError,
    ReadResult,
)
from embedded.engine.snapshot import SnapshotManager, replay
from embedded.engine.state import Resource, Snapshot
from embedded.engine.urn import name_of, provider_reference
from embedded.engine.values import UNKNOWN, Properties, equal, without_secrets

STACK = Goal(type="pulumi:pulumi:Stack", name="proj-dev", custom=False)

_ids = itertools.count(1)


class MemoryProvider(ProviderClient):
    """A provider of package `tst`: `r*` keys replace, `d*` keys replace with the delete first, others update.

    `fail` holds (operation, name) pairs that fail, `partial` names whose create or update does not come up. `dies` is the call in
    which the plugin ends for good: operation, name, and whether the call was carried out.
    """

    def __init__(
        self,
        cloud: dict[str, Properties],
        fail: set[tuple[str, str]],
        partial: set[str],
        dies: tuple[str, str, bool] | None = None,
    ) -> None:
        self.package, self.version, self.used = "tst", "", True
        self.cloud, self.fail, self.partial, self.dies = cloud, fail, partial, dies
        self._config_known = True
        self._dead = False
        self.calls: list[tuple[str, str]] = []

    async def _call(self, operation: str, urn: str) -> str:
        await asyncio.sleep(0)
        name = name_of(urn)
        self.calls.append((operation, name))
        self._die(self._dead or (operation, name, False) == self.dies)
        if (operation, name) in self.fail:
            raise ProviderError(f"{operation} of {name} failed as asked")
        return name

    def _answer(self, operation: str, name: str) -> None:
        self._die((operation, name, True) == self.dies)

    def _die(self, now: bool) -> None:
        if now:
            self._dead = True
            raise PluginGoneError("the plugin ended")

    async def check_config(self, urn, olds, news):
        return CheckResult(news)

    async def diff_config(self, urn, old_inputs, old_outputs, news, ignore_changes):
        return await self.diff(urn, "", old_inputs, old_outputs, news)

    async def configure(self, inputs, urn="", id_=""):
        return None

    async def check(self, urn, olds, news, seed=b""):
        await self._call("check", urn)
        return CheckResult(news)

    async def diff(self, urn, id_, old_inputs, old_outputs, news, ignore_changes=()):
        await self._call("diff", urn)
        old, new = without_secrets(old_inputs), without_secrets(news)
        changed = sorted(key for key in {*old, *new} if not equal(old.get(key), new.get(key)))
        replaces = tuple(key for key in changed if key[0] in "rd")
        return DiffResult(
            "some" if changed else "none",
            replace_keys=replaces,
            changed_keys=tuple(changed),
            delete_before_replace=any(key[0] == "d" for key in replaces),
        )

    async def create(self, urn, inputs, timeout, preview, *, interrupted=False):
        if preview:
            return CreateResult("", {**inputs, "out": UNKNOWN})
        name = await self._call("create", urn)
        id_ = f"{name}-{next(_ids)}"
        outputs = {**inputs, "out": id_}
        self.cloud[id_] = outputs
        self._answer("create", name)
        if name in self.partial:
            raise InitError(["did not come up"], id_, outputs)
        return CreateResult(id_, outputs)

    async def update(self, urn, id_, old_inputs, old_outputs, news, timeout, ignore_changes, preview):
        outputs = {**news, "out": old_outputs.get("out")}
        if not preview:
            name = await self._call("update", urn)
            self.cloud[id_] = outputs
            self._answer("update", name)
            if name in self.partial:
                raise InitError(["did not come up"], id_, outputs)
        return CreateResult(id_, outputs)

    async def read(self, urn, id_, inputs, outputs, timeout=0.0):
        await self._call("read", urn)
        found = self.cloud.get(id_)
        if found is None:
            return ReadResult("", None, None)
        return ReadResult(id_, found, {key: value for key, value in found.items() if key != "out"})

    async def delete(self, urn, id_, inputs, outputs, timeout):
        name = await self._call("delete", urn)
        self.cloud.pop(id_, None)
        self._answer("delete", name)

    async def cancel(self):
        return None


@dataclass
class Outcome:
    """What one deployment did: its steps as `op name`, its journal, and the state after."""

    events: list[Event]
    entries: list[dict[str, Any]]
    snapshot: Snapshot
    failed: bool
    provider: MemoryProvider
    base: Snapshot

    @property
    def steps(self) -> list[str]:
        from embedded.engine.events import ResourcePreEvent

        usual = ("proj-dev", "default")
        pres = [event.metadata for event in self.events if isinstance(event, ResourcePreEvent)]
        return [f"{item.op} {name_of(item.urn)}" for item in pres if name_of(item.urn) not in usual]

    @property
    def errors(self) -> list[str]:
        from embedded.engine.events import DiagnosticEvent

        return [
            event.message for event in self.events if isinstance(event, DiagnosticEvent) and event.severity == "error"
        ]


class Entries:
    """A journal on a disk that is full after so many entries; `cloud_then` is what there was at the kill, if there was one."""

    def __init__(self, cloud: dict[str, Properties], full_after: int | None, killed_after: int | None) -> None:
        self.kept: list[dict[str, Any]] = []
        self.cloud_then: dict[str, Properties] | None = None
        self._cloud, self._full_after, self._killed_after = cloud, full_after, killed_after

    def append(self, entry: dict[str, Any]) -> None:
        """Keep an entry."""
        if len(self.kept) == self._killed_after:
            self.cloud_then = dict(self._cloud)
        if self._full_after is not None and len(self.kept) >= self._full_after:
            raise EngineError("could not write the journal: No space left on device")
        self.kept.append(entry)


@dataclass
class Deployer:
    """Deploys lists of goals, one after another, on one fake cloud."""

    cloud: dict[str, Properties] = field(default_factory=dict)
    snapshot: Snapshot = field(default_factory=Snapshot)

    def __call__(
        self,
        goals: Sequence[Goal] = (),
        *,
        kind: str = "up",
        preview: bool = False,
        fail: Sequence[tuple[str, str]] = (),
        partial: Sequence[str] = (),
        dies: tuple[str, str, bool] | None = None,
        full_after: int | None = None,
        killed_after: int | None = None,
        imports: Sequence[ImportSpec] = (),
        **options: Any,
    ) -> Outcome:
        provider = MemoryProvider(self.cloud, set(fail), set(partial), dies)
        entries = Entries(self.cloud, full_after, killed_after)
        work = self._deploy(goals, kind, preview, provider, entries, imports, Options(**options))
        outcome = asyncio.run(asyncio.wait_for(work, 60))
        if entries.cloud_then is not None:
            self.cloud.clear()
            self.cloud.update(entries.cloud_then)
            written = json.loads(json.dumps(entries.kept[:killed_after]))
            outcome.snapshot = replay(outcome.base, written, decrypt=lambda text: text[::-1])
        if not preview:
            self.snapshot = outcome.snapshot
        return outcome

    async def _deploy(self, goals, kind, preview, provider, entries, imports, options) -> Outcome:
        events: list[Event] = []

        base, kept = self._base(), self._base()
        operation = Operation(
            kind, "proj", "dev", preview=preview, base=base, options=options, emit=events.append, imports=imports
        )

        class Host:
            @staticmethod
            async def start(package: str, version: str = "") -> MemoryProvider:
                return provider

        manager = SnapshotManager(base, None if preview else entries, encrypt=lambda text: text[::-1])
        context: Context

        def find(reference: str) -> Resource | None:
            known = [*context.previous, *context.news.values()]
            return next((item for item in known if provider_reference(item.urn, item.id) == reference), None)

        registry = ProviderRegistry(Host(), preview, find, Builtin(lambda name: None, lambda urn: None))  # type: ignore[arg-type]
        context = Context(operation, manager, registry, HookRegistry(Callbacks(), None), dry_run=preview)
        executor = StepExecutor(context)
        generator = StepGenerator(context, PolicyChecker(context))
        registrar = Registrar(context, generator, executor)
        try:
            if options.refresh or kind == "refresh":
                await run_refresh(context, executor, context.previous)
            if kind == "up":
                await self._register_all(registrar, [STACK, *goals])
                if not executor.stopped.is_set() and (preview or not context.saw_error):
                    steps = delete_steps(
                        context,
                        context.previous,
                        lambda item: not generator.is_registered(item.urn) and generator.may_delete(item),
                    )
                    await run_deletes(executor, context, steps)
            elif kind == "destroy":
                await run_deletes(executor, context, await destroy_steps(context, generator, executor))
            elif kind == "import":
                await run_imports(context, registrar, executor)
        except Bail:
            executor.stop()
        except EngineError as error:
            # As the run does it.
            context.diagnose("error", error.message)
            registrar.refuse()
        failed = executor.failed or context.saw_error or registrar.broken
        return Outcome(events, entries.kept, self.snapshot if preview else manager.snapshot(), failed, provider, kept)

    def _base(self) -> Snapshot:
        resources = [resource.copy() for resource in self.snapshot.resources]
        return Snapshot(resources=resources, pending_operations=list(self.snapshot.pending_operations))

    @staticmethod
    async def _register_all(registrar: Registrar, goals: Sequence[Goal]) -> None:
        """As the SDK does: each as soon as all that it refers to is registered."""
        done: dict[str, asyncio.Task[Resource]] = {}

        async def urn_of(name: str) -> str:
            return (await done[name]).urn if name in done else name

        async def register(goal: Goal) -> Resource:
            goal = _copied(goal)
            goal.parent = await urn_of(goal.parent)
            goal.deleted_with = await urn_of(goal.deleted_with)
            goal.replace_with = [await urn_of(name) for name in goal.replace_with]
            if goal.provider:
                provider = await done[goal.provider]
                goal.provider = provider_reference(provider.urn, provider.id)
            names = {name for names in goal.property_dependencies.values() for name in names} | set(goal.dependencies)
            urns = {name: await urn_of(name) for name in sorted(names)}
            goal.dependencies = sorted(urns.values())
            goal.property_dependencies = {
                key: [urns[name] for name in names] for key, names in goal.property_dependencies.items()
            }
            request = package_request(goal.type, "", "")
            return (await registrar.register(goal, request)).resource

        for goal in goals:
            done[goal.name] = asyncio.create_task(register(goal))
        results = await asyncio.gather(*done.values(), return_exceptions=True)
        unexpected = [item for item in results if isinstance(item, BaseException) and not isinstance(item, Terminated)]
        if unexpected:
            raise unexpected[0]


def _copied(goal: Goal) -> Goal:
    from copy import deepcopy

    return deepcopy(goal)


def make_goal(name: str, *, parent: str = STACK.name, deps: Sequence[str] = (), by: str = "", **keywords: Any) -> Goal:
    """A resource of type tst:index:Res; `deps` are names, by the property `by` or by depends_on; other inputs by name."""
    options = {key[2:]: keywords.pop(key) for key in list(keywords) if key.startswith("o_")}
    inputs = dict(keywords)
    properties = {}
    if by:
        inputs[by] = f"from {','.join(deps)}"
        properties = {by: list(deps)}
    type_ = keywords.pop("type", "tst:index:Res")
    inputs.pop("type", None)
    return Goal(
        type=type_,
        name=name,
        custom=type_ != "tst:index:Comp",
        inputs=inputs,
        parent=parent,
        dependencies=list(deps),
        property_dependencies=properties,
        **options,
    )


@pytest.fixture
def deploy() -> Deployer:
    """A deployer with an empty stack and cloud."""
    return Deployer()


@pytest.fixture(scope="session")
def new_deployer() -> Callable[[], Deployer]:
    """Makes deployers: for tests that need several."""
    return Deployer


@pytest.fixture(scope="session")
def goal() -> Callable[..., Goal]:
    """Makes the goal of a resource."""
    return make_goal
