"""Runs of tasks: a graph from its root to its finalizer, each task in a session with its owner's rights."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import setting
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.result import Result
from embedded.snowflake.scheduler import graph, notifications
from embedded.snowflake.session.session import Session

if TYPE_CHECKING:
    from embedded.snowflake.account import Account


@dataclass
class TaskRun:
    """One run of one task; `state` is SCHEDULED, EXECUTING, SUCCEEDED, FAILED, CANCELLED or SKIPPED."""

    task: CatalogObject
    scheduled_time: datetime
    state: str = "SCHEDULED"
    query_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: datetime | None = None
    completed: datetime | None = None
    error: SnowflakeError | None = None
    return_value: str | None = None


@dataclass
class GraphRun:
    """A run of a root and what comes after it.

    Attributes:
        run_id: the run's number, milliseconds of its scheduled time; retries have the same.
        scheduled_from: SCHEDULE, TRIGGER or EXECUTE TASK, as TASK_HISTORY tells it.
        config: the JSON text of the root's CONFIG, or of EXECUTE TASK … USING CONFIG.
        runs: by task, the run of this attempt.
        blocked: tasks that do not run, since what they come after failed or was skipped.
        cancelled: whether it was told to stop.
        retried: whether it is EXECUTE TASK … RETRY LAST of an earlier run.
    """

    root: CatalogObject
    scheduled_time: datetime
    scheduled_from: str
    config: str | None = None
    attempt: int = 1
    group_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    runs: dict[int, TaskRun] = field(default_factory=dict)
    blocked: set[int] = field(default_factory=set)
    cancelled: bool = False
    retried: bool = False

    @property
    def run_id(self) -> int:
        """The number of the run."""
        return int(self.scheduled_time.timestamp() * 1000)

    @property
    def failed(self) -> bool:
        """Whether a task of it failed."""
        return any(run.state == "FAILED" for run in self.runs.values())


def run_graph(account: Account, run: GraphRun) -> None:
    """Run a graph to its end, with the retries that its root has, then its finalizer."""
    catalog = account.catalog
    attempts = 1 + int(setting(catalog, "TASK_AUTO_RETRY_ATTEMPTS", run.root).value)
    while True:
        _attempt(account, run)
        if not run.failed or run.attempt >= attempts or run.cancelled:
            break
        run.attempt += 1
        run.blocked.clear()
        run.runs = {oid: done for oid, done in run.runs.items() if done.state == "SUCCEEDED"}
    last = graph.finalizer(catalog, run.root)
    root_state = run.runs[run.root.oid].state if run.root.oid in run.runs else "CANCELLED"
    if last is not None and graph.is_started(last) and root_state not in ("SKIPPED", "CANCELLED"):
        _run_task(account, run, last)
    notifications.graph_ended(account, run)


def skip_graph(account: Account, run: GraphRun) -> None:
    """Record that a root was due while its graph still ran."""
    done = TaskRun(run.root, run.scheduled_time, "SKIPPED", completed=account.clock.now())
    done.error = SnowflakeError(
        "Task run was skipped because the previous run of its graph was still executing.", 40004
    )
    account.history.add("task_history", history_row(account, run, done))


_CONDITION_FALSE = SnowflakeError("Conditional expression for task evaluated to false.", 40003)


def _attempt(account: Account, run: GraphRun) -> None:
    tasks = graph.descendants(account.catalog, run.root)
    # A suspended task in the middle is passed over: those after it run as if it had been done.
    passed = {task.oid for task in tasks if task.oid != run.root.oid and not graph.is_started(task)}
    todo = [task for task in tasks if task.oid not in run.runs and task.oid not in passed]
    while todo and not run.cancelled:
        ready = [task for task in todo if _is_ready(run, task, todo)]
        _run_together(account, run, ready)
        todo = [task for task in todo if task not in ready]


def _is_ready(run: GraphRun, task: CatalogObject, todo: list[CatalogObject]) -> bool:
    waiting = {other.oid for other in todo}
    return task.oid == run.root.oid or not any(oid in waiting for oid in task.body.get("after") or [])


def _run_together(account: Account, run: GraphRun, ready: list[CatalogObject]) -> None:
    """Run the tasks whose predecessors are all done, side by side; those after a failed or skipped one do not run."""
    able = [task for task in ready if _may_run(run, task)]
    run.blocked.update(task.oid for task in ready if task not in able)
    if len(able) == 1:
        _run_task(account, run, able[0])
        return
    threads = [threading.Thread(target=_run_task, args=(account, run, task), name=f"task {task.name}") for task in able]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _may_run(run: GraphRun, task: CatalogObject) -> bool:
    after = task.body.get("after") or []
    if task.oid == run.root.oid or not after:
        return True
    states = [run.runs[oid].state for oid in after if oid in run.runs]
    if any(state in ("FAILED", "CANCELLED") for state in states) or run.blocked.intersection(after):
        return False
    return not states or "SUCCEEDED" in states


def _run_task(account: Account, run: GraphRun, task: CatalogObject) -> None:
    """Run one task and record it."""
    done = TaskRun(task, run.scheduled_time)
    run.runs[task.oid] = done
    session = task_session(account, task)
    session.task_run, session.graph_run = done, run
    try:
        if not condition_holds(session, task, triggered=run.scheduled_from == "TRIGGER" and task.oid == run.root.oid):
            done.state, done.error = "SKIPPED", _CONDITION_FALSE
        else:
            done.state, done.started = "EXECUTING", account.clock.now()
            _execute(session, task, done)
            done.state = "SUCCEEDED"
    except SnowflakeError as error:
        done.error = error
        done.state = "CANCELLED" if run.cancelled else "FAILED"
    finally:
        done.completed = account.clock.now()
        session.close()
        account.history.add("task_history", history_row(account, run, done))


def _execute(session: Session, task: CatalogObject, done: TaskRun) -> Result:
    milliseconds = int(setting(session.account.catalog, "USER_TASK_TIMEOUT_MS", task).value)

    def stop() -> None:
        session.timeouts[done.query_id] = -(-milliseconds // 1000)
        session.cancel(done.query_id)

    timer = threading.Timer(milliseconds / 1000, stop) if milliseconds else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        result = session.execute(task.body["definition"], query_id=done.query_id)
        session.commit()
        return result
    finally:
        if timer is not None:
            timer.cancel()


def task_session(account: Account, task: CatalogObject) -> Session:
    """A session for a task: its owner's role, its warehouse, schema and parameters; the user is SYSTEM."""
    session = Session(account, 0, task.owner)
    session.secondary_roles = False
    schema = account.catalog.get(task.container)
    session.schema, session.database = schema.name, account.catalog.get(schema.container).name
    session.warehouse = task.body["properties"].get("WAREHOUSE")
    session.parameters.update(task.body.get("parameters") or {})
    session.client_application = "TASK"
    return session


def condition_holds(session: Session, task: CatalogObject, *, triggered: bool = False) -> bool:
    """Whether WHEN lets a task run; one without WHEN always does. A triggered run was found so already.

    Raises:
        SnowflakeError: the condition cannot be computed.
    """
    condition = task.body.get("condition")
    if not condition or triggered:
        return True
    return evaluate(session, condition)


def evaluate(session: Session, condition: str) -> bool:
    """Compute a condition in a session, unrecorded.

    Raises:
        SnowflakeError: it cannot be computed.
    """
    from embedded.snowflake.session.dispatch import Statement
    from embedded.snowflake.statements.query import select
    from embedded.snowflake.tokens import TokenStream

    text = f"select {condition}"
    with session.lock:
        table = select(session, Statement(text, TokenStream(text), str(uuid.uuid4()))).arrow
    value: Any = table.column(0)[0].as_py() if table is not None and table.num_rows else None
    return str(value).lower() in ("true", "1")


def history_row(account: Account, run: GraphRun, done: TaskRun) -> dict[str, Any]:
    """A task's run as a row of TASK_HISTORY."""
    catalog, task = account.catalog, done.task
    schema = catalog.get(task.container)
    database = catalog.get(schema.container)
    return {
        "query_id": done.query_id if done.started else None,
        "name": task.name,
        "database_name": database.name,
        "database_id": database.oid,
        "schema_name": schema.name,
        "schema_id": schema.oid,
        "task_id": task.oid,
        "query_text": task.body["definition"],
        "condition_text": task.body.get("condition"),
        "state": done.state,
        "error_code": f"{done.error.errno:06d}" if done.error else None,
        "error_message": done.error.message if done.error else None,
        "query_start_time": done.started,
        "scheduled_time": done.scheduled_time,
        "original_scheduled_time": run.scheduled_time,
        "completed_time": done.completed,
        "run_id": str(run.run_id),
        "graph_run_group_id": run.group_id,
        "root_task_id": run.root.body.get("id"),
        "root_task_name": run.root.name,
        "graph_version": graph.version(run.root),
        "attempt_number": run.attempt,
        "return_value": done.return_value,
        "scheduled_from": run.scheduled_from,
        "config": run.config,
        "owner": _owner(account, task),
        "warehouse_name": task.body["properties"].get("WAREHOUSE"),
    }


def _owner(account: Account, task: CatalogObject) -> str:
    from embedded.snowflake.security.privileges import owner_name

    return owner_name(account.catalog, task)
