"""Files of the backend: whole or not at all, and durable."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from embedded.engine.backend.buckets import BucketPath, StorePath
from embedded.engine.errors import EngineError


def write_atomically(path: StorePath, data: bytes, durable: bool = True, private: bool = True) -> None:
    """Put a file in place: readers see the old content or the new, never a part.

    Args:
        path: The file; its folder is made if need be. An object of a bucket is always put whole and durably.
        data: The content.
        durable: Whether it must survive a power cut from here on.
        private: Whether a new file is for its owner's eyes only.

    Raises:
        EngineError: The file cannot be written.
    """
    if isinstance(path, BucketPath):
        path.write_bytes(data)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600 if private else 0o666 & ~_umask()
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise EngineError(f"could not write '{path}': {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise EngineError(f"could not write '{path}': {error.strerror}") from error
    if durable:
        _sync_folder(path.parent)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; a file system that cannot is let be."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def read_file(path: StorePath) -> bytes | None:
    """The content of a file; None if it is not there.

    Raises:
        EngineError: It is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EngineError(f"could not read '{path}': {error.strerror}") from error


def remove_tree(folder: StorePath) -> None:
    """Remove a folder and all in it, as far as that goes."""
    if isinstance(folder, BucketPath):
        folder.remove_all()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def modified(path: StorePath) -> float:
    """When a file was written, in seconds since 1970."""
    return path.modified() if isinstance(path, BucketPath) else path.stat().st_mtime_ns / 1e9
