"""The server as a procedure's handler reaches it: on loopback, by a token that lives as long as the call.

The handler's connection works in the session of the CALL itself, as in Snowflake: same transaction, role and temporary objects.
That session's lock is held by the thread that runs the CALL, so that thread does the handler's statements too, while it waits
for the handler.
"""

from __future__ import annotations

import atexit
import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import AuthenticationError
from embedded.snowflake.wire.executions import Execution, Executions, complete
from embedded.snowflake.wire.sessions import SessionRoutes

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from embedded.snowflake.account import Account
    from embedded.snowflake.session.session import Session


_HANDLERS_CLIENT = "Python Connector 4 (Snowpark of a handler)"


class Line:
    """What a handler asks of the thread that waits for it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.wake, self._waker = os.pipe()
        self._todo: deque[Callable[[], None]] = deque()

    def put(self, work: Callable[[], None]) -> None:
        """Have the waiting thread do something."""
        self._todo.append(work)
        os.write(self._waker, b"!")

    def serve(self) -> None:
        """Do what was asked for."""
        os.read(self.wake, 4096)
        while self._todo:
            self._todo.popleft()()

    def close(self) -> None:
        """Let the pipe go."""
        os.close(self.wake)
        os.close(self._waker)


class _Handed(Executions):
    """Executions that the waiting threads do."""

    def __init__(self, lines: dict[int, Line]) -> None:
        super().__init__()
        self._lines = lines

    def start(self, execution: Execution, work: Any) -> None:
        self.know(execution)
        line = self._lines.get(execution.login.session.id)
        if line is None:
            execution.future.set_exception(_over())
        else:
            line.put(lambda: complete(execution, work))


def _over() -> AuthenticationError:
    return AuthenticationError("The stored procedure has ended, and with it its session.", 390111)


class _Gate:
    """Lets in who has the token of a call under way."""

    def __init__(self, tokens: dict[str, Session]) -> None:
        self._tokens = tokens

    def enter(self, data: dict[str, Any], *_: Any) -> Session:
        """The session of the call.

        Raises:
            AuthenticationError: no such call is under way (390303).
        """
        session = self._tokens.get(str(data.get("TOKEN") or ""))
        if session is None:
            raise AuthenticationError("Invalid OAuth access token.", 390303)
        return session


class _Sessions(SessionRoutes):
    """Session requests whose end leaves the session to the CALL."""

    async def end(self, request: Request) -> Response:
        from embedded.snowflake.wire.answers import answer, bearer

        self._registry.remove(self._registry.find(bearer(request)))
        return answer(None)


class Loopback:
    """The server for handlers: one a process, started with the first call."""

    def __init__(self) -> None:
        import uvicorn
        from starlette.applications import Starlette

        from embedded.snowflake.wire.app import make_routes
        from embedded.snowflake.wire.queries import QueryRoutes
        from embedded.snowflake.wire.registry import Registry
        from embedded.snowflake.wire.stage_files import StageFileRoutes

        self._lines: dict[int, Line] = {}
        self._tokens: dict[str, Session] = {}
        registry = Registry()
        sessions: Any = _Sessions(_Gate(self._tokens), registry)  # type: ignore[arg-type]
        queries = QueryRoutes(registry, _Handed(self._lines))
        files: Any = StageFileRoutes(self)  # type: ignore[arg-type]
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        app = Starlette(routes=make_routes(sessions, queries, files))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="loopback", daemon=True
        )
        self._thread.start()
        atexit.register(self.close)

    def find(self, name: str) -> Account | None:
        """The account of a call under way, for files of stages."""
        return next((line.session.account for line in self._lines.values() if line.session.account.name == name), None)

    @contextmanager
    def open(self, session: Session) -> Iterator[tuple[str, Line]]:
        """Give a call its token and its line."""
        token, line = secrets.token_urlsafe(32), Line(session)
        outer, client = self._lines.get(session.id), session.client_application
        # Snowpark's connector is another than the caller's: it takes and gives files of stages its own way.
        session.client_application = _HANDLERS_CLIENT
        self._tokens[token], self._lines[session.id] = session, line
        try:
            yield token, line
        finally:
            self._tokens.pop(token, None)
            if outer is not None:
                self._lines[session.id] = outer
            else:
                self._lines.pop(session.id, None)
            session.client_application = client
            line.close()

    def close(self) -> None:
        """Stop the server."""
        self._server.should_exit = True
        self._thread.join(timeout=2)
        self._listener.close()


_loopback: Loopback | None = None
_starting = threading.Lock()


def loopback() -> Loopback:
    """The process's server for handlers."""
    global _loopback
    with _starting:
        if _loopback is None:
            _loopback = Loopback()
        return _loopback
