"""Which tasks run when: by their schedules, by their streams, by EXECUTE TASK; and what follows from failed runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import setting
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.scheduler import graph
from embedded.snowflake.scheduler.runs import (
    GraphRun,
    TaskRun,
    evaluate,
    history_row,
    run_graph,
    skip_graph,
    task_session,
)
from embedded.snowflake.scheduler.schedule import parse_schedule

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.scheduler.scheduler import Scheduler

# A triggered task's condition is computed at least so often, though no change was noted.
_RECHECK = timedelta(seconds=60)


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


class Tasks:
    """The tasks of an account over time."""

    def __init__(self, account: Account, scheduler: Scheduler) -> None:
        self._account = account
        self._scheduler = scheduler
        self._due: dict[int, _Due] = {}
        self._running: dict[int, list[GraphRun]] = {}
        self._lock = threading.RLock()

    def tick(self, now: datetime) -> None:
        """Begin the graphs that are due."""
        tasks = [task for task in self._account.catalog.all("TASK") if graph.is_started(task) and graph.is_root(task)]
        with self._lock:
            started = {task.oid for task in tasks}
            self._due = {oid: due for oid, due in self._due.items() if oid in started}
        for task in tasks:
            self._consider(task, now)

    def upcoming(self, now: datetime) -> list[datetime]:
        """When tasks are due next."""
        times = []
        for oid, due in list(self._due.items()):
            task = graph.living(self._account.catalog, oid)
            if due.next_time is not None:
                times.append(due.next_time)
            elif task is not None and due.fired is not None and due.seen_changes != self._account.changes:
                times.append(max(due.fired + self._least(task), now))
        return times

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
            self._begin(GraphRun(task, scheduled, "SCHEDULE", task.body["properties"].get("CONFIG")))

    def _least(self, task: CatalogObject) -> timedelta:
        seconds = setting(self._account.catalog, "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS", task).value
        return timedelta(seconds=int(seconds))

    def _consider_trigger(self, task: CatalogObject, due: _Due, now: datetime) -> None:
        """Run a task without a schedule when its streams have data, at most once in its least interval."""
        changes = self._account.changes
        recheck = due.checked is None or now - due.checked >= _RECHECK
        if (due.seen_changes == changes and not recheck) or self._running.get(task.oid):
            return
        if due.fired is not None and now - due.fired < self._least(task):
            return
        due.seen_changes, due.checked = changes, now
        if self._has_data(task):
            due.fired = now
            # What changes while it runs is looked at when it has ended.
            due.seen_changes = -1
            self._begin(GraphRun(task, now, "TRIGGER", task.body["properties"].get("CONFIG")))

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
        config = config or task.body["properties"].get("CONFIG")
        self._begin(GraphRun(task, self._account.clock.now(), "EXECUTE TASK", config))

    def retry(self, task: CatalogObject) -> bool:
        """Run again what failed in a root's last run, and what comes after it; whether there was something to run."""
        rows = self._account.history.rows("task_history", "root_task_id = ?", [task.body.get("id")])
        last = [row for row in rows if row["graph_run_group_id"] == rows[-1]["graph_run_group_id"]] if rows else []
        attempt = max((row["attempt_number"] for row in last), default=0)
        final = [row for row in last if row["attempt_number"] == attempt]
        failed = any(row["state"].startswith(("FAILED", "CANCELLED")) for row in final)
        if not failed or final[0]["graph_version"] != graph.version(task):
            return False
        first = final[0]
        run = GraphRun(task, first["original_scheduled_time"], "EXECUTE TASK", first["config"], attempt + 1)
        run.group_id = first["graph_run_group_id"]
        run.runs = {row["task_id"]: self._succeeded(row) for row in last if row["state"] == "SUCCEEDED"}
        run.retried = True
        self._begin(run)
        return True

    def _succeeded(self, row: dict[str, Any]) -> TaskRun:
        task = self._account.catalog.get(row["task_id"])
        return TaskRun(task, row["scheduled_time"], "SUCCEEDED", row["query_id"], return_value=row["return_value"])

    def _begin(self, run: GraphRun) -> None:
        root = run.root
        overlaps = graph.may_overlap(root) or run.scheduled_from == "EXECUTE TASK"
        with self._lock:
            if self._scheduler.stopping:
                return
            if self._running.get(root.oid) and not overlaps:
                skip_graph(self._account, run)
                return
            self._running.setdefault(root.oid, []).append(run)
        self._scheduler.submit(self._run, run)

    def _run(self, run: GraphRun) -> None:
        try:
            run_graph(self._account, run)
        finally:
            with self._lock:
                self._running[run.root.oid].remove(run)
            self._count_failures(run)

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
            self._tell_suspension(run)

    def _tell_suspension(self, run: GraphRun) -> None:
        """The failed runs that suspended their graph have a state of their own in history."""
        failed = [done for done in run.runs.values() if done.state == "FAILED"]
        for done in failed:
            done.state = "FAILED_AND_AUTO_SUSPENDED"
        rows = [history_row(self._account, run, done) for done in failed]
        self._account.history.flush("task_history")
        self._account.history.replace("task_history", ("graph_run_group_id", "task_id", "attempt_number"), rows)

    def cancel_runs(self, task: CatalogObject) -> int:
        """Cancel the runs of a root's graph; how many there were."""
        runs = list(self._running.get(task.oid, ()))
        for run in runs:
            self._cancel(run)
        return len(runs)

    def cancel_all(self) -> None:
        """Cancel every run."""
        for run in [run for runs in list(self._running.values()) for run in list(runs)]:
            self._cancel(run)

    def _cancel(self, run: GraphRun) -> None:
        run.cancelled = True
        for done in list(run.runs.values()):
            record = self._account.queries.get(done.query_id)
            if record is not None and record.status == "RUNNING":
                record.session.cancel(done.query_id)

    def running(self) -> list[GraphRun]:
        """The graphs that run now."""
        with self._lock:
            return [run for runs in self._running.values() for run in runs]

    def planned(self) -> list[tuple[CatalogObject, datetime]]:
        """The next scheduled run of each started root."""
        due = [(oid, item.next_time) for oid, item in list(self._due.items()) if item.next_time is not None]
        found = [(graph.living(self._account.catalog, oid), time) for oid, time in due]
        return [(task, time) for task, time in found if task is not None]

    def current(self) -> list[dict[str, Any]]:
        """Runs under way, and the next run of each schedule, as rows of TASK_HISTORY."""
        rows = [
            history_row(self._account, run, done)
            for run in self.running()
            for done in list(run.runs.values())
            if done.state in ("SCHEDULED", "EXECUTING")
        ]
        return rows + [_planned(self._account, task, time) for task, time in self.planned()]


def _planned(account: Account, task: CatalogObject, time: datetime) -> dict[str, Any]:
    run = GraphRun(task, time, "SCHEDULE", task.body["properties"].get("CONFIG"))
    return {**history_row(account, run, TaskRun(task, time)), "query_id": None, "graph_run_group_id": None}


def suspended(account: Account, task: CatalogObject, reason: str) -> CatalogObject:
    """The task as it is once suspended."""
    new = task.changed()
    new.body.update(state="suspended", last_suspended_on=account.clock.now().isoformat(), last_suspended_reason=reason)
    return new
