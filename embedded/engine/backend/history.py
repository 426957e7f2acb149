"""The history of a stack: what each finished update, refresh, destroy or import did, and the state after it.

Source: files written by the official CLI 3.260.0.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

from embedded.engine import values
from embedded.engine.backend.buckets import StorePath
from embedded.engine.backend.files import read_file, write_atomically
from embedded.engine.errors import EngineError

_SUFFIX = ".history.json"


@dataclass
class UpdateInfo:
    """One entry of the history; times are in seconds since 1970, `config` is encoded as in the stack file."""

    kind: str
    start_time: int
    message: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    result: str = "succeeded"
    end_time: int = 0
    resource_changes: dict[str, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry as the file holds it."""
        fields = {
            "kind": self.kind,
            "startTime": self.start_time,
            "message": self.message,
            "environment": dict(sorted(self.environment.items())),
            "config": dict(sorted(self.config.items())),
            "version": self.version,
            "result": self.result,
            "endTime": self.end_time,
        }
        if self.resource_changes:
            fields["resourceChanges"] = dict(sorted(self.resource_changes.items()))
        return fields

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> UpdateInfo:
        """The entry that a file holds."""
        return cls(
            kind=raw["kind"],
            start_time=int(raw["startTime"]),
            message=raw.get("message") or "",
            environment=raw.get("environment") or {},
            config=raw.get("config") or {},
            version=raw.get("version") or 0,
            result=raw.get("result") or "",
            end_time=int(raw.get("endTime") or 0),
            resource_changes=raw.get("resourceChanges"),
        )


def add(folder: StorePath, stack: str, info: UpdateInfo, checkpoint: bytes, suffix: str) -> None:
    """Record an update together with a copy of the checkpoint after it.

    Args:
        folder: The stack's history folder.
        stack: The stack's bare name.
        info: What the update did.
        checkpoint: The checkpoint file's content.
        suffix: The checkpoint file's compression suffix.
    """
    base = f"{stack}-{time.time_ns()}"
    write_atomically(folder / f"{base}.checkpoint.json{suffix}", checkpoint, durable=False)
    write_atomically(folder / f"{base}{_SUFFIX}", values.dumps(info.to_json()).encode())


def read(folder: StorePath, stack: str, page_size: int = 0, page: int = 1) -> list[UpdateInfo]:
    """The updates of a stack, newest first.

    Args:
        folder: The stack's history folder.
        stack: The stack's bare name.
        page_size: How many make a page; 0 for all.
        page: The page, from 1.

    Raises:
        EngineError: An entry cannot be read.
    """
    pattern = re.compile(re.escape(stack) + r"-(\d+)" + re.escape(_SUFFIX))
    found = [(int(match[1]), path) for path in _files(folder) if (match := pattern.fullmatch(path.name))]
    paths = [path for _, path in sorted(found, reverse=True)]
    if page_size > 0:
        start = (max(page, 1) - 1) * page_size
        paths = paths[start : start + page_size]
    return [_read_one(path) for path in paths]


def _files(folder: StorePath) -> list[StorePath]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _read_one(path: StorePath) -> UpdateInfo:
    try:
        return UpdateInfo.from_json(json.loads(read_file(path) or b""))
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"reading history: '{path}' is no record of an update: {error!r}") from error


def rename(old_folder: StorePath, old_stack: str, new_folder: StorePath, new_stack: str) -> None:
    """Move the history of a stack to its new name."""
    for path in _files(old_folder):
        if path.name.startswith(f"{old_stack}-"):
            target = new_folder / f"{new_stack}{path.name.removeprefix(old_stack)}"
            write_atomically(target, read_file(path) or b"", durable=False)
            path.unlink()
    if old_folder.is_dir() and not any(old_folder.iterdir()):
        old_folder.rmdir()
