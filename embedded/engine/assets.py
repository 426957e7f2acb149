"""Assets and archives: content by text, path or address, and the hash that tells whether it changed.

The hash of an asset is the SHA-256 of its bytes. That of an archive is the SHA-256 of its file if it is a file, else of
a tar stream of its members (name, mode 0600, no time), sorted by name.

Source: sdk/go/common/resource/asset and archive of Pulumi 3.260.0.
"""

from __future__ import annotations

import hashlib
import os
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from embedded.engine.errors import EngineError

_BLOCK = 512


@dataclass(frozen=True)
class Asset:
    """One piece of content: exactly one of `text`, `path` and `uri` is set (none: only the hash is known)."""

    hash: str = ""
    text: str | None = None
    path: str | None = None
    uri: str | None = None

    def content(self, root: str | os.PathLike[str] = "") -> bytes:
        """The bytes; a relative path is taken from `root`.

        Raises:
            EngineError: The file or address cannot be read.
        """
        if self.text is not None:
            return self.text.encode()
        if self.path is not None:
            return _read_file(Path(root, self.path), "asset")
        return _read_uri(self.uri or "", "asset")


@dataclass(frozen=True)
class Archive:
    """A collection of content: one of `assets` (name to Asset or Archive), `path` and `uri` is set."""

    hash: str = ""
    assets: dict[str, Asset | Archive] | None = field(default=None)
    path: str | None = None
    uri: str | None = None

    def members(self, root: str | os.PathLike[str] = "") -> Iterator[tuple[str, bytes]]:
        """Each member's name and bytes, sorted by name within each level; only for folders and `assets`."""
        if self.assets is not None:
            for name, member in sorted(self.assets.items()):
                if isinstance(member, Archive):
                    for inner, content in member.members(root):
                        yield f"{name}/{inner}", content
                else:
                    yield name, member.content(root)
            return
        folder = Path(root, self.path or "")
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            yield path.relative_to(folder).as_posix(), _read_file(path, "archive")


def with_hash(value: Asset | Archive, root: str | os.PathLike[str] = "") -> Asset | Archive:
    """The same asset or archive with its hash computed, unless it has one."""
    if value.hash:
        return value
    if isinstance(value, Asset):
        return replace(value, hash=hashlib.sha256(value.content(root)).hexdigest())
    assets = value.assets
    if assets is not None:
        assets = {name: with_hash(member, root) for name, member in assets.items()}
    return replace(value, assets=assets, hash=_archive_hash(value, root))


def _archive_hash(value: Archive, root: str | os.PathLike[str]) -> str:
    digest = hashlib.sha256()
    if value.uri is not None:
        digest.update(_read_uri(value.uri, "archive"))
    elif value.path is not None and not Path(root, value.path).is_dir():
        digest.update(_read_file(Path(root, value.path), "archive"))
    else:
        for name, content in value.members(root):
            digest.update(_tar_header(name, len(content)))
            digest.update(content + bytes(-len(content) % _BLOCK))
        digest.update(bytes(2 * _BLOCK))
    return digest.hexdigest()


def _tar_header(name: str, size: int) -> bytes:
    encoded = name.encode()
    prefix = b""
    if len(encoded) > 100:
        cut = encoded[:156].rfind(b"/")
        prefix, encoded = encoded[:cut], encoded[cut + 1 :]
    header = b"".join(
        (
            encoded.ljust(100, b"\0"),
            b"0000600\0" + b"0000000\0" * 2,
            b"%011o\0" % size,
            b"%011o\0" % 0,
            b" " * 8,
            b"0" + bytes(100),
            b"ustar\x0000" + bytes(64),
            b"0000000\0" * 2,
            prefix.ljust(155, b"\0") + bytes(12),
        )
    )
    checksum = b"%06o\0 " % sum(header)
    return header[:148] + checksum + header[156:]


def _read_file(path: Path, kind: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EngineError(f"failed to open {kind} file '{path}': {error.strerror}") from error


def _read_uri(uri: str, kind: str) -> bytes:
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme == "file":
        return _read_file(Path(urllib.parse.unquote(parts.path)), kind)
    if parts.scheme not in ("http", "https"):
        raise EngineError(f"unsupported {kind} address {uri!r}: expected file, http or https")
    # Imported here: it takes a third of a short command's time, and few programs need it.
    from urllib.request import urlopen

    try:
        with urlopen(uri, timeout=60) as response:
            return response.read()
    except OSError as error:
        raise EngineError(f"failed to fetch {kind} {uri!r}: {error}") from error
