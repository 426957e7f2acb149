from __future__ import annotations

from pathlib import Path

import pytest

from embedded.engine.errors import EngineError
from embedded.engine.project import find_project_file, load_project, read_project


def _write(tmp_path: Path, text: str, name: str = "Pulumi.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_everything_that_a_project_may_say(tmp_path: Path) -> None:
    project = read_project(
        _write(
            tmp_path,
            "name: p\nruntime:\n  name: python\n  options: {virtualenv: venv}\nmain: src/\nstackConfigDir: conf\n"
            "backend: {url: file://x}\noptions: {refresh: always}\nplugins:\n  providers:\n    - {name: tst, path: ../tst}\n",
        )
    )
    assert (project.name, project.runtime, project.runtime_options) == ("p", "python", {"virtualenv": "venv"})
    assert project.program == tmp_path / "src"
    assert project.stack_file("dev") == tmp_path / "conf" / "Pulumi.dev.yaml"
    assert project.backend_url == "file://x" and project.refresh_always
    assert project.plugins[0].path == tmp_path / "../tst"


def test_found_upwards_and_in_json(tmp_path: Path) -> None:
    path = _write(tmp_path, '{"name": "j", "runtime": "python"}', "Pulumi.json")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_project_file(deep) == path
    assert load_project(deep).stack_file("dev").name == "Pulumi.dev.json"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected project to be an object"),
        ("nam: x\nruntime: python", "project is missing a 'name' attribute; found 'nam' instead"),
        ("runtime: python", "project is missing a 'name' attribute"),
        ("name: ''\nruntime: python", "non-empty string 'name'"),
        ("name: x", "missing a 'runtime' attribute"),
        ("name: x\nruntime: {}", "runtime section must be a string or an object"),
        ("name: x\nruntime: python\nmain: [1]", "#/main: expected string or null, but got array"),
        ("name: x\nruntime: python\nbackend: {uri: y}", "#/backend: additionalProperties 'uri' not allowed"),
        ("name: x\nruntime: python\nconfig: {a: {type: float}}", "#/config/a/type: value must be one of"),
        ("name: x\nruntime: python\nconfig: {a: {typ: string}}", "additionalProperties 'typ' not allowed"),
        ("name: x\nruntime: python\nconfig: {a: {type: array}}", "does not specify the underlying type"),
        ("name: x\nruntime: python\nconfig: {a: {type: integer, default: x}}", "not of the expected type 'integer'"),
        ("name: x\nruntime: python\nconfig: {aws:r: {type: string}}", "should not define a type"),
        ("name: x\nruntime: python\nconfig: {aws:r: {default: x}}", "Did you mean to use the 'value' attribute"),
        ("name: x\nruntime: python\nconfig: old\nstackConfigDir: new", "Use only stackConfigDir"),
        ("name: [", "could not unmarshal"),
    ],
)
def test_broken_project_is_one_error_naming_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EngineError) as caught:
        read_project(_write(tmp_path, text))
    assert message in str(caught.value) and "Pulumi.yaml" in str(caught.value)


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no Pulumi\.yaml project file found"):
        load_project(tmp_path)
