"""The process of a program: ready before it is told what to run, gone when nobody wants it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from embedded.engine.language.interpreter import Interpreter


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children())


def _run(folder: Path) -> tuple[int, list[tuple[str, str, int]]]:
    """The exit code, and what was printed."""
    printed: list[tuple[str, str, int]] = []
    interpreter = Interpreter(sys.executable, folder)
    code = asyncio.run(interpreter.run("{}", lambda *line: printed.append(line)))
    return code, printed


def test_what_goes_wrong_before_it_is_told_what_to_run_is_shown(tmp_path: Path) -> None:
    (tmp_path / "pulumi.py").write_text("print('loaded')\nraise ImportError('no such SDK')\n")
    code, printed = _run(tmp_path)
    assert code == 1
    assert ("loaded", "info", 1) in printed
    assert ("ImportError: no such SDK", "info#err", 2) in printed


def test_a_signal_that_ends_it_is_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "pulumi.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert _run(tmp_path) == (-9, [])


@pytest.mark.parametrize("forgotten", [False, True], ids=["closed", "forgotten"])
def test_nobody_is_left_where_nothing_is_run(tmp_path: Path, forgotten: bool) -> None:
    before = _children()
    interpreter = Interpreter(sys.executable, tmp_path)
    (process,) = _children() - before
    if forgotten:
        del interpreter
    else:
        interpreter.close()
        interpreter.close()
    assert not process.is_running()


def test_it_ends_by_itself_when_its_input_ends(tmp_path: Path) -> None:
    interpreter = Interpreter(sys.executable, tmp_path)
    printed: list[str] = []
    assert asyncio.run(interpreter.run("", lambda line, *_: printed.append(line))) == 0
    assert printed == []
