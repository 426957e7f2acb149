"""Buckets as folders: S3, Google Cloud Storage and Azure Blob Storage, through fsspec.

`BucketPath` has as much of `pathlib.Path` as the backend uses. A written object is there whole or not at all, so nothing is written
beside it and renamed. The packages that speak to a cloud are optional; without one, the error names it.

Source: the URLs are those of the official CLI (Go Cloud blob URLs).
"""

from __future__ import annotations

import contextlib
import fnmatch
import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from embedded.engine.errors import EngineError

_TRUE = frozenset({"1", "true", "yes", ""})
_IGNORED = frozenset({"no_tmp_dir", "awssdk", "metadata"})


@dataclass(frozen=True, order=True)
class BucketPath:
    """An object, or what is a folder by its objects' names; `key` begins with the bucket's name."""

    store: Store
    key: str

    @property
    def name(self) -> str:
        """The last part of the key."""
        return PurePosixPath(self.key).name

    @property
    def parent(self) -> BucketPath:
        """The folder that it lies in."""
        return BucketPath(self.store, str(PurePosixPath(self.key).parent))

    def __truediv__(self, name: str) -> BucketPath:
        return BucketPath(self.store, str(PurePosixPath(self.key) / name))

    def __str__(self) -> str:
        return f"{self.store.scheme}://{self.key}"

    def with_name(self, name: str) -> BucketPath:
        """The neighbour of that name."""
        return self.parent / name

    def is_file(self) -> bool:
        """Whether there is such an object."""
        return self.store.call("isfile", self.key)

    def exists(self) -> bool:
        """Whether there is such an object."""
        return self.is_file()

    def is_dir(self) -> bool:
        """Whether there is any object below."""
        return bool(list(self.iterdir()))

    def iterdir(self) -> Iterator[BucketPath]:
        """The objects and folders right below."""
        try:
            found = self.store.call("ls", self.key, detail=False)
        except FileNotFoundError:
            return
        for key in found:
            clean = key.strip("/")
            if clean != self.key.strip("/"):
                yield BucketPath(self.store, f"/{clean}" if self.key.startswith("/") else clean)

    def glob(self, pattern: str) -> list[BucketPath]:
        """The objects right below whose names match."""
        return sorted(path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern))

    def read_bytes(self) -> bytes:
        """The content.

        Raises:
            FileNotFoundError: There is no such object.
        """
        return self.store.call("cat_file", self.key)

    def write_bytes(self, data: bytes) -> None:
        """Put the content there."""
        self.store.call("pipe_file", self.key, data)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        try:
            self.store.call("rm_file", self.key)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def replace(self, target: BucketPath) -> None:
        """Give the object another name: copied, then removed."""
        target.write_bytes(self.read_bytes())
        self.unlink()

    def rmdir(self) -> None:
        """Nothing: a folder without objects is none."""

    def modified(self) -> float:
        """When the object was written, in seconds since 1970; 0 where the store does not say."""
        info = self.store.call("info", self.key)
        moment = next((info[key] for key in ("LastModified", "mtime", "last_modified", "created") if info.get(key)), 0)
        return moment.timestamp() if isinstance(moment, datetime) else 0.0

    def remove_all(self) -> None:
        """Remove everything below."""
        for path in list(self.iterdir()):
            if path.is_file():
                path.unlink(missing_ok=True)
            else:
                path.remove_all()


StorePath = Path | BucketPath
"""Where a backend keeps something."""


@dataclass(frozen=True, order=True)
class Store:
    """A kind of store and the file system that speaks to it."""

    scheme: str
    file_system: Any

    def call(self, operation: str, key: str, *arguments: Any, **options: Any) -> Any:
        """Do something with an object.

        Raises:
            FileNotFoundError: There is no such object.
            EngineError: The store refuses, or does not answer.
        """
        # Another process may have changed what was listed.
        self.file_system.invalidate_cache()
        try:
            return getattr(self.file_system, operation)(key, *arguments, **options)
        except FileNotFoundError:
            raise
        except Exception as error:
            # Each package has errors of its own; all that matters here is what they say.
            raise EngineError(f"the backend {self.scheme}://{key} cannot be used: {_said(error)}") from error


def _said(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


# --- opening ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    """How a scheme is served: fsspec's protocol, the package that has it, and what the URL's query means to it."""

    protocol: str
    package: str
    options: Callable[[Mapping[str, str]], dict[str, Any]]
    query: frozenset[str]


def _s3_options(query: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    secure = query.get("disableSSL", query.get("disable_https", "false")).lower() not in _TRUE
    if endpoint := query.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        options["endpoint_url"] = endpoint if "://" in endpoint else f"{'https' if secure else 'http'}://{endpoint}"
    if region := query.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        options["client_kwargs"] = {"region_name": region}
    if profile := query.get("profile"):
        options["profile"] = profile
    path_style = query.get("s3ForcePathStyle", query.get("use_path_style", "false"))
    if path_style.lower() in _TRUE:
        options["config_kwargs"] = {"s3": {"addressing_style": "path"}}
    return options


def _gs_options(query: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if credentials := os.environ.get("GOOGLE_CREDENTIALS"):
        options["token"] = json.loads(credentials) if credentials.lstrip().startswith("{") else credentials
    if query.get("access_id") == "-":
        options["token"] = "anon"
    return options


def _azblob_options(query: Mapping[str, str]) -> dict[str, Any]:
    given = {
        "account_name": query.get("storage_account") or os.environ.get("AZURE_STORAGE_ACCOUNT"),
        "account_key": os.environ.get("AZURE_STORAGE_KEY"),
        "sas_token": os.environ.get("AZURE_STORAGE_SAS_TOKEN"),
        "connection_string": os.environ.get("AZURE_STORAGE_CONNECTION_STRING"),
    }
    options: dict[str, Any] = {key: value for key, value in given.items() if value}
    if not {"account_key", "sas_token", "connection_string"} & options.keys():
        options["anon"] = False
    return options


_S3_QUERY = {"region", "endpoint", "profile", "s3ForcePathStyle", "use_path_style", "disableSSL", "disable_https"}
_KINDS = {
    "s3": _Kind("s3", "s3fs", _s3_options, frozenset(_S3_QUERY)),
    "gs": _Kind("gcs", "gcsfs", _gs_options, frozenset({"access_id"})),
    "azblob": _Kind("abfs", "adlfs", _azblob_options, frozenset({"storage_account"})),
}
SCHEMES = tuple(_KINDS)


def open_bucket(url: str) -> BucketPath:
    """The folder of a bucket that a URL means: `s3://BUCKET/PREFIX?region=…`.

    Raises:
        EngineError: The package for it is not installed, the URL is wrong, or there is no such bucket.
    """
    parts = urlsplit(url)
    kind = _KINDS[parts.scheme]
    if not parts.netloc:
        raise EngineError(f"unable to open bucket {url}: the URL names no bucket")
    query = {key: value for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in _IGNORED}
    if unknown := sorted(query.keys() - kind.query):
        known = ", ".join(sorted(kind.query))
        raise EngineError(f"unable to open bucket {url}: unknown parameter {', '.join(unknown)} (known: {known})")
    file_system = _file_system(url, kind, kind.options(query))
    folder = BucketPath(Store(parts.scheme, file_system), (parts.netloc + parts.path).rstrip("/"))
    with contextlib.suppress(FileNotFoundError):
        folder.store.call("ls", parts.netloc, detail=False)
        return folder
    raise EngineError(f"unable to open bucket {url}: there is no bucket '{parts.netloc}'")


def _file_system(url: str, kind: _Kind, options: Mapping[str, Any]) -> Any:
    try:
        fsspec = importlib.import_module("fsspec")
        importlib.import_module(kind.package)
    except ImportError as error:
        raise EngineError(
            f"the backend {url} needs the package {kind.package}, which is not installed for this engine: "
            f"`uv pip install {kind.package}` (requirements/remote.txt has the versions that are known to work)"
        ) from error
    try:
        return fsspec.filesystem(kind.protocol, use_listings_cache=False, skip_instance_cache=True, **options)
    except Exception as error:
        raise EngineError(f"unable to open bucket {url}: {_said(error)}") from error
