"""YAML files: values as YAML 1.2 has them, a line for each, one error for a broken one."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from logistics.errors import FileError
from logistics.yaml_files import line_of, load_yaml, plain

TEXT = """base: &base {a: 1, c: 0o17}
x:
  <<: *base
  a: 2
  list:
    - 12:30
    - {deep: [no, off, on, yes]}
  day: 2020-01-02
  number: 1.5e3
  nothing:
  text: "5"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "file.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_values_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    assert plain(load_yaml(written(tmp_path, TEXT)))["x"] == {
        "a": 2,
        "c": 15,
        "list": ["12:30", {"deep": ["no", "off", "on", "yes"]}],
        "day": datetime.date(2020, 1, 2),
        "number": 1500.0,
        "nothing": None,
        "text": "5",
    }


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (["x"], 2),
        (["x", "a"], 4),
        (["x", "list", 1], 7),
        (["x", "list", 1, "deep", 3], 7),
        (["x", "list", 9], 5),
        (["x", "text", "deeper"], 11),
        (["unknown"], None),
        ([], None),
    ],
    ids=str,
)
def test_the_line_of_the_deepest_part(tmp_path: Path, location: list[Any], line: int | None) -> None:
    assert line_of(load_yaml(written(tmp_path, TEXT)), location) == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", 'file.yaml:3: not valid YAML: found duplicate key "a"'),
        ("a: [1\nb: 2\n", "file.yaml:2: not valid YAML"),
        ("- 1\n", "file.yaml:1: expected a mapping of keys to values"),
        ("? [a]\n: 1\n", "file.yaml:1: not valid YAML: a key is a scalar"),
        ("a: !!python/name:os.system x\n", "file.yaml:1: not valid YAML"),
        ("", "file.yaml:1: expected a mapping"),
    ],
    ids=["a key twice", "broken", "a list", "a key that is a list", "a tag", "empty"],
)
def test_a_broken_file_is_one_error_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FileError) as caught:
        load_yaml(written(tmp_path, text), root=tmp_path)
    assert str(caught.value).startswith(told)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"absent\.yaml.*no such file"):
        load_yaml(tmp_path / "absent.yaml", root=tmp_path)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.from_regex(r"[-+.:0-9a-zA-Z_~ ]{0,12}", fullmatch=True),
    st.sampled_from(["no", "on", "0x1F", "017", "1_000", "1e3", ".5", "12:30:45", "null", "~", "<<", "2020-13-45"]),
)


@given(st.dictionaries(st.text("abc", min_size=1), st.lists(SCALARS, max_size=4), max_size=4))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("yaml") / "file.yaml"
    with file.open("w", encoding="utf-8") as stream:
        YAML().dump({"top": document}, stream)
    assert plain(load_yaml(file)) == {"top": document}
