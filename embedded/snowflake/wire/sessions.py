"""Session requests: login, token renewal, heartbeat, end."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.wire.answers import answer, bearer, failure, read_json
from embedded.snowflake.wire.login import Gate, login_data
from embedded.snowflake.wire.registry import MASTER_SECONDS, SESSION_SECONDS, Login, Registry


class SessionRoutes:
    """The routes under /session."""

    def __init__(self, gate: Gate, registry: Registry) -> None:
        self._gate = gate
        self._registry = registry

    async def login(self, request: Request) -> Response:
        """Check who it is and open a session."""
        try:
            body = await read_json(request)
            data, address = body.get("data"), request.client.host if request.client else "127.0.0.1"
            known = data if isinstance(data, dict) else {}
            session = await run_in_threadpool(self._gate.enter, known, dict(request.query_params), address)
        except SnowflakeError as error:
            return failure(error)
        return answer(login_data(self._registry.add(session)))

    async def renew(self, request: Request) -> Response:
        """Give a new session token for the master token."""
        try:
            login = self._registry.renew(bearer(request))
        except SnowflakeError as error:
            return failure(error)
        return answer(
            {
                "sessionToken": login.token,
                "validityInSecondsST": SESSION_SECONDS,
                "masterToken": login.master_token,
                "validityInSecondsMT": MASTER_SECONDS,
                "sessionId": login.session.id,
            }
        )

    async def heartbeat(self, request: Request) -> Response:
        """Keep a session alive."""
        try:
            self._registry.extend(self._registry.find(bearer(request)))
        except SnowflakeError as error:
            return failure(error)
        return answer(None)

    async def end(self, request: Request) -> Response:
        """End a session with ?delete=true; without it, nothing."""
        try:
            login = self._registry.find(bearer(request))
        except SnowflakeError as error:
            return failure(error)
        if request.query_params.get("delete", "true").lower() == "true":
            await run_in_threadpool(end_login, self._registry, login)
        return answer(None)


def end_login(registry: Registry, login: Login) -> None:
    """End a login: its tokens, its running statements, its session."""
    registry.remove(login)
    for execution in login.requests.values():
        if not execution.future.done():
            execution.cancel()
    login.session.close()
