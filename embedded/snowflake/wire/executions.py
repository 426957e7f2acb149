"""Statements under way for clients: run in threads, waited for, asked for again, cancelled."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
import uuid
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.result import Result

if TYPE_CHECKING:
    from embedded.snowflake.wire.registry import Login

# As many statements run or wait for their session at a time; a long one holds only its own thread.
_THREADS = 128
_REMEMBERED = 2_000
# A client hears by then that its statement still runs, and asks again.
PATIENCE_SECONDS = 45.0


@dataclass
class Execution:
    """A statement, or several in one request (`children`), that a client started."""

    login: Login
    text: str
    binds: list[Any] = field(default_factory=list)
    arrays: bool = False
    bind_stage: str = ""
    describe_only: bool = False
    wanted_statements: int = 1
    query_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    future: Future[Result] = field(default_factory=Future)
    children: list[Execution] = field(default_factory=list)
    started: float = field(default_factory=time.time)
    # Whoever has it may fetch the chunks of the result, as by a signed address of cloud storage.
    chunk_key: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def belongs_to(self, login: Login) -> bool:
        """Whether a login is of the user, in the same account, who started it."""
        own, other = self.login.session, login.session
        return own.account is other.account and own.user == other.user

    def cancel(self) -> None:
        """Stop it, and what it has not begun."""
        for execution in (self, *self.children):
            execution.login.session.cancelled.add(execution.query_id)
        threading.Thread(target=self._interrupt, daemon=True).start()

    def _interrupt(self) -> None:
        # Between two steps of a statement there is nothing to interrupt: try until it has ended.
        while not self.future.done():
            for execution in (self, *self.children):
                execution.login.session.cancel(execution.query_id)
            time.sleep(0.02)


class Executions:
    """All executions of a server, the newest finished ones with their results."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="statement")
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._lock = threading.Lock()

    def start(self, execution: Execution, work: Any) -> None:
        """Run `work(execution)` in a thread; its result or error becomes the execution's."""
        self.know(execution)
        self._pool.submit(complete, execution, work)

    def know(self, execution: Execution) -> None:
        """Remember an execution by its query id."""
        with self._lock:
            self._known[execution.query_id] = execution
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def find(self, query_id: str) -> Execution | None:
        """The execution of that query id, or None."""
        return self._known.get(query_id)

    async def wait(self, execution: Execution, seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait until it has ended, and say whether it has."""
        if execution.future.done():
            return True
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def wake() -> None:
            if not ended.done():
                ended.set_result(None)

        def wake_from_thread(_: Future[Result]) -> None:
            with suppress(RuntimeError):  # the server is gone
                loop.call_soon_threadsafe(wake)

        execution.future.add_done_callback(wake_from_thread)
        timer = loop.call_later(seconds, wake)
        try:
            await ended
        finally:
            timer.cancel()
        return execution.future.done()

    def close(self) -> None:
        """Cancel what runs and let the threads go."""
        for execution in list(self._known.values()):
            if not execution.future.done():
                execution.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)


def complete(execution: Execution, work: Any) -> None:
    """Do an execution's work; its result or error becomes the execution's."""
    try:
        execution.future.set_result(work(execution))
    except SnowflakeError as error:
        execution.future.set_exception(error)
    except BaseException as error:
        execution.future.set_exception(SnowflakeError(f"The local Snowflake failed: {error}", 603, "XX000"))
