"""The versions of a stack in a file or bucket backend.

It keeps them beside each other (`.pulumi/history/<project>/<stack>/`), but `pulumi stack export --version` refuses them, so
their files are read here.
Source: pkg/backend/diy of Pulumi, whose layout both engines write.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from logistics.deployment.state import Checkpoint
from logistics.deployment.versions import Version
from logistics.errors import LogisticsError, UsageError


class _Files(Protocol):
    """The files of one folder of a backend."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...


class _LocalFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        return [path.name for path in self._folder.iterdir()] if self._folder.is_dir() else []

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()


class _BucketFiles:
    """The same in a bucket, through fsspec; its protocols' own packages are named in the error where they are absent."""

    def __init__(self, url: str) -> None:
        try:
            import fsspec  # pyright: ignore[reportMissingImports]

            self._files, self._folder = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise UsageError(f"the backend {url} needs a package that is not installed: {error}") from None

    def names(self) -> list[str]:
        if not self._files.exists(self._folder):
            return []
        return [name.rsplit("/", 1)[-1] for name in self._files.ls(self._folder, detail=False)]

    def read(self, name: str) -> bytes:
        return self._files.cat_file(f"{self._folder}/{name}")


def list_file_versions(backend_url: str, project: str, stack: str) -> list[Version]:
    """Returns a stack's versions of a file or bucket backend, oldest first.

    Args:
        backend_url: `file://…`, or a bucket's URL; its query (region and the like) is for the engine.
        project: the project's name.
        stack: the stack's name.

    Raises:
        UsageError: the backend is none of these.
        LogisticsError: a history file cannot be read.
    """
    files = _files(backend_url, f".pulumi/history/{project}/{stack}")
    entries = sorted(name for name in files.names() if _plain(name).endswith(".history.json"))
    return [_version(number, name, files) for number, name in enumerate(entries, start=1)]


def _files(backend_url: str, folder: str) -> _Files:
    parts = urlsplit(backend_url)
    if parts.scheme == "file":
        place = Path(parts.netloc + parts.path).expanduser()
        return _LocalFiles(place / folder)
    if parts.scheme in ("s3", "gs", "azblob", "memory"):
        scheme = {"azblob": "abfs"}.get(parts.scheme, parts.scheme)
        return _BucketFiles(f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/{folder}")
    raise UsageError(
        f"the history of {backend_url} cannot be read: allowed: file://, s3://, gs://, azblob:// and https:// of Pulumi Cloud"
    )


def _plain(name: str) -> str:
    return name.removesuffix(".gz")


def _version(number: int, name: str, files: _Files) -> Version:
    told = _json(files, name)
    ended_at = datetime.fromtimestamp(told.get("endTime") or told.get("startTime") or 0, UTC)
    return Version.told(number, told, ended_at, load=lambda: _checkpoint(name, files))


def _checkpoint(name: str, files: _Files) -> Checkpoint:
    wanted = _plain(name).replace(".history.json", ".checkpoint.json")
    found = next((each for each in files.names() if _plain(each) == wanted), None)
    if found is None:
        raise LogisticsError(f"the backend keeps no checkpoint of the version in {name}")
    return Checkpoint.of(_json(files, found)["checkpoint"].get("latest"))


def _json(files: _Files, name: str) -> dict[str, Any]:
    try:
        data = files.read(name)
        return json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
    except (OSError, ValueError) as error:
        raise LogisticsError(f"{name} in the stack's history cannot be read: {error}") from None
