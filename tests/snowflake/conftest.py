"""Fixtures of the local Snowflake's tests: a server, connections to it, and sessions in process."""

from __future__ import annotations

import itertools
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn

from embedded.snowflake.account import Account
from embedded.snowflake.accounts import Accounts
from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.security.bootstrap import bootstrap
from embedded.snowflake.session.session import Session
from embedded.snowflake.wire.app import make_app

PASSWORD = "a-test-password"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A server in this process: its port and its accounts."""

    port: int
    accounts: Accounts

    def connect(self, **options: Any) -> Any:
        """Log in with the connector: ADMIN of account TEST-MAIN unless told otherwise."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import snowflake.connector

        settings = {
            "account": "TEST-MAIN",
            "user": "ADMIN",
            "password": PASSWORD,
            "warehouse": "COMPUTE_WH",
            # Its default is about to change, of which the connector warns.
            "enable_server_session_keep_alive_auto_detection": False,
            **options,
        }
        return snowflake.connector.connect(host="127.0.0.1", port=self.port, protocol="http", **settings)


@contextmanager
def running_server(accounts: Accounts) -> Iterator[Server]:
    """A server in this process over some accounts."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(make_app(accounts), log_level="warning"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.005)
    yield Server(listener.getsockname()[1], accounts)
    running.should_exit = True
    thread.join(timeout=120)
    listener.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server in memory, for the whole run: give each test its own account or database."""
    with running_server(Accounts(None, PASSWORD)) as found:
        yield found


@pytest.fixture(scope="session")
def timed_server() -> Iterator[Server]:
    """A server in memory whose clock stands until a statement moves it."""
    with running_server(Accounts(None, PASSWORD, manual_clock=True)) as found:
        yield found


class Client:
    """A connection to an account of its own, with its clock in hand.

    Attributes:
        account: the account in the server, to look at what no statement tells.
        connect: log in again to the same account.
    """

    def __init__(self, server: Server, account: str) -> None:
        self._opened: list[Any] = []
        self._server, self._name = server, account
        self.connection = self.connect()
        self.account = server.accounts.find(account)

    def connect(self, **options: Any) -> Any:
        """Log in to the account again."""
        self._opened.append(self._server.connect(account=self._name, **options))
        return self._opened[-1]

    def run(self, *texts: str) -> list[tuple[Any, ...]]:
        """Execute statements and give the last one's rows."""
        cursor = self.connection.cursor()
        for text in texts:
            cursor.execute(text)
        return cursor.fetchall()

    def dicts(self, text: str) -> list[dict[str, Any]]:
        """A statement's rows by column name, lower case."""
        cursor = self.connection.cursor().execute(text)
        return [dict(zip((c.name.lower() for c in cursor.description), row, strict=True)) for row in cursor.fetchall()]

    def errno(self, text: str) -> int:
        """The number of the error that a statement fails with."""
        from snowflake.connector.errors import Error

        with pytest.raises(Error) as caught:
            self.run(text)
        return caught.value.errno

    def advance(self, amount: float, unit: str = "seconds") -> None:
        """Move the clock, and let all that is due on the way happen."""
        self.run(f"call system$local_advance_clock({amount}, '{unit}')")

    def close(self) -> None:
        for connection in self._opened:
            connection.close()


@pytest.fixture
def client(timed_server: Server) -> Iterator[Client]:
    """ADMIN of an account whose clock stands, in database D with warehouse W (suspended)."""
    made = Client(timed_server, f"TEST-T{next(_numbers)}")
    made.run("create database d", "create warehouse w initially_suspended = true")
    yield made
    made.close()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[..., Any]]:
    """Log in with the connector to an account of the test's own; closed afterwards."""
    account, opened = f"TEST-N{next(_numbers)}", []

    def make(**options: Any) -> Any:
        opened.append(server.connect(**{"account": account, **options}))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def account() -> Iterator[Account]:
    """A new account in memory."""
    made = Account("TEST-ACCOUNT", None)
    bootstrap(made.catalog, PASSWORD)
    yield made
    made.close()


@pytest.fixture
def session(account: Account) -> Callable[..., Session]:
    """Open a session in process: `session()` is ADMIN as ACCOUNTADMIN; `session("USER", "ROLE")` another."""

    def make(user: str = "ADMIN", role: str = "ACCOUNTADMIN") -> Session:
        found = [account.catalog.find(kind, ACCOUNT, name) for kind, name in (("USER", user), ("ROLE", role))]
        assert all(found), f"no user {user} or role {role}"
        return Session(account, found[0].oid, found[1].oid)

    return make
