"""The journal of a running deployment: each begin and end of a step, one JSON object a line, beside the checkpoint.

The checkpoint is written once at the end of a run; until then the journal says what happened since, so that a kill at any
instant loses no finished step and the cost of a run grows with its steps, not with their square. The first line names the
checkpoint that the rest goes on from: a journal left over after its checkpoint was rewritten is recognised and set aside.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from threading import Lock
from typing import Any

from embedded.engine import values
from embedded.engine.backend.files import read_file
from embedded.engine.errors import EngineError

_VERSION = 1


def fingerprint(checkpoint: bytes | None) -> str:
    """What a journal knows its checkpoint by."""
    return hashlib.sha256(checkpoint or b"").hexdigest()


class JournalFile:
    """A journal being written; each entry is with the operating system when `append` returns."""

    def __init__(self, path: Path, base: str) -> None:
        """Begin a journal.

        Args:
            path: Its file; one that is there is replaced.
            base: The fingerprint of the checkpoint that it goes on from.

        Raises:
            EngineError: The file cannot be written.
        """
        self.path = path
        self._lock = Lock()
        try:
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        except OSError as error:
            raise EngineError(f"could not write '{path}': {error.strerror}") from error
        self.append({"journal": _VERSION, "base": base})

    def append(self, entry: dict[str, Any]) -> None:
        """Add an entry.

        Raises:
            EngineError: The file cannot be written.
        """
        line = values.dumps(entry).encode() + b"\n"
        try:
            with self._lock:
                os.write(self._handle, line)
        except OSError as error:
            raise EngineError(f"could not write '{self.path}': {error.strerror}") from error

    def close(self, remove: bool) -> None:
        """End the journal.

        Args:
            remove: Whether its entries are in the checkpoint now; otherwise the file stays for the next command.
        """
        with self._lock:
            if not remove:
                os.fsync(self._handle)
            os.close(self._handle)
            if remove:
                self.path.unlink(missing_ok=True)


def read_entries(path: Path, base: str) -> list[dict[str, Any]]:
    """The entries of the journal that goes on from a checkpoint; none if there is no such journal.

    A last line that was not written to its end is left out.

    Raises:
        EngineError: The journal was written by a later version, or is damaged before its last line.
    """
    data = read_file(path)
    if not data:
        return []
    lines = data.split(b"\n")[:-1]
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(json.loads(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise EngineError(f"the journal '{path}' is damaged in line {number}: {error}") from error
    if not entries or entries[0].get("base") != base:
        return []
    if entries[0].get("journal") != _VERSION:
        raise EngineError(f"the journal '{path}' was written by another version: {entries[0].get('journal')}")
    return entries[1:]
