"""Changes of stack files: what is written, and what is refused."""

from __future__ import annotations

import difflib
import os
import subprocess
from pathlib import Path

import pytest

from logistics.errors import SettingsError, UsageError
from logistics.optimizer.apply import Applied, applicable, apply, changed_text
from logistics.optimizer.findings import Change, Recommendation, ranked
from logistics.settings import load_stack

CHANGES = [
    Change(key="warehouseSize", before="X", after="LARGE"),
    Change(key="xsAutoSuspendSeconds", before=60, after=120),
]


def _changed_lines(before: str, after: str) -> list[str]:
    found = difflib.ndiff(before.splitlines(), after.splitlines())
    return [" ".join(line.split()) for line in found if line[0] in "+-"]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_only_the_keys_change_and_comments_stay(project, stack):
    text = (project / f"Pulumi.{stack}.yaml").read_text()
    size = load_stack(project, stack).platform.warehouse_size
    lines = _changed_lines(text, changed_text(text, CHANGES, stack))
    assert lines == [
        f"- logistics:warehouseSize: {size}",
        "+ logistics:warehouseSize: LARGE",
        "+ logistics:xsAutoSuspendSeconds: 120",
    ]


def test_a_file_with_other_indentation_and_its_own_end_keeps_them(project):
    text = (project / "Pulumi.dev.yaml").read_text().replace("    - ", "  - ").replace("      ", "    ")
    text += "encryptionsalt: v1:abc\n# the end\n"
    changed = changed_text(text, CHANGES, "dev")
    assert len(_changed_lines(text, changed)) == 3 and changed.endswith("encryptionsalt: v1:abc\n# the end\n")


def test_what_would_be_no_valid_stack_file_is_refused(project):
    text = (project / "Pulumi.dev.yaml").read_text()
    with pytest.raises(SettingsError, match="maxClusters"):
        changed_text(text, [Change(key="maxClusters", before=1, after=99)], "dev")


def test_only_safe_changes_are_applied_and_the_critical_come_first(recommendation):
    change = Change(key="warehouseSize", before="SMALL", after="MEDIUM")
    found = [
        recommendation(kind="a", saving_usd=1.0, confidence=1.0),
        recommendation(kind="b", saving_usd=50.0, confidence=0.5, change=change),
        recommendation(kind="c", change=change, not_applied_because="maxWarehouseSize is SMALL"),
        recommendation(kind="d", severity="critical"),
    ]
    assert [item.kind for item in applicable(found)] == ["b"]
    assert [item.kind for item in ranked(found)] == ["d", "b", "a", "c"]
    assert found[0].id != found[1].id == recommendation(kind="b", title="other figures").id


class Report:
    """What `apply` reads of a report."""

    environment, run_id, covered_days = "dev", "0123456789abcdef", 30.0

    def __init__(self, item: Recommendation) -> None:
        from datetime import UTC, datetime

        self.recommendations, self.started_at = [item], datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def try_apply(project: Path, recommendation, monkeypatch):
    """Applies one change of warehouseSize to the copied project, from what the account has to SMALL."""
    for name, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CEILING_DIRECTORIES": str(project.parent)}.items():
        monkeypatch.setenv(name, value)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "T")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "t@example.org")

    def run(before: str = "X-SMALL", after: str = "SMALL", pull_request: bool = False) -> Applied | None:
        item = recommendation(change=Change(key="warehouseSize", before=before, after=after))
        return apply(project, load_stack(project, "dev"), {}, Report(item), "embedded", pull_request)  # pyright: ignore

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True, text=True).stdout

    run.git = git
    return run


def _committed(run) -> None:
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        run.git(*arguments)


def test_outside_of_git_nothing_is_applied(try_apply):
    with pytest.raises(UsageError, match="in no git repository"):
        try_apply()


def test_settings_that_are_being_edited_are_not_overtaken(try_apply, edit):
    _committed(try_apply)
    edit("Pulumi.dev.yaml", "autoSuspendSeconds: 60", "autoSuspendSeconds: 90")
    with pytest.raises(UsageError, match="changes that are not committed"):
        try_apply()


def test_an_account_that_is_not_as_the_file_says_is_deployed_first(try_apply):
    _committed(try_apply)
    with pytest.raises(UsageError, match=r"has LARGE, but Pulumi\.dev\.yaml says logistics:warehouseSize = X-SMALL"):
        try_apply(before="LARGE")


def test_what_the_file_says_already_is_no_change(try_apply):
    _committed(try_apply)
    assert try_apply(before="LARGE", after="X-SMALL") is None


def test_a_pull_request_without_gh_is_refused_before_anything_is_done(try_apply, monkeypatch):
    _committed(try_apply)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="needs GitHub's `gh`"):
        try_apply(pull_request=True)


def test_a_preview_that_fails_leaves_no_branch(try_apply, monkeypatch):
    from logistics.errors import LogisticsError
    from logistics.optimizer import apply as module

    _committed(try_apply)
    monkeypatch.setattr(module, "program_folder", lambda *_: "/nowhere")
    monkeypatch.setattr(module.subprocess, "run", _failing_program(module.subprocess.run))
    with pytest.raises(LogisticsError, match="the preview of the change failed, nothing was kept: no backend"):
        try_apply()
    assert "optimize/" not in try_apply.git("branch", "--list") and try_apply.git("worktree", "list").count("\n") == 1


def _failing_program(run):
    def stand_in(command, **more):
        if str(command[0]).endswith("pulumi"):
            return subprocess.CompletedProcess(command, 255, "", "no backend")
        return run(command, **more)

    return stand_in
