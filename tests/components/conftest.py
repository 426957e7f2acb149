"""Runs the program under mocks and records what it registers."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config as runtime_config
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime import stack as runtime_stack

from logistics.yaml_files import load_yaml, plain

ROOT = Path(__file__).parents[2]


@dataclass
class Registered:
    """One registered resource: its inputs and what it depends on, directly."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    dependencies: set[str]
    protect: bool
    delete_before_replace: bool
    replacement_trigger: str


@dataclass
class Recording:
    """Every resource of a run, in the order of registration, and the stack's outputs."""

    resources: dict[str, Registered] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, Registered]:
        """Returns the resources whose type ends in `:kind`, by name."""
        return {r.name: r for r in self.resources.values() if r.type.rsplit(":", 1)[-1] == kind}

    def closure(self, urn: str) -> set[str]:
        """Returns all that a resource depends on, through any number of steps."""
        seen: set[str] = set()
        pending = set(self.resources[urn].dependencies)
        while pending:
            step = pending.pop()
            if step not in seen and step in self.resources:
                seen.add(step)
                pending |= self.resources[step].dependencies
        return seen


class _Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = dict(args.inputs)
        parts = [outputs[key] for key in ("database", "schema", "name") if key in outputs]
        outputs["fullyQualifiedName"] = ".".join(f'"{part}"' for part in parts)
        return f"{args.name}_id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        assert args.token == "snowflake:index/getTables:getTables"
        name = args.args["like"]
        shown = [
            {"name": name, "schemaName": schema, "createdOn": f"when {schema}.{name} was made"}
            for schema in ("STAGING", "RAW", "MARTS", "ML_FEATURES", "GOVERNANCE", "MONITORING", "ML")
        ]
        return {**args.args, "tables": [{"showOutputs": [show], "describeOutputs": []} for show in shown]}


class _RecordingMonitor(mocks.MockMonitor):
    def __init__(self, recording: Recording) -> None:
        super().__init__(_Mocks())
        self.recording = recording

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)
        if request.type == "pulumi:pulumi:Stack":
            return response
        dependencies = set(request.dependencies)
        for property_dependencies in request.propertyDependencies.values():
            dependencies |= set(property_dependencies.urns)
        self.recording.resources[response.urn] = Registered(
            urn=response.urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=rpc.deserialize_properties(request.object),
            dependencies=dependencies,
            protect=request.protect,
            delete_before_replace=request.deleteBeforeReplace,
            replacement_trigger=request.replacement_trigger.string_value,
        )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:
        if "pulumi:pulumi:Stack" in request.urn:
            self.recording.outputs = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)


def stack_config(stack: str) -> dict[str, Any]:
    """Returns a stack file's configuration."""
    return plain(load_yaml(ROOT / f"Pulumi.{stack}.yaml"))["config"]


@pytest.fixture
def event_loop_of_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop for this test alone; those that Pulumi makes for its threads are closed with it."""
    loops: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop

    def recorded() -> asyncio.AbstractEventLoop:
        loops.append(make())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", recorded)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    for made in loops:
        made.close()


_RECORDINGS: dict[str, Recording] = {}
"""Runs that went well, by stack and changes; tests only read them."""


@pytest.fixture
def run_program(
    event_loop_of_test: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Recording]]:
    """Runs `__main__.py` for a stack with the given changes to its configuration (None removes a key)."""

    monkeypatch.syspath_prepend(str(ROOT))  # as the engine starts a program: its own folder first

    def run(stack: str = "dev", **changes: Any) -> Recording:
        key = f"{stack} {sorted(changes.items())}"
        if key not in _RECORDINGS:
            _RECORDINGS[key] = record(stack, changes)
        return _RECORDINGS[key]

    def record(stack: str, changes: dict[str, Any]) -> Recording:
        config = stack_config(stack)
        for key, value in changes.items():
            config.pop(f"logistics:{key}", None)
            if value is not None:
                config[f"logistics:{key}"] = value
        recording = Recording()
        settings.reset_options(project="logistics", stack=stack)
        monitor = _RecordingMonitor(recording)
        mocks.set_mocks(_Mocks(), project="logistics", stack=stack, preview=False, monitor=monitor)
        settings.set_root_resource(None)  # the program's own stack takes the place of the one that set_mocks made
        runtime_config.set_all_config(config, [])
        event_loop_of_test.run_until_complete(runtime_stack.run_pulumi_func(lambda: runtime_stack.Stack(_main)))
        return recording

    yield run
    settings.reset_options()
    runtime_config.set_all_config({}, [])


def _main() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
