"""A copy of the project's declarations that a test may break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root() -> Path:
    """The project's own folder."""
    return ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the project's stack files and sql/."""
    for path in ROOT.glob("Pulumi*.yaml"):
        # The salt belongs to the passphrase of whoever ran `make up` here.
        lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith("encryptionsalt:")]
        (tmp_path / path.name).write_text("".join(lines))
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    return tmp_path


@pytest.fixture
def edit(project: Path) -> Callable[[str, str, str], None]:
    """Replaces a text in a file of the copy; the text must be there."""

    def change(file: str, old: str, new: str) -> None:
        path = project / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change
