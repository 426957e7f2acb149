"""Moving, repairing and editing states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embedded.engine import snapshot as snapshots
from embedded.engine import state as states

PROVIDER = "urn:pulumi:dev::proj::pulumi:providers:tst::default"
ROOT = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"hush"'}


def _urn(name: str, parents: str = "") -> str:
    return f"urn:pulumi:dev::proj::{parents}tst:index:Res::{name}"


def _resource(name: str, *, parent: str = ROOT, deps: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    parents = "" if parent == ROOT else "tst:index:Res$"
    return {
        "urn": _urn(name, parents),
        "custom": True,
        "id": f"{name}-1",
        "type": "tst:index:Res",
        "parent": parent,
        "provider": f"{PROVIDER}::p-1",
        "dependencies": list(deps),
        "propertyDependencies": {"y": list(deps)} if deps else {},
        **fields,
    }


def _state(*resources: dict[str, Any]) -> list[dict[str, Any]]:
    root = {"urn": ROOT, "custom": False, "type": "pulumi:pulumi:Stack"}
    provider = {"urn": PROVIDER, "custom": True, "id": "p-1", "type": "pulumi:providers:tst"}
    return [root, provider, *resources]


@pytest.fixture
def load(stack: Path, pulumi, environment: Path):
    """Puts resources into the state of `dev`, valid or not."""

    def load(*resources: dict[str, Any]) -> None:
        export = json.loads(pulumi("stack", "export", "--show-secrets").out)
        export["deployment"]["resources"] = _state(*resources)
        ran = pulumi("stack", "import", "--force", stdin=json.dumps(export))
        assert ran.code == 0, ran.err

    assert stack.is_file() and environment.is_dir()
    return load


@pytest.fixture
def resources(pulumi):
    """The resources of a stack's state by name, secrets shown."""

    def read(stack: str) -> dict[str, dict[str, Any]]:
        export = json.loads(pulumi("stack", "export", "--show-secrets", "--stack", stack).out)
        found = export["deployment"].get("resources", [])
        assert not snapshots.problems(states.deployment_from_json(export["deployment"], None))
        return {item["urn"].rpartition("::")[2]: item for item in found}

    return read


def test_move_takes_children_providers_and_secrets(load, resources, pulumi) -> None:
    load(_resource("a", inputs={"s": SECRET}), _resource("c", parent=_urn("a")), _resource("b", deps=(_urn("a"),)))
    assert pulumi("stack", "init", "two", "--no-select").code == 0
    ran = pulumi("state", "move", "--source", "dev", "--dest", "two", "--yes", _urn("a"))
    assert ran.code == 0, ran.err
    assert f"{_urn('b')} has a dependency on {_urn('a')}" in ran.out
    here, there = resources("dev"), resources("two")
    assert sorted(here) == ["b", "default", "proj-dev"] and not here["b"].get("dependencies")
    assert sorted(there) == ["a", "c", "default", "proj-two"]
    assert there["a"]["inputs"] == {"s": SECRET} and there["a"]["urn"] == "urn:pulumi:two::proj::tst:index:Res::a"
    assert there["c"]["urn"] == "urn:pulumi:two::proj::tst:index:Res$tst:index:Res::c"
    assert there["c"]["parent"] == there["a"]["urn"]
    assert there["a"]["provider"] == "urn:pulumi:two::proj::pulumi:providers:tst::default::p-1"
    back = pulumi("state", "move", "--source", "two", "--dest", "dev", "--yes", there["a"]["urn"])
    assert back.code == 0, back.err
    assert sorted(resources("dev")) == ["a", "b", "c", "default", "proj-dev"]


def test_move_of_a_child_may_take_its_parents(load, resources, pulumi) -> None:
    load(_resource("a"), _resource("c", parent=_urn("a")), _resource("other"))
    assert pulumi("stack", "init", "two", "--no-select").code == 0
    child = _urn("c", "tst:index:Res$")
    assert pulumi("state", "move", "--source", "dev", "--dest", "two", "--yes", "--include-parents", child).code == 0
    assert sorted(resources("two")) == ["a", "c", "default", "proj-two"]
    assert sorted(resources("dev")) == ["default", "other", "proj-dev"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([_urn("a")], "at least one of --source or --dest", id="no-stacks"),
        pytest.param(["--source", "dev", "--dest", "dev", _urn("a")], "the same stack", id="same"),
        pytest.param(["--dest", "two", _urn("x")], "no resources found to move", id="no-such-resource"),
        pytest.param(["--dest", "two", PROVIDER], "cannot move providers", id="provider"),
        pytest.param(["--dest", "two", _urn("a")], "--yes must be passed", id="unconfirmed"),
    ],
)
def test_moves_that_cannot_be(arguments: list[str], message: str, load, resources, pulumi) -> None:
    load(_resource("a"))
    assert pulumi("stack", "init", "two", "--no-select").code == 0
    ran = pulumi("state", "move", *arguments)
    assert ran.code == 1 and message in ran.err
    assert "a" in resources("dev") and resources("two") == {}


def test_repair_sorts_and_drops_what_dangles(load, resources, pulumi) -> None:
    load(_resource("b", deps=(_urn("a"), _urn("gone"))), _resource("a"))
    assert "snapshot integrity failure" in pulumi("preview").err
    ran = pulumi("state", "repair", "--yes")
    assert ran.code == 0, ran.err
    assert f"{_urn('b')}: removed the reference to {_urn('gone')}" in ran.out
    assert "resources reordered" in ran.out and "State repaired successfully" in ran.out
    found = resources("dev")
    assert list(found) == ["proj-dev", "default", "a", "b"] and found["b"]["dependencies"] == [_urn("a")]
    assert pulumi("state", "repair").out == "No state repair is necessary\n"


def test_repair_of_a_cycle_is_refused(load, pulumi) -> None:
    load(_resource("a", deps=(_urn("b"),)), _resource("b", deps=(_urn("a"),)))
    ran = pulumi("state", "repair", "--yes")
    assert ran.code == 1 and "depends on itself" in ran.err


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        pytest.param("sed -i s/a-1/a-2/ $1", 0, "State edited", id="edit"),
        pytest.param("true", 0, "No changes made", id="nothing"),
        pytest.param("echo { > $1", 1, "the edited text is no state", id="no-json"),
        pytest.param(f"sed -i 's/{PROVIDER}::p-1/{PROVIDER}::p-2/' $1", 1, "the edited state is invalid", id="invalid"),
        pytest.param("exit 3", 1, "ended with 3; nothing was changed", id="editor-fails"),
    ],
)
def test_edit(
    script: str, code: int, message: str, load, resources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pulumi
) -> None:
    load(_resource("a"))
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\n{script}\n")
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    ran = pulumi("state", "edit")
    assert ran.code == code and message in ran.out + ran.err
    assert resources("dev")["a"]["id"] == ("a-2" if "State edited" in ran.out else "a-1")


def test_edit_needs_an_editor(load, monkeypatch: pytest.MonkeyPatch, pulumi) -> None:
    load()
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    assert "no EDITOR environment variable set" in pulumi("state", "edit").err


@pytest.mark.parametrize("name", ["a b", "", "a::b", "/a", "a//b", "a/", "é", "a\n"])
def test_rename_refuses_what_is_no_name(name: str, load, resources, pulumi) -> None:
    load(_resource("a"))
    ran = pulumi("state", "rename", "--yes", "--", _urn("a"), name)
    shown = json.dumps(name, ensure_ascii=False)
    reason = "resource names may only contain alphanumerics, underscores, hyphens, dots, and slashes"
    assert ran.code == 1
    assert f"error: invalid name {shown}: {reason}" in ran.err
    assert "a" in resources("dev")


@pytest.mark.parametrize("name", ["B-2_x.y", "team/a"])
def test_rename_takes_every_qualified_name(name: str, load, resources, pulumi) -> None:
    load(_resource("a"), _resource("b", deps=(_urn("a"),)))
    assert pulumi("state", "rename", "--yes", _urn("a"), name).code == 0
    assert resources("dev")["b"]["dependencies"] == [_urn(name)]


@pytest.mark.parametrize("since", ["5s", "1h30m", "2026-01-02", "2026-01-02T03:04:05Z"])
def test_logs_of_resources_without_any(since: str, load, pulumi) -> None:
    load(_resource("a"))
    ran = pulumi("logs", "--since", since)
    assert ran.code == 0 and ran.out.startswith("Collecting logs for stack dev since 20")
    assert json.loads(pulumi("logs", "--json").out) == []


def test_logs_refuse_what_they_cannot_read(load, pulumi) -> None:
    load(_resource("a") | {"type": "aws:lambda/function:Function"})
    assert "are not read by this engine" in pulumi("logs").err
    assert "as a duration or timestamp: soon" in pulumi("logs", "--since", "soon").err
