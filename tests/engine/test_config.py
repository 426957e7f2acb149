from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.engine import config
from embedded.engine.config import Secure
from embedded.engine.errors import EngineError
from embedded.engine.project import read_project
from embedded.engine.stackfile import StackFile
from embedded.engine.yamlfile import parse


@pytest.mark.parametrize(
    ("text", "key"),
    [("a", "p:a"), ("ns:a", "ns:a"), ("aws:config:region", "aws:region"), ("with space", "p:with space")],
)
def test_parse_key(text: str, key: str) -> None:
    assert config.parse_key(text, "p") == key


@pytest.mark.parametrize("text", ["a:b:c", ":a", "a:", "a:b:c:d"])
def test_parse_key_refuses(text: str) -> None:
    with pytest.raises(EngineError, match=r"could not parse .* as a configuration key"):
        config.parse_key(text, "p")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("root.nested", ["root", "nested"]),
        ("list[0]", ["list", 0]),
        ('root["a.b"].c', ["root", "a.b", "c"]),
        ('["a \\"q\\""]', ['a "q"']),
        ("a[0][1].b", ["a", 0, 1, "b"]),
    ],
)
def test_parse_path(text: str, path: list[Any]) -> None:
    assert config.parse_path(text) == path


@pytest.mark.parametrize("text", ["a[", "a[x]", ".a", "a..b", 'a["b'])
def test_parse_path_refuses(text: str) -> None:
    with pytest.raises(EngineError, match="invalid config key path"):
        config.parse_path(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("7", 7),
        ("-7", -7),
        ("007", "007"),
        ("0", 0),
        ("1.5", "1.5"),
        ("yes", "yes"),
        ("", ""),
    ],
)
def test_coerce(text: str, value: Any) -> None:
    assert config.coerce(text) == value and type(config.coerce(text)) is type(value)


@settings(deadline=None)
@given(
    key=st.text(st.characters(exclude_characters='"\\', exclude_categories=["C"]), min_size=1), index=st.integers(0, 3)
)
def test_set_get_remove_agree(key: str, index: int) -> None:
    values: dict[str, Any] = {}
    path = [key, index]
    config.set_path(values, "p:root", path, "v")
    assert config.get_path(values["p:root"], path) == ("v", True)
    config.remove_path(values, "p:root", path)
    assert config.get_path(values["p:root"], path)[0] != "v"


@pytest.mark.parametrize(
    ("start", "path", "message"),
    [
        ([1], [5], "array index out of range"),
        ([1], ["k"], "key for an array must be an int"),
        ({"a": 1}, [0], "key for a map must be a string"),
        ({"a": "text"}, ["a", "b"], "expected a map"),
        ({}, ["secure"], "reserved"),
    ],
)
def test_set_path_refuses(start: Any, path: list[Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        config.set_path({"p:k": start}, "p:k", path, "x")


def test_text_of_objects_is_sorted_json_with_go_escapes() -> None:
    value = {"z": [1, 2.5, True, None], "a": Secure("c"), "h": "<é>"}
    assert config.text_of(value, config.mask) == '{"a":"[secret]","h":"\\u003cé\\u003e","z":[1,2.5,true,null]}'
    assert config.is_secret(value) and config.is_object(value)


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("p:dbPassword", "Zk8#pQ2vLm9$xR", True),
        ("p:apiToken", "0f9a8b7c6d5e4f3a", True),
        ("p:password", "changeme", False),
        ("p:region", "Zk8#pQ2vLm9$xR", False),
        ("p:passThrough", "true", False),
    ],
)
def test_looks_like_secret(key: str, text: str, expected: bool) -> None:
    assert config.looks_like_secret(key, text) is expected


# --- yaml ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("0o17", 15),
        ("2020-01-01", "2020-01-01"),
        ("12:30:45", "12:30:45"),
        ("1.10", 1.1),
        ("~", None),
        ("1_000", 1000),
        ("0x1F", 31),
        ("TRUE", True),
    ],
)
def test_yaml_scalars_read_as_in_go(text: str, value: Any) -> None:
    assert parse(f"k: {text}", "f.yaml") == {"k": value}


def test_yaml_error_names_file_and_line() -> None:
    with pytest.raises(EngineError, match=r"could not unmarshal 'f.yaml': line 3, column \d+"):
        parse("a: 1\nb: [", "f.yaml")
    with pytest.raises(EngineError, match='mapping key "a" already defined'):
        parse("a: 1\na: 2", "f.yaml")


def test_yaml_merge_keys() -> None:
    assert parse("b: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}", "f.yaml")["c"] == {"x": 1, "y": 3}


# --- the stack file --------------------------------------------------------------------------------------------------

FILE = """\
# who may edit this file
encryptionsalt: v1:a:b
config:
  # the greeting
  proj:greeting: hello # inline
  proj:token:
    secure: v1:abc
  proj:ratio: 1.10
  proj:list:
    - one # first
    - two
"""


def _file(tmp_path: Path, text: str = FILE) -> StackFile:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(text)
    return StackFile.load(path, "proj")


def test_stack_file_is_kept_to_the_letter_where_nothing_changed(tmp_path: Path) -> None:
    file = _file(tmp_path)
    assert file.config["proj:token"] == Secure("v1:abc")
    file.config["proj:new"] = "7"
    file.save()
    assert file.path.read_text() == FILE + '  proj:new: "7"\n'
    del file.config["proj:new"]
    file.save()
    assert file.path.read_text() == FILE


def test_stack_file_edits_in_place(tmp_path: Path) -> None:
    file = _file(tmp_path)
    config.set_path(file.config, "proj:list", [1], "TWO")
    file.config["proj:token"] = Secure("v1:xyz")
    file.save()
    text = file.path.read_text()
    assert "- one # first\n    - TWO\n" in text and "secure: v1:xyz" in text and "# inline" in text


@settings(deadline=None)
@given(
    value=st.recursive(
        st.one_of(st.text(st.characters(exclude_categories=["C"])), st.booleans(), st.integers(-(2**63), 2**63 - 1)),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=5,
    )
)
def test_values_survive_the_file(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.mktemp("file") / "Pulumi.dev.yaml"
    file = StackFile(path)
    file.config["proj:k"] = value
    file.save()
    assert StackFile.load(path, "proj").config["proj:k"] == value


def test_unknown_settings_are_kept(tmp_path: Path) -> None:
    file = _file(tmp_path, "extra: {a: 1}\nconfig:\n  short: x\n")
    assert file.config == {"proj:short": "x"}
    file.config["proj:k"] = True
    file.save()
    assert file.path.read_text() == "extra: {a: 1}\nconfig:\n  short: x\n  proj:k: true\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1", "expected a map"),
        ("config: [1]", "'config' must be a map"),
        ("config: {a:b:c: 1}", "could not parse a:b:c"),
        ("encryptionsalt: 7", "'encryptionsalt' must be text"),
        ("environment: [e]", "needs the Pulumi Cloud backend"),
        ("config: {", "could not unmarshal"),
    ],
)
def test_broken_stack_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        _file(tmp_path, text)


# --- what the project declares ---------------------------------------------------------------------------------------


def _project(tmp_path: Path, declared: str):
    path = tmp_path / "Pulumi.yaml"
    path.write_text(f"name: proj\nruntime: python\nconfig:\n{declared}")
    return read_project(path)


def test_defaults_and_values_of_the_project_apply(tmp_path: Path) -> None:
    project = _project(
        tmp_path,
        "  size: {type: string, default: small}\n  aws:region: us-east-1\n  l: {type: array, items: {type: integer}, default: [1]}\n",
    )
    result = config.effective_config({}, project, "dev", config.mask)
    assert result == {"proj:size": "small", "aws:region": "us-east-1", "proj:l": [1]}


@pytest.mark.parametrize(
    ("declared", "values", "message"),
    [
        ("  a: {type: string}\n  b: {type: string}\n", {}, "Stack 'dev' is missing configuration values 'a' and 'b'"),
        ("  n: {type: integer}\n", {"proj:n": "x"}, "'n' must be of type 'integer'"),
        ("  f: {type: boolean}\n", {"proj:f": "maybe"}, "'f' must be of type 'boolean'"),
        (
            "  l: {type: array, items: {type: array, items: {type: string}}}\n",
            {"proj:l": [[1]]},
            "'array<array<string>>'",
        ),
        ("  s: {type: string, secret: true}\n", {"proj:s": "plain"}, "'s' must be encrypted as it's secret"),
    ],
)
def test_values_are_checked_against_the_project(
    tmp_path: Path, declared: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        config.effective_config(values, _project(tmp_path, declared), "dev", config.mask)
