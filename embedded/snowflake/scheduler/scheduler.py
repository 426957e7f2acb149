"""The account's time: what is due is begun, what runs is waited for, the clock can be driven."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.scheduler.alerts import Alerts
from embedded.snowflake.scheduler.refreshes import Refreshes
from embedded.snowflake.scheduler.tasks import Tasks, suspended

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.catalog.model import CatalogObject

_log = logging.getLogger(__name__)

# How often the scheduler looks, when nothing wakes it, and how often it does the slower chores.
_TICK_SECONDS, _TEND_SECONDS = 0.5, 5.0
_RUNNERS = 16


class Scheduler:
    """Time for one account. `tick` does what is due now; the thread calls it, and tests may.

    Attributes:
        tasks: runs of tasks and their graphs.
        alerts: runs of alerts.
        refreshes: refreshes of dynamic tables and upkeep of materialized views.
        stopping: whether nothing new is begun.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wake = account.changed
        self.stopping = False
        self._thread: threading.Thread | None = None
        self._runners = ThreadPoolExecutor(_RUNNERS, thread_name_prefix="task")
        self._futures: set[Future[None]] = set()
        self._ticking = threading.Lock()
        self._tended: datetime | None = None
        self.tasks = Tasks(account, self)
        self.alerts = Alerts(account, self)
        self.refreshes = Refreshes(account, self)

    def start(self) -> None:
        """Let a thread do what is due."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="scheduler", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Look now, not at the next tick."""
        self._wake.set()

    def stop(self) -> None:
        """Stop looking; runs under way are cancelled and waited for."""
        self.stopping = True
        self.wake()
        if self._thread is not None:
            self._thread.join()
        self.tasks.cancel_all()
        self._runners.shutdown(wait=True, cancel_futures=True)
        self._account.warehouses.write()

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run something beside the scheduler's thread."""
        future = self._runners.submit(self._guarded, work, *arguments)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)

    def _guarded(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except Exception:
            _log.exception("A run of account %s failed in a way that it should not", self._account.name)
        finally:
            self.wake()

    def wait_idle(self, seconds: float = 30.0) -> None:
        """Wait until nothing runs.

        Raises:
            TimeoutError: something still does.
        """
        while self._futures:
            for future in list(self._futures):
                future.result(timeout=seconds)
                self._futures.discard(future)

    def _loop(self) -> None:
        while not self.stopping:
            self._wake.wait(_TICK_SECONDS)
            self._wake.clear()
            if self.stopping:
                return
            try:
                self.tick()
            except Exception:
                _log.exception("The scheduler of account %s failed in a tick and goes on", self._account.name)

    def tick(self) -> None:
        """Start what is due, and tend warehouses and monitors now and then."""
        with self._ticking:
            now = self._account.clock.now()
            self.tasks.tick(now)
            self.alerts.tick(now)
            self.refreshes.tick(now)
            if self._tended is None or now - self._tended >= timedelta(seconds=_TEND_SECONDS):
                self._tended = now
                self._tend()

    def _tend(self) -> None:
        self._account.warehouses.tend()
        self._account.monitors.tend()
        self._account.history.flush()

    def run_until(self, when: datetime) -> None:
        """Move the clock to a time, and do on the way all that is due, each thing at its own time and to its end."""
        clock = self._account.clock
        self.tick()
        self.wait_idle()
        while (upcoming := self._next_event()) is not None and upcoming < when and not self.stopping:
            clock.move(upcoming)
            self._settle()
        clock.move(when)
        self._settle()

    def _settle(self) -> None:
        self.tick()
        self.wait_idle()
        with self._ticking:
            self._tend()

    def _next_event(self) -> datetime | None:
        """When the next thing is due, later than now."""
        now = self._account.clock.now()
        parts = (self.tasks, self.alerts, self.refreshes, self._account.warehouses)
        times = [time for part in parts for time in part.upcoming(now)]
        return min((time for time in times if time > now), default=None)

    # -- tasks, as statements ask for them

    def execute_now(self, task: CatalogObject, config: str | None = None) -> None:
        """Run a graph at once, started or not."""
        self.tasks.execute_now(task, config)

    def retry(self, task: CatalogObject) -> bool:
        """Run again what failed in a root's last run; whether there was something to run."""
        return self.tasks.retry(task)

    def cancel_runs(self, task: CatalogObject) -> int:
        """Cancel the runs of a root's graph; how many there were."""
        return self.tasks.cancel_runs(task)

    def current(self) -> list[dict[str, Any]]:
        """Runs of tasks under way, and the next run of each schedule, as rows of TASK_HISTORY."""
        return self.tasks.current()


__all__ = ["Scheduler", "suspended"]
