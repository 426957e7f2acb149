"""The plugin as a process, asked over gRPC."""

import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from embedded.provider.values import decode_struct, encode_struct

ROOT = Path(__file__).parents[2]
URN = "urn:pulumi:dev::p::snowflake:index/accountRole:AccountRole::analyst"
TOKEN = "snowflake:index/accountRole:AccountRole"


@pytest.fixture(scope="module", params=["module", "executable"])
def plugin(request):
    command = {
        "module": [sys.executable, "-m", "embedded.provider"],
        "executable": [str(ROOT / "embedded/bin/pulumi-resource-snowflake"), "127.0.0.1:1"],
    }[request.param]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    process.terminate()
    assert process.wait(10) == 0
    process.stdout.close()


def test_says_which_version_it_stands_in_for(plugin):
    assert plugin.GetPluginInfo(provider_pb2.google_dot_protobuf_dot_empty__pb2.Empty()).version == "2.17.0"


def test_checks_and_diffs_without_a_session(plugin):
    plugin.Configure(provider_pb2.ConfigureRequest(args=encode_struct({"user": "U"})))
    news = encode_struct({"comment": "c"})
    checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=news, randomSeed=b"1"))
    inputs = decode_struct(checked.inputs)
    assert inputs["name"].startswith("analyst-")
    same = plugin.Diff(provider_pb2.DiffRequest(urn=URN, id="R", olds=checked.inputs, news=checked.inputs))
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    changed = encode_struct({**inputs, "comment": "d"})
    found = plugin.Diff(provider_pb2.DiffRequest(urn=URN, id="R", olds=checked.inputs, news=changed))
    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(found.diffs) == ["comment"]
    assert found.detailedDiff["comment"].kind == provider_pb2.PropertyDiff.UPDATE


def test_tells_failures_of_a_check_by_property(plugin):
    checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=encode_struct({"coment": "c"})))
    assert [failure.property for failure in checked.failures] == ["coment"]


def test_an_error_is_one_message(plugin):
    with pytest.raises(grpc.RpcError) as failure:
        plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=encode_struct({"name": "R"})))
    assert "snowflake:organizationName is not set" in failure.value.details()


def test_functions_are_refused_by_name(plugin):
    with pytest.raises(grpc.RpcError) as failure:
        plugin.Invoke(provider_pb2.InvokeRequest(tok="snowflake:index/getDatabases:getDatabases"))
    assert "snowflake:index/getDatabases:getDatabases is not supported" in failure.value.details()


def test_a_preview_answers_unknowns(plugin):
    request = provider_pb2.CreateRequest(urn=URN, properties=encode_struct({"name": "R"}), preview=True)
    answer = plugin.Create(request)
    assert answer.properties.fields["fullyQualifiedName"].string_value == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def test_starts_without_the_sdk_and_the_connector():
    code = "import sys, embedded.provider.service; print([m for m in ('pulumi', 'snowflake.connector', 'asyncio') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pulumi" not in answer.stdout
    assert "snowflake" not in answer.stdout
