"""System functions of tasks, alerts, notifications and the driven clock, over Python values.

`sql/functions/scheduler.py` lets a query call them, `statements/system_call.py` a CALL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.errors import SqlCompilationError, SqlExecutionError
from embedded.snowflake.scheduler import graph
from embedded.snowflake.scheduler.alerts import current_run
from embedded.snowflake.scheduler.notifications import deliver, send_email
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.model import CatalogObject
    from embedded.snowflake.scheduler.runs import GraphRun, TaskRun
    from embedded.snowflake.session.session import Session

Function = Callable[..., Any]
# By name: the function over a session and values, and how many values it takes at least and at most.
FUNCTIONS: dict[str, tuple[Function, int, int]] = {}


def _function(name: str, least: int, most: int | None = None) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        FUNCTIONS[name] = (function, least, least if most is None else most)
        return function

    return register


def _task_run(session: Session, name: str) -> tuple[GraphRun, TaskRun]:
    """The task's run that a session works for.

    Raises:
        SqlExecutionError: it works for none (091098).
    """
    if session.task_run is None or session.graph_run is None:
        raise SqlExecutionError(f"Function {name} must be called from within a task run.", 91098, "22023")
    return session.graph_run, session.task_run


# -- tasks


@_function("SYSTEM$SET_RETURN_VALUE", 1)
def set_return_value(session: Session, value: Any) -> str:
    """Keep a text that tasks after the running one can read."""
    _, run = _task_run(session, "SYSTEM$SET_RETURN_VALUE")
    text = None if value is None else str(value)
    if text is not None and len(text.encode()) > _MOST_RETURN_BYTES:
        raise SqlExecutionError("The return value of a task has at most 10 kB.", 91099, "22023")
    run.return_value = text
    return "Return value set."


_MOST_RETURN_BYTES = 10_240


@_function("SYSTEM$GET_PREDECESSOR_RETURN_VALUE", 0, 1)
def get_predecessor_return_value(session: Session, name: str | None = None) -> str | None:
    """The text that a task before the running one kept; its name is needed if there are several."""
    run, current = _task_run(session, "SYSTEM$GET_PREDECESSOR_RETURN_VALUE")
    before = graph.predecessors(session.account.catalog, current.task)
    if name is not None:
        wanted = TokenStream(str(name)).name().name
        before = [task for task in before if task.name == wanted]
    elif len(before) > 1:
        raise SqlExecutionError(
            "The task has more than one predecessor: name the one whose return value is wanted.", 91098, "22023"
        )
    if not before:
        shown = f" '{name}'" if name is not None else ""
        raise SqlExecutionError(f"The task has no predecessor{shown}.", 91098, "22023")
    done = run.runs.get(before[0].oid)
    return done.return_value if done is not None else None


@_function("SYSTEM$CURRENT_USER_TASK_NAME", 0)
def current_user_task_name(session: Session) -> str | None:
    """The task that the statement runs in, by its full name."""
    _, run = _task_run(session, "SYSTEM$CURRENT_USER_TASK_NAME")
    return full_name(session.account.catalog, run.task)


@_function("SYSTEM$GET_TASK_GRAPH_CONFIG", 0, 1)
def get_task_graph_config(session: Session, path: str | None = None) -> str | None:
    """The run's configuration, or what is at a path in it (`a.b` or `$.a.b`); NULL where there is none."""
    run, _ = _task_run(session, "SYSTEM$GET_TASK_GRAPH_CONFIG")
    if run.config is None:
        return None
    if path is None:
        return run.config
    value = orjson.loads(run.config)
    for key, index in re.findall(r"""([^.\[\]"'$]+)|\[(\d+)\]""", str(path)):
        if index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        elif key and isinstance(value, dict):
            value = value.get(key)
        else:
            return None
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


@_function("SYSTEM$TASK_RUNTIME_INFO", 1)
def task_runtime_info(session: Session, argument: str) -> str | None:
    """Something about the run under way: its task, root, group, times, and the last successful run of the graph."""
    run, current = _task_run(session, "SYSTEM$TASK_RUNTIME_INFO")
    catalog, wanted = session.account.catalog, str(argument).upper()
    values: dict[str, Callable[[], str | None]] = {
        "CURRENT_TASK_NAME": lambda: full_name(catalog, current.task),
        "CURRENT_ROOT_TASK_NAME": lambda: full_name(catalog, run.root),
        "CURRENT_ROOT_TASK_UUID": lambda: run.root.body.get("id"),
        "CURRENT_TASK_GRAPH_RUN_GROUP_ID": lambda: run.group_id,
        "CURRENT_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP": lambda: _shown(run.scheduled_time),
        "LAST_SUCCESSFUL_TASK_GRAPH_RUN_GROUP_ID": lambda: _last_success(session, run)[0],
        "LAST_SUCCESSFUL_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP": lambda: _last_success(session, run)[1],
    }
    if wanted not in values:
        raise SqlExecutionError(f"Invalid argument '{argument}' of SYSTEM$TASK_RUNTIME_INFO.", 91098, "22023")
    return values[wanted]()


def _shown(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


def _last_success(session: Session, run: GraphRun) -> tuple[str | None, str | None]:
    """The group and time of the last run of the graph that ended well, as it was when this one began."""
    from embedded.snowflake.history.graphs import complete_graphs

    for row in complete_graphs(session.account):
        if row["root_task_id"] == run.root.body.get("id") and row["state"] == "SUCCEEDED":
            return row["graph_run_group_id"], _shown(row["original_scheduled_time"])
    return None, None


@_function("SYSTEM$TASK_DEPENDENTS_ENABLE", 1)
def task_dependents_enable(session: Session, name: str) -> str:
    """Resume all tasks after a root, then the root itself."""
    from embedded.snowflake.catalog.descriptions.tasks import resume

    root = _root(session, name)
    catalog = session.account.catalog
    last = graph.finalizer(catalog, root)
    below = [task for task in graph.descendants(catalog, root) if task.oid != root.oid]
    for task in [*below, *([last] if last is not None else [])]:
        resume(session, catalog.get(task.oid))
    resume(session, catalog.get(root.oid))
    return f"Task {root.name} and its dependents are resumed."


@_function("SYSTEM$USER_TASK_CANCEL_ONGOING_EXECUTIONS", 1)
def cancel_ongoing_executions(session: Session, name: str) -> str:
    """Cancel the runs of a root's graph that are under way."""
    root = _root(session, name)
    count = session.account.scheduler.cancel_runs(root)
    return f"Cancelled {count} ongoing executions of task {root.name}."


def _root(session: Session, name: str) -> CatalogObject:
    task = reach(session, "TASK", TokenStream(str(name)).name())
    require(session, "OPERATE", task)
    if not graph.is_root(task):
        raise SqlCompilationError(f"Task {full_name(session.account.catalog, task)} is no root task.", 91107)
    return task


# -- alerts


@_function("SNOWFLAKE.ALERT.SCHEDULED_TIME", 0)
def alert_scheduled_time(session: Session) -> datetime:
    """When the alert's run under way was scheduled."""
    return _alert_run(session).scheduled_time


@_function("SNOWFLAKE.ALERT.LAST_SUCCESSFUL_SCHEDULED_TIME", 0)
def alert_last_success(session: Session) -> datetime:
    """When the alert's last run without an error was scheduled; when it was resumed, if there was none."""
    return _alert_run(session).last_success


def _alert_run(session: Session) -> Any:
    run = current_run(session)
    if run is None:
        raise SqlExecutionError("This function can only be called in an alert's condition or action.", 91098, "22023")
    return run


# -- notifications


@_function("SYSTEM$SEND_EMAIL", 4, 5)
def system_send_email(
    session: Session, integration: str, recipients: str, subject: str, content: str, mime: str = "text/plain"
) -> bool:
    """Put an email in the outbox."""
    send_email(session, str(integration), str(recipients or ""), str(subject or ""), str(content or ""), str(mime))
    return True


@_function("SYSTEM$SEND_SNOWFLAKE_NOTIFICATION", 2)
def send_notification(session: Session, messages: Any, integrations: Any) -> str:
    """Put a message in the outbox for each integration, in the form that it takes."""
    found: dict[str, str] = {}
    for part in _parts(messages):
        found.update(part)
    if not found:
        raise SqlExecutionError("A notification needs a message.", 394210)
    for part in _parts(integrations):
        for name, options in part.items():
            mime = next(iter(found))
            deliver(session, name, mime, str(found[mime]), options or {}, "STORED_PROCEDURE")
    return "Enqueued notifications."


def _parts(value: Any) -> list[dict[str, Any]]:
    try:
        made = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        made = None
    parts = made if isinstance(made, list) else [made]
    read = [orjson.loads(part) if isinstance(part, str) else part for part in parts]
    found: list[dict[str, Any]] = [part for part in read if isinstance(part, dict)]
    if len(found) != len(read):
        raise SqlExecutionError(
            "A notification's message and integrations are JSON objects, or arrays of them.", 394211
        )
    return found


def _message(mime: str) -> Function:
    return lambda _, text: orjson.dumps({mime: str(text)}).decode()


for _name, _mime in (
    ("TEXT_PLAIN", "text/plain"),
    ("TEXT_HTML", "text/html"),
    ("APPLICATION_JSON", "application/json"),
):
    FUNCTIONS[f"SNOWFLAKE.NOTIFICATION.{_name}"] = (_message(_mime), 1, 1)


@_function("SNOWFLAKE.NOTIFICATION.INTEGRATION", 1)
def notification_integration(_: Session, name: str) -> str:
    """The configuration of an integration without further options."""
    return orjson.dumps({str(name): {}}).decode()


@_function("SNOWFLAKE.NOTIFICATION.EMAIL_INTEGRATION_CONFIG", 3, 5)
def email_integration_config(_: Session, name: str, subject: str, to: Any, cc: Any = None, bcc: Any = None) -> str:
    """The configuration of an email: its subject and recipients."""
    options = {"subject": subject, "toAddress": to, "ccAddress": cc, "bccAddress": bcc}
    made = {key: orjson.loads(v) if isinstance(v, str) and key != "subject" else v for key, v in options.items() if v}
    return orjson.dumps({str(name): made}).decode()


@_function("SNOWFLAKE.NOTIFICATION.SANITIZE_WEBHOOK_CONTENT", 1)
def sanitize_webhook_content(_: Session, text: Any) -> str | None:
    """The text without the placeholders of secrets."""
    return None if text is None else re.sub(r"SNOWFLAKE_WEBHOOK_SECRET", "", str(text))


# -- the clock


@_function("SYSTEM$LOCAL_ADVANCE_CLOCK", 1, 2)
def advance_clock(session: Session, amount: Any, unit: str = "SECONDS") -> str:
    """Move a manual clock forward, and do on the way all that is due: runs, refreshes, suspensions."""
    factor = _UNITS.get(str(unit).upper().rstrip("S"))
    if factor is None or float(amount) < 0:
        raise SqlExecutionError(f"Invalid time '{amount} {unit}': the clock goes forward only.", 1015, "22023")
    return _move(session, session.account.clock.now() + timedelta(seconds=float(amount) * factor))


_UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}


@_function("SYSTEM$LOCAL_SET_CLOCK", 1)
def set_clock(session: Session, when: str) -> str:
    """Let it be a time (ISO form; UTC without an offset) on a manual clock; see SYSTEM$LOCAL_ADVANCE_CLOCK."""
    try:
        time = datetime.fromisoformat(str(when).strip())
    except ValueError:
        raise SqlExecutionError(f"Timestamp '{when}' is not recognized", 100035, "22007") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if time < session.account.clock.now():
        raise SqlExecutionError(f"Invalid time '{when}': the clock goes forward only.", 1015, "22023")
    return _move(session, time)


def _move(session: Session, when: datetime) -> str:
    account = session.account
    if not account.clock.manual:
        raise SqlExecutionError("The clock is real: start the server with --clock manual to move it.", 1015, "22023")
    if session.task_run is not None or session.transaction is not None:
        raise SqlExecutionError("The clock is not moved from within a task or a transaction.", 1015, "22023")
    account.scheduler.run_until(when)
    with account.catalog.transaction() as changes:
        changes.put_record("clock", "now", when.isoformat())
    return account.clock.now().isoformat()
