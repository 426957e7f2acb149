"""Share reads: one SHOW of a kind and place answers every object of it that is asked for at about the same time.

A lone question is asked as the official plugin asks it (``SHOW … LIKE 'name'``). When others wait meanwhile, the next
SHOW is the wide one, without LIKE, and its rows answer all of them. Answers are kept for a few seconds within the run, and
none is used for an object written after the answer was asked for.
"""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from embedded.provider.session import Row

KEPT_SECONDS = 10.0
# SHOW returns at most this many rows without LIMIT … FROM: a wide answer this long may be cut off.
ROW_LIMIT = 10_000


@dataclass
class _Answer:
    rows: list[Row]
    asked: int
    at: float
    error: Exception | None = None

    def serves(self, written: int) -> bool:
        """Whether the answer was asked for after a write and is still young."""
        return self.asked >= written and time.monotonic() - self.at < KEPT_SECONDS


@dataclass
class _Shelf:
    wide: _Answer | None = None
    narrow: dict[str, _Answer] = field(default_factory=dict)
    busy: bool = False
    waiting: int = 0
    asked_narrow: int = 0


class Reads:
    """The shared reads of a run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shelves: dict[tuple[str, str], _Shelf] = {}
        self._count = itertools.count(1)
        self._now = 0
        self._written: dict[tuple[str, str], int] = {}
        self._all_written = 0

    def wrote(self, topic: str, name: str | None = None) -> None:
        """Note a finished write to one object of a topic, or (without a name) to anything at all."""
        with self._changed:
            self._now = next(self._count)
            if name is None:
                self._all_written = self._now
            else:
                self._written[topic, name] = self._now

    def show(
        self,
        place: tuple[str, str],
        name: str,
        narrow: str,
        wide: str | None,
        run: Callable[[str], list[Row]],
        *,
        eager: bool = False,
    ) -> list[Row]:
        """Return rows among which the named object is, if it exists.

        Args:
            place: the topic (``TASKS``) and where (``IN SCHEMA …``).
            name: the object's name in its topic, as given to ``wrote``.
            narrow: the statement for this object alone.
            wide: the statement for all objects of the place; None when there is none.
            run: sends a statement.
            eager: whether a second question in a row is already worth the wide statement (a refresh).

        Raises:
            StatementError: Snowflake refused the statement.
        """
        shelf, found = self._wait(place, name, wide)
        if found:
            return found.rows
        many = wide is not None and (shelf.waiting > 0 or (eager and shelf.asked_narrow > 1))
        answer = self._ask(run, wide if many and wide else narrow)
        if many and len(answer.rows) >= ROW_LIMIT:
            many, answer = False, self._ask(run, narrow)
        self._keep(shelf, answer, None if many else name)
        if answer.error:
            raise answer.error
        return answer.rows

    def _wait(self, place: tuple[str, str], name: str, wide: str | None) -> tuple[_Shelf, _Answer | None]:
        with self._changed:
            # Statements without a wide form share nothing between names, so each name has a shelf of its own.
            shelf = self._shelves.setdefault(place if wide else (place[0], f"{place[1]} {name}"), _Shelf())
            while True:
                written = max(self._written.get((place[0], name), 0), self._all_written)
                for answer in (shelf.wide, shelf.narrow.get(name)):
                    if answer and not answer.error and answer.serves(written):
                        return shelf, answer
                if not shelf.busy:
                    shelf.busy = True
                    return shelf, None
                shelf.waiting += 1
                self._changed.wait()
                shelf.waiting -= 1

    def _ask(self, run: Callable[[str], list[Row]], sql: str) -> _Answer:
        asked = self._now
        try:
            return _Answer(run(sql), asked, time.monotonic())
        except Exception as error:  # handed to the asker once the shelf is free again
            return _Answer([], asked, time.monotonic(), error)

    def _keep(self, shelf: _Shelf, answer: _Answer, name: str | None) -> None:
        with self._changed:
            if name is None:
                shelf.wide = answer
            else:
                shelf.narrow[name] = answer
                shelf.asked_narrow += 1
            shelf.busy = False
            self._changed.notify_all()
