from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.engine import snapshot as snapshots
from embedded.engine import state
from embedded.engine.backend import checkpoints, history, login
from embedded.engine.backend.checkpoints import Checkpoint
from embedded.engine.backend.history import UpdateInfo
from embedded.engine.backend.journal import fingerprint, open_journal, read_entries
from embedded.engine.backend.locks import StackLockedError
from embedded.engine.backend.recovery import current_checkpoint, recover
from embedded.engine.backend.references import StackReference, parse_reference
from embedded.engine.backend.stacks import FileBackend
from embedded.engine.errors import EngineError, StackNotFoundError
from embedded.engine.project import Project

DEV = StackReference("proj", "dev")
STACK_URN = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    return FileBackend(f"file://{tmp_path}", tmp_path, "proj")


def _deployment(*names: str) -> dict[str, Any]:
    resources = [state.Resource(STACK_URN, "pulumi:pulumi:Stack")]
    resources += [state.Resource(f"urn:pulumi:dev::proj::m:i:C::{name}", "m:i:C", parent=STACK_URN) for name in names]
    return state.deployment_to_json(state.Snapshot(resources=resources), None)


# --- references ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["dev", "organization/dev", "organization/proj/dev"])
def test_forms_of_a_reference(text: str) -> None:
    assert parse_reference(text, "proj") == DEV


@pytest.mark.parametrize(
    ("text", "project", "message"),
    [
        ("", "proj", "must not be empty"),
        ("acme/dev", "proj", "organization name must be 'organization'"),
        ("dev", "", "no Pulumi.yaml project file found"),
        ("a/b/c/d", "proj", "could not parse stack name"),
        ("sp ace", "proj", "may only contain"),
        ("x" * 101, "proj", "cannot exceed 100"),
        ("organization/p!/dev", "", "project names may only contain"),
    ],
)
def test_bad_references(text: str, project: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        parse_reference(text, project)


# --- the tree of the official CLI ------------------------------------------------------------------------------------

SAMPLE = Path(__file__).parent / "sample" / "pulumi"


@pytest.mark.parametrize("path", sorted(SAMPLE.rglob("*.json*")), ids=lambda path: path.name)
def test_official_checkpoints_are_written_back_to_the_letter(path: Path) -> None:
    if path.name.endswith(".history.json"):
        raw = json.loads(path.read_bytes())
        assert json.dumps(UpdateInfo.from_json(raw).to_json()) == json.dumps(raw)
    else:
        assert checkpoints.parse(path.read_bytes(), path.name).to_bytes() == path.read_bytes()


def test_official_history_is_read_newest_first() -> None:
    updates = history.read(SAMPLE / "history" / "sample" / "dev", "dev")
    assert [update.kind for update in updates] == ["refresh", "update", "update", "update", "update"]
    assert history.read(SAMPLE / "history" / "sample" / "dev", "dev", page_size=2, page=2) == updates[2:4]


# --- stacks ----------------------------------------------------------------------------------------------------------


def test_life_of_a_stack(backend: FileBackend, tmp_path: Path) -> None:
    backend.create(DEV, {"type": "passphrase", "state": {"salt": "v1:a:b"}})
    base = tmp_path / ".pulumi/stacks/proj"
    assert (tmp_path / ".pulumi/meta.yaml").read_text() == "version: 1\n"
    assert (base / "dev.json.bak").read_text() == '{"version":3,"checkpoint":{"stack":"organization/proj/dev"}}'
    made = json.loads((base / "dev.json").read_text())["checkpoint"]["latest"]
    assert list(made) == ["manifest", "secrets_providers", "metadata"]
    with pytest.raises(EngineError, match="stack 'organization/proj/dev' already exists"):
        backend.create(DEV, None)
    backend.set_tags(DEV, {"b": "2", "a": "1"})
    assert (base / "dev.pulumi-tags").read_text() == '{"version":1,"tags":{"a":"1","b":"2"}}'
    backend.save(DEV, _deployment("x"), [])
    backend.record(DEV, UpdateInfo("update", 1, end_time=2))
    backend.remove(DEV)
    assert not backend.exists(DEV) and sorted(path.name for path in base.iterdir()) == ["dev.json.bak"]
    assert not (tmp_path / ".pulumi/history/proj/dev").exists()
    assert list((tmp_path / ".pulumi/backups/proj/dev").iterdir())


def test_rename_rewrites_urns_and_moves_history(backend: FileBackend) -> None:
    backend.create(DEV, None)
    backend.save(DEV, _deployment("x"), [])
    backend.set_tags(DEV, {"a": "1"})
    backend.record(DEV, UpdateInfo("update", 1))
    new = StackReference("proj", "prod")
    backend.rename(DEV, new)
    urns = [item["urn"] for item in backend.checkpoint(new).resources]
    assert urns == [
        "urn:pulumi:prod::proj::pulumi:pulumi:Stack::proj-prod",
        "urn:pulumi:prod::proj::m:i:C::x",
    ]
    assert backend.checkpoint(new).resources[1]["parent"] == urns[0]
    assert backend.tags(new) == {"a": "1"} and len(backend.history(new)) == 1 and not backend.exists(DEV)


@pytest.mark.parametrize(("variable", "suffix"), [("GZIP", ".gz"), ("ZSTD", ".zst")])
def test_compressed_checkpoints(
    backend: FileBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, suffix: str
) -> None:
    backend.create(DEV, None)
    monkeypatch.setenv(f"PULUMI_DIY_BACKEND_{variable}", "1")
    backend.save(DEV, _deployment("x"), [])
    assert backend.checkpoint_file(DEV).name == f"dev.json{suffix}"
    assert len(backend.checkpoint(DEV).resources) == 2 and backend.list("proj") == [DEV]
    backend.record(DEV, UpdateInfo("update", 1))
    assert any(path.name.endswith(f".json{suffix}") for path in (tmp_path / ".pulumi/backups/proj/dev").iterdir())
    monkeypatch.delenv(f"PULUMI_DIY_BACKEND_{variable}")
    backend.save(DEV, _deployment(), [])
    assert backend.checkpoint_file(DEV).name == "dev.json"


def test_legacy_layout_is_recognised(tmp_path: Path) -> None:
    flat = tmp_path / ".pulumi" / "stacks"
    flat.mkdir(parents=True)
    (flat / "dev.json").write_bytes(Checkpoint("dev", _deployment(), []).to_bytes())
    backend = FileBackend("file://x", tmp_path, "proj")
    assert backend.legacy and backend.list() == [StackReference("", "dev")]
    assert backend.parse("organization/proj/dev") == StackReference("", "dev")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is no checkpoint of a stack"),
        (b"[]", "is no checkpoint of a stack"),
        (b'{"version":2,"checkpoint":{"stack":"s"}}', "unsupported version 2"),
        (b'{"version":4,"features":["flying"],"checkpoint":{"stack":"s"}}', "unsupported features: flying"),
        (b"\x1f\x8bbroken", "is no checkpoint of a stack"),
    ],
)
def test_broken_checkpoint(backend: FileBackend, content: bytes, message: str) -> None:
    backend.create(DEV, None)
    backend.checkpoint_file(DEV).write_bytes(content)
    with pytest.raises(EngineError, match=message):
        backend.checkpoint(DEV)


def test_unknown_layout_and_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not exist"):
        FileBackend("file://nowhere", tmp_path / "nowhere")
    (tmp_path / ".pulumi").mkdir()
    (tmp_path / ".pulumi/meta.yaml").write_text("version: 7\n")
    with pytest.raises(EngineError, match=r"version \(7\) is not supported"):
        FileBackend("file://x", tmp_path)


def test_unknown_stack(backend: FileBackend) -> None:
    with pytest.raises(StackNotFoundError, match="no stack named 'dev' found"):
        backend.checkpoint(DEV)


# --- locks -----------------------------------------------------------------------------------------------------------


def test_lock_of_another_process_stays_until_cancelled(backend: FileBackend, tmp_path: Path) -> None:
    backend.create(DEV, None)
    folder = tmp_path / ".pulumi/locks/organization/proj/dev"
    folder.mkdir(parents=True)
    lock = {"pid": 4242, "username": "someone", "hostname": "elsewhere", "timestamp": "2026-01-02T03:04:05Z"}
    (folder / "1111.json").write_text(json.dumps(lock))
    with pytest.raises(StackLockedError) as caught, backend.lock(DEV):
        pass
    assert str(caught.value) == (
        "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with "
        f"`pulumi cancel`.\n  file://{folder}/1111.json?no_tmp_dir=true: created by someone@elsewhere (pid 4242) "
        "at 2026-01-02T03:04:05Z"
    )
    assert backend.cancel(DEV) == 1
    with backend.lock(DEV):
        assert len(list(folder.iterdir())) == 1
    assert not folder.exists()


# --- the journal -----------------------------------------------------------------------------------------------------


def _journalled(backend: FileBackend) -> list[str]:
    """Make a stack, kill a run that made two resources and had begun a third; the journal's lines."""
    backend.create(DEV, None)
    backend.save(DEV, _deployment("old"), [])
    base = state.deployment_from_json(backend.checkpoint(DEV).deployment or {}, None)
    journal = open_journal(backend.journal_file(DEV), fingerprint(backend.checkpoint_bytes(DEV)))
    manager = snapshots.SnapshotManager(base, journal)
    root = base.resources[0]
    manager.keep(root, root)
    for name in ("one", "two"):
        resource = state.Resource(f"urn:pulumi:dev::proj::m:i:C::{name}", "m:i:C", parent=STACK_URN)
        manager.finish(manager.begin("creating", resource), new=resource)
    manager.begin("creating", state.Resource("urn:pulumi:dev::proj::m:i:C::three", "m:i:C", parent=STACK_URN))
    journal.close(remove=False)
    return Path(str(backend.journal_file(DEV))).read_text().splitlines(keepends=True)


def _names(checkpoint: Checkpoint) -> set[str]:
    return {item["urn"].rpartition("::")[2] for item in checkpoint.resources}


def test_killed_run_is_recovered(backend: FileBackend) -> None:
    _journalled(backend)
    seen = current_checkpoint(backend, DEV)
    assert _names(seen) == {"proj-dev", "old", "one", "two"}
    assert [item["type"] for item in (seen.deployment or {})["pending_operations"]] == ["creating"]
    assert _names(backend.checkpoint(DEV)) == {"proj-dev", "old"}
    recover(backend, DEV)
    assert _names(backend.checkpoint(DEV)) == _names(seen) and not backend.journal_file(DEV).exists()


@settings(deadline=None, max_examples=50)
@given(cut=st.integers(0, 4000))
def test_journal_may_be_torn_anywhere(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("backend")
    backend = FileBackend("file://x", folder, "proj")
    _journalled(backend)
    path = backend.journal_file(DEV)
    path.write_bytes(path.read_bytes()[:cut])
    found = current_checkpoint(backend, DEV)
    assert {"proj-dev", "old"} <= _names(found)
    assert not snapshots.problems(state.deployment_from_json(found.deployment or {}, None))


def test_journal_of_another_checkpoint_is_set_aside(backend: FileBackend) -> None:
    _journalled(backend)
    backend.save(DEV, _deployment("newer"), [])
    assert _names(current_checkpoint(backend, DEV)) == {"proj-dev", "newer"}


def test_journal_damaged_in_the_middle_is_refused(backend: FileBackend) -> None:
    lines = _journalled(backend)
    Path(str(backend.journal_file(DEV))).write_text("".join((lines[0], "garbage\n", *lines[2:])))
    with pytest.raises(EngineError, match="damaged in line 2"):
        current_checkpoint(backend, DEV)


def test_no_journal(tmp_path: Path) -> None:
    assert read_entries(tmp_path / "none", "x") == []


# --- login -----------------------------------------------------------------------------------------------------------


def test_login_is_remembered_as_the_official_cli_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    url = f"file://{tmp_path}"
    with pytest.raises(EngineError, match="not logged in"):
        login.current_url(None)
    login.login(url)
    content = json.loads((tmp_path / "home/credentials.json").read_text())
    assert content["current"] == url and content["accessTokens"] == {url: ""}
    assert login.current_url(None) == url
    assert login.logout(None) == url and login.logout(None) is None


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file:///a/b", "/a/b"),
        ("file:///a/b?no_tmp_dir=true", "/a/b"),
        ("file://~", "~"),
        ("file://~/x", "~/x"),
        ("file:///a%20b", "/a b"),
    ],
)
def test_folder_of_url(url: str, folder: str) -> None:
    assert login.folder_of(url) == Path(folder).expanduser()


def test_other_backends_are_refused() -> None:
    with pytest.raises(EngineError, match=r"unsupported backend 'https://api\.pulumi\.com'"):
        login.folder_of("https://api.pulumi.com")


def test_selection_is_kept_by_project_and_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: FileBackend
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PULUMI_STACK", raising=False)
    project = Project(tmp_path / "Pulumi.yaml", "proj", "python")
    assert login.selected_stack(backend, project) is None
    backend.create(DEV, None)
    login.select_stack(backend, project, DEV)
    assert login.selected_stack(backend, project) == DEV
    (file,) = (tmp_path / "home/workspaces").iterdir()
    assert json.loads(file.read_text()) == {"stacks": {backend.url: "organization/proj/dev"}}
    backend.remove(DEV)
    assert login.selected_stack(backend, project) is None
