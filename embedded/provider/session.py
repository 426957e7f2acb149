"""Run statements in a small pool of sessions, each opened when a statement first needs it."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from embedded.provider.connection import arguments
from embedded.provider.errors import CancelledError, ConnectionFailed, ProviderError, StatementError

Row = dict[str, Any]
_MAXIMUM_SESSIONS = 8
_USUAL_SECONDS = 10 * 60
_NO_WAREHOUSE = 606
_NOT_NEEDED = ("numpy", "pandas", "pyarrow", "sqlalchemy")
_IMPORTING = threading.Lock()
_ACCOUNT = (
    "SELECT CURRENT_ACCOUNT() as CURRENT_ACCOUNT, CURRENT_ROLE() as CURRENT_ROLE, CURRENT_REGION() as CURRENT_REGION, "
    "CURRENT_SESSION() as CURRENT_SESSION, CURRENT_USER() as CURRENT_USER, "
    "CURRENT_ACCOUNT_NAME() as CURRENT_ACCOUNT_NAME, CURRENT_ORGANIZATION_NAME() as CURRENT_ORGANIZATION_NAME"
)


class Session(Protocol):
    """One open session."""

    def run(self, sql: str, seconds: float) -> list[Row]:
        """Run one statement and return its rows, by column name as Snowflake spells it."""
        ...

    def abort(self) -> None:
        """Stop the statement that runs now, if any."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


class ConnectorSession:
    """A session over snowflake-connector-python."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        connector, self._errors = _import_connector()
        given = arguments(config)
        self._connect = lambda: _without_telemetry(connector.connect(**given))
        try:
            self._connection = self._connect()
        except self._errors.Error as error:
            raise ConnectionFailed(_login_failure(given, error)) from error
        self._cursor: Any = None

    def run(self, sql: str, seconds: float) -> list[Row]:
        """Run one statement; see ``Session``.

        A session's warehouse is the last one that it made, and none once that is dropped; a new login has the user's again.
        """
        try:
            return self._run(sql, seconds)
        except StatementError as error:
            if error.errno != _NO_WAREHOUSE:
                raise
            self.close()
            self._connection = self._connect()
            return self._run(sql, seconds)

    def _run(self, sql: str, seconds: float) -> list[Row]:
        cursor = self._cursor = self._connection.cursor()
        try:
            cursor.execute(sql, **_limit(seconds))
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except self._errors.Error as error:
            raise StatementError(error.errno or 0, error.sqlstate or "", _reason(error), sql) from error
        finally:
            self._cursor = None
            cursor.close()

    def abort(self) -> None:
        """Cancel the statement that runs now; from another session, since this one waits for it.

        Where Snowflake refuses that, the statement ends by itself and nothing follows it.
        """
        if self._cursor is None:
            return
        with contextlib.suppress(self._errors.Error), self._connect() as other:
            other.cursor().execute(f"SELECT SYSTEM$CANCEL_ALL_QUERIES({self._connection.session_id})")

    def close(self) -> None:
        """Log out."""
        with contextlib.suppress(self._errors.Error):
            self._connection.close()


def _without_telemetry(connection: Any) -> Any:
    """Keep a connection from telling Snowflake which of the connector's methods are called, which it asks about at each of them."""
    connection.telemetry_enabled = False
    return connection


def _limit(seconds: float) -> dict[str, Any]:
    """Return what makes Snowflake end a statement itself, for operations with less time than the usual 20 minutes."""
    if seconds >= _USUAL_SECONDS:
        return {}
    return {"_statement_params": {"STATEMENT_TIMEOUT_IN_SECONDS": str(max(1, int(seconds)))}}


def load_connector() -> None:
    """Import the connector in the background, for the session that is likely to be wanted; nothing is sent."""
    threading.Thread(target=_import_connector, name="connector", daemon=True).start()


def _import_connector() -> tuple[Any, Any]:
    logging.getLogger("snowflake").setLevel(logging.CRITICAL)
    with _IMPORTING, _hidden(_NOT_NEEDED):
        import snowflake.connector as connector
        from snowflake.connector import errors

        return connector, errors


@contextlib.contextmanager
def _hidden(names: Iterable[str]) -> Iterator[None]:
    """Let packages seem not to be installed.

    Of what the connector offers with them the provider uses nothing, and it imports them first of all: a second and more where all
    of them are installed.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


def _login_failure(given: Mapping[str, Any], error: Any) -> str:
    where = given.get("host") or f"{given['account']}.snowflakecomputing.com"
    where = f"{where}:{given['port']}" if given.get("port") else where
    return (
        f"cannot open a Snowflake session for user {given.get('user', '')} in account {given['account']} at {where}: "
        f"{_reason(error)}. Check snowflake:user, its password or key, snowflake:host and snowflake:port"
    )


def _reason(error: Any) -> str:
    text = str(getattr(error, "raw_msg", None) or error.msg or error)
    return text.split("\n  ", 1)[0].strip().rstrip(".") if text.startswith(f"{error.errno}") else text.strip()


class Pool:
    """Sessions shared by all operations of a run; at most eight, so that parallel steps run in parallel."""

    def __init__(self, open_session: Callable[[], Session]) -> None:
        self._open = open_session
        self._free: list[Session] = []
        self._all: list[Session] = []
        self._opening = 0
        self._changed = threading.Condition()
        self._cancelled = False
        self._closed = False
        self._failure: ProviderError | None = None

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Lend one session to this thread.

        Raises:
            ConnectionFailed: no session can be opened; later calls repeat that answer without another login.
            CancelledError: the run was cancelled.
        """
        session = self._take()
        try:
            yield session
        finally:
            with self._changed:
                self._free.append(session)
                self._changed.notify()

    def warm(self) -> None:
        """Open the first session in the background.

        If that fails, nothing has happened: the role or user may still have to be made by the same run, and the first statement that
        needs a session tries again.
        """
        with self._changed:
            self._opening += 1
        threading.Thread(target=self._warm, name="first session", daemon=True).start()

    def _warm(self) -> None:
        with contextlib.suppress(Exception):
            session = self._open_one(final=False)
            with self._changed:
                self._free.append(session)
                self._changed.notify()

    def _take(self) -> Session:
        with self._changed:
            while True:
                if self._cancelled:
                    raise CancelledError("the operation was cancelled; nothing more was sent to Snowflake")
                if self._failure:
                    raise self._failure
                if self._free:
                    return self._free.pop()
                # The first login goes alone: a wrong password tried eight times at once would lock the user.
                if len(self._all) + self._opening < (_MAXIMUM_SESSIONS if self._all else 1):
                    self._opening += 1
                    break
                self._changed.wait()
        return self._open_one()

    def _open_one(self, final: bool = True) -> Session:
        """Open a session that was announced in `_opening`; a `final` failure is the answer to all later calls too."""
        try:
            session = self._open()
        except Exception as error:
            with self._changed:
                self._opening -= 1
                self._failure = error if final and isinstance(error, ProviderError) else None
                self._changed.notify_all()
            raise
        with self._changed:
            self._opening -= 1
            self._changed.notify_all()
            if not self._closed:
                self._all.append(session)
                return session
        session.close()
        raise CancelledError("the provider has been closed; nothing more is sent to Snowflake")

    def cancel(self) -> None:
        """Refuse further statements and stop those that run."""
        with self._changed:
            self._cancelled = True
            running = [session for session in self._all if session not in self._free]
            self._changed.notify_all()
        for session in running:
            session.abort()

    def close(self) -> None:
        """End all sessions."""
        with self._changed:
            self._closed = True
            sessions, self._all, self._free = self._all, [], []
        for session in sessions:
            session.close()


class Client:
    """Send statements, counting what was written so that shared reads are never older than a write."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._context: Row | None = None
        self._lock = threading.Lock()

    def run(self, sql: str, deadline: float) -> list[Row]:
        """Run one statement in any session.

        Args:
            sql: one statement.
            deadline: when to give up, on the clock of ``time.monotonic``.

        Raises:
            StatementError: Snowflake refused it.
            CancelledError: the time is up.
        """
        with self.pool.session() as session:
            return session.run(sql, remaining(deadline))

    def context(self, deadline: float) -> Row:
        """Return the account, organization, region, user and role of the run, asked once."""
        with self._lock:
            if self._context is None:
                self._context = self.run(_ACCOUNT, deadline)[0]
            return self._context


def remaining(deadline: float) -> float:
    """Return the seconds left until a deadline.

    Raises:
        CancelledError: none are left.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise CancelledError("the operation ran out of time (see customTimeouts)")
    return left
