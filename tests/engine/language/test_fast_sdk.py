"""A program sends the same requests and ends the same with the SDK's hot functions replaced as without."""

# The methods of a service take what gRPC gives, used or not.
# ruff: noqa: ARG001, ARG002
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import (
    callback_pb2,
    callback_pb2_grpc,
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    resource_pb2,
    resource_pb2_grpc,
)

from embedded.engine.language import fast_sdk

RUNNER = Path(__file__).resolve().parents[3] / "embedded" / "engine" / "language" / "runner.py"
MARK = "4dabf18193072939515e22adb298388d"
SECRET, ASSET, REFERENCE = (
    "1b47061264138c4ac30d75fd1eb44270",
    "c44067f5952c0a294b673a41bacd8c17",
    "5cf8f73096256a8f31e491e813e4eb8e",
)
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# The SDK's own frames within a traceback, those of its threads (which hang on who waits for whom), and the addresses of objects.
INTERNAL = re.compile(
    r' +File "[^"]*(?:/pulumi/|/fast_sdk\.py|/concurrent/futures/)[^"]*", line.*\n(?: {4,}.*\n)*| at 0x[0-9a-f]+'
)
STACK = "urn:pulumi:dev::demo::pulumi:pulumi:Stack::demo-dev"

# As many calls as a program of four parallel steps may have waiting at a time, as with the official CLI.
TOGETHER = threading.Barrier(16)

# What the engine answers for resources of these types, over their inputs.
ANSWERS: dict[str, dict[str, Any]] = {
    "toy:index:Box": {
        "size": 3,
        "color": "red",
        "tags": {"camelCase": "a", "b": "c"},
        "lid": {"innerName": "x", "heights": [1, 2.5], "kind": "flat"},
        "lids": [{"innerName": "y", "kind": "flat"}, {"innerName": "y"}],
        "password": {MARK: SECRET, "value": "s3"},
        "parts": [{"deep": {MARK: SECRET, "value": "s4"}}],
        "file": {MARK: ASSET, "text": "hello"},
        "peer": {
            MARK: REFERENCE,
            "urn": STACK.replace("pulumi:pulumi:Stack::demo-dev", "toy:index:Other::o"),
            "id": "o-id",
        },
        "unasked": {"a": [1]},
        "later": UNKNOWN,
        "laters": {"inner": [UNKNOWN]},
        "nothing": None,
    },
    "toy:index:Wrong": {"lid": "no object", "lids": {"a": 1}},
    "toy:index:Enum": {"kind": "unheard of"},
    "snowflake:index/task:Task": {
        "fullyQualifiedName": "A.B.C",
        "parameters": [{"autocommits": [{"key": "AUTOCOMMIT", "value": "true", "default": "true"}]}],
        "showOutputs": [{"name": "T", "taskRelations": [{"predecessors": ["x"]}]}],
    },
}


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """A monitor that records what it is asked and answers by the type alone."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._root = ""
        self._lock = threading.Lock()

    def record(self, method: str, request: Any) -> None:
        """Keep a request, without what differs between any two runs: tokens, ports, the order of sets."""
        plain = json_format.MessageToDict(request, preserving_proto_field_name=True)
        if method == "Log":
            plain["message"] = INTERNAL.sub("", plain["message"])
        with self._lock:
            self.requests.append(f"{method} {json.dumps(_settled(plain), sort_keys=True)}")

    def RegisterResource(self, request: Any, context: Any) -> Any:
        self.record("RegisterResource", request)
        for callback in request.transforms:
            self._transform(request, callback)
        if request.name.startswith("together"):
            TOGETHER.wait(120)
        if request.name.startswith("refused"):
            context.abort(grpc.StatusCode.UNKNOWN, f"{request.name} is refused")
        urn = f"urn:pulumi:dev::demo::{request.type}::{request.name}"
        answer = resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        if request.custom and not request.name.startswith("new"):
            answer.id = f"{request.name}-id"
        if request.name.startswith("failed"):
            answer.result = resource_pb2.Result.FAIL
        answer.object.update(ANSWERS.get(request.type, {}))
        return answer

    def _transform(self, request: Any, callback: Any) -> None:
        ask = resource_pb2.TransformRequest(
            type=request.type, name=request.name, custom=request.custom, properties=request.object
        )
        with grpc.insecure_channel(callback.target) as channel:
            invoke = callback_pb2.CallbackInvokeRequest(token=callback.token, request=ask.SerializeToString())
            answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(invoke)
        self.record("transformed", resource_pb2.TransformResponse.FromString(answer.response))

    def ReadResource(self, request: Any, context: Any) -> Any:
        self.record("ReadResource", request)
        urn = f"urn:pulumi:dev::demo::{request.type}::{request.name}"
        properties = struct_pb2.Struct()
        properties.update(ANSWERS.get(request.type, {}))
        return resource_pb2.ReadResourceResponse(urn=urn, properties=properties)

    def Invoke(self, request: Any, context: Any) -> Any:
        self.record("Invoke", request)
        answer = provider_pb2.InvokeResponse()
        if request.tok == "pulumi:pulumi:getResource":
            fields = {"urn": request.args["urn"], "id": "o-id", "state": {"size": 4}}
            getattr(answer, "return").update(fields)
        else:
            getattr(answer, "return").update({"echo": dict(request.args.items()), "hidden": {MARK: SECRET, "value": 1}})
        return answer

    def SupportsFeature(self, request: Any, context: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown")

    def GetRootResource(self, request: Any, context: Any) -> Any:
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()


def _recorded(method: str) -> Any:
    def call(self: Monitor, request: Any, context: Any) -> Any:
        self.record(method, request)
        return empty_pb2.Empty()

    return call


for _name in (
    "RegisterResourceOutputs",
    "RegisterResourceHook",
    "RegisterErrorHook",
    "RegisterStackTransform",
    "RegisterStackInvokeTransform",
    "SignalAndWaitForShutdown",
    "Log",
):
    setattr(Monitor, _name, _recorded(_name))


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: sorted(item)
            if key in ("dependencies", "urns")
            else ""
            if key in ("token", "target")
            else _settled(item)
            for key, item in value.items()
        }
    return [_settled(item) for item in value] if isinstance(value, list) else value


@contextmanager
def _serving() -> Iterator[tuple[Monitor, str]]:
    monitor = Monitor()
    server = grpc.server(ThreadPoolExecutor(32))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(monitor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield monitor, f"127.0.0.1:{port}"
    finally:
        server.stop(None)


def _run(folder: Path, dry_run: bool, plain: bool) -> dict[str, Any]:
    """What a program asked, printed and ended with."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    environment |= {"PULUMI_CONFIG": '{"demo:key": "v"}', "PULUMI_CONFIG_SECRET_KEYS": "[]"}
    if plain:
        environment["PULUMI_EMBEDDED_PLAIN_SDK"] = "1"
    with _serving() as (monitor, address):
        options = {"project": "demo", "stack": "dev", "organization": "o", "parallel": 4, "dry_run": dry_run}
        options |= {"monitor": address, "engine": address, "root": str(folder), "program": str(folder)}
        options |= {"debug": False, "environment": {}}
        done = subprocess.run(
            [sys.executable, "-u", str(RUNNER), str(folder)],
            input=json.dumps(options),
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    # A program that fails ends while others of its requests are on their way.
    kept = [text for text in monitor.requests if not done.returncode or text.startswith("Log")]
    return {
        "requests": sorted(kept),
        "code": done.returncode,
        "out": sorted(done.stdout.splitlines()),
        "err": INTERNAL.sub("", done.stderr),
    }


TOYS = """
import asyncio, enum
import pulumi
from pulumi import CustomResource, ComponentResource, ResourceOptions, Output
from typing import Any, Mapping, Optional, Sequence

class Untyped(CustomResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("toy:index:Box", name, {"lid": None, "tags": None, **props}, opts)

class Kind(str, enum.Enum):
    FLAT = "flat"

@pulumi.output_type
class Lid(dict):
    def __init__(self, *, inner_name: str, heights: Optional[Sequence[float]] = None, kind: Optional[Kind] = None):
        pulumi.set(self, "inner_name", inner_name)
        pulumi.set(self, "heights", heights)
        pulumi.set(self, "kind", kind)
    @property
    @pulumi.getter(name="innerName")
    def inner_name(self) -> str: return pulumi.get(self, "inner_name")
    @property
    @pulumi.getter
    def heights(self) -> Optional[Sequence[float]]: return pulumi.get(self, "heights")
    @property
    @pulumi.getter
    def kind(self) -> Optional[Kind]: return pulumi.get(self, "kind")

@pulumi.input_type
class BoxArgs:
    def __init__(self, size=None, color=None, extra_note=None, tags=None, source=None):
        for key, value in dict(size=size, color=color, extra_note=extra_note, tags=tags, source=source).items():
            if value is not None: pulumi.set(self, key, value)
    @property
    @pulumi.getter
    def size(self) -> Optional[pulumi.Input[int]]: return pulumi.get(self, "size")
    @property
    @pulumi.getter
    def color(self) -> Optional[pulumi.Input[str]]: return pulumi.get(self, "color")
    @property
    @pulumi.getter(name="extraNote")
    def extra_note(self) -> Optional[pulumi.Input[str]]: return pulumi.get(self, "extra_note")
    @property
    @pulumi.getter
    def tags(self) -> Optional[pulumi.Input[Mapping[str, pulumi.Input[str]]]]: return pulumi.get(self, "tags")
    @property
    @pulumi.getter
    def source(self) -> Optional[Any]: return pulumi.get(self, "source")

class Box(CustomResource):
    TYPE = "toy:index:Box"
    def __init__(self, name, opts=None, **props):
        # As the generated packages do: the arguments' type says how names and values are converted.
        args = BoxArgs.__new__(BoxArgs)
        for key in ("size", "color", "extra_note", "tags", "source", "lid", "lids", "password", "parts", "file", "peer",
                    "later", "laters", "nothing", "absent", "kind"):
            args.__dict__[key] = props.get(key)
        super().__init__(self.TYPE, name, args, opts)
    @property
    @pulumi.getter
    def size(self) -> Output[int]: return pulumi.get(self, "size")
    @property
    @pulumi.getter
    def color(self) -> Output[str]: return pulumi.get(self, "color")
    @property
    @pulumi.getter(name="extraNote")
    def extra_note(self) -> Output[str]: return pulumi.get(self, "extra_note")
    @property
    @pulumi.getter
    def tags(self) -> Output[Mapping[str, str]]: return pulumi.get(self, "tags")
    @property
    @pulumi.getter
    def lid(self) -> Output[Lid]: return pulumi.get(self, "lid")
    @property
    @pulumi.getter
    def lids(self) -> Output[Sequence[Lid]]: return pulumi.get(self, "lids")
    @property
    @pulumi.getter
    def kind(self) -> Output[Kind]: return pulumi.get(self, "kind")

def settled(value):
    # The order of a message's fields is not the same twice.
    if isinstance(value, dict):
        return type(value).__name__, [(key, settled(item)) for key, item in sorted(value.items())]
    return [settled(item) for item in value] if isinstance(value, list) else value

def show(label, output):
    async def all_of_it():
        future, known, secret, resources = (
            await output.future(with_unknowns=True), await output.is_known(), await output.is_secret(), await output.resources())
        print(label, type(future).__name__, repr(settled(future)) if known else "?", known, secret, sorted(r._name for r in resources))
    Output.from_input(all_of_it())
"""

PROGRAMS = {
    "outputs": """
box = Box("b", size=1, color=Output.secret("c"), tags={"k": "v"}, source=pulumi.StringAsset("t"))
for key in ("size", "color", "extra_note", "tags", "lid", "lids", "password", "parts", "later", "laters", "nothing", "absent"):
    show(key, getattr(box, key))
other = Box("other", size=box.size, color=box.lid.inner_name, extra_note=box.password, tags={"a": box.later},
            opts=ResourceOptions(depends_on=[box], ignore_changes=["size"], protect=True, delete_before_replace=True))
pulumi.export("lids", box.lids)
pulumi.export("password", box.password)
pulumi.export("all", Output.all(box.size, other.id).apply(lambda both: f"{both[0]} {both[1]}"))
pulumi.export("box", other)
loose = Untyped("loose", size=box.size, inner_name="as it is", opts=ResourceOptions(additional_secret_outputs=["tags"]))
show("loose", loose.tags)
show("loose lid", loose.lid)
Box("in apply", opts=ResourceOptions(parent=box))
box.size.apply(lambda size: Box("made later", size=size))
""",
    "new": """
box = Box("new-box", size=1)
show("id", box.id)
show("tags", box.tags)
Box("after", size=box.size, tags={"id": box.id}, opts=ResourceOptions(depends_on=[box]))
""",
    "components": """
class Comp(ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("my:comp:C", name, {"given": "x", "id": "own"}, opts)
        self.box = Box(f"{name}-box", opts=ResourceOptions(parent=self))
        self.register_outputs({"box": self.box.size, "nested": [self.box.lid, None]})
first = Comp("one")
second = Comp("two", ResourceOptions(depends_on=[first], aliases=[pulumi.Alias(name="old")]))
show("given", first.given)
for number in range(30):
    Comp(f"many{number}")
pulumi.export("urn", second.urn)
""",
    "transforms": """
def change(args):
    return pulumi.ResourceTransformResult({**args.props, "extraNote": "changed"}, args.opts)
async def hook(args): ...
named = pulumi.ResourceHook("hooked", hook)
Box("b", color="x", opts=ResourceOptions(transforms=[change], hooks=pulumi.ResourceHookBinding(before_create=[named])))
pulumi.runtime.register_resource_transform(change)
""",
    "reads": """
box = Box.get("got", "an-id") if hasattr(Box, "get") else Box("got", opts=ResourceOptions(id="an-id"))
show("size", box.size)
answer = pulumi.runtime.invoke("toy:index:ask", {"q": 1, "list": ["a"], "none": None}).value
print(settled(answer))
asked = pulumi.runtime.invoke_output("toy:index:ask", {"q": box.size, "o": Box("b").color})
show("asked", asked)
""",
    "snowflake": """
from pulumi_snowflake import Task
task = Task("t", name="T", database="D", schema="S", sql_statement="select 1", started=False, schedule={"minutes": 5})
show("schedule", task.schedule)
show("parameters", task.parameters.apply(lambda p: p[0].autocommits[0].key))
twin = Task("u", name="U", database="D", schema="S", sql_statement="select 1", started=False, afters=[task.fully_qualified_name],
            opts=ResourceOptions(depends_on=[task]))
show("show", twin.show_outputs)
show("twin", twin.parameters)
show("again", twin.parameters.apply(lambda p: p[0].autocommits[0].value))
Task.get("got", "D.S.T")
""",
    "failed": 'box = Box("failed-b", size=1)\nshow("size", box.size)\nBox("other", size=box.size)\n',
    "refused": 'box = Box("refused-b", size=1)\nBox("other", size=box.size)\n',
    "raises": 'Box("b")\nraise RuntimeError("the program says no")\n',
    "raises in apply": 'def bad(value): raise ValueError("not that")\nBox("b").size.apply(bad)\n',
    "not an input": 'Box("b", color=object())\n',
    "wrong shape": 'class Wrong(Box):\n    TYPE = "toy:index:Wrong"\nWrong("w")\n',
    "wrong enum": 'class Wrong(Box):\n    TYPE = "toy:index:Enum"\nWrong("w")\n',
    "cycle": """
class Comp(ComponentResource): pass
a = Comp("my:comp:C", "a")
b = Box("b", opts=ResourceOptions(depends_on=[a]))
Box("c", color=b.color, opts=ResourceOptions(parent=a, depends_on=[b]))
""",
}


@pytest.mark.parametrize("dry_run", [True, False], ids=["preview", "up"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_same_requests_and_end(tmp_path: Path, name: str, dry_run: bool) -> None:
    (tmp_path / "__main__.py").write_text(TOYS + PROGRAMS[name])
    with ThreadPoolExecutor(2) as pool:
        quick, plain = pool.map(lambda plain: _run(tmp_path, dry_run, plain), (False, True))
    assert quick["requests"] == plain["requests"]
    assert quick == plain
    assert quick["requests"]


def test_other_versions_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_sdk, "version", lambda _name: "3.0.0")
    assert not fast_sdk.install()


def test_four_calls_for_each_parallel_step_wait_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text(TOYS + "for number in range(16):\n    Box(f'together-{number}')\n")
    assert _run(tmp_path, dry_run=False, plain=False)["code"] == 0
    assert not TOGETHER.broken
