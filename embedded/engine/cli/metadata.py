"""What the history notes of an update's surroundings: flags, environment, versions, the state of the git tree.

Source: pkg/cmd/pulumi/metadata of Pulumi, and history written by the official CLI 3.260.0.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from embedded.engine.cli.command import Call
from embedded.engine.state import VERSION

_TRUE = frozenset({"1", "t", "true", "TRUE", "True", "T"})
_FALSE = frozenset({"0", "f", "false", "FALSE", "False", "F"})
_GIT_TIMEOUT_SECONDS = 5
_GIT_FORMAT = "%H%n%cn%n%ce%n%an%n%ae%n%s"


def update_environment(call: Call) -> tuple[dict[str, str], str]:
    """The environment of a history entry, and the message that stands for one not given: the last commit's subject."""
    environment = {
        "exec.kind": call.flags.get("exec_kind") or "cli",
        "pulumi.arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "pulumi.os": sys.platform,
        "pulumi.version": VERSION,
        "stack.environments": "[]",
        "updatePlan": "true" if call.flags.get("plan") else "false",
    }
    for name in call.given:
        value = call.flags.get(name.replace("-", "_"))
        environment[f"pulumi.flag.{name}"] = str(value).lower() if isinstance(value, bool) else "set"
    for name, value in os.environ.items():
        if name.startswith("PULUMI_"):
            environment[f"pulumi.env.{name}"] = "true" if value in _TRUE else "false" if value in _FALSE else "set"
    if call.path.rpartition(" ")[2] == "up":
        environment["runtime.name"] = call.session.project.runtime
    git, message = _git_environment(call.session.project.root)
    return environment | git, message


def _git_environment(folder: Path) -> tuple[dict[str, str], str]:
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return {}, ""
    head = _git(folder, "log", "-1", f"--format={_GIT_FORMAT}").splitlines()
    if len(head) < 6:
        return {}, ""
    keys = ("git.head", "git.committer", "git.committer.email", "git.author", "git.author.email")
    environment: dict[str, str] = dict(zip(keys, head, strict=False))
    branch = _git(folder, "symbolic-ref", "-q", "HEAD").strip()
    if branch:
        environment["git.headName"] = branch
    environment["git.dirty"] = "true" if _git(folder, "status", "--porcelain", "-uno").strip() else "false"
    return environment, head[5]


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ("git", "-C", str(folder), *arguments),
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
