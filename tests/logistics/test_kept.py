"""What is kept from the last run is used while nothing that it was made of has changed, and never otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from logistics import kept as keeping
from logistics.kept import kept, stamps


class _Counting:
    """Makes a new result each time."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> list[int]:
        self.made += 1
        return [self.made]


@pytest.fixture(autouse=True)
def local(tmp_path: Path) -> Path:
    """The folder in which results are kept."""
    (tmp_path / ".local").mkdir()
    return tmp_path / ".local"


@pytest.fixture
def make() -> _Counting:
    return _Counting()


def test_made_once_of_the_same(tmp_path: Path, make: _Counting) -> None:
    assert [kept(tmp_path, "a", ("x", 1), make) for _ in range(3)] == [[1], [1], [1]]
    assert kept(tmp_path, "a", ("x", 2), make) == [2]
    assert kept(tmp_path, "b", ("x", 1), make) == [3]
    assert kept(tmp_path, "a", ("x", 1), make) == [1]


def test_made_anew_by_other_code(tmp_path: Path, make: _Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "one.py").write_text("a = 1")
    monkeypatch.setattr(keeping, "_CODE", code)
    assert kept(tmp_path, "a", (), make) == kept(tmp_path, "a", (), make) == [1]
    (code / "two.py").write_text("")
    assert kept(tmp_path, "a", (), make) == [2]
    (code / "one.py").write_text("a = 12")
    assert kept(tmp_path, "a", (), make) == [3]


@pytest.mark.parametrize(
    "damage", [b"", b"no pickle", b"cbuiltins\nno_such_name\n."], ids=["empty", "garbage", "unknown"]
)
def test_what_cannot_be_read_is_made_anew(tmp_path: Path, make: _Counting, damage: bytes) -> None:
    kept(tmp_path, "a", (), make)
    (file,) = (tmp_path / ".local" / "kept").iterdir()
    file.write_bytes(damage)
    assert kept(tmp_path, "a", (), make) == kept(tmp_path, "a", (), make) == [2]


def test_nothing_is_kept_of_a_failure_or_where_nothing_can_be_written(tmp_path: Path, make: _Counting) -> None:
    def fail() -> None:
        raise ValueError("wrong file")

    with pytest.raises(ValueError, match="wrong file"):
        kept(tmp_path, "a", (), fail)
    assert not (tmp_path / ".local" / "kept").exists()
    assert kept(tmp_path / "fresh", "a", (), make) == [1]
    assert not (tmp_path / "fresh").exists()
    (tmp_path / ".local" / "kept").write_text("a file where the folder should be")
    assert [kept(tmp_path, "a", (), make) for _ in range(2)] == [[2], [3]]


def test_four_results_of_a_name_are_kept_and_only_the_owner_may_look(tmp_path: Path, make: _Counting) -> None:
    for number in range(7):
        kept(tmp_path, "a", number, make)
    kept(tmp_path, "b", 0, make)
    files = list((tmp_path / ".local" / "kept").iterdir())
    assert sorted(path.name[0] for path in files) == ["a"] * 4 + ["b"]
    assert files[0].parent.stat().st_mode & 0o077 == 0


def test_stamps_tell_a_change_of_any_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    file = tmp_path / "deep" / "a.sql"
    file.write_text("select 1")
    before = stamps(tmp_path)
    file.write_text("select 2")
    os.utime(file, ns=(0, 7))
    assert stamps(tmp_path) != before and stamps(tmp_path) == stamps(tmp_path)


def test_the_parser_is_not_loaded_for_kept_declarations(root: Path, project: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from logistics.settings import load_stack;"
        "from logistics.declarations import load_declarations; import components.quality, components.ml;"
        f"project = Path({str(project)!r}); load_declarations(project, load_stack(project, 'dev'));"
        "sys.exit('sqlglot' in sys.modules)"
    )
    (project / ".local").mkdir(exist_ok=True)
    codes = [subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode for _ in range(2)]
    assert codes == [1, 0]
