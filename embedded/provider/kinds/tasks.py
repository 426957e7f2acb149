"""Tasks, alerts, streams and pipes: what runs by itself."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from embedded.provider import literals, names
from embedded.provider.errors import ProviderError, StatementError
from embedded.provider.kinds import columns
from embedded.provider.kinds.kind import Field, Found, Kind, Parameters
from embedded.provider.kinds.statements import (
    COMMENT,
    COPY_GRANTS,
    Clause,
    Custom,
    Flag,
    ParameterSet,
    Settings,
    Text,
    like,
)
from embedded.provider.operation import Operation
from embedded.provider.ordering import set_order
from embedded.provider.session import Row

# -- tasks -------------------------------------------------------------------------------------------------------------

_OWN_PARAMETERS = (
    "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE",
    "USER_TASK_TIMEOUT_MS",
    "SUSPEND_TASK_AFTER_NUM_FAILURES",
    "TASK_AUTO_RETRY_ATTEMPTS",
    "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS",
    "SERVERLESS_TASK_MIN_STATEMENT_SIZE",
    "SERVERLESS_TASK_MAX_STATEMENT_SIZE",
)


def _schedule(value: dict[str, Any]) -> str:
    if value.get("using_cron"):
        return literals.text(f"USING CRON {value['using_cron']}")
    return literals.text(_interval(value))


def _interval(value: dict[str, Any]) -> str:
    units = (("hours", "HOUR"), ("minutes", "MINUTE"), ("seconds", "SECOND"))
    return next(f"{value[key]} {word}" for key, word in units if value.get(key))


def _read_schedule(text: str) -> dict[str, Any] | None:
    cron = re.fullmatch(r"USING\s+CRON\s+(.*)", text.strip(), re.IGNORECASE | re.DOTALL)
    if cron:
        return {"using_cron": cron.group(1)}
    return _read_interval(text)


def _read_interval(text: str) -> dict[str, Any] | None:
    found = re.match(r"\s*(\d+)\s*(h|m|s)", text, re.IGNORECASE)
    units = {"h": "hours", "m": "minutes", "s": "seconds"}
    return {units[found.group(2).lower()]: int(found.group(1))} if found else None


def _afters(values: Any) -> str:
    return ", ".join(literals.identifier(name) for name in set_order(values))


_WAREHOUSE = Clause("warehouse", "WAREHOUSE", literals.identifier)
_SCHEDULE = Clause("schedule", "SCHEDULE", _schedule)
_CONFIG = Clause("config", "CONFIG", literals.dollars)
_OVERLAP = Clause("allow_overlapping_execution", "ALLOW_OVERLAPPING_EXECUTION", literals.raw)
_ERRORS = Clause("error_integration", "ERROR_INTEGRATION", literals.identifier)
_FINALIZE = Clause("finalize", "FINALIZE", literals.identifier)
_COMPLETION = Clause("target_completion_interval", "TARGET_COMPLETION_INTERVAL", lambda v: literals.text(_interval(v)))
_SIZE = ParameterSet(only=_OWN_PARAMETERS[:1])
_SESSION = ParameterSet(but=_OWN_PARAMETERS, separator=", ")


def _changes(op: Operation) -> Iterator[str]:
    """Yield the condition, the statement and the graph, between UNSET and SET as officially."""
    changes = op.changes
    if "when" in changes:
        when = op.value("when")
        yield f"ALTER TASK {op.fqn} " + (f"MODIFY WHEN {when}" if when else "REMOVE WHEN")
    if "sql_statement" in changes:
        yield f"ALTER TASK {op.fqn} MODIFY AS {op.value('sql_statement')}"
    if "finalize" in changes:
        root = op.value("finalize")
        yield f"ALTER TASK {op.fqn} " + (f"SET FINALIZE = {literals.identifier(root)}" if root else "UNSET FINALIZE")
    if "after" in changes:
        old = {names.requote(name) for name in op.old.get("after") or []}
        new = {names.requote(name) for name in op.value("after") or []}
        if new - old:
            yield f"ALTER TASK {op.fqn} ADD AFTER {', '.join(sorted(new - old))}"
        if old - new:
            yield f"ALTER TASK {op.fqn} REMOVE AFTER {', '.join(sorted(old - new))}"


_SETTINGS = (
    _WAREHOUSE,
    _SIZE,
    _SCHEDULE,
    _CONFIG,
    _OVERLAP,
    ParameterSet(only=_OWN_PARAMETERS[1:3]),
    _ERRORS,
    COMMENT,
    ParameterSet(but=_OWN_PARAMETERS),
    ParameterSet(only=_OWN_PARAMETERS[3:]),
    _COMPLETION,
)


class TaskKind(Kind):
    """A task; the root of its graph is suspended while a task of the graph changes."""

    def create(self, op: Operation) -> None:
        """Suspend the roots of the tasks before it, create the task, start it, resume the roots."""
        op.parts = self.parts_of_inputs(op)
        if op.value("finalize"):
            self._suspend(op, names.parse(op.value("finalize")))
        for parent in set_order(op.value("after") or []):
            self._suspend_roots(op, names.parse(parent))
        op.write(self.create_statement(op))
        op.id = self.id_of(op)
        if op.value("started"):
            self._start(op)

    def update(self, op: Operation) -> None:
        """Suspend the graph, change the task, start it again if it shall run."""
        row = self._row(op, op.parts)
        if row is None:
            raise ProviderError(f"task {op.fqn} does not exist any more: run refresh, then update again")
        self._suspend_roots(op, op.parts)
        if row.get("state") == "started":
            op.write(f"ALTER TASK {op.fqn} SUSPEND")
        own = f"ALTER TASK {op.fqn} RESUME"
        op.resume[:] = [statement for statement in op.resume if statement != own]
        for step in self.steps:
            for statement in step.statements(op):
                op.write(statement)
        if op.value("started"):
            self._start(op)
        op.id = self.id_of(op)

    def delete(self, op: Operation) -> None:
        """Suspend the graph, drop the task, resume the roots."""
        self._suspend_roots(op, op.parts)
        super().delete(op)
        own = f"ALTER TASK {op.fqn} RESUME"
        op.resume[:] = [statement for statement in op.resume if statement != own]

    def finish(self, op: Operation) -> None:
        """Resume the roots that were suspended; the last statements of an operation."""
        for statement in op.resume:
            op.write(statement)

    def _start(self, op: Operation) -> None:
        op.write(f"ALTER TASK {op.fqn} RESUME")
        for _ in range(5):
            row = self._row(op, op.parts)
            if row is not None and row.get("state") == "started":
                return
            time.sleep(min(5, max(0.0, op.deadline - time.monotonic())))
            op.wrote()
        raise ProviderError(f"task {op.fqn} was resumed but is not started: see its state with SHOW TASKS")

    def _suspend(self, op: Operation, parts: names.Name) -> None:
        row = self._row(op, parts)
        if row is not None and row.get("state") == "started":
            fqn = names.full(*parts)
            op.write(f"ALTER TASK {fqn} SUSPEND")
            op.reads.wrote(self.topic, parts[-1])
            op.resume.append(f"ALTER TASK {fqn} RESUME")

    def _suspend_roots(self, op: Operation, parts: names.Name) -> None:
        """Walk up to the roots of the graph and suspend those that run.

        Raises:
            ProviderError: a task on the way does not exist.
        """
        waiting, seen = [parts], set()
        while waiting:
            current = waiting.pop(0)
            if current in seen:
                continue
            seen.add(current)
            row = self._row(op, current)
            if row is None:
                raise ProviderError(
                    f"task {names.full(*current)} does not exist; it is needed to find the root of {op.fqn}"
                )
            before = _predecessors(row)
            waiting += before
            if not before:
                self._suspend(op, current)

    def _row(self, op: Operation, parts: names.Name) -> Row | None:
        place, name = f"IN SCHEMA {names.full(*parts[:2])}", parts[-1]
        rows = op.show(self.topic, name, f"SHOW TASKS LIKE {like(name)} {place}", f"SHOW TASKS {place}", place)
        return next((row for row in rows if row.get("name") == name), None)


def _predecessors(row: Mapping[str, Any]) -> list[names.Name]:
    text = columns.text(row.get("predecessors")).strip()
    return [names.parse(str(name)) for name in json.loads(text)] if text not in ("", "[]", "null") else []


def _relations(row: Mapping[str, Any]) -> dict[str, Any]:
    text = columns.text(row.get("task_relations")).strip()
    return json.loads(text) if text else {}


def _name(text: Any) -> str:
    return names.requote(str(text)) if text else ""


def _show_relations(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    relations = _relations(row)
    return [
        {
            "predecessors": [_name(each) for each in relations.get("Predecessors") or []],
            "finalizer": _name(relations.get("FinalizerTask")),
            "finalized_root_task": _name(relations.get("FinalizedRootTask")),
        }
    ]


def _task_read(op: Operation, found: Found) -> None:
    row, state = found.show, op.state
    relations = _relations(row)
    state.set("started", row.get("state") == "started")
    state.set("warehouse", _same_or(state.get("warehouse"), columns.not_null(row.get("warehouse"))))
    read = _read_schedule(columns.text(row.get("schedule")))
    before = state.get("schedule")
    if not (read and before and _schedule(read).casefold() == _schedule(before).casefold()):
        state.set("schedule", read)
    state.set("when", _text_or(state.get("when"), columns.text(row.get("condition"))))
    state.set("sql_statement", _text_or(state.get("sql_statement"), columns.text(row.get("definition"))))
    after = [_name(each) for each in relations.get("Predecessors") or []]
    known = {names.parse(each): each for each in state.get("after") or []}
    state.set("after", [known.get(names.parse(each), each) for each in after])
    state.set("finalize", _same_or(state.get("finalize"), _name(relations.get("FinalizedRootTask"))))
    state.set(
        "error_integration", _same_or(state.get("error_integration"), columns.not_null(row.get("error_integration")))
    )
    state.set("target_completion_interval", _read_interval(columns.text(row.get("target_completion_interval"))))


def _same_or(before: Any, shown: str) -> str:
    return before if before and names.same(before, shown) else shown


def _text_or(before: Any, shown: str) -> str:
    return before if before and columns.squeeze(before) == columns.squeeze(shown) else shown


TASK = TaskKind(
    name="Task",
    sql="TASK",
    plural="TASKS",
    levels=3,
    id_form="quoted",
    parameters=Parameters("Task", "TASK"),
    body=(
        _WAREHOUSE,
        _SIZE,
        _SCHEDULE,
        _CONFIG,
        _OVERLAP,
        _SESSION,
        ParameterSet(only=_OWN_PARAMETERS[1:3]),
        _ERRORS,
        COMMENT,
        _FINALIZE,
        ParameterSet(only=_OWN_PARAMETERS[3:5]),
        _COMPLETION,
        ParameterSet(only=_OWN_PARAMETERS[5:]),
        Text(lambda op: f"AFTER {_afters(op.value('after'))}" if op.value("after") else ""),
        Text(lambda op: f"WHEN {op.value('when')}" if op.value("when") else ""),
        Text(lambda op: f"AS {op.value('sql_statement')}"),
    ),
    steps=(
        Settings(_SETTINGS, verbs=("UNSET",)),
        Custom(_changes),
        Settings(_SETTINGS, separator=", ", verbs=("SET",)),
    ),
    fields={"comment": Field("comment")},
    read_more=_task_read,
    shown={
        "when": ("condition", None),
        "sql_statement": ("definition", None),
        "started": ("state", lambda value: value == "started"),
    },
    show_output={
        "warehouse": lambda row: columns.not_null(row.get("warehouse")),
        "error_integration": lambda row: columns.not_null(row.get("error_integration")),
        "predecessors": lambda row: [names.full(*each) for each in _predecessors(row)],
        "task_relations": _show_relations,
        "target_completion_interval": lambda row: [
            each for each in [_read_interval(columns.text(row.get("target_completion_interval")))] if each
        ],
    },
)

# -- alerts ------------------------------------------------------------------------------------------------------------


def _alert_schedule(value: dict[str, Any]) -> str:
    cron = value.get("cron")
    return literals.text(
        f"USING CRON {cron['expression']} {cron['time_zone']}" if cron else f"{value['interval']} MINUTE"
    )


def _read_alert_schedule(text: str) -> dict[str, Any] | None:
    cron = re.fullmatch(r"USING\s+CRON\s+(.*)\s+(\S+)", text.strip(), re.IGNORECASE)
    if cron:
        return {"cron": {"expression": cron.group(1), "time_zone": cron.group(2)}}
    minutes = re.match(r"\s*(\d+)", text)
    return {"interval": int(minutes.group(1))} if minutes else None


_ALERT = (Clause("alert_schedule", "SCHEDULE", _alert_schedule), COMMENT)


class AlertKind(Kind):
    """An alert; it is suspended while it changes."""

    def create(self, op: Operation) -> None:
        """Create the alert; start it if it shall run."""
        super().create(op)
        if op.value("enabled"):
            try:
                op.write(f"ALTER ALERT {op.fqn} RESUME")
            except StatementError as error:  # as officially: the alert exists, so this is a warning
                op.warnings.append(str(error))

    def update(self, op: Operation) -> None:
        """Suspend, change, and bring back to the wished state."""
        op.write(f"ALTER ALERT {op.fqn} SUSPEND")
        self._await(op, "suspended")
        setting = [clause.render(op.value(clause.key) or "") for clause in _ALERT if clause.key in op.changes]
        if setting:
            op.write(f"ALTER ALERT {op.fqn} SET {' '.join(setting)}")
        if "condition" in op.changes:
            op.write(f"ALTER ALERT {op.fqn} MODIFY CONDITION EXISTS ({op.value('condition')})")
        if "action" in op.changes:
            op.write(f"ALTER ALERT {op.fqn} MODIFY ACTION {op.value('action')}")
        enabled = bool(op.value("enabled"))
        op.write(f"ALTER ALERT {op.fqn} {'RESUME' if enabled else 'SUSPEND'}")
        self._await(op, "started" if enabled else "suspended")
        op.id = self.id_of(op)

    def _await(self, op: Operation, state: str) -> None:
        for _ in range(5):
            row = self.find(op)
            if row is not None and row.get("state") == state:
                return
            time.sleep(min(10, max(0.0, op.deadline - time.monotonic())))
            op.wrote()
        raise ProviderError(f"alert {op.fqn} is not {state}: see its state with SHOW ALERTS")


def _alert_read(op: Operation, found: Found) -> None:
    row, state = found.show, op.state
    state.set("enabled", row.get("state") == "started")
    state.set("alert_schedule", _read_alert_schedule(columns.text(row.get("schedule"))))
    for key in ("condition", "action"):
        state.set(key, _text_or(state.get(key), columns.text(row.get(key))))
    state.set("warehouse", columns.text(row.get("warehouse")))


ALERT = AlertKind(
    name="Alert",
    sql="ALERT",
    plural="ALERTS",
    levels=3,
    id_form="pipes",
    body=(
        Clause("warehouse", "WAREHOUSE", literals.identifier),
        *_ALERT,
        Text(lambda op: f"IF (EXISTS ({op.value('condition')})) THEN {op.value('action')}"),
    ),
    fields={"comment": Field("comment")},
    read_more=_alert_read,
)

# -- streams -----------------------------------------------------------------------------------------------------------


def _travel(word: str) -> Text:
    def write(op: Operation) -> str:
        value = op.value(word.lower())
        if not value:
            return ""
        key, given = next((key, item) for key, item in value.items() if item)
        written = given if key == "offset" else literals.text(names.requote(given) if key == "stream" else given)
        return f"{word} ({key.upper()} => {written})"

    return Text(write)


def _stream_read(op: Operation, found: Found) -> None:
    row, state = found.show, op.state
    source = op.kind.name.removeprefix("StreamOn").lower()
    state.set("stale", columns.flag(row.get("stale")))
    state.set("stream_type", columns.text(row.get("type")))
    state.set(source, _same_or(state.get(source), _name(row.get("table_name"))))


def _stream(source: str) -> Kind:
    recreate = {source.lower(), "append_only", "at", "before", "show_initial_rows", "stale"}
    return Kind(
        name=f"StreamOn{source}",
        sql="STREAM",
        plural="STREAMS",
        levels=3,
        id_form="quoted",
        body=(
            COPY_GRANTS,
            Text(lambda op: f"ON {source.upper()} {literals.identifier(op.value(source.lower()))}"),
            _travel("AT"),
            _travel("BEFORE"),
            Flag("append_only", "APPEND_ONLY = true"),
            Flag("show_initial_rows", "SHOW_INITIAL_ROWS = true"),
            COMMENT,
        ),
        recreate=frozenset(recreate),
        steps=(Settings((COMMENT,)),),
        describe="STREAM",
        fields={"comment": Field("comment")},
        read_more=_stream_read,
        shown={
            source.lower(): ("table_name", None),
            "append_only": ("mode", lambda value: "true" if value == "APPEND_ONLY" else "false"),
        },
        show_output={"base_tables": lambda row: columns.items(row.get("base_tables"))},
        describe_output=_describe_stream,
        drifted=lambda old: {"stale": False} if old.get("stale") is True else {},
    )


def _describe_stream(op: Operation, found: Found) -> list[dict[str, Any]]:
    properties = op.resource.properties["describe_output"].properties
    assert properties is not None
    return [columns.shape(properties, row, {}) for row in found.describe[:1]]


STREAM_ON_TABLE, STREAM_ON_VIEW = _stream("Table"), _stream("View")

# -- pipes -------------------------------------------------------------------------------------------------------------

_PIPE = (Clause("error_integration", "ERROR_INTEGRATION", literals.identifier), COMMENT)


def _pipe_read(op: Operation, found: Found) -> None:
    row, state = found.show, op.state
    channel = columns.not_null(row.get("notification_channel"))
    state.set("copy_statement", _text_or(state.get("copy_statement"), columns.text(row.get("definition")).rstrip(";")))
    state.set("auto_ingest", bool(channel))
    state.set("notification_channel", channel)
    state.set("owner", columns.text(row.get("owner")))
    state.set("error_integration", columns.not_null(row.get("error_integration")))
    if "arn:aws:sns:" in channel:
        state.set("aws_sns_topic_arn", channel)


PIPE = Kind(
    name="Pipe",
    sql="PIPE",
    plural="PIPES",
    levels=3,
    id_form="pipes",
    body=(
        Flag("auto_ingest", "AUTO_INGEST = true"),
        _PIPE[0],
        Clause("aws_sns_topic_arn", "AWS_SNS_TOPIC"),
        Clause("integration", "INTEGRATION"),
        COMMENT,
        Text(lambda op: f"AS {op.value('copy_statement')}"),
    ),
    steps=(Settings(_PIPE, separator=", "),),
    fields={"comment": Field("comment")},
    read_more=_pipe_read,
    drop_if_exists=False,
)

KINDS = (TASK, ALERT, STREAM_ON_TABLE, STREAM_ON_VIEW, PIPE)
