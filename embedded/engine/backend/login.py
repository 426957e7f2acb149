"""Who is logged in to which backend, and which stack of a project is selected: the files below $PULUMI_HOME.

Source: sdk/go/common/workspace of Pulumi (creds.go, settings), and files written by the official CLI 3.260.0.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from embedded.engine import values
from embedded.engine.backend.buckets import SCHEMES, StorePath, open_bucket
from embedded.engine.backend.files import read_file, write_atomically
from embedded.engine.backend.references import StackReference
from embedded.engine.backend.stacks import FileBackend
from embedded.engine.errors import EngineError
from embedded.engine.project import Project

BACKEND_URL_VARIABLE = "PULUMI_BACKEND_URL"
LOCAL_URL = "file://~"
_NEVER = "0001-01-01T00:00:00Z"


def pulumi_home() -> Path:
    """The folder of Pulumi's own files: $PULUMI_HOME, or ~/.pulumi."""
    configured = os.environ.get("PULUMI_HOME")
    return Path(configured).expanduser() if configured else Path.home() / ".pulumi"


def _credentials_file() -> Path:
    configured = os.environ.get("PULUMI_CREDENTIALS_PATH")
    return (Path(configured).expanduser() if configured else pulumi_home()) / "credentials.json"


def _read_json(path: Path) -> dict[str, Any]:
    data = read_file(path)
    if not data or not data.strip():
        return {}
    try:
        content = json.loads(data)
    except ValueError as error:
        raise EngineError(f"failed to read '{path}': {error}. Repair or delete the file") from error
    if not isinstance(content, dict):
        raise EngineError(f"failed to read '{path}': expected an object. Repair or delete the file")
    return content


def current_url(project: Project | None) -> str:
    """The URL of the backend in use: of PULUMI_BACKEND_URL, of Pulumi.yaml, or the one logged in to.

    Raises:
        EngineError: There is none.
    """
    configured = os.environ.get(BACKEND_URL_VARIABLE) or (project.backend_url if project else "")
    url = configured or _read_json(_credentials_file()).get("current") or ""
    if not url:
        raise EngineError(
            "not logged in: run `pulumi login file://FOLDER` (or `pulumi login --local`), or set PULUMI_BACKEND_URL"
        )
    return url


def folder_of(url: str) -> StorePath:
    """The folder of a backend's URL; `~` is the home folder, a relative path is one of the working directory.

    Raises:
        EngineError: The URL is of another kind of backend.
    """
    parts = urlsplit(url)
    if parts.scheme in SCHEMES:
        return open_bucket(url)
    if parts.scheme != "file":
        raise EngineError(
            f"unsupported backend '{url}': this engine keeps state in folders (file://) and buckets "
            f"({', '.join(f'{scheme}://' for scheme in SCHEMES)}); log in with `pulumi login file://FOLDER`"
        )
    path = unquote(parts.netloc + parts.path)
    return Path(os.path.abspath(Path(path or ".").expanduser()))


def open_backend(project: Project | None) -> FileBackend:
    """The backend in use.

    Raises:
        EngineError: There is none, or it cannot be opened.
    """
    url = current_url(project)
    folder = folder_of(url)
    return FileBackend(_shown_url(url), folder, project.name if project else "")


def _shown_url(url: str) -> str:
    return url.partition("?")[0].rstrip("/") or url


def login(url: str) -> FileBackend:
    """Log in to a backend from now on.

    Raises:
        EngineError: It is no file backend, or its folder is not there.
    """
    backend = FileBackend(_shown_url(url), folder_of(url))
    path = _credentials_file()
    content = _read_json(path)
    content["current"] = url
    content.setdefault("accessTokens", {})[url] = ""
    content.setdefault("accounts", {})[url] = {"lastValidatedAt": _NEVER}
    _write_json(path, content)
    return backend


def logout(url: str | None) -> str | None:
    """Forget a backend, by default the current one; returns its URL, or None if there was none."""
    path = _credentials_file()
    content = _read_json(path)
    url = url or content.get("current")
    if not url or (url not in (content.get("accessTokens") or {}) and content.get("current") != url):
        return None
    for section in ("accessTokens", "accounts"):
        (content.get(section) or {}).pop(url, None)
    if content.get("current") == url:
        content["current"] = ""
    _write_json(path, content)
    return url


def logout_all() -> None:
    """Forget every backend."""
    _credentials_file().unlink(missing_ok=True)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, values.dumps(content, indent=4).encode())


# --- the selected stack ----------------------------------------------------------------------------------------------


def _workspace_file(project: Project) -> Path:
    digest = hashlib.sha1(str(project.path).encode(), usedforsecurity=False).hexdigest()
    return pulumi_home() / "workspaces" / f"{project.name}-{digest}-workspace.json"


def selected_stack(backend: FileBackend, project: Project) -> StackReference | None:
    """The selected stack: of PULUMI_STACK, or the one chosen in this project; None if none is, or it is gone."""
    named = os.environ.get("PULUMI_STACK")
    if named:
        return backend.parse(named)
    content = _read_json(_workspace_file(project))
    name = (content.get("stacks") or {}).get(backend.url) or content.get("stack")
    if not name:
        return None
    reference = backend.parse(name)
    return reference if backend.exists(reference) else None


def select_stack(backend: FileBackend, project: Project, reference: StackReference | None) -> None:
    """Choose the stack that later commands in this project are about; None to choose none."""
    path = _workspace_file(project)
    content = _read_json(path)
    content.pop("stack", None)
    stacks = content.setdefault("stacks", {})
    if reference is None:
        stacks.pop(backend.url, None)
    else:
        stacks[backend.url] = reference.qualified_name
    _write_json(path, content)
