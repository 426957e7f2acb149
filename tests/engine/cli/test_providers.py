"""Providers that want a refresh, die, hang or answer garbage."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embedded.engine import secrets

LAUNCHER = Path(__file__).resolve().parents[3] / "embedded" / "bin" / "pulumi"
GARBAGE = """#!{python}
import concurrent.futures, sys, time
import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2 as P

def answer(method, request):
    if method == "Configure":
        return P.ConfigureResponse(acceptSecrets=True, supportsPreview=True).SerializeToString()
    if method in ("CheckConfig", "Check"):
        news = P.CheckRequest.FromString(request).news
        return P.CheckResponse(inputs=news).SerializeToString()
    if method == "Create":
        return {answer}
    return b""

class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        method = details.method.rpartition("/")[2]
        return grpc.unary_unary_rpc_method_handler(lambda request, context: answer(method, request))

server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((Handler(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


def _deployment(pulumi) -> dict:
    return json.loads(pulumi("stack", "export").out)["deployment"]


def _pending(pulumi) -> list[str]:
    return [
        f"{item['type']} {item['resource']['urn'].rpartition('::')[2]}"
        for item in _deployment(pulumi).get("pending_operations", [])
    ]


def test_refresh_before_each_update_where_the_provider_wants_it(write, tmp_path: Path, pulumi) -> None:
    write('Res("a", x=1)\nRes("b", x=1)\n')
    assert pulumi("up", "--yes", "--skip-preview").code == 0
    export = json.loads(pulumi("stack", "export").out)
    for item in export["deployment"]["resources"]:
        if item["urn"].endswith("::a"):
            item["refreshBeforeUpdate"] = True
    assert (
        pulumi("stack", "import", stdin=json.dumps({**export, "version": 4, "features": ["refreshBeforeUpdate"]})).code
        == 0
    )
    cloud = json.loads((tmp_path / "cloud.json").read_text())
    for properties in cloud["res"].values():
        properties["x"] = 7
    (tmp_path / "cloud.json").write_text(json.dumps(cloud))
    up = pulumi("up", "--yes", "--skip-preview", "--json")
    steps = [
        json.loads(line)["resourcePreEvent"]["metadata"] for line in up.out.splitlines() if "resourcePreEvent" in line
    ]
    done = [f"{step['op']} {step['urn'].rpartition('::')[2]}" for step in steps]
    assert "refresh a" in done and "refresh b" not in done
    assert "update a" in done and "same b" in done, "the drift of a alone is known, and put right"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param("b'\\xff\\xff'", "an answer that cannot be read", id="no-protobuf"),
        pytest.param("P.CreateResponse().SerializeToString()", "returned empty resource.ID", id="no-id"),
        pytest.param("__import__('os')._exit(3)", "is gone", id="dies"),
    ],
)
def test_broken_answers_are_one_error(answer: str, said: str, write, stack: Path, tmp_path: Path, pulumi) -> None:
    plugin = tmp_path / "plugin" / "pulumi-resource-tst"
    plugin.parent.mkdir()
    plugin.write_text(GARBAGE.format(python=sys.executable, answer=answer))
    plugin.chmod(0o700)
    write('Res("a", x=1)\n')
    (stack.parent / "Pulumi.yaml").write_text(
        f"name: proj\nruntime: python\nplugins:\n  providers:\n  - {{name: tst, path: {plugin.parent}}}\n"
    )
    ran = pulumi("up", "--yes", "--skip-preview")
    assert ran.code == 1 and said in ran.out, ran.out + ran.err
    assert "internal error" not in ran.err and "Traceback" not in ran.out + ran.err
    assert not any(item["urn"].endswith("::a") for item in _deployment(pulumi)["resources"])
    assert _pending(pulumi) == ([] if "returned" in said else ["creating a"])


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
def test_interrupts_of_a_running_create(
    times: int, write, tmp_path: Path, stack: Path, monkeypatch: pytest.MonkeyPatch, pulumi
) -> None:
    """Once: what runs comes to its end and is kept. Twice: it is broken off, and the state says that it may be there."""
    monkeypatch.setattr(secrets, "_ITERATIONS", 1_000_000)
    stack.unlink()
    assert pulumi("stack", "rm", "--yes").code == 0 and pulumi("stack", "init", "dev").code == 0
    calls = tmp_path / "calls"
    monkeypatch.setenv("TST_LOG", str(calls))
    write(f'a = Res("a", x=1, sleep={3 if times == 1 else 60})\nRes("b", y=a.out)\n')
    command = [str(LAUNCHER), "up", "--yes", "--skip-preview", "--non-interactive"]
    process = subprocess.Popen(command, cwd=stack.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    _await(lambda: calls.exists() and "CREATE a" in calls.read_text())
    process.send_signal(signal.SIGINT)
    if times == 2:
        _await(lambda: "CANCEL" in calls.read_text())
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode != 0 and "Traceback" not in out, out
    names = {item["urn"].rpartition("::")[2] for item in _deployment(pulumi)["resources"]}
    assert "b" not in names and "CREATE b" not in calls.read_text()
    assert (_pending(pulumi), "a" in names) == (([], True) if times == 1 else (["creating a"], False))
    assert pulumi("cancel", "--yes").code == 0


def _await(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "did not come to be"
        time.sleep(0.02)
