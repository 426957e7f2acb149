"""The two sides of a change, each written to a folder of its own: nothing is ever written to the caller's."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from logistics.errors import LogisticsError, UsageError

_SHOWN_FILES = 5
_LOCAL_ACCOUNT = {
    "snowflake:organizationName": "LOCAL",
    "snowflake:user": "ADMIN",
    "snowflake:role": "ACCOUNTADMIN",
}
"""What a stack file says in a review: an account of the local Snowflake, whatever it says otherwise."""
_CREDENTIALS = ("password", "privateKey", "privateKeyPassphrase", "token", "authenticator", "host", "port", "protocol")


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The folders of a change.

    Attributes:
        base, head: the project before and after it.
        commit: the base's commit.
        hidden: secret values of stack files that were replaced by others, as `file: key`, since nobody opened them.
    """

    base: Path
    head: Path
    commit: str
    hidden: tuple[str, ...] = ()


class Repository:
    """The git repository that a project lies in.

    Raises:
        UsageError: git is not installed, or the project lies in no repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        if shutil.which("git") is None:
            raise UsageError("git is not on PATH: a review compares commits; install git")
        done = self._git("rev-parse", "--show-prefix", check=False)
        if done.returncode:
            raise UsageError(f"{root} lies in no git repository: a review compares a commit with what is there")
        self._prefix = done.stdout.decode().strip()
        self._top = self._git("rev-parse", "--show-toplevel").stdout.decode().strip()

    def base_commit(self, ref: str) -> str:
        """Returns the commit that a change set out from: the newest one that `ref` and HEAD share.

        Raises:
            UsageError: there is no such commit here, or the two share none.
        """
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", check=False)
        if found.returncode:
            raise UsageError(
                f"{ref!r} is no commit here: name another base, or fetch it first, such as git fetch origin main"
            )
        shared = self._git("merge-base", found.stdout.decode().strip(), "HEAD", check=False)
        if shared.returncode:
            raise UsageError(
                f"{ref!r} and HEAD share no commit here: in a shallow clone fetch the history first, by git fetch --unshallow"
            )
        return shared.stdout.decode().strip()

    def refuse_changes(self) -> None:
        """Refuses files that no commit holds; a stack file's salt, which `make up` writes, is none of them.

        Raises:
            UsageError: names the files.
        """
        said = self._git("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", ".").stdout.decode()
        files = [entry[3:] for entry in said.split("\0") if entry]
        changed = sorted(file for file in files if not self._only_salt(file))
        if changed:
            more = f" and {len(changed) - _SHOWN_FILES} more" if len(changed) > _SHOWN_FILES else ""
            raise UsageError(
                f"no commit holds the changes of {', '.join(changed[:_SHOWN_FILES])}{more}: commit them, "
                "or add --allow-dirty to review the files as they are"
            )

    def _only_salt(self, file: str) -> bool:
        name = file.removeprefix(self._prefix)
        path = self.root / name
        if not (Path(name).match("Pulumi.*.yaml") and path.is_file()):
            return False
        committed = self._git("show", f"HEAD:./{name}", check=False)
        return committed.returncode == 0 and _unsalted(committed.stdout.decode()) == _unsalted(path.read_text("utf-8"))

    def write_commit(self, commit: str, folder: Path) -> None:
        """Writes the project's files of a commit to a folder."""
        tree = f"{commit}:{self._prefix}" if self._prefix else commit
        archive = self._git("-C", self._top, "archive", "--format=tar", tree).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")

    def write_files(self, folder: Path) -> None:
        """Writes the project's files as they are, tracked ones and new ones that are not ignored, to a folder."""
        listed = self._git("ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.decode()
        for name in filter(None, listed.split("\0")):
            if (self.root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.root / name, folder / name)

    def _git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, check=False)
        if check and done.returncode:
            raise LogisticsError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
        return done


def write_sides(root: Path, folder: Path, ref: str, *, allow_dirty: bool = False, patch: Path | None = None) -> Sides:
    """Writes base and head of a change below a folder, made ready for the local Snowflake.

    Args:
        root: the project.
        folder: where to; it is the caller's to remove.
        ref: what the change is compared with.
        allow_dirty: whether the head is what lies in the project's folder, with what no commit holds.
        patch: applied to the head, which then is the commit of HEAD, whatever lies in the project's folder.

    Raises:
        UsageError: there is no repository or commit, the project has changes that are not allowed, the patch does not fit.
    """
    repository = Repository(root)
    commit = repository.base_commit(ref)
    base, head = folder / "base", folder / "head"
    base.mkdir()
    head.mkdir()
    if patch is None and not allow_dirty:
        repository.refuse_changes()
    repository.write_commit(commit, base)
    if allow_dirty:
        repository.write_files(head)
    else:
        repository.write_commit("HEAD", head)
    if patch:
        apply_patch(head, patch)
    return Sides(base=base, head=head, commit=commit)


def apply_patch(folder: Path, patch: Path) -> None:
    """Applies a patch to a folder; a file that it deletes goes, whatever it holds by now.

    Raises:
        UsageError: it does not fit.
    """
    kept = []
    for part in re.split(r"(?m)^(?=diff --git )", patch.read_text(encoding="utf-8")):
        deleted = re.search(r"\Adiff --git a/(\S+) b/\S+\ndeleted file mode", part)
        if deleted and (folder / deleted[1]).resolve().is_relative_to(folder.resolve()):
            (folder / deleted[1]).unlink(missing_ok=True)
        else:
            kept.append(part)
    if not "".join(kept).strip():
        return
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        input="".join(kept),
        cwd=folder,
        env={"PATH": os.environ.get("PATH", ""), "GIT_DIR": os.devnull},  # the folder is no repository
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UsageError(f"{patch.name} does not fit the project: {done.stderr.strip()}")


def settings_of(folder: Path, stack: str) -> dict[str, Any]:
    """Returns what a stack file says by full key, as it was written; empty where there is no such file."""
    path = folder / f"Pulumi.{stack}.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found = (document or {}).get("config") or {}
    return {key: _told(value) for key, value in found.items()}


def _told(value: Any) -> Any:
    """Returns a value as a report may show it: of a secret, only whether it is another one."""
    if _is_secret(value):
        return f"secret {hashlib.sha256(str(value['secure']).encode()).hexdigest()[:8]}"
    if isinstance(value, dict):
        return {key: _told(each) for key, each in value.items()}
    return [_told(each) for each in value] if isinstance(value, list) else value


def make_local(folder: Path, local: Path, environment: Path) -> Iterator[str]:
    """Points every stack of a folder at the local Snowflake; yields secrets that were replaced, as `file: key`.

    Args:
        folder: one side of a change.
        local: what belongs to this review alone, for `.local`.
        environment: the virtual environment that both sides run in.
    """
    (folder / ".local").symlink_to(local)
    if environment.is_dir() and not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(environment)
    for path in sorted(folder.glob("Pulumi.*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
            continue  # what reads it says what is wrong with it
        document.pop("encryptionsalt", None)
        config = {key: value for key, value in document["config"].items() if not _is_credential(key)}
        yield from (f"{path.name}: {key}" for key, value in config.items() if _has_secret(value))
        stack = path.name.split(".")[1].upper()
        there = {key: value for key, value in _LOCAL_ACCOUNT.items() if key in config}
        account = {"snowflake:accountName": stack} if "snowflake:accountName" in config else {}
        document["config"] = {key: _opened(value) for key, value in config.items()} | there | account
        path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _is_credential(key: str) -> bool:
    namespace, _, name = key.partition(":")
    return namespace == "snowflake" and name in _CREDENTIALS


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"}


def _has_secret(value: Any) -> bool:
    if isinstance(value, dict):
        return _is_secret(value) or any(_has_secret(each) for each in value.values())
    return isinstance(value, list) and any(_has_secret(each) for each in value)


def _opened(value: Any) -> Any:
    """Returns a value with each secret replaced by another one that is no secret, and changes when the secret does."""
    if _is_secret(value):
        return "secret-" + hashlib.sha256(str(value["secure"]).encode()).hexdigest()[:8]
    if isinstance(value, dict):
        return {key: _opened(each) for key, each in value.items()}
    return [_opened(each) for each in value] if isinstance(value, list) else value


def _unsalted(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("encryptionsalt:"))
