"""Shared reads: which statements concurrent readers cost, and that no answer is older than a write."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedded.provider.reads import Reads


class Server:
    """Answers SHOW with what exists; counts the questions."""

    def __init__(self):
        self.exists = {"A"}
        self.asked = []
        self.gate = threading.Event()
        self.gate.set()

    def run(self, sql):
        self.asked.append(sql)
        found = [{"name": name} for name in sorted(self.exists)]
        self.gate.wait(10)
        return found


@pytest.fixture
def server():
    return Server()


def show(reads, server, name, eager=False):
    rows = reads.show(("TASKS", "IN S"), name, f"SHOW TASKS LIKE '{name}'", "SHOW TASKS", server.run, eager=eager)
    return any(row["name"] == name for row in rows)


def test_a_lone_question_is_asked_narrowly(server):
    assert show(Reads(), server, "A")
    assert server.asked == ["SHOW TASKS LIKE 'A'"]


def test_the_same_question_is_asked_once(server):
    reads = Reads()
    assert [show(reads, server, "A") for _ in range(3)] == [True] * 3
    assert len(server.asked) == 1


def test_waiting_questions_share_one_wide_answer(server):
    reads = Reads()
    server.exists = {f"T{i}" for i in range(30)}
    server.gate.clear()
    with ThreadPoolExecutor(30) as threads:
        answers = [threads.submit(show, reads, server, f"T{i}") for i in range(30)]
        _until(lambda: reads._shelves and next(iter(reads._shelves.values())).waiting == 29)
        server.gate.set()
        assert all(answer.result() for answer in answers)
    assert len(server.asked) == 2
    assert server.asked[1] == "SHOW TASKS"


def test_a_refresh_one_by_one_soon_asks_widely(server):
    reads = Reads()
    server.exists = {f"T{i}" for i in range(30)}
    assert all(show(reads, server, f"T{i}", eager=True) for i in range(30))
    assert server.asked == ["SHOW TASKS LIKE 'T0'", "SHOW TASKS LIKE 'T1'", "SHOW TASKS"]


def test_no_answer_is_older_than_a_write(server):
    reads = Reads()
    assert not show(reads, server, "B")
    server.exists.add("B")
    reads.wrote("TASKS", "B")
    assert show(reads, server, "B")


def test_an_answer_asked_for_before_a_write_is_not_used(server):
    reads = Reads()
    server.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        early = threads.submit(show, reads, server, "B")
        _until(lambda: server.asked)
        server.exists.add("B")
        reads.wrote("TASKS", "B")
        server.gate.set()
        assert early.result() is False
    assert show(reads, server, "B")


def test_a_write_to_another_object_leaves_the_answer(server):
    reads = Reads()
    show(reads, server, "A")
    reads.wrote("TASKS", "B")
    show(reads, server, "A")
    assert len(server.asked) == 1


def test_a_write_to_anything_leaves_none(server):
    reads = Reads()
    show(reads, server, "A")
    reads.wrote("EXECUTE")
    show(reads, server, "A")
    assert len(server.asked) == 2


def test_an_answer_that_may_be_cut_off_is_not_trusted(server, monkeypatch):
    monkeypatch.setattr("embedded.provider.reads.ROW_LIMIT", 5)
    reads = Reads()
    server.exists = {f"T{i}" for i in range(5)}
    assert [show(reads, server, f"T{i}", eager=True) for i in range(3)] == [True] * 3
    assert server.asked[-2:] == ["SHOW TASKS", "SHOW TASKS LIKE 'T2'"]


def test_a_refused_question_fails_its_asker_and_frees_the_shelf(server):
    reads = Reads()

    def refuse(sql):
        raise RuntimeError(sql)

    with pytest.raises(RuntimeError):
        reads.show(("TASKS", ""), "A", "SHOW", "SHOW", refuse)
    assert show(reads, server, "A")


def _until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)
