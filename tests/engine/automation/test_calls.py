"""Every call of the Automation API with every option it takes, on a stack of resources of the test provider."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation as auto
from pulumi.automation._stack import ImportResource as _ImportResource

ROOT = Path(__file__).resolve().parents[3]
PLUGIN = ROOT / "tests" / "conformance" / "engine" / "plugin"
ImportResource: Any = _ImportResource  # its properties are a list, whatever its annotation says
RES = "urn:pulumi:dev::calls::tst:index:Res"

# The SDK starts its own server and readers and leaves their sockets and pipes to the collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]

PRELUDE = """\
import pulumi
class Res(pulumi.CustomResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("tst:index:Res", name, {**props, "out": None}, opts)
"""
TWO = 'a = Res("a", x=1)\nb = Res("b", y=a.out)\npulumi.export("out", a.out)\n'


class Local:
    """A local project, its one stack `dev`, and the cloud of its provider."""

    def __init__(self, folder: Path) -> None:
        for name in ("project", "backend"):
            (folder / name).mkdir()
        self.folder = folder / "project"
        self.cloud = folder / "cloud.json"
        project = f"name: calls\nruntime: python\nplugins:\n  providers:\n  - {{name: tst, path: {PLUGIN}}}\n"
        (self.folder / "Pulumi.yaml").write_text(project)
        self.write("")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.options: dict[str, Any] = {
            "pulumi_home": str(folder / "home"),
            "env_vars": {
                "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
                "PULUMI_CONFIG_PASSPHRASE": "x",
                "TST_CLOUD": str(self.cloud),
                "PATH": path,
            },
            "pulumi_command": auto.PulumiCommand(root=str(ROOT / "embedded")),
        }
        self.stack = self.open("dev")

    def open(self, name: str) -> auto.Stack:
        workspace = auto.LocalWorkspaceOptions(**self.options)
        return auto.create_or_select_stack(name, work_dir=str(self.folder), opts=workspace)

    def write(self, program: str) -> None:
        (self.folder / "__main__.py").write_text(PRELUDE + program)

    def know(self, **known: dict[str, Any]) -> None:
        """Put resources that Pulumi does not know into the cloud, by their ids."""
        content = json.loads(self.cloud.read_text()) if self.cloud.exists() else {"n": {}, "res": {}}
        content["res"].update(known)
        self.cloud.write_text(json.dumps(content))


@pytest.fixture
def local(tmp_path: Path) -> Local:
    return Local(tmp_path)


EVERY: dict[str, Any] = {
    "parallel": 2,
    "color": "never",
    "log_flow": True,
    "log_verbosity": 1,
    "log_to_std_err": True,
    "debug": True,
    "suppress_outputs": True,
    "suppress_progress": True,
}


def test_every_option_of_an_update(local: Local, tmp_path: Path) -> None:
    local.write(TWO)
    stack, plan = local.stack, str(tmp_path / "plan.json")
    told = stack.preview(diff=True, plan=plan, message="seen", refresh=True, target_dependents=False, **EVERY)
    assert told.change_summary == {"create": 3}
    done = stack.up(diff=True, plan=plan, message="done", continue_on_error=True, refresh=True, **EVERY)
    assert (done.summary.resource_changes, done.summary.message) == ({"create": 3}, "done")
    assert (done.summary.environment or {})["exec.kind"] == "auto.local"
    replaced = stack.up(replace=[f"{RES}::a"], target=[f"{RES}::a"], target_dependents=True, show_secrets=False)
    assert replaced.summary.resource_changes == {"same": 1, "replace": 1, "update": 1}
    local.write(TWO + 'Res("c", x=1)\nRes("d", x=1)\n')
    assert stack.preview(exclude=[f"{RES}::c"], exclude_dependents=True).change_summary == {"same": 4, "create": 1}
    other = tmp_path / "other.yaml"
    other.write_text("config:\n  calls:word: told\n")
    local.write('pulumi.export("word", pulumi.Config().require("word"))\n' + TWO)
    assert stack.up(config_file=str(other), run_program=True).outputs["word"].value == "told"
    with pytest.raises(auto.CommandError, match="unsupported color option: 'mauve'"):
        stack.preview(color="mauve")
    with pytest.raises(auto.CommandError, match="no changes were expected"):
        local.write('a = Res("a", x=2)\n')
        stack.up(expect_no_changes=True)


def test_every_option_of_refresh_and_destroy(local: Local) -> None:
    local.write(TWO + 'Res("p", x=1, opts=pulumi.ResourceOptions(protect=True))\n')
    stack = local.stack
    stack.up()
    cloud = json.loads(local.cloud.read_text())
    (identifier,) = [name for name, value in cloud["res"].items() if value.get("x") == 1 and "-b-" not in name][:1]
    cloud["res"][identifier]["x"] = 7
    local.cloud.write_text(json.dumps(cloud))
    assert stack.refresh(preview_only=True).summary is not None
    assert stack.preview_refresh(message="m", target=[f"{RES}::*"], target_dependents=True, **EVERY).change_summary
    with pytest.raises(auto.CommandError, match="no changes were expected"):
        stack.refresh(expect_no_changes=True)
    done = stack.refresh(exclude=[f"{RES}::b"], exclude_dependents=True, clear_pending_creates=True, diff=True, **EVERY)
    assert done.summary.kind == "refresh"
    assert stack.refresh(run_program=True, message="again").summary.message == "again"
    assert (
        stack.preview_destroy(target=[f"{RES}::b"], diff=True, refresh=True, **EVERY).change_summary.get(
            auto.OpType.DELETE
        )
        == 1
    )
    with pytest.raises(auto.CommandError, match="cannot be deleted"):
        stack.destroy(preview_only=True)
    done = stack.destroy(target=[f"{RES}::b"], target_dependents=True, continue_on_error=True)
    assert (done.summary.resource_changes or {}).get(auto.OpType.DELETE) == 1
    kept = stack.destroy(exclude_protected=True, run_program=False, refresh=True, message="end", **EVERY)
    assert "All unprotected resources were destroyed" in kept.stdout
    environment = local.options["env_vars"] | {"PULUMI_HOME": local.options["pulumi_home"]}
    unprotect = ["state", "unprotect", "--all", "--yes", "--stack", "dev"]
    stack.workspace.pulumi_command.run(unprotect, str(local.folder), environment)
    stack.destroy(remove=True)
    assert stack.workspace.list_stacks() == []


def test_import_of_resources_with_and_without_code(local: Local) -> None:
    local.write('Res("e", x=1)\n')
    stack = local.stack
    stack.up()
    local.know(**{"q-1": {"x": 1, "m": {"k": [1, "t"]}}, "q-2": {"x": 2}, "q-3": {"x": 3}})
    found = stack.import_resources(
        resources=[
            ImportResource(type="tst:index:Res", name="one", id="q-1"),
            ImportResource(type="tst:index:Res", name="two", id="q-2", parent="top", properties=["x"], version="1.0.0"),
        ],
        name_table={"top": f"{RES}::e"},
        message="taken in",
    )
    assert "tst.Res('one'" in found.generated_code and "protect=True" in found.generated_code
    assert (found.summary.kind, found.summary.message) == ("resource-import", "taken in")
    bare = stack.import_resources(
        resources=[ImportResource(type="tst:index:Res", name="three", id="q-3")], protect=False, generate_code=False
    )
    assert bare.generated_code == ""
    states = {item["urn"]: item for item in (stack.export_stack().deployment or {})["resources"]}
    assert states[f"{RES}::one"]["protect"] and not states[f"{RES}::three"].get("protect")
    assert states[f"{RES}$tst:index:Res::two"]["parent"] == f"{RES}::e"
    with pytest.raises(auto.CommandError, match="gone"):
        stack.import_resources(resources=[ImportResource(type="tst:index:Res", name="no", id="gone")])
    with pytest.raises(auto.CommandError, match="converter"):
        stack.import_resources(converter="terraform", converter_args=["x.tfstate"])


def test_history_goes_by_pages_and_hides_secrets(local: Local) -> None:
    stack = local.stack
    stack.set_config("tok", auto.ConfigValue("s3cret", secret=True))
    for number in range(3):
        stack.up(message=f"m{number}")
    assert [item.message for item in stack.history(page_size=2, page=1)] == ["m2", "m1"]
    assert [item.message for item in stack.history(page_size=2, page=2, show_secrets=True)] == ["m0"]
    assert stack.history(page_size=2, page=3) == []
    (shown,), (hidden,) = (stack.history(page_size=1, show_secrets=show) for show in (True, False))
    assert (shown.config["calls:tok"].value, hidden.config["calls:tok"].secret) == ("s3cret", True)
    assert hidden.config["calls:tok"].value != "s3cret"
    assert {item.version for item in stack.history()} == {0}


def test_configuration_by_json_and_by_path(local: Local) -> None:
    stack = local.stack
    stack.set_config("list[0].name", auto.ConfigValue("n"), path=True)
    stack.set_config("list[1]", auto.ConfigValue("hush", secret=True), path=True)
    shown = json.loads(stack.get_config("list").value)
    assert shown == [{"name": "n"}, "hush"]
    text = json.dumps(
        {
            "calls:plain": {"value": "p", "secret": False},
            "calls:hidden": {"value": "h", "secret": True},
            "calls:object": {"value": '{"a":[1,{"b":true}]}', "secret": False, "objectValue": {"a": [1, {"b": True}]}},
        }
    )
    stack.set_all_config_json(text)
    found = stack.get_all_config()
    assert found["calls:hidden"].secret and found["calls:hidden"].value == "h"
    assert json.loads(found["calls:object"].value) == {"a": [1, {"b": True}]}
    assert stack.get_config("object.a[1].b", path=True).value == "true"
    stack.remove_all_config(["list[0]", "object.a"], path=True)
    assert json.loads(stack.get_config("list").value) == ["hush"]
    assert "s3cret" not in (local.folder / "Pulumi.dev.yaml").read_text()


def test_stacks_of_other_projects_and_renames(local: Local, tmp_path: Path) -> None:
    local.stack.up()
    other = tmp_path / "other"
    other.mkdir()
    (other / "Pulumi.yaml").write_text("name: another\nruntime: python\n")
    (other / "__main__.py").write_text("")
    workspace = auto.LocalWorkspaceOptions(**local.options)
    auto.create_stack("prod", work_dir=str(other), opts=workspace)
    assert [item.name for item in local.stack.workspace.list_stacks()] == ["dev"]
    every = local.stack.workspace.list_stacks(include_all=True)
    assert sorted(item.name for item in every) == ["dev", "organization/another/prod"]
    local.stack.set_config("kept", auto.ConfigValue("v"))
    local.stack.rename("dev2")
    renamed = local.open("dev2")
    assert renamed.get_config("kept").value == "v" and len(renamed.history()) == 1
    with pytest.raises(auto.StackNotFoundError):
        auto.select_stack("dev", work_dir=str(local.folder), opts=workspace)
    assert "dev2" in str(renamed)
    renamed.up()
    renamed.workspace.remove_stack("dev2", force=True, preserve_config=True)
    assert (local.folder / "Pulumi.dev2.yaml").exists()


def test_workspace_calls(local: Local) -> None:
    workspace = local.stack.workspace
    assert isinstance(workspace, auto.LocalWorkspace)
    told = workspace.who_am_i()
    assert told.user and str(told.url).startswith("file://") and not told.organizations
    workspace.install(no_plugins=True, no_dependencies=True)
    workspace.install(reinstall=True, no_dependencies=True, use_language_version_tools=False)
    assert workspace.list_plugins() == []
    local.stack.set_tag("a", "1")
    local.stack.set_tag("a:b", "2 words")
    assert local.stack.list_tags() == {"a": "1", "a:b": "2 words"}
    local.stack.remove_tag("a")
    with pytest.raises(auto.CommandError, match="a"):
        local.stack.get_tag("a")


REFUSED: dict[str, tuple[Callable[[auto.Stack], object], str]] = {
    "org-get-default": (lambda stack: stack.workspace.org_get_default(), "organization"),
    "org-set-default": (lambda stack: stack.workspace.org_set_default("o"), "organization"),
    "env-add": (lambda stack: stack.add_environments("e"), "environment"),
    "env-ls": (lambda stack: stack.list_environments(), "environment"),
    "env-rm": (lambda stack: stack.remove_environment("e"), "environment"),
    "missing-config": (lambda stack: stack.get_config("gone"), "configuration key 'gone' not found"),
    "plugin-server": (
        lambda stack: stack.workspace.install_plugin_from_server("x", "1.0.0", "http://127.0.0.1:1"),
        "x",
    ),
    "tracing-attach": (lambda stack: stack.up(attach_debugger=True), "attach-debugger"),
}


def test_what_is_not_here_is_refused_by_name(local: Local) -> None:
    for name, (call, words) in REFUSED.items():
        with pytest.raises(auto.CommandError) as caught:
            call(local.stack)
        assert words in str(caught.value), name


def test_remote_stacks_are_refused(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    options = auto.RemoteWorkspaceOptions(env_vars=local.options["env_vars"])
    monkeypatch.setenv("PATH", str(ROOT / "embedded" / "bin"), prepend=os.pathsep)
    with pytest.raises(Exception, match="remote"):
        stack = auto.create_remote_stack_git_source(
            "organization/calls/far", "https://127.0.0.1/x.git", branch="main", opts=options
        )
        stack.up()
