"""The account's scheduler: starts tasks when they are due or their streams have data, and tends the warehouses."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import setting
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.scheduler import graph
from embedded.snowflake.scheduler.runs import GraphRun, evaluate, history_row, run_graph, task_session
from embedded.snowflake.scheduler.schedule import parse_schedule

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

_log = logging.getLogger(__name__)

# How often the scheduler looks, when nothing wakes it, and how often it does the slower chores.
_TICK_SECONDS, _TEND_SECONDS = 0.5, 5.0
# A triggered task's condition is computed at least so often, though no change was noted.
_RECHECK = timedelta(seconds=60)
_RUNNERS = 16


@dataclass
class _Due:
    """What is known of a started root: when it runs next, or when its trigger was looked at and fired last."""

    since: str
    schedule: str | None
    next_time: datetime | None = None
    seen_changes: int = -1
    checked: datetime | None = None
    fired: datetime | None = None
    failures: int = 0


class Scheduler:
    """Time for one account. `tick` does what is due now; the thread calls it, and tests may."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._wake = account.changed
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._runners = ThreadPoolExecutor(_RUNNERS, thread_name_prefix="task")
        self._due: dict[int, _Due] = {}
        self._running: dict[int, list[GraphRun]] = {}
        self._futures: set[Future[None]] = set()
        self._lock = threading.RLock()
        self._tended: datetime | None = None

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
        self._stopping = True
        self.wake()
        if self._thread is not None:
            self._thread.join()
        for run in [run for runs in self._running.values() for run in runs]:
            self._cancel(run)
        self._runners.shutdown(wait=True, cancel_futures=True)
        self._account.warehouses.write()

    def wait_idle(self, seconds: float = 30.0) -> None:
        """Wait until no task runs.

        Raises:
            TimeoutError: some still do.
        """
        for future in list(self._futures):
            future.result(timeout=seconds)

    def _loop(self) -> None:
        while not self._stopping:
            self._wake.wait(_TICK_SECONDS)
            self._wake.clear()
            if self._stopping:
                return
            try:
                self.tick()
            except Exception:
                _log.exception("The scheduler of account %s failed in a tick and goes on", self._account.name)

    def tick(self) -> None:
        """Start what is due, and tend warehouses and monitors now and then."""
        now = self._account.clock.now()
        tasks = [task for task in self._account.catalog.all("TASK") if graph.is_started(task) and graph.is_root(task)]
        with self._lock:
            started = {task.oid for task in tasks}
            self._due = {oid: due for oid, due in self._due.items() if oid in started}
        for task in tasks:
            self._consider(task, now)
        if self._tended is None or now - self._tended >= timedelta(seconds=_TEND_SECONDS):
            self._tended = now
            self._account.warehouses.tend()
            self._account.monitors.tend()
            self._account.history.flush()

    def _consider(self, task: CatalogObject, now: datetime) -> None:
        written, since = task.body["properties"].get("SCHEDULE"), task.body.get("since") or ""
        due = self._due.get(task.oid)
        if due is None or (due.since, due.schedule) != (since, written):
            due = self._due[task.oid] = _Due(since, written)
        if written is None:
            if task.body.get("condition"):
                self._consider_trigger(task, due, now)
            return
        schedule = parse_schedule(written)
        base = datetime.fromisoformat(since) if since else now
        if due.next_time is None:
            due.next_time = schedule.next(now, base)
        if now >= due.next_time:
            scheduled, due.next_time = due.next_time, schedule.next(now, base)
            self._begin(task, scheduled, "SCHEDULE")

    def _consider_trigger(self, task: CatalogObject, due: _Due, now: datetime) -> None:
        """Run a task without a schedule when its streams have data, at most once in its least interval."""
        changes = self._account.changes
        recheck = due.checked is None or now - due.checked >= _RECHECK
        if (due.seen_changes == changes and not recheck) or self._running.get(task.oid):
            return
        least = int(setting(self._account.catalog, "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS", task).value)
        if due.fired is not None and now - due.fired < timedelta(seconds=least):
            return
        due.seen_changes, due.checked = changes, now
        if self._has_data(task):
            due.fired = now
            # What changes while it runs is looked at when it has ended.
            due.seen_changes = -1
            self._begin(task, now, "TRIGGER")

    def _has_data(self, task: CatalogObject) -> bool:
        session = task_session(self._account, task)
        try:
            return evaluate(session, task.body["condition"])
        except SnowflakeError:
            # The run itself reports it once, rather than every look.
            return False
        finally:
            session.close()

    def execute_now(self, task: CatalogObject, config: str | None = None) -> None:
        """Run a graph at once, started or not."""
        self._begin(task, self._account.clock.now(), "EXECUTE TASK", config)

    def retry(self, task: CatalogObject) -> bool:
        """Run again what failed in a root's last run; whether there was something to run."""
        rows = self._account.history.rows("task_history", "root_task_id = ?", [str(task.oid)])
        last = [row for row in rows if row["graph_run_group_id"] == rows[-1]["graph_run_group_id"]] if rows else []
        if not any(row["state"] == "FAILED" for row in last):
            return False
        self._begin(task, self._account.clock.now(), "EXECUTE TASK")
        return True

    def _begin(self, task: CatalogObject, scheduled: datetime, source: str, config: str | None = None) -> None:
        overlaps = task.body["properties"].get("ALLOW_OVERLAPPING_EXECUTION") or source == "EXECUTE TASK"
        with self._lock:
            if self._stopping or (self._running.get(task.oid) and not overlaps):
                return
            run = GraphRun(task, scheduled, source, config or task.body["properties"].get("CONFIG"))
            self._running.setdefault(task.oid, []).append(run)
            future = self._runners.submit(self._run, run)
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)

    def _run(self, run: GraphRun) -> None:
        try:
            run_graph(self._account, run)
        except Exception:
            _log.exception("The run of task %s failed in a way that it should not", run.root.name)
        finally:
            with self._lock:
                self._running[run.root.oid].remove(run)
            self._count_failures(run)
            self.wake()

    def _count_failures(self, run: GraphRun) -> None:
        """Suspend a root after SUSPEND_TASK_AFTER_NUM_FAILURES failed runs in a row."""
        due = self._due.get(run.root.oid)
        if due is None:
            return
        due.failures = due.failures + 1 if run.failed else 0
        most = int(setting(self._account.catalog, "SUSPEND_TASK_AFTER_NUM_FAILURES", run.root).value)
        task = graph.living(self._account.catalog, run.root.oid)
        if most and due.failures >= most and task is not None and graph.is_started(task):
            with self._account.catalog.transaction() as changes:
                changes.put(suspended(self._account, changes.get(task.oid), "SUSPENDED_DUE_TO_ERRORS"))

    def cancel_runs(self, task: CatalogObject) -> int:
        """Cancel the runs of a root's graph; how many there were."""
        runs = list(self._running.get(task.oid, ()))
        for run in runs:
            self._cancel(run)
        return len(runs)

    def _cancel(self, run: GraphRun) -> None:
        run.cancelled = True
        for done in list(run.runs.values()):
            record = self._account.queries.get(done.query_id)
            if record is not None and record.status == "RUNNING":
                record.session.cancel(done.query_id)

    def current(self) -> list[dict[str, Any]]:
        """Runs under way, and the next run of each schedule, as rows of TASK_HISTORY."""
        with self._lock:
            runs = [run for runs in self._running.values() for run in runs]
            due = {oid: item.next_time for oid, item in self._due.items() if item.next_time is not None}
        rows = [
            history_row(self._account, run, done)
            for run in runs
            for done in list(run.runs.values())
            if done.state in ("SCHEDULED", "EXECUTING")
        ]
        for oid, time in due.items():
            task = graph.living(self._account.catalog, oid)
            if task is not None:
                rows.append(_planned(self._account, task, time))
        return rows


def _planned(account: Account, task: CatalogObject, time: datetime) -> dict[str, Any]:
    from embedded.snowflake.scheduler.runs import TaskRun

    run = GraphRun(task, time, "SCHEDULE", task.body["properties"].get("CONFIG"))
    return {**history_row(account, run, TaskRun(task, time)), "query_id": None, "graph_run_group_id": None}


def suspended(account: Account, task: CatalogObject, reason: str) -> CatalogObject:
    """The task as it is once suspended."""
    new = task.changed()
    new.body.update(state="suspended", last_suspended_on=account.clock.now().isoformat(), last_suspended_reason=reason)
    return new
