"""--apply: the safe changes written into the stack file as a commit on a branch, and the preview of it; the account stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from logistics.errors import LogisticsError, UsageError
from logistics.optimizer.findings import Change, Recommendation
from logistics.optimizer.run import Report
from logistics.project import local_folder
from logistics.pulumi_command import program_folder
from logistics.settings import PlatformSettings, StackSettings, settings_from
from logistics.yaml_files import plain

_NEAR = ("logistics:autoSuspendSeconds", "logistics:warehouseSize")
"""A key that the file does not have yet is put behind the first of these."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was written: where, and what the next `pulumi up` of it would do."""

    branch: str
    commit: str
    changes: Sequence[str]
    preview: str
    pull_request: str = ""
    told: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        told = {"branch": self.branch, "commit": self.commit, "changes": list(self.changes), "preview": self.preview}
        object.__setattr__(self, "told", told | {"pull_request": self.pull_request or None})

    @property
    def lines(self) -> list[str]:
        """What people are told."""
        where = [f"pull request {self.pull_request}"] if self.pull_request else []
        return [
            f"committed {self.commit[:8]} to branch {self.branch}:",
            *(f"  {change}" for change in self.changes),
            *where,
            self.preview.rstrip(),
            f"nothing was deployed; to take it over: git merge {self.branch} && logistics deploy; to go back: logistics rollback, "
            f"and git revert {self.commit[:8]}",
        ]


def applicable(recommendations: Sequence[Recommendation]) -> list[Recommendation]:
    """Returns the recommendations that --apply writes."""
    return [item for item in recommendations if item.safe_to_apply]


def apply(
    root: Path, settings: StackSettings, variables: Mapping[str, str], report: Report, engine: str, pull_request: bool
) -> Applied | None:
    """Commits the safe changes to a new branch, without touching the work tree, and previews the branch.

    Returns:
        None if the stack file says all of it already.

    Raises:
        UsageError: the project is in no git repository, the stack file has changes that are not committed, the account is
            not as the stack file says, or `gh` is missing.
        LogisticsError: git or the preview fails; the branch is removed again.
    """
    if pull_request and shutil.which("gh") is None:
        raise UsageError("--pull-request needs GitHub's `gh` on PATH; without it, --apply alone makes the branch")
    git = _Git(root)
    committed = git.file(settings.file)
    _check_unchanged(root / settings.file, committed)
    changes = _pending(settings.platform, applicable(report.recommendations), settings.file)
    if not changes:
        return None
    wanted = [change for _, change in changes]
    text = changed_text(committed, wanted, settings.stack)
    branch = f"optimize/{report.environment}-{report.started_at:%Y%m%d}-{report.run_id[:8]}"
    commit = git.commit(branch, settings.file, text, _message(report, changes))
    try:
        with git.checked_out(commit) as folder:
            preview = _preview(root, folder, settings, variables, engine, wanted)
    except LogisticsError:
        git.remove(branch)
        raise
    said = [f"logistics:{change.key}: {change.before} -> {change.after}" for _, change in changes]
    url = git.pull_request(branch, _message(report, changes)) if pull_request else ""
    return Applied(branch=branch, commit=commit, changes=said, preview=preview, pull_request=url)


def changed_text(text: str, changes: Sequence[Change], stack: str) -> str:
    """Returns a stack file's text with the changes; comments and everything else stay as they are.

    Raises:
        SettingsError: the result would not be a valid stack file.
    """
    yaml = _yaml_like(text)
    document = yaml.load(text)
    config = document["config"]
    for change in changes:
        _set(config, f"logistics:{change.key}", change.after)
    settings_from(plain(config), stack)
    return _dumped(yaml, document)


def _yaml_like(text: str) -> YAML:
    """Returns the round-trip YAML whose indentation of lists is the text's."""
    for offset in (2, 0):
        yaml = YAML(typ="rt")
        yaml.preserve_quotes = True
        yaml.width = 10_000
        yaml.indent(mapping=2, sequence=2 + offset, offset=offset)
        if _dumped(yaml, yaml.load(text)) == text:
            return yaml
    return yaml


def _dumped(yaml: YAML, document: Any) -> str:
    written = StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def _set(config: CommentedMap, key: str, value: Any) -> None:
    """Sets a key; a new one is put behind a related one, unless a comment on what follows hangs there."""
    if key in config:
        config[key] = value
        return
    for near in _NEAR:
        if near in config and near not in config.ca.items:
            config.insert(list(config).index(near) + 1, key, value)
            return
    config[key] = value


def _in_force(settings: PlatformSettings) -> dict[str, Any]:
    """Returns what the stack file says of each key that the optimizer may write; a default where it says nothing."""
    said = settings.model_dump(mode="json", by_alias=True)
    return {
        key: said["autoSuspendSeconds"] if value is None and key.endswith("AutoSuspendSeconds") else value
        for key, value in said.items()
    }


def _pending(
    settings: PlatformSettings, recommendations: Sequence[Recommendation], file: str
) -> list[tuple[Recommendation, Change]]:
    """Returns the changes that the stack file does not have yet."""
    in_force, found = _in_force(settings), []
    for item in recommendations:
        change = item.change
        if change is None or in_force[change.key] == change.after:
            continue
        if in_force[change.key] != change.before:
            raise UsageError(
                f"{item.object_name} has {change.before}, but {file} says logistics:{change.key} = {in_force[change.key]}: "
                "deploy first, or see `logistics drift`"
            )
        found.append((item, change))
    return found


def _check_unchanged(file: Path, committed: str) -> None:
    """Refuses a stack file whose settings are being edited; the salt that Pulumi adds is no setting."""
    yaml = YAML(typ="safe")
    now = yaml.load(file.read_text(encoding="utf-8"))
    if now.get("config") != yaml.load(committed).get("config"):
        raise UsageError(f"{file.name} has changes that are not committed: commit or undo them, then --apply again")


def _message(report: Report, changes: Sequence[tuple[Recommendation, Change]]) -> str:
    said = ", ".join(f"{change.key} {change.after}" for _, change in changes)
    told = "\n".join(
        f"- {item.title}: {item.reason}. Saves {item.saving_credits or 0.0:,.1f} credits in 30 days, confidence {item.confidence:.0%}."
        for item, _ in changes
    )
    return (
        f"perf({report.environment}): {said}\n\n{told}\n\nFrom {report.covered_days:.1f} days of history; run {report.run_id} of "
        "`logistics optimize`.\n"
    )


def _preview(
    root: Path,
    folder: Path,
    settings: StackSettings,
    variables: Mapping[str, str],
    engine: str,
    changes: Sequence[Change],
) -> str:
    """Returns the preview of the branch, made in a folder of its own with this machine's encryption salt.

    Raises:
        LogisticsError: it fails.
    """
    mine = root / settings.file
    text = changed_text(mine.read_text(encoding="utf-8"), changes, settings.stack)
    (folder / settings.file).write_text(text, encoding="utf-8")
    if (root / ".venv").exists():
        (folder / ".venv").symlink_to(root / ".venv")
    program = Path(program_folder(root, engine)) / "bin" / "pulumi"
    done = subprocess.run(
        [program, "preview", "--diff", "--non-interactive", "--color", "never", "--stack", settings.stack],
        cwd=folder,
        env=os.environ | dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LogisticsError(
            f"the preview of the change failed, nothing was kept: {(done.stderr or done.stdout).strip()[-2000:]}"
        )
    return done.stdout


class _Git:
    """The repository of the project."""

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            self._prefix = self._run("rev-parse", "--show-prefix").strip()
            self._head = self._run("rev-parse", "--verify", "HEAD").strip()
        except LogisticsError as error:
            raise UsageError(
                f"--apply writes a git commit, but {root} is in no git repository with one: {error}"
            ) from None

    def _run(self, *arguments: str, text: str | None = None, index: str | None = None) -> str:
        """Runs git in the project.

        Raises:
            LogisticsError: it fails; with its own words.
        """
        environment = os.environ | ({"GIT_INDEX_FILE": index} if index else {})
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self._root,
                input=text,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise UsageError("--apply needs git on PATH") from None
        if done.returncode:
            raise LogisticsError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def file(self, name: str) -> str:
        """Returns a file of the project as it is committed."""
        try:
            return self._run("show", f"{self._head}:{self._prefix}{name}")
        except LogisticsError:
            raise UsageError(f"{name} is not committed: --apply changes what git knows") from None

    def commit(self, branch: str, name: str, text: str, message: str) -> str:
        """Makes a branch of HEAD with one commit that changes one file; index and work tree stay as they are."""
        with tempfile.TemporaryDirectory() as folder:
            index = str(Path(folder) / "index")
            self._run("read-tree", self._head, index=index)
            blob = self._run("hash-object", "-w", "--stdin", text=text).strip()
            self._run("update-index", "--cacheinfo", f"100644,{blob},{self._prefix}{name}", index=index)
            tree = self._run("write-tree", index=index).strip()
        made = self._run("commit-tree", tree, "-p", self._head, "-F", "-", text=message).strip()
        self._run("branch", "--no-track", branch, made)
        return made

    def remove(self, branch: str) -> None:
        """Removes a branch."""
        self._run("branch", "-D", branch)

    @contextmanager
    def checked_out(self, commit: str) -> Iterator[Path]:
        """Checks a commit out into a folder under `.local` for the block; yields the project's folder in it."""
        with tempfile.TemporaryDirectory(dir=local_folder(self._root), prefix="optimize-") as base:
            folder = Path(base) / "tree"
            self._run("worktree", "add", "--detach", "--quiet", str(folder), commit)
            try:
                yield folder / self._prefix
            finally:
                self._run("worktree", "remove", "--force", str(folder))

    def pull_request(self, branch: str, message: str) -> str:
        """Pushes a branch and opens its pull request; returns its address."""
        self._run("push", "--quiet", "origin", f"{branch}:{branch}")
        title, _, body = message.partition("\n\n")
        done = subprocess.run(
            ["gh", "pr", "create", "--head", branch, "--title", title, "--body-file", "-"],
            cwd=self._root,
            input=body,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LogisticsError(f"gh pr create failed, the branch {branch} is pushed: {done.stderr.strip()}")
        return done.stdout.strip()
