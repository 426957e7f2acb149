"""The server: routes of the protocol on Starlette."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from embedded.snowflake.accounts import Accounts
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.session.dispatch import load_handlers
from embedded.snowflake.wire.answers import answer, failure
from embedded.snowflake.wire.executions import Executions
from embedded.snowflake.wire.login import Gate
from embedded.snowflake.wire.queries import QueryRoutes
from embedded.snowflake.wire.registry import Registry
from embedded.snowflake.wire.sessions import SessionRoutes, end_login
from embedded.snowflake.wire.stage_files import PREFIX, StageFileRoutes

_log = logging.getLogger(__name__)
Endpoint = Callable[[Request], Awaitable[Response]]
_SWEEP_SECONDS = 60.0


def make_app(accounts: Accounts) -> ASGIApp:
    """The application over some accounts; it closes them when it ends."""
    registry, executions = Registry(), Executions()
    sessions = SessionRoutes(Gate(accounts), registry)
    queries = QueryRoutes(registry, executions)
    routes = make_routes(sessions, queries, StageFileRoutes(accounts))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = threading.Event()
        opener = threading.Thread(target=_tend, args=(accounts, registry, stop), name="tend", daemon=True)
        opener.start()
        yield
        stop.set()
        executions.close()
        opener.join()
        accounts.close()

    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _not_found})
    return _with_statements_first(app, _safe(queries.query))


_STATEMENTS = "/queries/v1/query-request"


def _with_statements_first(app: ASGIApp, endpoint: Endpoint) -> ASGIApp:
    """The same application, whose statements do not go through its routing and middleware: a third of what a short one costs."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != _STATEMENTS or scope["method"] != "POST":
            await app(scope, receive, send)
            return
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)

    return serve


def make_routes(sessions: SessionRoutes, queries: QueryRoutes, files: StageFileRoutes) -> list[Route]:
    """The protocol's routes."""
    post, get = ["POST"], ["GET"]
    return [
        # Only what is no POST comes here, and is refused: see `_with_statements_first`.
        Route(_STATEMENTS, _safe(queries.query), methods=post),
        Route("/session/v1/login-request", _safe(sessions.login), methods=post),
        Route("/session/token-request", _safe(sessions.renew), methods=post),
        Route("/session/heartbeat", _safe(sessions.heartbeat), methods=post),
        Route("/session", _safe(sessions.end), methods=post),
        Route("/queries/v1/abort-request", _safe(queries.abort), methods=post),
        Route("/queries/{query_id}/abort-request", _safe(queries.abort_query), methods=post),
        Route("/queries/{query_id}/result", _safe(queries.result), methods=get),
        Route("/monitoring/queries/{query_id:path}", _safe(queries.monitor), methods=get),
        Route("/chunks/{query_id}/{key}/{start:int}", _safe(queries.chunk), methods=get),
        Route(f"/{PREFIX}/{{path:path}}", files.serve, methods=["GET", "HEAD", "PUT"]),
        Route("/telemetry/send", _telemetry, methods=post),
        Route("/telemetry/send/sessionless", _telemetry, methods=post),
        Route("/health", _health, methods=get),
    ]


def _safe(endpoint: Endpoint) -> Endpoint:
    """The same route, for which no request is too strange: what it cannot read is refused in the protocol's own form."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except SnowflakeError as error:
            return failure(error)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            _log.info("A request was not understood: %s", type(error).__name__, exc_info=True)
            return failure(
                SnowflakeError("The request is not one of Snowflake's clients: a part is of a wrong type.", 1, "08000")
            )

    return answered


def _tend(accounts: Accounts, registry: Registry, stop: threading.Event) -> None:
    """Open the accounts that are there and load what the first statement needs; then end sessions that nobody keeps alive."""
    accounts.load_all()
    load_handlers()
    while not stop.wait(_SWEEP_SECONDS):
        for login in registry.expired():
            end_login(registry, login)


async def _telemetry(_: Request) -> Response:
    """Take what clients tell of themselves; nothing is kept."""
    return answer("Log Received")


async def _health(_: Request) -> Response:
    """Say that the server answers."""
    return answer({"status": "up"})


async def _not_found(request: Request, _: Exception) -> Response:
    """Name the path that the local Snowflake does not have."""
    error = SnowflakeError(f"The local Snowflake does not have '{request.method} {request.url.path}'.", 2, "0A000")
    response = failure(error)
    response.status_code = 404
    return response
