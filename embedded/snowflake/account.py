"""An account: one DuckDB database with its catalog, and the services that work on it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from embedded.snowflake.catalog.store import Catalog
from embedded.snowflake.clock import Clock
from embedded.snowflake.history.queries import Queries
from embedded.snowflake.history.store import History
from embedded.snowflake.programs.python_functions import forget_functions
from embedded.snowflake.programs.workers import close_workers
from embedded.snowflake.scheduler.monitors import Monitors
from embedded.snowflake.scheduler.outbox import Outbox
from embedded.snowflake.scheduler.scheduler import Scheduler
from embedded.snowflake.scheduler.warehouses import Warehouses
from embedded.snowflake.session.result_cache import ResultCache
from embedded.snowflake.session.results import Results
from embedded.snowflake.sql import macros
from embedded.snowflake.storage.cleanup import keep_clean
from embedded.snowflake.storage.store import Storage
from embedded.snowflake.storage.upgrade import upgrade

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


class Account:
    """One account, by its login name `ORG-NAME`.

    Attributes:
        name: the login account name, upper case.
        folder: where the account's files are kept; None for an account in memory.
        connection: the DuckDB database; take cursors of it, do not run statements on it.
        catalog: the account's objects.
        storage: versions of rows, locks, offsets of streams.
        clock: tells the time.
        history: what was done, in tables.
        queries: queries running, and the newest finished ones.
        results: results of the newest queries.
        result_cache: results that answer the same query again.
        warehouses: which run, and what they use.
        monitors: what resource monitors allow.
        outbox: what it would send.
        scheduler: runs tasks and tends warehouses, once started.
        sessions: the open sessions by id.
    """

    def __init__(self, name: str, path: Path | None, *, manual_clock: bool = False) -> None:
        """Open the account's file, or make it; without a path it lives in memory. A manual clock stands until it is moved."""
        self.name = name.upper()
        self.folder = path.parent if path else None
        self.connection = duckdb.connect(str(path) if path else ":memory:", config={"threads": "2"})
        self.connection.execute("set timezone = 'UTC'")
        macros.install(self.connection)
        self.clock = Clock(manual=manual_clock)
        self.catalog = Catalog(self.connection, self.clock.now)
        upgrade(self.connection, self.catalog)
        self.storage = Storage(self.connection, self.clock.now)
        self.history = History(self.connection)
        self.queries = Queries(self)
        self.results = Results()
        self.result_cache = ResultCache(self)
        self.warehouses = Warehouses(self)
        self.monitors = Monitors(self)
        self.outbox = Outbox(self)
        self.sessions: dict[int, Session] = {}
        self.lock = threading.RLock()
        # Set with each commit: who waits for changes (triggered tasks) looks again.
        self.changed = threading.Event()
        self._stop_cleaning = keep_clean(self)
        self.scheduler = Scheduler(self)
        # Errors of the newest COPY statements by table and query id, for VALIDATE.
        self.load_errors: dict[int, dict[str, list[tuple[Any, ...]]]] = {}
        # Grows with each statement that may have changed rows or objects, once it is committed.
        self.changes = 0

    def note_change(self) -> None:
        """Tell who waits for changes that there may be one."""
        self.changes += 1
        self.changed.set()

    @property
    def organization(self) -> str:
        """The organization's part of the account name."""
        return self.name.partition("-")[0]

    @property
    def account_name(self) -> str:
        """The account's own part of the name, without the organization."""
        return self.name.partition("-")[2] or self.name

    def close(self) -> None:
        """Stop the services, end the sessions and close the file."""
        self.scheduler.stop()
        self._stop_cleaning.set()
        for session in list(self.sessions.values()):
            session.close()
        forget_functions(self)
        close_workers(self)
        self.history.close()
        self.connection.close()
