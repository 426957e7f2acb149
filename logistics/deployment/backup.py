"""Backups of a stack's state: encrypted, read back when written, kept by a stated rule.

A backup holds the state as the engine exports it (secrets stay in their own envelope) and is encrypted as a whole with a
key made from the stack's passphrase, since names and rows of access lists are in it too.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from logistics.deployment.state import Checkpoint
from logistics.errors import LogisticsError, UsageError
from logistics.project import local_folder

KEEP_NEWEST = 20
"""Backups that are kept whatever their age."""
KEEP_DAYS = 30
"""Days for which every backup is kept."""
_ITERATIONS = 600_000
_SALT_BYTES = 16
_SUFFIX = ".backup"


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup's file, when it was made and of how many resources."""

    file: Path
    made_at: datetime

    @property
    def name(self) -> str:
        """What `logistics restore --backup` takes."""
        return self.file.name.removesuffix(_SUFFIX)


class Backups:
    """The backups of one stack."""

    def __init__(self, root: Path, stack: str, variables: Mapping[str, str]) -> None:
        """Opens the folder.

        Raises:
            UsageError: no passphrase is set.
        """
        self.folder = local_folder(root) / "backups" / stack
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stack = stack
        self._passphrase = _passphrase(variables)

    def write(self, checkpoint: Checkpoint) -> Backup:
        """Writes a backup, reads it back, and drops those that the rule no longer keeps.

        Raises:
            LogisticsError: what is read back differs, or the disk is full; no half backup stays.
        """
        made_at = datetime.now(UTC)
        target = self.folder / f"{made_at:%Y%m%dT%H%M%S%f}{_SUFFIX}"
        partial = target.with_suffix(".tmp")
        try:
            with partial.open("wb") as file:
                file.write(self._sealed(json.dumps(checkpoint.deployment).encode()))
                file.flush()
                os.fsync(file.fileno())
            if self._opened(partial.read_bytes(), partial) != checkpoint.deployment:
                raise LogisticsError(f"the backup in {target} does not read back as it was written")
            partial.replace(target)
        except OSError as error:
            raise LogisticsError(f"the backup in {self.folder} cannot be written: {error.strerror}") from None
        finally:
            partial.unlink(missing_ok=True)
        self._clear(made_at)
        return Backup(file=target, made_at=made_at)

    def all(self) -> list[Backup]:
        """Returns the backups, newest first."""
        files = sorted(self.folder.glob(f"*{_SUFFIX}"), reverse=True)
        return [Backup(file=file, made_at=_time_of(file)) for file in files]

    def read(self, name: str | None = None) -> tuple[Backup, Checkpoint]:
        """Returns a backup and the state in it.

        Args:
            name: which; None for the newest that can be read.

        Raises:
            UsageError: there is none of that name.
            LogisticsError: it cannot be opened: another passphrase, or it is damaged.
        """
        found = [backup for backup in self.all() if name in (None, backup.name)]
        if not found:
            raise UsageError(f"there is no backup {name or ''} of {self._stack}: see `logistics backup --list`")
        failure: LogisticsError | None = None
        for backup in found:
            try:
                return backup, Checkpoint.of(self._opened(backup.file.read_bytes(), backup.file))
            except LogisticsError as error:
                failure = failure or error
        assert failure is not None
        raise failure

    def _sealed(self, data: bytes) -> bytes:
        salt = os.urandom(_SALT_BYTES)
        return base64.urlsafe_b64encode(salt) + b"\n" + Fernet(self._key(salt)).encrypt(data)

    def _opened(self, data: bytes, file: Path) -> dict[str, Any]:
        try:
            salt, sealed = data.split(b"\n", 1)
            return json.loads(Fernet(self._key(base64.urlsafe_b64decode(salt))).decrypt(sealed))
        except (InvalidToken, ValueError):
            raise LogisticsError(
                f"{file} cannot be opened: it is damaged, or was written with another passphrase; try an earlier one"
            ) from None

    def _key(self, salt: bytes) -> bytes:
        made = PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=salt, iterations=_ITERATIONS)
        return base64.urlsafe_b64encode(made.derive(self._passphrase))

    def _clear(self, now: datetime) -> None:
        for backup in self.all()[KEEP_NEWEST:]:
            if backup.made_at < now - timedelta(days=KEEP_DAYS):
                backup.file.unlink()


def _passphrase(variables: Mapping[str, str]) -> bytes:
    if passphrase := variables.get("PULUMI_CONFIG_PASSPHRASE"):
        return passphrase.encode()
    if file := variables.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        return Path(file).read_bytes().strip()
    raise UsageError("backups are encrypted with the stack's passphrase: set PULUMI_CONFIG_PASSPHRASE or its _FILE")


def _time_of(file: Path) -> datetime:
    return datetime.strptime(file.name.removesuffix(_SUFFIX), "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
