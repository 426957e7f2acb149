"""The workflows: pinned, least privileged, free of secrets for forks; every step is a command of this project that is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from logistics.cli import commands

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
VALUES = {"BASE": "HEAD~1", "STACK": "dev", "VERSION": "1", "NUMBER": "7"}


def load(path: Path) -> dict:
    """Return a workflow; YAML reads the key `on` as true."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in found.items()}


def steps() -> list:
    return [
        pytest.param(step, id=f"{path.stem}-{name}-{number}")
        for path in FILES
        for name, job in load(path)["jobs"].items()
        for number, step in enumerate(job["steps"])
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_workflow_has_no_right_that_a_job_does_not_ask_for_and_one_run_a_group(path):
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job and "permissions" in job
        assert "secrets." not in str(job) or job["environment"], (
            "secrets belong to an environment, whose rules guard them"
        )


def test_a_pull_request_is_checked_without_a_secret_and_without_a_right_to_write():
    path = ROOT / ".github" / "workflows" / "pull-request.yml"
    assert "secrets." not in path.read_text(encoding="utf-8")
    assert all(job["permissions"] == {"contents": "read"} for job in load(path)["jobs"].values())


@pytest.mark.parametrize("step", steps())
def test_a_step_is_pinned_or_a_command_of_this_project_that_takes_these_options(step):
    if "uses" in step:
        assert PINNED.match(step["uses"])
        if "checkout" in step["uses"]:
            assert step["with"]["persist-credentials"] is False
        return
    assert "${{" not in step["run"], "a value goes by the environment, where no shell reads it as code"
    words = [_filled(word) for word in shlex.split(step["run"].partition(" > ")[0])]
    if words[0] == "make":
        done = subprocess.run([*words, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    else:
        assert words[0] == ".venv/bin/logistics"
        assert (Path(sys.prefix) / "bin" / "logistics").exists()
        _parse(words[1:])


def _filled(word: str) -> str:
    return re.sub(r"\$(\w+)", lambda found: VALUES[found[1]], word)


def _parse(arguments: list[str]) -> None:
    """Read a command line as `logistics` does, down to the last command, and run nothing."""
    context = commands.make_context("logistics", list(arguments))
    while rest := [*context._protected_args, *context.args]:
        name, command, rest = context.command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        if not hasattr(command, "resolve_command"):
            break
