"""Checkpoint files: a stack's state on disk, plain or compressed, with the one before it kept as `.bak`.

`{"version":3,"checkpoint":{"stack":NAME,"latest":DEPLOYMENT}}`, compact JSON; version 4 carries a list of features.

Source: pkg/backend/diy/state.go of Pulumi, and checkpoints of the official CLI 3.260.0.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import time
from dataclasses import dataclass
from typing import Any

from embedded.engine import state, values
from embedded.engine.backend.buckets import StorePath
from embedded.engine.backend.files import modified, read_file, write_atomically
from embedded.engine.errors import EngineError

COMPRESSIONS = ("", ".gz", ".zst")
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@dataclass
class Checkpoint:
    """A stack's state as stored; `deployment` is None for a stack that never had one."""

    stack: str
    deployment: dict[str, Any] | None
    features: list[str]

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The JSON of the resources, in state order."""
        return (self.deployment or {}).get("resources") or []

    @property
    def last_update(self) -> str:
        """When the state was written (RFC 3339); empty for a stack that never had one."""
        return ((self.deployment or {}).get("manifest") or {}).get("time") or ""

    def to_bytes(self) -> bytes:
        """The file's content, before compression."""
        checkpoint: dict[str, Any] = {"stack": self.stack}
        if self.deployment is not None:
            checkpoint["latest"] = self.deployment
        whole: dict[str, Any] = {"version": state.schema_version(self.features)}
        if self.features:
            whole["features"] = self.features
        return values.dumps({**whole, "checkpoint": checkpoint}).encode()


def is_truthy(name: str) -> bool:
    """Whether an environment variable is set to a true value."""
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "y")


def configured_compression() -> str:
    """The suffix by which new checkpoints are compressed.

    Raises:
        EngineError: Both compressions are asked for.
    """
    gzipped, zstandard = is_truthy("PULUMI_DIY_BACKEND_GZIP"), is_truthy("PULUMI_DIY_BACKEND_ZSTD")
    if gzipped and zstandard:
        raise EngineError("DIY_BACKEND_GZIP and DIY_BACKEND_ZSTD cannot both be enabled")
    return ".gz" if gzipped else ".zst" if zstandard else ""


def find_file(base: StorePath) -> StorePath | None:
    """The checkpoint file at `STACK.json`, or compressed beside it; of several the one written last."""
    found = [path for suffix in COMPRESSIONS if (path := base.with_name(base.name + suffix)).is_file()]
    return max(found, key=modified) if len(found) > 1 else next(iter(found), None)


def read(base: StorePath) -> Checkpoint | None:
    """The checkpoint of a stack; None if there is no such stack.

    Raises:
        EngineError: The file is broken, or needs a newer version.
    """
    path = find_file(base)
    data = read_file(path) if path else None
    return parse(data, str(path)) if data is not None else None


def parse(data: bytes, where: str) -> Checkpoint:
    """The checkpoint in a file's content; `where` names the file in errors."""
    try:
        whole = json.loads(decompress(data))
        version, checkpoint = whole["version"], whole["checkpoint"]
        stack, deployment = checkpoint["stack"], checkpoint.get("latest")
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError) as error:
        raise EngineError(f"failed to load checkpoint: '{where}' is no checkpoint of a stack: {error!r}") from error
    features = whole.get("features") or []
    state.check_schema(version, features, f"failed to load checkpoint: '{where}'")
    return Checkpoint(stack, deployment, features)


def write(base: StorePath, checkpoint: Checkpoint) -> StorePath:
    """Replace a stack's checkpoint, keeping the one before it as `.bak`; returns the file written.

    Raises:
        EngineError: The file cannot be written; then the old one stands.
    """
    existing = find_file(base)
    suffix = configured_compression()
    target = base.with_name(base.name + suffix)
    data = compress(checkpoint.to_bytes(), suffix)
    if existing is not None:
        keep_backup(existing)
    write_atomically(target, data)
    if existing is not None and existing != target:
        existing.unlink(missing_ok=True)
    if is_truthy("PULUMI_DIY_BACKEND_RETAIN_CHECKPOINTS"):
        write_atomically(target.with_name(f"{target.name}.{time.time_ns()}"), data)
    return target


def keep_backup(path: StorePath) -> None:
    """Copy a checkpoint to its `.bak`."""
    data = read_file(path)
    if data is not None:
        write_atomically(path.with_name(path.name + ".bak"), data, durable=False)


def decompress(data: bytes) -> bytes:
    """The content of a file, whatever its compression."""
    if data.startswith(_GZIP_MAGIC):
        return gzip.decompress(data)
    if data.startswith(_ZSTD_MAGIC):
        import pyarrow

        with pyarrow.CompressedInputStream(io.BytesIO(data), "zstd") as stream:
            return stream.read()
    return data


def compress(data: bytes, suffix: str) -> bytes:
    """The content compressed as a suffix says: none, `.gz` or `.zst`."""
    if suffix == ".gz":
        return gzip.compress(data)
    if suffix == ".zst":
        import pyarrow

        target = pyarrow.BufferOutputStream()
        with pyarrow.CompressedOutputStream(target, "zstd") as stream:
            stream.write(data)
        return target.getvalue().to_pybytes()
    return data
