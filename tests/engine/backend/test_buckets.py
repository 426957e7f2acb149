"""State in buckets: the same layout, commands, locks and journal as in folders."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from embedded.engine import snapshot as snapshots
from embedded.engine import state
from embedded.engine.backend import buckets, login
from embedded.engine.backend.buckets import BucketPath, Store, open_bucket
from embedded.engine.backend.files import remove_tree
from embedded.engine.backend.journal import fingerprint, open_journal, read_entries
from embedded.engine.backend.recovery import current_checkpoint, recover
from embedded.engine.backend.references import StackReference
from embedded.engine.errors import EngineError

DEV = StackReference("proj", "dev")
ROOT_URN = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
PROGRAM = "import pulumi\npulumi.export('v', pulumi.Output.secret('hush'))\npulumi.export('n', 1)\n"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The s3:// scheme over fsspec's file system in memory, with a bucket `state`."""
    monkeypatch.setitem(buckets._KINDS, "s3", buckets._Kind("memory", "fsspec", lambda _: {}, frozenset({"region"})))
    file_system = fsspec.filesystem("memory")
    file_system.pipe_file("/state/readme", b"")
    yield file_system
    file_system.rm("/state", recursive=True)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """A bucket `state` of a server on loopback that speaks S3; its URL."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed: no S3 to test with")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    patch = pytest.MonkeyPatch()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        patch.setenv(name, value)
    url = f"s3://state/team?endpoint={host}:{port}&disableSSL=true&s3ForcePathStyle=true&region=us-east-1&awssdk=v2"
    import boto3

    boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1").create_bucket(Bucket="state")
    yield url
    patch.undo()
    server.stop()


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest) -> str:
    """A bucket with a prefix."""
    if request.param == "s3":
        return request.getfixturevalue("s3")
    request.getfixturevalue("memory")
    return "s3://state/team"


@pytest.fixture
def backend(url: str, project: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The backend of the bucket, in use for the command line, with an empty program."""
    assert environment.is_dir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    (project / "__main__.py").write_text(PROGRAM)
    backend = login.open_backend(None)
    backend.current_project = "proj"
    yield backend
    remove_tree(backend.root)


def test_the_life_of_a_stack(backend: Any, pulumi) -> None:
    assert pulumi("stack", "init", "dev").code == 0
    up = pulumi("up", "--yes", "--skip-preview")
    assert up.code == 0, up.out + up.err
    assert json.loads(pulumi("stack", "output", "--json", "--show-secrets").out) == {"n": 1, "v": "hush"}
    assert b"hush" not in (backend.root / "stacks" / "proj" / "dev.json").read_bytes()
    assert pulumi("preview", "--expect-no-changes").code == 0
    assert pulumi("stack", "tag", "set", "owner", "me").code == 0
    assert pulumi("stack", "rename", "prod").code == 0
    assert [item["name"] for item in json.loads(pulumi("stack", "ls", "--json").out)] == ["prod"]
    assert len(json.loads(pulumi("stack", "history", "--json").out)) == 1
    assert json.loads(pulumi("stack", "tag", "ls", "--json").out)["owner"] == "me"
    assert pulumi("destroy", "--yes").code == 0
    assert pulumi("stack", "rm", "--yes").code == 0
    assert json.loads(pulumi("stack", "ls", "--json").out) == []


def test_layout_is_that_of_folders(backend: Any, environment: Path, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    def life() -> None:
        assert pulumi("stack", "init", "dev").code == 0
        assert pulumi("up", "--yes", "--skip-preview").code == 0

    def keys(folder: Any) -> set[str]:
        found: set[str] = set()
        for path in folder.iterdir():
            found |= {path.name} if path.is_file() else {f"{path.name}/{key}" for key in keys(path)}
        return {"".join("#" if char.isdigit() else char for char in key) for key in found}

    life()
    Path("Pulumi.dev.yaml").unlink()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{environment}")
    life()
    assert keys(backend.root) == keys(environment / ".pulumi")


def test_lock_is_seen_and_dropped(backend: Any, pulumi) -> None:
    assert pulumi("stack", "init", "dev").code == 0
    (backend._lock_folder(DEV) / "other.json").write_bytes(b"{}")
    refused = pulumi("up", "--yes", "--skip-preview")
    assert (
        refused.code == 1
        and "currently locked by 1 lock(s)" in refused.err
        and "s3://state/team/.pulumi/locks" in refused.err
    )
    assert pulumi("cancel", "--yes").code == 0
    assert pulumi("up", "--yes", "--skip-preview").code == 0


def test_killed_run_is_recovered(backend: Any) -> None:
    backend.create(DEV, None)
    root = state.Resource(ROOT_URN, "pulumi:pulumi:Stack")
    backend.save(DEV, state.deployment_to_json(state.Snapshot(resources=[root]), None), [])
    base = state.deployment_from_json(backend.checkpoint(DEV).deployment, None)
    journal = open_journal(backend.journal_file(DEV), fingerprint(backend.checkpoint_bytes(DEV)))
    manager = snapshots.SnapshotManager(base, journal)
    manager.keep(base.resources[0], base.resources[0])
    made = state.Resource("urn:pulumi:dev::proj::m:i:C::one", "m:i:C", parent=ROOT_URN)
    manager.finish(manager.begin("creating", made), new=made)
    manager.begin("creating", state.Resource("urn:pulumi:dev::proj::m:i:C::two", "m:i:C", parent=ROOT_URN))
    # Killed here: the journal is not closed.
    seen = current_checkpoint(backend, DEV)
    assert [item["urn"].rpartition("::")[2] for item in seen.resources] == ["proj-dev", "one"]
    assert [item["type"] for item in (seen.deployment or {})["pending_operations"]] == ["creating"]
    recover(backend, DEV)
    assert not backend.journal_file(DEV).is_file()
    assert [item["urn"] for item in backend.checkpoint(DEV).resources] == [item["urn"] for item in seen.resources]


def test_journals_of_two_runs_do_not_mix(backend: Any) -> None:
    """A run whose lock was dropped goes on beside the next one: it neither writes into that one's journal nor removes it."""
    backend.create(DEV, None)
    lost, after = (_one_more(backend, name) for name in ("first", "second"))
    assert lost.is_replaced() and not after.is_replaced()
    for number in range(3):
        lost.append({"changes": [["new", number]]})
    lost.close(remove=False)
    lost.close(remove=True)
    assert [entry["changes"][0][1] for entry in _entries(backend)] == ["second"]
    after.close(remove=True)
    assert _entries(backend) == [] and after.is_replaced()


def _one_more(backend: Any, name: str) -> Any:
    journal = open_journal(backend.journal_file(DEV), fingerprint(backend.checkpoint_bytes(DEV)))
    journal.append({"changes": [["new", name]]})
    return journal


def _entries(backend: Any) -> list[dict[str, Any]]:
    return read_entries(backend.journal_file(DEV), fingerprint(backend.checkpoint_bytes(DEV)))


# --- opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "package"), [("s3://b", "s3fs"), ("gs://b", "gcsfs"), ("azblob://b", "adlfs")], ids=["s3", "gs", "azblob"]
)
def test_missing_package_is_named(url: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EngineError, match=f"needs the package {package}.*uv pip install {package}"):
        open_bucket(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("s3:///x", "names no bucket", id="no-bucket"),
        pytest.param("s3://state?colour=red", r"unknown parameter colour \(known: region\)", id="parameter"),
        pytest.param("s3://nowhere/x", "there is no bucket 'nowhere'", id="missing"),
    ],
)
@pytest.mark.usefixtures("memory")
def test_urls_that_open_nothing(url: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        open_bucket(url)


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ({}, {}),
        ({"endpoint": "h:9000", "disableSSL": "true"}, {"endpoint_url": "http://h:9000"}),
        (
            {"endpoint": "http://h", "region": "eu"},
            {"endpoint_url": "http://h", "client_kwargs": {"region_name": "eu"}},
        ),
        ({"endpoint": "h"}, {"endpoint_url": "https://h"}),
        ({"s3ForcePathStyle": "true"}, {"config_kwargs": {"s3": {"addressing_style": "path"}}}),
        ({"profile": "p"}, {"profile": "p"}),
    ],
    ids=lambda value: ",".join(value) or "none",
)
def test_s3_parameters(query: dict[str, str], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    assert buckets._s3_options(query) == options


def test_azure_account_of_url_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_KEY", "k")
    assert buckets._azblob_options({"storage_account": "a"}) == {"account_name": "a", "account_key": "k"}
    monkeypatch.delenv("AZURE_STORAGE_KEY")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "e")
    assert buckets._azblob_options({}) == {"account_name": "e", "anon": False}


def test_refusals_of_the_store_are_one_error() -> None:
    class Refusing:
        def invalidate_cache(self) -> None:
            pass

        def cat_file(self, key: str) -> bytes:
            raise PermissionError(f"Access Denied for {key}\nand more")

    path = BucketPath(Store("s3", Refusing()), "state/x")
    with pytest.raises(
        EngineError, match=r"^the backend s3://state/x cannot be used: PermissionError: Access Denied for state/x$"
    ):
        path.read_bytes()
