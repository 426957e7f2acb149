"""The code of imports, and targets that do not exist."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from embedded.engine.cli.import_entries import read_import_file
from embedded.engine.errors import EngineError

ROOT = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"
RES = "urn:pulumi:dev::proj::tst:index:Res"


@pytest.fixture
def cloud(write, tmp_path: Path, pulumi) -> None:
    """A stack of one resource `e`, and a cloud with one that Pulumi does not know."""
    write('Res("e", x=1)\n')
    assert pulumi("up", "--yes", "--skip-preview").code == 0
    known = json.loads((tmp_path / "cloud.json").read_text())
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}
    known["res"]["q-9"] = {"x": 1, "m": {"k": [1, "t"]}, "hidden": secret, "last": True}
    (tmp_path / "cloud.json").write_text(json.dumps(known))


@pytest.mark.usefixtures("cloud")
def test_imported_code_declares_what_was_imported(tmp_path: Path, write, pulumi) -> None:
    """Pasted into the program, nothing is left to do: the parent is the one imported under."""
    entries = [
        {"type": "tst:index:Res", "name": "j1", "id": "q-9"},
        {"type": "tst:index:Res", "name": "j2", "id": "q-9", "parent": "top"},
    ]
    (tmp_path / "f.json").write_text(json.dumps({"nameTable": {"top": f"{RES}::e"}, "resources": entries}))
    ran = pulumi(
        "import", "--file", str(tmp_path / "f.json"), "--yes", "--skip-preview", "--out", str(tmp_path / "c.py")
    )
    assert ran.code == 0, ran.out
    code = (tmp_path / "c.py").read_text()
    ast.parse(code)
    assert "hush" not in code
    assert "hidden=pulumi.Config().require_secret('j1-hidden')" in code
    assert "opts=pulumi.ResourceOptions(parent=top, protect=True)" in code
    assert pulumi("config", "set", "--secret", "j1-hidden", "hush").code == 0
    assert pulumi("config", "set", "--secret", "j2-hidden", "hush").code == 0
    pasted = code.replace("import pulumi_tst as tst", "").replace("tst.Res(", "Res(")
    write('top = Res("e", x=1)\n' + pasted)
    after = pulumi("preview", "--expect-no-changes")
    assert after.code == 0, after.out


@pytest.mark.usefixtures("cloud")
def test_a_child_may_stand_before_its_parent_in_the_file(tmp_path: Path, pulumi) -> None:
    entries = [
        {"type": "tst:index:Res", "logicalName": "leaf", "id": "q-9", "parent": "inner"},
        {"type": "tst:index:Part", "name": "inner", "component": True, "parent": "outer"},
        {"type": "tst:index:Res", "name": "outerRes", "logicalName": "outer", "id": "q-9", "parent": "outer"},
        {"type": "tst:index:Part", "name": "outer", "component": True},
    ]
    (tmp_path / "f.json").write_text(json.dumps({"resources": entries}))
    ran = pulumi("import", "--file", str(tmp_path / "f.json"), "--yes", "--skip-preview", "--generate-code=false")
    assert ran.code == 0, ran.out + ran.err
    resources = json.loads(pulumi("stack", "export").out)["deployment"]["resources"]
    parents = {item["urn"]: item.get("parent") for item in resources}
    part = "urn:pulumi:dev::proj::tst:index:Part"
    assert parents[f"{part}::outer"] == ROOT
    assert parents[f"{part}$tst:index:Res::outer"] == f"{part}::outer"
    assert parents[f"{part}$tst:index:Part::inner"] == f"{part}::outer"
    assert parents[f"{part}$tst:index:Part$tst:index:Res::leaf"] == f"{part}$tst:index:Part::inner"


def _entry(name: str, **fields: object) -> dict[str, object]:
    return {"type": "a:b:C", "name": name, "id": "i", **fields}


@pytest.mark.parametrize(
    ("entries", "messages"),
    [
        pytest.param(
            [_entry("x", parent="gone")],
            ["the parent 'gone' for resource 'x' of type 'a:b:C' has no entry in 'nameTable'"],
            id="no-parent",
        ),
        pytest.param(
            [_entry("x", parent="y"), _entry("y", parent="x")],
            ["the resources 'x', 'y' are parents or providers of each other: none of them can be imported first"],
            id="cycle",
        ),
        pytest.param(
            [_entry("x"), _entry("x", type="a:b:D"), _entry("y", parent="x")],
            ["resource 'y' of type 'a:b:C' has an ambiguous parent"],
            id="ambiguous-parent",
        ),
        pytest.param(
            [_entry("x"), _entry("y", logicalName="x")],
            ["resource 'y' of type 'a:b:C' has an ambiguous URN, set name (or logical name) to be unique"],
            id="ambiguous-urn",
        ),
        pytest.param(
            [_entry("x", provider="gone"), _entry("y", version="newest")],
            [
                "the provider 'gone' for resource 'x' of type 'a:b:C' has no entry in 'nameTable'",
                "could not parse version 'newest' for resource 'y' of type 'a:b:C'",
            ],
            id="provider-and-version",
        ),
        pytest.param(
            [{"name": "x", "id": "i"}, {"type": "a:b:C", "id": "i"}, {"type": "a:b:C"}, _entry("c", component=True)],
            [
                "resource 'x' has no type",
                "resource 'i' of type 'a:b:C' has no name",
                "resource 2 of type 'a:b:C' has no name",
                "resource 2 of type 'a:b:C' has no ID",
                "resource 'c' of type 'a:b:C' has an ID, but is marked as a component",
            ],
            id="incomplete",
        ),
        pytest.param(
            [_entry("x", remote=True, inputs={"a": 1}), _entry("p", type="pulumi:providers:a")],
            [
                "resource 'x' of type 'a:b:C' is marked as remote, but not as a component",
                "resource 'x' of type 'a:b:C' has inputs, which only providers may have",
                "resource 'p' of type 'pulumi:providers:a' is a provider with an ID: providers are made, not imported",
            ],
            id="remote-and-inputs",
        ),
    ],
)
def test_all_that_is_wrong_with_an_import_file_is_told_at_once(
    entries: list, messages: list[str], tmp_path: Path
) -> None:
    (tmp_path / "f.json").write_text(json.dumps({"resources": entries}))
    with pytest.raises(EngineError) as caught:
        read_import_file(tmp_path / "f.json", "dev", "proj")
    count = "1 error" if len(messages) == 1 else f"{len(messages)} errors"
    assert caught.value.message.splitlines() == [f"{count} occurred:", *(f"\t* {text}" for text in messages)]


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["up", "--target"], id="up"),
        pytest.param(["up", "--replace"], id="up-replace"),
        pytest.param(["refresh", "--target"], id="refresh"),
        pytest.param(["destroy", "--target"], id="destroy"),
    ],
)
def test_a_target_that_nobody_knows_is_refused(arguments: list[str], pulumi) -> None:
    ran = pulumi(*arguments, f"{RES}::zz", "--yes", "--skip-preview")
    assert ran.code == 1
    wanted = f"error: Target '{RES}::zz' could not be found in the stack. Did you forget to escape $ in your shell?"
    assert wanted in ran.out
    nested = f"{RES}$tst:index:Res::zz"
    assert (
        f"Target '{nested}' could not be found in the stack.\n"
        in pulumi(*arguments, nested, "--yes", "--skip-preview").out
    )
    if "--replace" not in arguments:
        assert pulumi(*arguments, "**::zz", "--yes", "--skip-preview").code == 0


@pytest.mark.usefixtures("cloud")
def test_a_target_may_be_new_in_the_program(write, pulumi) -> None:
    write('Res("e", x=1)\nRes("n", x=1)\n')
    ran = pulumi("up", "--target", f"{RES}::n", "--yes", "--skip-preview")
    assert ran.code == 0, ran.out


def test_keys_that_import_files_do_not_have_are_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "f.json").write_text(json.dumps({"resources": [_entry("x", ident="i")], "made": "by hand"}))
    assert [spec.name for spec in read_import_file(tmp_path / "f.json", "dev", "proj")] == ["x"]
    wanted = "resource 'x' of type 'a:b:C' has the key 'ident', which import files do not have: it is ignored"
    assert wanted in capsys.readouterr().err


def test_the_import_file_of_a_preview_is_read_back(write, tmp_path: Path, pulumi) -> None:
    """With ids filled in: an explicit provider is made with its inputs, secrets among them, before what uses it."""
    program = """
class Provider(pulumi.ProviderResource):
    def __init__(self, name, **props):
        super().__init__("tst", name, props)
part = Part("part")
own = Provider("own", zone="eu", token=pulumi.Output.secret("hush"))
Res("n", opts=pulumi.ResourceOptions(parent=part, provider=own), x=1)
Res("m", opts=pulumi.ResourceOptions(provider=own), x=2)
"""
    write(program)
    file = tmp_path / "f.json"
    assert pulumi("preview", "--import-file", str(file)).code == 0
    assert "hush" not in file.read_text()
    content = json.loads(file.read_text())
    for entry in content["resources"]:
        if "id" in entry:
            entry["id"] = f"q-{entry['name']}"
    content["resources"].reverse()
    file.write_text(json.dumps(content))
    (tmp_path / "cloud.json").write_text(json.dumps({"n": {}, "res": {"q-n": {"x": 1}, "q-m": {"x": 2}}}))
    arguments = ("--yes", "--skip-preview", "--protect=false", "--out", str(tmp_path / "c.py"))
    ran = pulumi("import", "--file", str(file), *arguments)
    assert ran.code == 0, ran.out + ran.err
    ast.parse((tmp_path / "c.py").read_text())
    assert "hush" not in (tmp_path / "c.py").read_text()
    after = pulumi("preview", "--expect-no-changes", "--diff")
    assert after.code == 0, after.out
