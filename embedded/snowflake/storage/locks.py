"""Locks on tables and streams, held by transactions until they end; waits that would never end are refused."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from embedded.snowflake.errors import SqlExecutionError

_LOOK_AGAIN_SECONDS = 0.05


class Locks:
    """Who holds which lock: a lock is an object's oid, a holder any hashable thing that can be compared.

    Besides, each table has a short lock for the time of one statement's own writing, which nothing waits for while holding
    another of its kind out of order.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._holders: dict[int, int] = {}
        self._waiting: dict[int, int] = {}
        self._writing: defaultdict[int, threading.RLock] = defaultdict(threading.RLock)

    def holder(self, oid: int) -> int | None:
        """Who holds the lock on an object, or None."""
        return self._holders.get(oid)

    def acquire(self, owner: int, oid: int, timeout_seconds: float, cancelled: Callable[[], None], name: str) -> bool:
        """Take the lock on an object, waiting for its holder; say whether it had to wait.

        Args:
            owner: who takes it.
            oid: the object.
            timeout_seconds: longest wait; 0 does not wait at all.
            cancelled: called again and again while waiting, to raise when the statement is cancelled.
            name: the object's name, for the message.

        Raises:
            SqlExecutionError: the wait was too long, or holder and owner wait for each other (000625).
        """
        deadline = time.monotonic() + timeout_seconds
        waited = False
        with self._condition:
            try:
                while self._holders.get(oid, owner) != owner:
                    self._waiting[owner] = oid
                    if self._is_deadlock(owner):
                        raise _failed(f"it would wait for a lock on '{name}' in a deadlock")
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise _failed(f"the lock on '{name}' was not released within {timeout_seconds:g} second(s)")
                    waited = True
                    self._condition.wait(min(left, _LOOK_AGAIN_SECONDS))
                    cancelled()
                self._holders[oid] = owner
            finally:
                self._waiting.pop(owner, None)
        return waited

    def _is_deadlock(self, owner: int) -> bool:
        """Whether following who waits for whom from an owner leads back to it."""
        seen: set[int] = set()
        current: int | None = owner
        while current is not None and current not in seen:
            seen.add(current)
            wanted = self._waiting.get(current)
            current = self._holders.get(wanted) if wanted is not None else None
        return current == owner

    def release(self, owner: int) -> None:
        """Let all locks of an owner go."""
        with self._condition:
            for oid in [oid for oid, holder in self._holders.items() if holder == owner]:
                del self._holders[oid]
            self._condition.notify_all()

    @contextmanager
    def writing(self, oids: Iterable[int]) -> Iterator[None]:
        """Keep others from writing to tables at this very moment."""
        with ExitStack() as stack:
            for oid in sorted(set(oids)):
                with self._condition:
                    lock = self._writing[oid]
                stack.enter_context(lock)
            yield


def _failed(why: str) -> SqlExecutionError:
    return SqlExecutionError(f"Statement was aborted: {why}, held by another transaction.", 625, "57014")
