"""What the engine's tests share: a project in a folder of its own, and its command line run in this process."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

# As the launcher does: before gRPC starts.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

from embedded.engine import secrets
from embedded.engine.cli import main

SAMPLE = Path(__file__).parent / "backend" / "sample"
PASSPHRASE = "correct-horse"


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str


Pulumi = Callable[..., Ran]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean environment: its own home and backend, a passphrase, nothing of the user's."""
    for name in ("PULUMI_STACK", "PULUMI_CONFIG_PASSPHRASE_FILE", "CI", "NO_COLOR", "PULUMI_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    backend = tmp_path / "backend"
    backend.mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{backend}")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    return backend


@pytest.fixture
def pulumi(environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    """Runs a command line in this process."""

    def run(*arguments: str, stdin: str = "") -> Ran:
        assert environment.is_dir()
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an empty program, in the working directory; keys are derived in one round.

    The official million rounds are there to make an attacker wait, not a test.
    """
    monkeypatch.setattr(secrets, "_ITERATIONS", 1)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: proj\nruntime: python\n")
    (folder / "__main__.py").write_text("")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def stack(project: Path, pulumi: Pulumi) -> Path:
    """The project with a stack `dev`, selected; returns the stack's configuration file."""
    assert pulumi("stack", "init", "dev").code == 0
    return project / "Pulumi.dev.yaml"


@pytest.fixture
def sample(tmp_path: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project and backend that the official CLI left, `dev` selected; returns the project's folder."""
    shutil.copytree(SAMPLE / "pulumi", environment / ".pulumi")
    folder = tmp_path / "sample"
    folder.mkdir()
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "box.py"):
        shutil.copy(SAMPLE / name, folder / name)
    shutil.copy(SAMPLE / "program.py", folder / "__main__.py")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PULUMI_STACK", "dev")
    return folder
