"""Who is logged in: sessions by their tokens."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from embedded.snowflake.errors import SessionError
from embedded.snowflake.security.login_policies import idle_minutes

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.wire.executions import Execution

SESSION_SECONDS = 3600
MASTER_SECONDS = 14_400
# How many requests of a session are remembered, so that a repeated one is not done twice.
_REQUESTS = 200


@dataclass
class Login:
    """A client's login: its session, the two tokens with their ends (monotonic seconds), and its latest requests."""

    session: Session
    token: str
    master_token: str
    token_ends: float
    master_ends: float
    requests: OrderedDict[str, Execution] = field(default_factory=OrderedDict)

    def remember(self, request_id: str, execution: Execution) -> None:
        """Keep what a request does under its id."""
        self.requests[request_id] = execution
        while len(self.requests) > _REQUESTS:
            self.requests.popitem(last=False)


class Registry:
    """All logins of a server."""

    def __init__(self) -> None:
        self._by_token: dict[str, Login] = {}
        self._by_master: dict[str, Login] = {}
        self._lock = threading.Lock()

    def add(self, session: Session) -> Login:
        """Give a new session its tokens."""
        now = time.monotonic()
        login = Login(session, _token(), _token(), now + SESSION_SECONDS, now + MASTER_SECONDS)
        with self._lock:
            self._by_token[login.token] = login
            self._by_master[login.master_token] = login
        return login

    def find(self, token: str) -> Login:
        """The login of a session token.

        Raises:
            SessionError: unknown (390104) or expired (390112, upon which clients renew it).
        """
        login = self._by_token.get(token)
        if login is None:
            raise SessionError("Session no longer exists. New login required to access the service.", 390111)
        if time.monotonic() > login.token_ends:
            raise SessionError("Authentication token has expired. The user must authenticate again.", 390112)
        if is_idle(login):
            raise SessionError("Session no longer exists. New login required to access the service.", 390111)
        return login

    def renew(self, master_token: str) -> Login:
        """Give a login a new session token; the old one ends.

        Raises:
            SessionError: the master token is unknown (390115) or expired (390114).
        """
        with self._lock:
            login = self._by_master.get(master_token)
            if login is None:
                raise SessionError("Invalid master token.", 390115)
            if time.monotonic() > login.master_ends or is_idle(login):
                raise SessionError("Authentication token has expired. The user must authenticate again.", 390114)
            self._by_token.pop(login.token, None)
            login.token, login.token_ends = _token(), time.monotonic() + SESSION_SECONDS
            login.master_ends = time.monotonic() + MASTER_SECONDS
            self._by_token[login.token] = login
            return login

    def extend(self, login: Login) -> None:
        """Keep a login alive, as a heartbeat does."""
        now = time.monotonic()
        login.token_ends, login.master_ends = now + SESSION_SECONDS, now + MASTER_SECONDS

    def remove(self, login: Login) -> None:
        """End a login's tokens."""
        with self._lock:
            self._by_token.pop(login.token, None)
            self._by_master.pop(login.master_token, None)

    def expired(self) -> list[Login]:
        """Logins whose master token has ended."""
        now = time.monotonic()
        with self._lock:
            return [login for login in self._by_master.values() if now > login.master_ends or is_idle(login)]


def is_idle(login: Login) -> bool:
    """Whether a session did nothing for longer than its user's session policy lets it."""
    session = login.session
    if session.record is not None:
        return False
    catalog = session.account.catalog
    minutes = idle_minutes(catalog, catalog.get(session.user))
    if minutes is None or session.account.clock.now() - session.last_used <= timedelta(minutes=minutes):
        return False
    # Asked last: every request asks whether its session is idle, and hardly one is.
    return all(execution.future.done() for execution in login.requests.values())


def _token() -> str:
    return secrets.token_urlsafe(32)
