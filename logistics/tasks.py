"""Runs the platform's tasks by hand and waits until their streams are consumed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from logistics.errors import LogisticsError
from logistics.settings import StackSettings
from logistics.sql import full_name, literal

TASK = "UPDATE_CUSTOMER_SEGMENTS"
STREAM = "CUSTOMER_STREAM"
WAIT_SECONDS = 120.0
_POLL_SECONDS = 0.2
_FAILED = ("FAILED", "FAILED_AND_AUTO_SUSPENDED", "CANCELLED")


@dataclass(frozen=True, kw_only=True)
class TaskRun:
    """Whether there was anything to do, and how long it took."""

    had_changes: bool
    seconds: float


def run_segments_task(settings: StackSettings, connection: Any, wait_seconds: float = WAIT_SECONDS) -> TaskRun:
    """Starts `update_customer_segments` if its stream holds changes, and waits until they are consumed.

    The task may be at work already, since its stream triggers it; waiting for the stream to be empty covers both.

    Args:
        settings: the stack's settings.
        connection: a connection as DATA_ENGINEER, who owns the task.
        wait_seconds: how long to wait.

    Raises:
        LogisticsError: the task failed, or the stream is still not consumed.
    """
    cursor = connection.cursor()
    database = settings.platform.database
    began = time.monotonic()
    if not _has_data(cursor, database):
        return TaskRun(had_changes=False, seconds=0.0)
    cursor.execute("SELECT CURRENT_TIMESTAMP()")
    since = cursor.fetchone()[0]
    cursor.execute(f"EXECUTE TASK {full_name(database, 'MARTS', TASK)}")
    while _has_data(cursor, database):
        _raise_if_failed(cursor, database, since)
        if time.monotonic() - began > wait_seconds:
            raise LogisticsError(f"{TASK} has not consumed {STREAM} after {wait_seconds:.0f} s: see its task history")
        time.sleep(_POLL_SECONDS)
    return TaskRun(had_changes=True, seconds=time.monotonic() - began)


def _has_data(cursor: Any, database: str) -> bool:
    cursor.execute(f"SELECT SYSTEM$STREAM_HAS_DATA({literal(f'{database}.MARTS.{STREAM}')})")
    return str(cursor.fetchone()[0]).lower() == "true"


def _raise_if_failed(cursor: Any, database: str, since: Any) -> None:
    cursor.execute(
        f"SELECT STATE, ERROR_MESSAGE FROM TABLE({full_name(database)}.INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => {literal(TASK)})) "
        "WHERE QUERY_START_TIME >= %s ORDER BY QUERY_START_TIME DESC LIMIT 1",
        (since,),
    )
    found = cursor.fetchone()
    if found and found[0] in _FAILED:
        raise LogisticsError(f"{TASK} ended {found[0]}: {found[1]}")
