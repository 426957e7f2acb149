"""A project whose program uses the provider of the conformance tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "conformance" / "engine" / "plugin"
PRELUDE = """\
import pulumi
class Res(pulumi.CustomResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("tst:index:Res", name, {**props, "out": None}, opts)
class Part(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("tst:index:Part", name, {}, opts)
"""


@pytest.fixture
def write(stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes the program of a project that uses the test provider."""
    (stack.parent / "Pulumi.yaml").write_text(
        f"name: proj\nruntime: python\nplugins:\n  providers:\n  - {{name: tst, path: {PLUGIN}}}\n"
    )
    monkeypatch.setenv("TST_CLOUD", str(tmp_path / "cloud.json"))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))

    def write(program: str) -> None:
        (stack.parent / "__main__.py").write_text(PRELUDE + program)

    return write
