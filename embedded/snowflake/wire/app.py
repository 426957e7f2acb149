"""The server: routes of the protocol on Starlette."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

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

_SWEEP_SECONDS = 60.0


def make_app(accounts: Accounts) -> Starlette:
    """The application over some accounts; it closes them when it ends."""
    registry, executions = Registry(), Executions()
    sessions = SessionRoutes(Gate(accounts), registry)
    queries = QueryRoutes(registry, executions)
    post, get = ["POST"], ["GET"]
    routes = [
        Route("/queries/v1/query-request", queries.query, methods=post),
        Route("/session/v1/login-request", sessions.login, methods=post),
        Route("/session/token-request", sessions.renew, methods=post),
        Route("/session/heartbeat", sessions.heartbeat, methods=post),
        Route("/session", sessions.end, methods=post),
        Route("/queries/v1/abort-request", queries.abort, methods=post),
        Route("/queries/{query_id}/abort-request", queries.abort_query, methods=post),
        Route("/queries/{query_id}/result", queries.result, methods=get),
        Route("/monitoring/queries/{query_id:path}", queries.monitor, methods=get),
        Route("/chunks/{query_id}/{start:int}", queries.chunk, methods=get),
        Route(f"/{PREFIX}/{{path:path}}", StageFileRoutes(accounts).serve, methods=["GET", "HEAD", "PUT"]),
        Route("/telemetry/send", _telemetry, methods=post),
        Route("/telemetry/send/sessionless", _telemetry, methods=post),
        Route("/health", _health, methods=get),
    ]

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

    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: _not_found})


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
