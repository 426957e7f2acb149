"""A server killed while it loads, changes tables, merges and runs tasks: what it confirmed is there again, and nothing half done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from local_server import LocalServer

ROWS, FILES, ACCOUNTS = 2_000, 12, 500
# Statements that each writer has confirmed before the server is killed, in the middle of its next.
LEAST, SECONDS = 3, 60
SETUP = (
    "create database d",
    "use schema d.public",
    "create stage files",
    f"copy into @files/f from (select seq4() as n, mod(seq4(), {FILES}) as g from table(generator(rowcount => {ROWS * FILES})))"
    " partition by ('g' || g) file_format = (type = csv)",
    "create table loaded (n int, g int)",
    f"create table merged as select seq4() as id, 0 as v from table(generator(rowcount => {ACCOUNTS}))",
    f"create table paid as select seq4() as id, 100 as v from table(generator(rowcount => {ACCOUNTS}))",
    "create table got like paid",
    "create table source (n int)",
    "create table target (n int)",
    "create stream changes on table source",
    "create task mover user_task_minimum_trigger_interval_in_seconds = 10 when system$stream_has_data('changes')"
    " as insert into target select n from changes",
    "alter task mover resume",
)


@dataclass
class Writer:
    """One session's statements, one after the other until the server is gone, and how many it was told are done."""

    server: LocalServer
    step: Callable[[Any, int], None]
    confirmed: int = 0
    failed: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            with self.server.connect(database="D", schema="PUBLIC") as connection:
                while True:
                    self.step(connection.cursor(), self.confirmed)
                    self.confirmed += 1
        except Exception as error:
            # Once the server is gone this is how it ends.
            self.failed = error


def load(cursor: Any, number: int) -> None:
    cursor.execute(f"copy into loaded from @files/f/g{number % FILES}/ file_format = (type = csv)")


def define(cursor: Any, number: int) -> None:
    if number % 2 == 0:
        cursor.execute(f"create table made_{number} as select seq4() as n from table(generator(rowcount => {ROWS}))")
    else:
        cursor.execute(f"alter table made_{number - 1} add column extra int default {number}")


def merge(cursor: Any, _: int) -> None:
    cursor.execute("merge into merged m using merged s on m.id = s.id when matched then update set v = m.v + 1")


def pay(cursor: Any, _: int) -> None:
    for text in (
        "begin",
        "update paid set v = v - 1",
        f"insert into got select id, 1 from paid where id < {ACCOUNTS}",
        "commit",
    ):
        cursor.execute(text)


def feed(cursor: Any, number: int) -> None:
    cursor.execute(f"insert into source select {number} * 100 + seq4() from table(generator(rowcount => 100))")


STEPS = {"load": load, "define": define, "merge": merge, "pay": pay, "feed": feed}


class Restarted:
    """The server after it was killed: what was confirmed before, and a session."""

    def __init__(self, server: LocalServer, confirmed: dict[str, int]) -> None:
        self.confirmed = confirmed
        self.connection = server.connect(database="D", schema="PUBLIC")

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        return self.connection.cursor().execute(text).fetchall()


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    """Kill a busy server, and start it again on what it left."""
    server = LocalServer(tmp_path_factory.mktemp("durable") / "data").start()
    writers: dict[str, Writer] = {}
    try:
        _work_until_killed(server, writers)
        # On the same port, so that the writers learn at once that their sessions are gone.
        server.start()
        for writer in writers.values():
            writer.thread.join(SECONDS)
        found = Restarted(server, {name: writer.confirmed for name, writer in writers.items()})
        yield found
        found.connection.close()
    finally:
        server.stop()


def _work_until_killed(server: LocalServer, writers: dict[str, Writer]) -> None:
    """Start a writer for each kind of work, and kill the server when each has been confirmed some and is at its next."""
    with server.connect() as connection:
        for text in SETUP:
            connection.cursor().execute(text)
    writers.update({name: Writer(server, step) for name, step in STEPS.items()})
    deadline = time.monotonic() + SECONDS
    with server.connect(database="D", schema="PUBLIC") as watching:
        moved = watching.cursor()
        while (
            min(writer.confirmed for writer in writers.values()) < LEAST
            or moved.execute("select count(*) from target").fetchone()[0] == 0
        ):
            broken = [str(writer.failed) for writer in writers.values() if writer.failed]
            assert not broken, broken
            assert time.monotonic() < deadline, {name: writer.confirmed for name, writer in writers.items()}
    server.stop(kill=True)


def test_each_file_is_loaded_whole_and_once(restarted: Restarted) -> None:
    loads = restarted.rows("select g, count(*) from loaded group by g")
    assert {count for _, count in loads} == {ROWS}
    done = min(restarted.confirmed["load"], FILES)
    assert done <= len(loads) <= done + 1
    restarted.rows("copy into loaded from @files file_format = (type = csv)")
    assert restarted.rows("select count(*), count(distinct n) from loaded") == [(ROWS * FILES, ROWS * FILES)]


def test_tables_are_made_and_altered_whole(restarted: Restarted) -> None:
    names = [row[1] for row in restarted.rows("show tables like 'MADE_%'")]
    done = restarted.confirmed["define"]
    assert (done + 1) // 2 <= len(names) <= (done + 2) // 2
    for name in names:
        number = int(name.removeprefix("MADE_"))
        rows = restarted.rows(f"select * from {name} order by n")
        assert len(rows) == ROWS
        assert {row[1:] for row in rows} <= {(), (number + 1,)}
        assert number + 1 >= done or len(rows[0]) == 2


def test_a_merge_changed_all_rows_or_none(restarted: Restarted) -> None:
    [(low, high, count)] = restarted.rows("select min(v), max(v), count(*) from merged")
    assert low == high and count == ACCOUNTS
    assert restarted.confirmed["merge"] <= low <= restarted.confirmed["merge"] + 1


def test_a_transaction_is_there_in_both_tables_or_in_none(restarted: Restarted) -> None:
    [(low, high)] = restarted.rows("select min(v), max(v) from paid")
    [(got,)] = restarted.rows("select count(*) from got")
    assert low == high and (100 - low) * ACCOUNTS == got
    assert restarted.confirmed["pay"] <= 100 - low <= restarted.confirmed["pay"] + 1


def test_a_task_moves_each_row_once(restarted: Restarted) -> None:
    [(fed,)] = restarted.rows("select count(*) from source")
    assert fed % 100 == 0 and restarted.confirmed["feed"] * 100 <= fed <= (restarted.confirmed["feed"] + 1) * 100
    restarted.rows("execute task mover")
    deadline = time.monotonic() + SECONDS
    while restarted.rows("select count(*) from target") != [(fed,)]:
        assert time.monotonic() < deadline, restarted.rows("select count(*), count(distinct n) from target")
        time.sleep(0.05)
    assert restarted.rows("select count(distinct n) from target") == [(fed,)]
    assert restarted.rows("select count(*) from changes") == [(0,)]
