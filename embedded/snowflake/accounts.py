"""The accounts of a server: each a file of its own in the data folder, or all in memory."""

from __future__ import annotations

import fcntl
import hmac
import os
import re
import threading
from pathlib import Path

from embedded.snowflake.account import Account
from embedded.snowflake.catalog.temporary import drop_temporary
from embedded.snowflake.security.bootstrap import bootstrap

_NAME = re.compile(r"[A-Z0-9_][A-Z0-9_-]*\Z")


class DataFolderInUse(Exception):
    """Another server works on the data folder."""


class Accounts:
    """All accounts by login account name. `ACCOUNT` alone means the one account `ORG-ACCOUNT` if there is just one."""

    def __init__(self, folder: Path | None, admin_password: str, *, manual_clock: bool = False) -> None:
        """Take a data folder for this server alone.

        Args:
            folder: where the accounts' files are; None keeps all in memory.
            admin_password: the first password of ADMIN in a new account.
            manual_clock: let the accounts' time stand until a statement moves it.

        Raises:
            DataFolderInUse: another server has it.
        """
        self._folder = folder
        self._admin_password = admin_password
        self._manual_clock = manual_clock
        self._open: dict[str, Account] = {}
        self._lock = threading.Lock()
        self._held: int | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._held = _hold(folder / "server.lock")

    def find(self, name: str) -> Account | None:
        """The account of that login name, or None."""
        with self._lock:
            known = self._resolve(name.upper())
            return self._load(known) if known else None

    def create(self, name: str) -> Account:
        """The account of that login name, made with its system roles and ADMIN if there is none.

        Raises:
            ValueError: the name cannot be an account's.
        """
        wanted = name.upper()
        if not _NAME.match(wanted):
            raise ValueError(f"'{name}' is no account name: letters, digits, '_' and '-'.")
        with self._lock:
            return self._load(self._resolve(wanted) or wanted)

    def is_first_password(self, password: str) -> bool:
        """Whether this is the password that ADMIN of a new account gets."""
        return hmac.compare_digest(password.encode(), self._admin_password.encode())

    def load_all(self) -> list[Account]:
        """Open every account of the data folder, so that its tasks run before anyone logs in."""
        with self._lock:
            return [self._load(name) for name in self._names()]

    def all(self) -> list[Account]:
        """The accounts that are open."""
        return list(self._open.values())

    def close(self) -> None:
        """Close all accounts, with everything kept, and let the folder go."""
        with self._lock:
            for account in self._open.values():
                account.close()
            self._open.clear()
            if self._held is not None:
                os.close(self._held)
                self._held = None

    def _names(self) -> list[str]:
        kept = [path.parent.name for path in self._folder.glob("*/account.duckdb")] if self._folder else []
        return sorted({*kept, *self._open})

    def _resolve(self, name: str) -> str | None:
        names = self._names()
        if name in names:
            return name
        alike = [known for known in names if known.partition("-")[2] == name]
        return alike[0] if len(alike) == 1 else None

    def _load(self, name: str) -> Account:
        if name not in self._open:
            path = None
            if self._folder is not None:
                path = self._folder / name / "account.duckdb"
                path.parent.mkdir(parents=True, exist_ok=True)
            account = Account(name, path, manual_clock=self._manual_clock)
            bootstrap(account.catalog, self._admin_password)
            drop_temporary(account, None)
            account.scheduler.start()
            self._open[name] = account
        return self._open[name]


def _hold(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise DataFolderInUse(f"The data folder '{path.parent}' is used by another server.") from None
    return descriptor
