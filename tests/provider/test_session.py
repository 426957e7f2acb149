"""Sessions over the connector, against the local Snowflake."""

from __future__ import annotations

import threading
import time

import pytest

from embedded.provider.errors import CancelledError, ConnectionFailed
from embedded.provider.provider import Provider
from embedded.provider.session import Client, Pool


def test_a_session_whose_warehouse_was_dropped_goes_on_with_the_users(stack):
    stack.provider.run("CREATE WAREHOUSE GOES")
    stack.provider.run("DROP WAREHOUSE GOES")
    assert stack.provider.run("SELECT COUNT(*) AS N FROM SNOWFLAKE.ACCOUNT_USAGE.ROLES")[0]["N"] >= 0


class _Sessions:
    """Opens sessions that do nothing, when told to go on."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.tried = 0
        self.opened: list[_Sessions._Session] = []
        self.asked, self.go_on = threading.Event(), threading.Event()

    class _Session:
        closed = False

        def run(self, sql: str, seconds: float) -> list[dict]:  # noqa: ARG002
            return [{"SQL": sql}]

        def abort(self) -> None:
            raise AssertionError("nothing runs")

        def close(self) -> None:
            self.closed = True

    def __call__(self) -> _Session:
        self.tried += 1
        self.asked.set()
        assert self.go_on.wait(60)
        if self.failure:
            raise self.failure
        self.opened.append(self._Session())
        return self.opened[-1]


def test_the_first_statement_takes_the_session_that_was_opened_meanwhile():
    sessions = _Sessions()
    pool = Pool(sessions)
    pool.warm()
    assert sessions.asked.wait(60)
    sessions.go_on.set()
    assert Client(pool).run("select 1", time.monotonic() + 60) == [{"SQL": "select 1"}]
    assert len(sessions.opened) == 1


def test_a_login_that_failed_meanwhile_is_tried_once_more_and_then_its_answer_stands():
    sessions = _Sessions(ConnectionFailed("wrong password"))
    sessions.go_on.set()
    pool = Pool(sessions)
    pool.warm()
    for _ in range(3):
        with pytest.raises(ConnectionFailed, match="wrong password"):
            Client(pool).run("select 1", time.monotonic() + 60)
    assert sessions.tried == 2


def test_a_login_that_failed_meanwhile_may_succeed_when_it_is_needed():
    sessions = _Sessions(ConnectionFailed("there is no such role yet"))
    pool = Pool(sessions)
    pool.warm()
    assert sessions.asked.wait(60)
    threading.Timer(0, sessions.go_on.set).start()
    with pool._changed:
        assert pool._changed.wait_for(lambda: not pool._opening, 60)
    sessions.failure = None
    assert Client(pool).run("select 1", time.monotonic() + 60) == [{"SQL": "select 1"}]


def test_a_session_that_opens_after_the_end_is_closed():
    sessions = _Sessions()
    pool = Pool(sessions)
    pool.warm()
    assert sessions.asked.wait(60)
    pool.close()
    sessions.go_on.set()
    with pytest.raises(CancelledError):
        Client(pool).run("select 1", time.monotonic() + 60)
    assert sessions.opened and all(session.closed for session in sessions.opened)


@pytest.mark.parametrize(("protocol", "asked"), [("http", 1), ("https", 0)])
def test_only_a_local_snowflake_is_logged_in_to_before_a_statement_needs_it(protocol, asked):
    class Counted(Pool):
        warmed = 0

        def warm(self) -> None:
            self.warmed += 1

    provider = Provider()
    provider.configure({"accountName": "A", "organizationName": "O", "user": "U", "protocol": protocol})
    pool = Counted(_Sessions())
    provider.use(pool)
    provider.warm()
    assert pool.warmed == asked
