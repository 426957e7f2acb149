"""The history of a stack on Pulumi Cloud, as its command tells it; no account there is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from logistics.deployment import cloud_versions
from logistics.deployment.history import list_versions
from logistics.deployment.state import Checkpoint
from logistics.errors import LogisticsError

ROOT = Path(__file__).resolve().parents[3]
CLOUD = "https://api.pulumi.com"


class Cloud:
    """Answers as `pulumi` on Pulumi Cloud does: newest first, by pages; any version's checkpoint."""

    def __init__(self, updates: int) -> None:
        self.asked: list[list[str]] = []
        self._entries = [self._entry(number) for number in range(updates, 0, -1)]

    @staticmethod
    def _entry(number: int) -> dict[str, Any]:
        return {
            "version": number,
            "kind": "update",
            "startTime": "2026-03-01T08:00:00.000Z",
            "endTime": f"2026-03-01T08:{number % 60:02}:30.000Z",
            "message": f"change {number}",
            "environment": {"git.author": "Ana", "git.head": f"{number:040}", "git.dirty": "true"},
            "config": {},
            "result": "failed" if number == 2 else "succeeded",
            "resourceChanges": {"same": number},
        }

    def __call__(self, arguments: Sequence[str]) -> str:
        self.asked.append(list(arguments))
        options = dict(zip(arguments, [*arguments[1:], ""], strict=True))
        assert options["--stack"] == "dev"
        if arguments[:2] == ["stack", "history"]:
            size, page = int(options["--page-size"]), int(options["--page"])
            return json.dumps(self._entries[size * (page - 1) : size * page])
        told = {"plaintext": '"s"'} if "--show-secrets" in arguments else {"ciphertext": "v1:x"}
        resource = {"urn": f"urn:{options['--version']}", "type": "t", "outputs": {"secret": told}}
        return json.dumps({"version": 3, "deployment": {"resources": [resource]}})


def never(checkpoint: Checkpoint) -> Checkpoint:
    raise AssertionError(f"Pulumi Cloud opens the secrets itself: {checkpoint}")


@pytest.mark.parametrize("updates", [0, 1, 3, 4, 7])
def test_all_pages_are_asked_and_the_oldest_is_first(monkeypatch, updates):
    monkeypatch.setattr(cloud_versions, "PAGE_SIZE", 3)
    versions = list_versions(CLOUD, "logistics", "dev", Cloud(updates))
    assert [version.number for version in versions] == list(range(1, updates + 1))


def test_a_version_tells_who_when_and_from_which_commit():
    first, second = list_versions(CLOUD, "logistics", "dev", Cloud(2))
    assert (first.succeeded, second.succeeded) == (True, False)
    assert (second.message, second.author, second.git_revision, second.git_dirty) == (
        "change 2",
        "Ana",
        f"{2:040}",
        True,
    )
    assert (f"{first.ended_at:%H:%M:%S %Z}", first.changes) == ("08:01:30 UTC", {"same": 1})


def test_a_past_checkpoint_comes_with_its_secrets_closed_or_plain():
    cloud = Cloud(2)
    version = list_versions(CLOUD, "logistics", "dev", cloud)[0]
    (closed,), (plain,) = version.checkpoint().resources, version.plain_checkpoint(never).resources
    assert (closed.urn, closed.outputs["secret"]) == ("urn:1", {"ciphertext": "v1:x"})
    assert plain.outputs["secret"] == {"plaintext": '"s"'}


def test_what_is_no_history_is_refused():
    with pytest.raises(LogisticsError, match="the history of dev on Pulumi Cloud cannot be read"):
        list_versions(CLOUD, "logistics", "dev", lambda _: "<html>")


@pytest.mark.slow
def test_the_command_tells_the_history_that_the_files_hold(tmp_path):
    """Both ways lead to the same versions: the command's words are those of a real engine's history."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "Pulumi.yaml").write_text(
        f"name: p\nruntime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
    )
    (tmp_path / "project" / "__main__.py").write_text("import pulumi\npulumi.export('a', 1)\n")
    backend = f"file://{tmp_path}/state"
    (tmp_path / "state").mkdir()
    told = {"PULUMI_BACKEND_URL": backend, "PULUMI_CONFIG_PASSPHRASE": "p", "PULUMI_HOME": str(tmp_path / "home")}

    def ask(arguments: Sequence[str]) -> str:
        command = [ROOT / "embedded/bin/pulumi", *arguments, "--non-interactive"]
        done = subprocess.run(
            command, cwd=tmp_path / "project", env=os.environ | told, capture_output=True, text=True, check=False
        )
        assert not done.returncode, done.stderr
        return done.stdout

    ask(["stack", "init", "dev"])
    for message in ("one", "two"):
        ask(["up", "--yes", "--skip-preview", "--stack", "dev", "--message", message])
    by_files = list_versions(backend, "p", "dev", ask)
    by_command = list_versions(CLOUD, "p", "dev", ask)
    assert [version.message for version in by_command] == ["one", "two"]
    assert by_command == by_files
