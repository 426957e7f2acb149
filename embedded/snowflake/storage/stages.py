"""Stages: folders of files, named (`@stage`), of a table (`@%table`) or of the user (`@~`).

The files are kept in the account's folder; those of an account in memory in a temporary folder that goes with it.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, finalize

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.security.privileges import reach, require, require_any
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.session.session import Session

_temporary: WeakKeyDictionary[Account, Path] = WeakKeyDictionary()
# A stage as written: quoted whole, or a name (with quoted parts) and a path up to the next space or parenthesis.
_WRITTEN = re.compile(r"\s*(?:'(@(?:[^']|'')*)'|(@(?:~|%?(?:\"(?:[^\"]|\"\")*\"|[\w$.])+)?(?:/[^\s;()']*)?))")
_NAME = re.compile(r"@(~|%?)((?:\"(?:[^\"]|\"\")*\"|[\w$.])*)/?(.*)\Z", re.DOTALL)


@dataclass(frozen=True)
class StagedFile:
    """A file of a stage: its path within the stage, and where it is."""

    path: str
    file: Path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.stat().st_size

    @property
    def md5(self) -> str:
        """The checksum of the content."""
        return hashlib.md5(self.file.read_bytes(), usedforsecurity=False).hexdigest()

    @property
    def modified(self) -> datetime:
        """When it was written last."""
        return datetime.fromtimestamp(self.file.stat().st_mtime, UTC)


@dataclass(frozen=True)
class Location:
    """A place on a stage.

    Attributes:
        item: the stage or table, or None for the user's stage.
        folder: where the stage's files are.
        label: how LIST begins a file's name: `stage/`, or nothing.
        prefix: the path written after the stage.
    """

    item: CatalogObject | None
    folder: Path
    label: str
    prefix: str

    def files(self, pattern: str | None = None, names: list[str] | None = None) -> list[StagedFile]:
        """The files whose path begins with the prefix, in order.

        Args:
            pattern: a regular expression that the whole path must match.
            names: paths below the prefix; only these.
        """
        found = [
            StagedFile(path.relative_to(self.folder).as_posix(), path)
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        ]
        found = [file for file in found if file.path.startswith(self.prefix)]
        if names is not None:
            base = self.prefix if not self.prefix or self.prefix.endswith("/") else f"{self.prefix}/"
            wanted = [f"{base}{name}" for name in names]
            by_path = {file.path: file for file in found}
            for name in wanted:
                if name not in by_path:
                    raise SqlCompilationError(f"Remote file '{self.label}{name}' was not found.", 91016, "22000")
            found = [by_path[name] for name in wanted]
        if pattern is not None:
            whole = re.compile(pattern)
            found = [file for file in found if whole.fullmatch(self.label + file.path) or whole.fullmatch(file.path)]
        return found

    def target(self, path: str) -> Path:
        """Where a file of a path within the stage is kept; its folder is made.

        Raises:
            SqlCompilationError: the path leads out of the stage.
        """
        file = (self.folder / path).resolve()
        if not file.is_relative_to(self.folder.resolve()):
            raise SqlCompilationError(f"invalid path '{path}': it leads out of the stage", 1003, "42000")
        file.parent.mkdir(parents=True, exist_ok=True)
        return file


def read_written(text: str, start: int = 0) -> tuple[str, int]:
    """A stage reference as written at a place in a text, without quotes around the whole, and where it ends.

    Raises:
        SqlCompilationError: there is none (001003).
    """
    match = _WRITTEN.match(text, start)
    if match is None:
        raise SqlCompilationError(f"syntax error: a stage is expected at '{text[start : start + 30].strip()}'", 1003)
    return (match[1].replace("''", "'") if match[1] is not None else match[2]), match.end()


def location(session: Session, written: str, *, write: bool = False) -> Location:
    """The place that a stage reference means.

    Args:
        session: whose privileges count, and whose user's stage `@~` is.
        written: `@name/path`, `@%table/path` or `@~/path`.
        write: whether files are to be put there or removed.

    Raises:
        SnowflakeError: no such stage (002003), or the privilege is missing (003001).
    """
    match = _NAME.match(written)
    if match is None:
        raise SqlCompilationError(f"syntax error: '{written}' is no stage", 1003, "42000")
    mark, name, path = match[1], match[2], match[3]
    root = _root(session.account)
    if mark == "~":
        return Location(None, _made(root / f"user_{session.user}"), "", path)
    if mark == "%":
        table = reach(session, "TABLE", TokenStream(name).name(), None)
        require(session, "OWNERSHIP", table)
        return Location(table, _made(root / f"table_{table.oid}"), "", path)
    stage = reach(session, "STAGE", TokenStream(name).name(), None)
    if stage.body.get("properties", {}).get("URL"):
        raise unsupported(f"files of the external stage {stage.name}")
    require_any(session, ("WRITE", "OWNERSHIP") if write else ("READ", "USAGE", "OWNERSHIP"), stage)
    return Location(stage, folder(session.account, stage), f"{stage.name.lower()}/", path)


def folder(account: Account, stage: CatalogObject) -> Path:
    """Where a named stage's files are kept."""
    return _made(_root(account) / f"stage_{stage.oid}")


def remove_folder(account: Account, stage: CatalogObject) -> None:
    """Remove the files of a stage that was dropped."""
    shutil.rmtree(folder(account, stage), ignore_errors=True)


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _root(account: Account) -> Path:
    if account.folder is not None:
        return account.folder / "stages"
    if account not in _temporary:
        made = Path(tempfile.mkdtemp(prefix="snowflake-stages-"))
        _temporary[account] = made
        finalize(account, shutil.rmtree, made, ignore_errors=True)
    return _temporary[account]
