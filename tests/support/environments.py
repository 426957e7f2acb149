"""Virtual environments that tests make for clients and policy packs of other versions than the project's own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# What uv says when the package index does not answer.
OFFLINE = ("connect", "timed out", "dns", "network")


def make(folder: Path, *install: str) -> Path:
    """A new environment of this Python in `folder` with what `uv pip install` is told to install; gives its interpreter.

    The test that asks is skipped where the package index does not answer.
    """
    uv = _uv()
    python = folder / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
    command = [uv, "pip", "install", "--quiet", "--python", str(python), *install]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if ran.returncode and any(word in ran.stderr.lower() for word in OFFLINE):
        pytest.skip(f"the package index does not answer: {ran.stderr.strip().splitlines()[-1]}")
    assert not ran.returncode, ran.stderr
    return python


def _uv() -> str:
    """The uv on PATH, else the one that `make` installed into the project's environment."""
    own = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or (str(own) if own.is_file() else None)
    assert uv, "uv is neither on PATH nor in the environment of the tests: make them run by `make test`"
    return uv
