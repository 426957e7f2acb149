"""An account: one DuckDB database with its catalog, and the services that work on it."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb

from embedded.snowflake.catalog.store import Catalog
from embedded.snowflake.sql import macros


class Account:
    """One account, by its login name `ORG-NAME`.

    Attributes:
        name: the login account name, upper case.
        connection: the DuckDB database; take cursors of it, do not run statements on it.
        catalog: the account's objects.
    """

    def __init__(self, name: str, path: Path | None) -> None:
        """Open the account's file, or make it; without a path it lives in memory."""
        self.name = name.upper()
        self.connection = duckdb.connect(str(path) if path else ":memory:", config={"threads": "2"})
        self.connection.execute("set timezone = 'UTC'")
        macros.install(self.connection)
        self.catalog = Catalog(self.connection)
        self.lock = threading.RLock()

    @property
    def organization(self) -> str:
        """The organization's part of the account name."""
        return self.name.partition("-")[0]

    @property
    def account_name(self) -> str:
        """The account's own part of the name, without the organization."""
        return self.name.partition("-")[2] or self.name

    def close(self) -> None:
        """Stop the services and close the file."""
        self.connection.close()
