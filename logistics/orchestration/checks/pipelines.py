"""Checks of the pipelines: tasks, streams, freshness."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from logistics.orchestration.checks.problems import Looked, Problem
from logistics.orchestration.checks.site import Site
from logistics.orchestration.findings import CRITICAL, UNKNOWN, WARNING
from logistics.sql import full_name, literal

HISTORY_HOURS = 24
"""So far back failed runs of tasks are looked for."""
STALE_WARNING = timedelta(hours=72)
STALE_CRITICAL = timedelta(hours=24)
"""A stream that is stale sooner than this, unless it is consumed, is a warning or critical."""
LATE_WARNING = timedelta(minutes=30)
LATE_CRITICAL = timedelta(hours=6)
"""Rows that have waited for their refresh for longer than this are a warning or critical."""
_FAILED = frozenset({"FAILED", "FAILED_AND_AUTO_SUSPENDED"})
_MANY_RUNS = 10_000


def tasks(site: Site) -> Looked:
    """Whether every declared task is there, started, in the declared graph, and did not fail."""
    found = {f"{row['schema_name']}.{row['name']}".lower(): row for row in _shown(site, "TASKS")}
    runs = _last_runs(site)
    for name in site.declared.sql.tasks:
        row = found.get(name)
        if row is None:
            yield Problem(CRITICAL, name, "the task is gone", "logistics deploy makes it again")
            continue
        yield from _suspended(site, name, row)
        yield from _predecessors(name, row)
        yield from _failures(site, name, runs.get(name, []))
    for name in sorted(set(found) - set(site.declared.sql.tasks)):
        if str(found[name]["state"]).lower() == "started":
            yield Problem(
                WARNING,
                name,
                "runs, and no file declares it",
                "declare it in sql/tasks, or drop it: nobody answers for it",
                25,
            )
    return f"{len(site.declared.sql.tasks)} tasks started, none failed in {HISTORY_HOURS} hours"


def _suspended(site: Site, name: str, row: dict[str, Any]) -> Iterator[Problem]:
    if str(row["state"]).lower() != "started":
        reason = row.get("last_suspended_reason")
        since = f" since {_utc(row['last_suspended_on']):%Y-%m-%d %H:%M} UTC" if row.get("last_suspended_on") else ""
        yield Problem(
            CRITICAL,
            name,
            f"is suspended{since}{f' ({reason})' if reason else ''}, declared started: its rows grow old",
            f"ALTER TASK {_full(site, name)} RESUME",
        )


def _predecessors(name: str, row: dict[str, Any]) -> Iterator[Problem]:
    """No task of the platform is declared with predecessors: the streams make the graph."""
    after = json.loads(row["predecessors"] or "[]") if isinstance(row["predecessors"], str) else row["predecessors"]
    if after:
        yield Problem(
            WARNING,
            name,
            f"runs after {', '.join(map(str, after))}, which is not declared",
            "logistics drift --revert brings the graph back",
            45,
        )


def _failures(site: Site, name: str, runs: list[dict[str, Any]]) -> Iterator[Problem]:
    """Tells a task whose last run failed, and one that failed and recovered."""
    failed = [run for run in runs if run["state"] in _FAILED]
    if not failed:
        return
    message = " ".join(str(failed[0]["error_message"] or "no message").split())[:200]
    if runs[0]["state"] in _FAILED:
        yield Problem(
            CRITICAL,
            name,
            f"its last run failed, {len(failed)} of {len(runs)} in {HISTORY_HOURS} hours: {message}",
            f"mend what it says, then EXECUTE TASK {_full(site, name)}",
            85,
        )
    else:
        yield Problem(
            WARNING,
            name,
            f"failed {len(failed)} times in {HISTORY_HOURS} hours, and succeeded since: {message}",
            "look at what failed before it does so again",
            35,
        )


def _last_runs(site: Site) -> dict[str, list[dict[str, Any]]]:
    """Returns the ended runs of the last day by task, newest first."""
    rows = site.rows(
        "SELECT SCHEMA_NAME, NAME, STATE, ERROR_MESSAGE, COMPLETED_TIME "
        f"FROM TABLE({full_name(site.database)}.INFORMATION_SCHEMA.TASK_HISTORY("
        f"SCHEDULED_TIME_RANGE_START => DATEADD(HOUR, -{HISTORY_HOURS}, CURRENT_TIMESTAMP()), RESULT_LIMIT => {_MANY_RUNS})) "
        "WHERE COMPLETED_TIME IS NOT NULL AND STATE IN ('SUCCEEDED', 'FAILED', 'FAILED_AND_AUTO_SUSPENDED') "
        "ORDER BY COMPLETED_TIME DESC"
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(f"{row['schema_name']}.{row['name']}".lower(), []).append(row)
    return found


def streams(site: Site) -> Looked:
    """Whether every declared stream is there and readable, and when it will be stale unless it is consumed."""
    found = {f"{row['schema_name']}.{row['name']}".lower(): row for row in _shown(site, "STREAMS")}
    nearest: datetime | None = None
    for name in site.declared.sql.streams:
        if name not in found:
            yield Problem(
                CRITICAL,
                name,
                "the stream is gone, and with it what it had not given yet",
                "logistics drift --revert makes it again, then logistics refresh brings what it missed",
            )
            continue
        row = found[name]
        if str(row["stale"]).lower() == "true":
            yield Problem(
                CRITICAL,
                name,
                f"is stale{_reason(row)}: it can no longer be read",
                "logistics quality heal rebuilds it and brings what it missed",
            )
        elif row["stale_after"]:
            stale_after = _utc(row["stale_after"])
            nearest = min(nearest or stale_after, stale_after)
            yield from _soon_stale(site, name, stale_after)
    until = f"none stale before {nearest:%Y-%m-%d %H:%M} UTC" if nearest else "none can be stale"
    return f"{len(site.declared.sql.streams)} streams, {until}"


def _soon_stale(site: Site, name: str, stale_after: datetime) -> Iterator[Problem]:
    left = stale_after - site.now
    if left >= STALE_WARNING:
        return
    hours = left.total_seconds() / 3600
    said = f"will be stale in {hours:.0f} hours" if hours > 0 else "is due to be stale since its time is over"
    yield Problem(
        CRITICAL if left < STALE_CRITICAL else WARNING,
        name,
        f"{said}, at {stale_after:%Y-%m-%d %H:%M} UTC, unless it is consumed",
        "run the task that consumes it, or read it in a transaction that writes; a longer MAX_DATA_EXTENSION_TIME_IN_DAYS gains time",
        88,
    )


def _reason(row: dict[str, Any]) -> str:
    reason = row.get("invalid_reason")
    return f" ({reason})" if reason and reason != "N/A" else ""


def freshness(site: Site) -> Looked:
    """Whether rows wait in a stream for longer than their task should take.

    A stream that holds changes has waited at least since its table last changed, if its task ended no run after that; this
    needs no look at any row.
    """
    consumers = _consumers(site)
    waiting = [name for name, has_data in _has_data(site, sorted(consumers)).items() if has_data]
    changed = _changed_at(site, sorted({site.declared.sql.streams[name].table for name in waiting}))
    runs = _last_runs(site) if waiting else {}
    for name in waiting:
        task, table = consumers[name], site.declared.sql.streams[name].table
        if table not in changed:
            yield Problem(UNKNOWN, name, f"when {table} changed last is not known", "", 10)
            continue
        ended = [_utc(run["completed_time"]) for run in runs.get(task, []) if run["state"] == "SUCCEEDED"]
        since = max([changed[table], *ended])
        late = site.now - since
        if late > LATE_WARNING:
            yield Problem(
                CRITICAL if late > LATE_CRITICAL else WARNING,
                name,
                f"holds changes of {table} for {late.total_seconds() / 3600:.1f} hours that {task} has not taken up",
                f"EXECUTE TASK {_full(site, task)}, and see why it did not run",
                65,
            )
    return f"{len(consumers)} streams with a task, {len(waiting)} hold changes, none for long"


def _consumers(site: Site) -> dict[str, str]:
    """Returns the task that each stream starts, for the streams that start one."""
    found = {}
    for task, file in site.declared.sql.tasks.items():
        for named in re.findall(r"system\$stream_has_data\('([^']+)'\)", file.when, re.IGNORECASE):
            name = ".".join(named.lower().split(".")[-2:])
            if name in site.declared.sql.streams:
                found[name] = task
    return found


def _has_data(site: Site, names: list[str]) -> dict[str, bool]:
    """Returns which streams hold changes; one that cannot be asked is left to the check of streams."""
    there = {
        f"{row['schema_name']}.{row['name']}".lower()
        for row in _shown(site, "STREAMS")
        if str(row["stale"]).lower() != "true"
    }
    asked = [name for name in names if name in there]
    if not asked:
        return {}
    columns = ", ".join(f"SYSTEM$STREAM_HAS_DATA({literal(f'{site.database}.{name}'.upper())})" for name in asked)
    answers = site.engineer.execute(f"SELECT {columns}").fetchone()
    return {name: str(answer).lower() == "true" for name, answer in zip(asked, answers, strict=True)}


def _changed_at(site: Site, tables: list[str]) -> dict[str, datetime]:
    """Returns when tables changed last."""
    if not tables:
        return {}
    columns = ", ".join(
        f"SYSTEM$LAST_CHANGE_COMMIT_TIME({literal(f'{site.database}.{name}'.upper())})" for name in tables
    )
    answers = site.engineer.execute(f"SELECT {columns}").fetchone()
    pairs = zip(tables, answers, strict=True)
    return {name: datetime.fromtimestamp(int(answer) / 1e9, UTC) for name, answer in pairs if answer}


def _shown(site: Site, kind: str) -> list[dict[str, Any]]:
    return site.rows(f"SHOW {kind} IN DATABASE {full_name(site.database)}")


def _full(site: Site, name: str) -> str:
    return f"{site.database}.{name}".upper()


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
