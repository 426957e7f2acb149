"""The journal of a running deployment: each begin and end of a step, one JSON object a line, beside the checkpoint.

The checkpoint is written once at the end of a run; until then the journal says what happened since, so that a kill at any
instant loses no finished step and the cost of a run grows with its steps, not with their square. The first line names the
checkpoint that the rest goes on from: a journal left over after its checkpoint was rewritten is recognised and set aside.
It names its run too: one that lost its lock and goes on beside another neither writes into the other's journal nor removes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import uuid
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from embedded.engine import values
from embedded.engine.backend.buckets import BucketPath, StorePath
from embedded.engine.backend.files import read_file
from embedded.engine.errors import EngineError

_VERSION = 1


def fingerprint(checkpoint: bytes | None) -> str:
    """What a journal knows its checkpoint by."""
    return hashlib.sha256(checkpoint or b"").hexdigest()


class Journal(Protocol):
    """A journal being written."""

    def append(self, entry: dict[str, Any]) -> None:
        """Add an entry.

        Raises:
            EngineError: It cannot be written.
        """
        ...

    def close(self, remove: bool) -> None:
        """End the journal.

        Args:
            remove: Whether its entries are in the checkpoint now; otherwise it stays for the next command.
        """
        ...

    def is_replaced(self) -> bool:
        """Whether another run has begun a journal in its place, or removed it."""
        ...


def open_journal(path: StorePath, base: str) -> Journal:
    """Begin a journal; one that is there is replaced.

    Args:
        path: Where it is kept.
        base: The fingerprint of the checkpoint that it goes on from.

    Raises:
        EngineError: It cannot be written.
    """
    if isinstance(path, BucketPath):
        return _BucketJournal(path, base)
    return JournalFile(path, base)


class JournalFile:
    """A journal being written; each entry is with the operating system when `append` returns.

    After a failure nothing more is written: a gap would make what follows untrue.
    """

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
        self._failure: EngineError | None = None
        self._run = uuid.uuid4().hex
        try:
            # A file of its own: who still writes to the one that was here writes to nobody.
            path.unlink(missing_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise EngineError(f"could not write '{path}': {error.strerror}") from error
        self.append(_header(base, self._run))

    def append(self, entry: dict[str, Any]) -> None:
        """Add an entry.

        Raises:
            EngineError: The file cannot be written.
        """
        line = _line(entry)
        with self._lock:
            if self._failure is not None:
                raise self._failure
            try:
                _write_whole(self._handle, line)
            except OSError as error:
                self._failure = EngineError(f"could not write '{self.path}': {error.strerror}")
                raise self._failure from error

    def close(self, remove: bool) -> None:
        """End the journal.

        Args:
            remove: Whether its entries are in the checkpoint now; otherwise the file stays for the next command.
        """
        with self._lock:
            if not remove:
                with contextlib.suppress(OSError):
                    os.fsync(self._handle)
            os.close(self._handle)
            if remove and not self.is_replaced():
                self.path.unlink(missing_ok=True)

    def is_replaced(self) -> bool:
        """Whether another run has begun a journal in its place, or removed it."""
        return _is_replaced(self.path, self._run)


def _write_whole(handle: int, data: bytes) -> None:
    """Write all of it or (on a full disk, say) nothing: a torn line would spoil those that follow."""
    start = os.lseek(handle, 0, os.SEEK_END)
    try:
        written = os.write(handle, data)
        while written < len(data):
            written += os.write(handle, data[written:])
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, start)
        raise


class _BucketJournal:
    """A journal in a bucket, where nothing can be appended to: an object for the first line, and one for each that counts.

    What only says that a resource stayed as it was is kept back until something happens: lost in a kill, it is found out again.
    """

    def __init__(self, path: BucketPath, base: str) -> None:
        self._path = path
        self._lock = Lock()
        self._parts = 0
        self._waiting: list[bytes] = []
        self._run = uuid.uuid4().hex
        remove(path)
        path.write_bytes(_line(_header(base, self._run)))

    def append(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._waiting.append(_line(entry))
            if any(change[0] != "keep" for change in entry["changes"]):
                self._write()

    def _write(self) -> None:
        if self._waiting:
            self._parts += 1
            (_parts_folder(self._path) / f"{self._run}-{self._parts:08}").write_bytes(b"".join(self._waiting))
            self._waiting = []

    def close(self, remove: bool) -> None:
        with self._lock:
            if not remove:
                self._write()
            elif not self.is_replaced():
                _remove_bucket_journal(self._path)

    def is_replaced(self) -> bool:
        return _is_replaced(self._path, self._run)


def _line(entry: dict[str, Any]) -> bytes:
    return values.dumps(entry).encode() + b"\n"


def _header(base: str, run: str) -> dict[str, Any]:
    return {"journal": _VERSION, "base": base, "run": run}


def _run_of(path: StorePath) -> str | None:
    """The run that a journal's first line names; None if there is no such journal."""
    try:
        with io.BytesIO(path.read_bytes()) if isinstance(path, BucketPath) else path.open("rb") as file:
            return json.loads(file.readline()).get("run")
    except (FileNotFoundError, ValueError):
        return None


def _is_replaced(path: StorePath, run: str) -> bool:
    # Where the storage does not answer nobody is known to have been there.
    with contextlib.suppress(OSError, EngineError):
        return _run_of(path) != run
    return False


def _parts_folder(path: BucketPath) -> BucketPath:
    return path.with_name(f"{path.name}.d")


def _remove_bucket_journal(path: BucketPath) -> None:
    # The first line goes first: parts without it are no journal.
    path.unlink(missing_ok=True)
    _parts_folder(path).remove_all()


def remove(path: StorePath) -> None:
    """Remove a journal, if there is one."""
    if isinstance(path, BucketPath):
        _remove_bucket_journal(path)
    else:
        path.unlink(missing_ok=True)


def _read(path: StorePath) -> bytes | None:
    data = read_file(path)
    if data is None or not isinstance(path, BucketPath):
        return data
    run = _run_of(path)
    parts = sorted(part for part in _parts_folder(path).iterdir() if not run or part.name.startswith(f"{run}-"))
    return data + b"".join(read_file(part) or b"" for part in parts)


def read_entries(path: StorePath, base: str) -> list[dict[str, Any]]:
    """The entries of the journal that goes on from a checkpoint; none if there is no such journal.

    A last line that was not written to its end is left out.

    Raises:
        EngineError: The journal was written by a later version, or is damaged before its last line.
    """
    data = _read(path)
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
