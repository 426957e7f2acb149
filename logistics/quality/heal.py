"""Mends what may be mended without asking: failed tasks, suspended tasks, stale streams; each act is logged."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from logistics.declarations import Declarations
from logistics.modelling.run import refresh
from logistics.sql import StreamFile, full_name, identifier, literal

MAX_RETRIES = 3
"""Retries of a task in a day; one that fails more often needs a person."""
HISTORY_HOURS = 24
_BAD = ("FAILED", "FAILED_AND_AUTO_SUSPENDED", "CANCELLED")


@dataclass(frozen=True, kw_only=True)
class Act:
    """What was found wrong with an object, and what is done about it.

    Attributes:
        fault: failed, suspended or stale.
        action: retry, resume, rebuild; none where a person is needed.
        result: done, failed or refused; empty until it is done.
        detail: what was wrong; then what was run, or why it was not.
    """

    object_type: str
    object_name: str
    fault: str
    action: str
    detail: str
    result: str = ""


def find(cursor: Any, declared: Declarations, database: str) -> list[Act]:
    """Returns what is to be mended, streams before the tasks that read them.

    Only objects that the platform declares are looked at: what is somebody else's is left alone.

    Args:
        cursor: as the deploying role.
        declared: says which tasks run and which streams there are.
        database: the platform's database.
    """
    return [*_stale(cursor, declared, database), *_tasks(cursor, declared, database)]


def _stale(cursor: Any, declared: Declarations, database: str) -> Iterator[Act]:
    for row in _shown(cursor, f"show streams in database {identifier(database)}"):
        name = f"{row['schema_name']}.{row['name']}".lower()
        if name in declared.sql.streams and str(row["stale"]).lower() == "true":
            said = f"stale since {row.get('stale_after') or 'its retention ended'}: changes were lost"
            yield Act(object_type="STREAM", object_name=name, fault="stale", action="rebuild", detail=said)


def _tasks(cursor: Any, declared: Declarations, database: str) -> Iterator[Act]:
    """A suspended task is resumed; one whose last run failed is retried, unless that was tried often enough."""
    last, retried = _last_runs(cursor, database), _retries(cursor, database)
    for row in _shown(cursor, f"show tasks in database {identifier(database)}"):
        name = f"{row['schema_name']}.{row['name']}".lower()
        if name not in declared.sql.tasks:
            continue
        task = Act(object_type="TASK", object_name=name, fault="suspended", action="resume", detail="")
        if str(row["state"]).lower() != "started":
            reason = row.get("last_suspended_reason") or "by hand"
            yield replace(task, detail=f"suspended ({reason}), and declared to run")
        if name in last:
            failed = replace(task, fault="failed", action="retry", detail=last[name])
            tries = retried.get(name, 0)
            too_often = f"retried {tries} times in {HISTORY_HOURS} hours, and failed again: {last[name]}"
            yield failed if tries < MAX_RETRIES else replace(failed, action="none", detail=too_often)


def _last_runs(cursor: Any, database: str) -> dict[str, str]:
    """Returns the error of each task whose newest run failed, by name."""
    cursor.execute(
        "select lower(schema_name || '.' || name), state, error_message "
        f"from table({identifier(database)}.information_schema.task_history("
        f"scheduled_time_range_start => dateadd('hour', -{HISTORY_HOURS}, current_timestamp()), result_limit => 10000)) "
        "where state not in ('SCHEDULED', 'SKIPPED') "
        "qualify row_number() over (partition by schema_name, name order by query_start_time desc nulls first) = 1"
    )
    return {
        name: f"{state}: {' '.join(str(error or 'no error told').split())}"
        for name, state, error in cursor.fetchall()
        if state in _BAD
    }


def _retries(cursor: Any, database: str) -> dict[str, int]:
    cursor.execute(
        f"select object_name, count(*) from {identifier(database)}.monitoring.healing_log where action = 'retry' "
        f"and healed_at >= dateadd('hour', -{HISTORY_HOURS}, sysdate()) group by object_name"
    )
    return dict(cursor.fetchall())


def apply(cursor: Any, engineer: Any, declared: Declarations, database: str, acts: Sequence[Act], by: str) -> list[Act]:
    """Does each act and logs it; one that fails does not stop the others.

    Args:
        cursor: as the deploying role, which manages tasks and streams.
        engineer: a cursor as DATA_ENGINEER, who sees every row and fills back what a stream lost.
        declared, database: as of `find`.
        acts: what `find` gave.
        by: who asked for it.

    Returns:
        The acts with their results.
    """
    from snowflake.connector.errors import Error

    done = []
    for act in acts:
        try:
            ran = _do(cursor, engineer, declared, database, act)
            result = replace(
                act, result="done" if ran else "refused", detail=f"{act.detail}{f'; {ran}' if ran else ''}"
            )
        except Error as error:
            said = " ".join(str(error.msg or error).split())
            result = replace(act, result="failed", detail=f"{act.detail}; could not be mended: {said}")
        _log(engineer, database, result, by)
        done.append(result)
    return done


def _do(cursor: Any, engineer: Any, declared: Declarations, database: str, act: Act) -> str:
    """Returns what was run; empty for an act that needs a person."""
    if act.action == "none":
        return ""
    schema, name = act.object_name.upper().split(".")
    full = full_name(database, schema, name)
    if act.action == "resume":
        cursor.execute(f"alter task {full} resume")
        return f"alter task {act.object_name} resume"
    if act.action == "retry":
        return _retry(cursor, full, act.object_name)
    return _rebuild(cursor, engineer, declared, database, full, declared.sql.streams[act.object_name])


def _retry(cursor: Any, full: str, name: str) -> str:
    """Retries the failed run; where Snowflake can retry none, as after a change of the task, it is run anew."""
    from snowflake.connector.errors import ProgrammingError

    try:
        cursor.execute(f"execute task {full} retry last")
        return f"execute task {name} retry last"
    except ProgrammingError:
        cursor.execute(f"execute task {full}")
        return f"execute task {name}"


def _rebuild(cursor: Any, engineer: Any, declared: Declarations, database: str, full: str, stream: StreamFile) -> str:
    """Makes the stream anew, its grants kept, and then brings what it feeds to all rows.

    In this order nothing is lost: what changes in between is in the new stream, and a refresh may be repeated.
    """
    source = full_name(database, *stream.table.upper().split("."))
    initial = " show_initial_rows = true" if stream.show_initial_rows else ""
    comment = f" comment = {literal(stream.comment)}" if stream.comment else ""
    cursor.execute(f"create or replace stream {full} copy grants on table {source}{initial}{comment}")
    fed = sorted(_fed_by(declared, stream.name))
    refresh(engineer, declared.models, fed, lambda _: None)
    return f"rebuilt on {stream.table}; filled back: {', '.join(fed) or 'nothing reads it'}"


def _fed_by(declared: Declarations, stream: str) -> Iterator[str]:
    """Yields the models whose refresh takes up a stream's changes."""
    for name, statement in declared.models.refreshes.items():
        tasks = [
            task
            for task in declared.models.tasks.values()
            if name in task.name or _task_of(declared, name) == task.name
        ]
        if any(stream in text.lower() for text in (statement, *(task.body + task.when for task in tasks))):
            yield name


def _task_of(declared: Declarations, name: str) -> str:
    contract = declared.models.models[name].contract
    return contract.task or f"{contract.schema_name}.refresh_{contract.table}"


def _log(cursor: Any, database: str, act: Act, by: str) -> None:
    cursor.execute(
        f"insert into {identifier(database)}.monitoring.healing_log (event_id, object_type, object_name, fault, action, "
        "result, detail, healed_by, healed_at) select %s, %s, %s, %s, %s, %s, %s, %s, sysdate()",
        (
            str(uuid.uuid4()), act.object_type, act.object_name, act.fault, act.action, act.result,
            act.detail[:4000], by,
        ),
    )  # fmt: skip


def _shown(cursor: Any, statement: str) -> list[Mapping[str, Any]]:
    cursor.execute(statement)
    names = [column[0].lower() for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
