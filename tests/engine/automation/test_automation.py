"""The Automation API over the launcher: inline and local programs, events, errors that map to the right exceptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi import ComponentResource, Config, Output, export
from pulumi import automation as auto

EMBEDDED = Path(__file__).resolve().parents[3] / "embedded"

# The SDK starts its own server and readers and leaves their sockets and pipes to the collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]


class Part(ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("test:index:Part", name)
        self.register_outputs({})


def program() -> None:
    config = Config()
    Part("one")
    export("plain", config.get("plain") or "none")
    export("hidden", Output.secret("hush"))
    export("nested", {"list": [1, Output.secret("inner")]})


def failing() -> None:
    raise ValueError("boom")


@pytest.fixture(scope="module")
def command() -> auto.PulumiCommand:
    return auto.PulumiCommand(root=str(EMBEDDED))


@pytest.fixture
def options(tmp_path: Path, command: auto.PulumiCommand) -> dict[str, Any]:
    (tmp_path / "backend").mkdir()
    return {
        "pulumi_home": str(tmp_path / "home"),
        "env_vars": {"PULUMI_BACKEND_URL": f"file://{tmp_path / 'backend'}", "PULUMI_CONFIG_PASSPHRASE": "x"},
        "pulumi_command": command,
    }


@pytest.fixture
def inline(options: dict[str, Any]) -> Callable[..., auto.Stack]:
    def make(run: Callable[[], None] = program, name: str = "dev") -> auto.Stack:
        workspace = auto.LocalWorkspaceOptions(**options)
        return auto.create_or_select_stack(name, project_name="inl", program=run, opts=workspace)

    return make


def test_version_is_one_that_the_sdk_knows_the_features_of(command: auto.PulumiCommand) -> None:
    assert command.version is not None and command.version.major == 3 and command.version.minor > 205


def test_life_of_an_inline_stack(inline: Callable[..., auto.Stack]) -> None:
    stack = inline()
    stack.set_config("plain", auto.ConfigValue("v"))
    assert stack.preview().change_summary == {"create": 2}
    seen: list[auto.EngineEvent] = []
    up = stack.up(on_event=seen.append, message="by hand")
    assert up.summary.resource_changes == {"create": 2} and up.summary.message == "by hand"
    assert up.outputs["plain"].value == "v"
    assert (up.outputs["hidden"].value, up.outputs["hidden"].secret) == ("hush", True)
    assert up.outputs["nested"].value == {"list": [1, "inner"]}
    assert [event.summary_event.resource_changes for event in seen if event.summary_event] == [{"create": 2}]
    assert seen[-1].cancel_event is not None
    assert stack.preview(expect_no_changes=True, diff=True).change_summary == {"same": 2}
    assert stack.refresh().summary.resource_changes == {"same": 2}
    assert stack.preview_destroy().change_summary == {"delete": 2}
    assert stack.destroy().summary.resource_changes == {"delete": 2}
    assert [update.kind for update in stack.history()] == ["destroy", "refresh", "update"]
    stack.workspace.remove_stack("dev")
    assert stack.workspace.list_stacks() == []


def test_configuration(inline: Callable[..., auto.Stack]) -> None:
    stack = inline()
    stack.set_config("tok", auto.ConfigValue("s3cret", secret=True))
    stack.set_all_config({"m.n": auto.ConfigValue("1"), "m.s": auto.ConfigValue("x", secret=True)}, path=True)
    stack.set_config("dash", auto.ConfigValue("--flag"))
    found = stack.get_all_config()
    assert found["inl:tok"].value == "s3cret" and found["inl:tok"].secret
    assert json.loads(found["inl:m"].value) == {"n": 1, "s": "x"}
    assert stack.get_config("m.s", path=True).value == "x" and stack.get_config("dash").value == "--flag"
    stack.remove_all_config(["tok", "dash"])
    stack.remove_config("m.n", path=True)
    assert list(stack.get_all_config()) == ["inl:m"]
    with pytest.raises(auto.CommandError, match="configuration key 'nope' not found"):
        stack.get_config("nope")


def test_state_tags_and_listing(inline: Callable[..., auto.Stack], tmp_path: Path) -> None:
    stack = inline()
    stack.up()
    exported = stack.export_stack()
    assert len(exported.deployment["resources"]) == 2
    stack.import_stack(exported)
    assert stack.outputs()["hidden"].value == "hush"
    stack.set_tag("team", "data")
    assert stack.get_tag("team") == "data" and stack.list_tags() == {"team": "data"}
    stack.remove_tag("team")
    (summary,) = stack.workspace.list_stacks()
    assert (summary.name, summary.current, summary.resource_count) == ("dev", True, 2)
    assert stack.workspace.who_am_i().url == f"file://{tmp_path / 'backend'}"
    assert stack.workspace.list_plugins() == []
    stack.refresh_config()
    stack.cancel()
    info = stack.info()
    assert info is not None and info.kind == "update" and info.result == "succeeded"


def test_errors_become_the_right_exceptions(
    inline: Callable[..., auto.Stack], options: dict[str, Any], tmp_path: Path
) -> None:
    stack = inline()
    workspace = auto.LocalWorkspaceOptions(**options)
    with pytest.raises(auto.StackNotFoundError):
        auto.select_stack("nope", project_name="inl", program=program, opts=workspace)
    with pytest.raises(auto.StackAlreadyExistsError):
        auto.create_stack("dev", project_name="inl", program=program, opts=workspace)
    stack.workspace.program = failing
    with pytest.raises(auto.InlineSourceRuntimeError, match="boom"):
        stack.up()
    with pytest.raises(auto.CommandError, match="unsupported color option"):
        stack.up(color="pink")
    lock = tmp_path / "backend/.pulumi/locks/organization/inl/dev/1.json"
    lock.parent.mkdir(parents=True)
    lock.write_text('{"pid":1,"username":"u","hostname":"h","timestamp":"2026-01-02T03:04:05Z"}')
    with pytest.raises(auto.ConcurrentUpdateError):
        stack.up()


LOCAL = """\
import pulumi
pulumi.export("from", pulumi.Config().require("greeting"))
"""


def test_local_program_with_a_stack_file_of_the_sdks(options: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: loc\nruntime: python\n")
    (folder / "__main__.py").write_text(LOCAL)
    stack = auto.create_stack("organization/loc/dev", work_dir=str(folder), opts=auto.LocalWorkspaceOptions(**options))
    settings = stack.workspace.stack_settings("dev")
    settings.config = {"loc:greeting": "hello"}
    stack.workspace.save_stack_settings("dev", settings)
    lines: list[str] = []
    assert stack.up(on_output=lines.append).outputs["from"].value == "hello"
    assert "Updating (dev):" in lines
    (folder / "__main__.py").write_text("raise ValueError('boom')\n")
    with pytest.raises(auto.errors.RuntimeError):
        stack.up()
