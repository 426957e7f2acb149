"""A small git repository with a project in it, and the platform's own declarations as both sides of a change."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from logistics.review.plans import Side, check_side
from logistics.review.sources import apply_patch

ROOT = Path(__file__).parents[3]
CHANGES = Path(__file__).parent / "changes"
_READ = ("sql", "dashboard")

Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, Git]:
    """A repository with one commit of two files on the branch main, and git in it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false")

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout

    git("init", "--quiet", "--initial-branch=main")
    (folder / "Pulumi.dev.yaml").write_text("config:\n  logistics:environment: dev\n")
    (folder / "note.txt").write_text("one\n")
    git("add", ".")
    git("commit", "--quiet", "--message=first")
    return folder, git


@pytest.fixture(scope="session")
def base_side(tmp_path_factory: pytest.TempPathFactory) -> Side:
    """What the platform declares for dev, from a copy of its files."""
    folder = tmp_path_factory.mktemp("base")
    for name in _READ:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (*ROOT.glob("Pulumi.*yaml"),):
        shutil.copy(path, folder / path.name)
    side = check_side(folder, "dev", "the base")
    assert side is not None
    return side


@pytest.fixture
def head_of(base_side: Side, tmp_path: Path) -> Callable[[str], Side]:
    """The same with an example change."""

    def head(name: str) -> Side:
        folder = tmp_path / name
        shutil.copytree(base_side.root, folder)
        apply_patch(folder, CHANGES / f"{name}.patch")
        side = check_side(folder, "dev", "the change")
        assert side is not None
        return side

    return head
