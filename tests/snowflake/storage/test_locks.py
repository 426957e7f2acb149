"""Two sessions that change the same tables: the second waits, gives up in time, and a deadlock ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from embedded.snowflake.account import Account
from embedded.snowflake.errors import SnowflakeError

Run = Callable[..., list[tuple[Any, ...]]]


class Started:
    """A statement in a thread: what it gave or raised, once it has ended."""

    def __init__(self, run: Run, text: str) -> None:
        self.rows: Any = None
        self.error: SnowflakeError | None = None
        self._run, self._text = run, text
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        try:
            self.rows = self._run(self._text)
        except SnowflakeError as error:
            self.error = error

    def ended(self) -> Started:
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self


@pytest.fixture
def two(opened: Callable[[], Run]) -> tuple[Run, Run]:
    """Two sessions over tables A and B, each in a transaction."""
    first, second = opened(), opened()
    for text in (
        "create table a (v int)",
        "create table b (v int)",
        "insert into a values (1), (2)",
        "insert into b values (1)",
    ):
        first(text)
    first("begin")
    second("begin")
    return first, second


def waits(account: Account) -> bool:
    return bool(account.storage.locks._waiting)


def until_waiting(account: Account, started: Started) -> None:
    deadline = threading.Event()
    while not waits(account):
        assert started.thread.is_alive()
        deadline.wait(0.005)


CHANGES = {
    "update": "update a set v = v + 10",
    "delete": "delete from a where v = 1",
    "merge": "merge into a using b on a.v = b.v when matched then update set v = 5",
    "truncate": "delete from a",
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_second_waits_for_the_first_and_sees_what_it_did(
    two: tuple[Run, Run], account: Account, change: str
) -> None:
    first, second = two
    first("update a set v = 1")
    started = Started(second, CHANGES[change])
    until_waiting(account, started)
    first("commit")
    assert started.ended().error is None
    second("commit")
    expected = {"update": [(11,), (11,)], "delete": [], "merge": [(5,), (5,)], "truncate": []}
    assert first("select v from a order by v") == expected[change]


def test_inserts_and_reads_wait_for_nobody(two: tuple[Run, Run]) -> None:
    first, second = two
    first("update a set v = v * 10")
    assert second("select v from a order by v") == [(1,), (2,)]
    second("insert into a values (3)")
    second("commit")
    first("commit")
    assert first("select v from a order by v") == [(3,), (10,), (20,)]


def test_it_gives_up_after_lock_timeout_and_its_transaction_stays(two: tuple[Run, Run]) -> None:
    first, second = two
    first("delete from a where v = 1")
    second("insert into b values (2)")
    second("alter session set lock_timeout = 0")
    with pytest.raises(SnowflakeError) as caught:
        second("update a set v = 7")
    assert (caught.value.errno, caught.value.sqlstate) == (625, "57014")
    assert "lock" in caught.value.message
    second("commit")
    assert second("select count(*) from b") == [(2,)]
    first("rollback")
    second("update a set v = 7")
    assert second("select v from a") == [(7,), (7,)]


def test_a_deadlock_is_broken_and_the_other_goes_on(two: tuple[Run, Run], account: Account) -> None:
    first, second = two
    first("update a set v = 100")
    second("update b set v = 200")
    started = Started(second, "update a set v = 300")
    until_waiting(account, started)
    with pytest.raises(SnowflakeError, match="deadlock") as caught:
        first("update b set v = 400")
    assert caught.value.errno == 625
    first("rollback")
    assert started.ended().error is None
    second("commit")
    assert (first("select v from a"), first("select v from b")) == ([(300,), (300,)], [(200,)])


def test_a_cancelled_statement_stops_waiting(two: tuple[Run, Run], account: Account) -> None:
    first, second = two
    first("update a set v = 1")
    started = Started(second, "update a set v = 2")
    until_waiting(account, started)
    waiting = next(session for session in account.sessions.values() if session.statement_id is not None)
    waiting.cancel(str(waiting.statement_id))
    assert started.ended().error is not None and started.error is not None
    assert started.error.errno == 604


def test_a_session_that_ends_lets_its_locks_go(two: tuple[Run, Run], account: Account) -> None:
    first, second = two
    first("update a set v = 1")
    next(iter(account.sessions.values())).close()
    second("update a set v = 2")
    assert second("select v from a") == [(2,), (2,)]
