"""What is deployed: two tasks that run the checks and an alert that keeps and mails alerts, all set-based SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from logistics.quality.alerts import email_action, refresh
from logistics.quality.anomalies import HISTORY_DAYS, judge
from logistics.quality.checks import HOUR, QUARTER, Alert, Check, Quality
from logistics.quality.statements import by_table, failed_to_run, measure, register, samples
from logistics.sql import TaskFile, literal

FRESHNESS_TASK, HOURLY_TASK = "monitoring.quality_freshness", "monitoring.quality_hourly"
_FILE = Path("logistics/quality/tasks.py")
_WAREHOUSE = "COMPUTE_WH_XS"
_RUN, _BY = ":run_id", "task"
_KEPT_DAYS = {"quality_results": 2 * HISTORY_DAYS, "quality_failing_rows": 30, "quality_failing_vehicle_rows": 30}
"""How long history is kept; results twice as long as anomalies learn from."""


def quality_tasks(quality: Quality) -> dict[str, TaskFile]:
    """Returns the tasks by name: freshness every 15 minutes, all else every hour."""
    tasks = (
        _task(quality, FRESHNESS_TASK, QUARTER, "*/15", "Looks at the freshness of every table"),
        _task(quality, HOURLY_TASK, HOUR, "7", "Runs the checks of the data's quality, a statement a table"),
    )
    return {task.name: task for task in tasks if task.reads}


def quality_alert(database: str, integration: str, addresses: Sequence[str]) -> Alert:
    """Returns the alert that opens and closes quality_alerts; with an e-mail integration it mails critical ones."""
    parts = [*refresh(database)]
    if integration and addresses:
        parts += email_action(database, integration, tuple(addresses))
    block = "\n".join(["begin", *(f"{part};" for part in parts), "end"])
    return Alert(
        name="RAISE_QUALITY_ALERTS",
        minutes=15,
        condition=f"select 1 from {database}.monitoring.vw_quality_alert_changes",
        action=f"execute immediate {literal(block)}",
    )


def _task(quality: Quality, name: str, cadence: str, minute: str, comment: str) -> TaskFile:
    checks = [check for check in quality.checks if check.cadence == cadence]
    return TaskFile(
        file=_FILE,
        name=name,
        comment=comment,
        readers=(),
        body=_block(quality, checks, cadence),
        reads=frozenset(check.table for check in checks),
        warehouse=_WAREHOUSE,
        when="",
        schedule=f"USING CRON {minute} * * * * UTC",
    )


def _block(quality: Quality, checks: Sequence[Check], cadence: str) -> str:
    """Returns the task's body. A table that cannot be measured is told as such and does not stop the others."""
    lines = ["begin", "let run_id varchar := uuid_string();"]
    lines += [f"{statement};" for statement in register(quality, checks, [cadence])]
    tables = by_table(checks)
    for _, mine in tables:
        lines += _guarded(measure(quality, mine, _RUN, _BY), failed_to_run(quality, mine, _RUN, _BY, ":said"))
    anomalies = [check for check in checks if check.kind == "anomaly"]
    if anomalies:
        lines += _guarded(judge(quality, anomalies, _RUN, _BY), failed_to_run(quality, anomalies, _RUN, _BY, ":said"))
    for table, mine in tables:
        lines += _sampled(quality, table, mine)
    if cadence == HOUR:
        lines += [f"{statement};" for statement in _pruned(quality)]
    return "\n".join([*lines, "end"])


def _guarded(statement: str, instead: str) -> list[str]:
    return [
        "begin",
        f"{statement};",
        "exception when other then",
        "let said varchar := sqlerrm;",
        f"{instead};",
        "end;",
    ]


def _sampled(quality: Quality, table: str, checks: Sequence[Check]) -> Iterator[str]:
    statements = list(samples(quality, checks, _RUN))
    if not statements:
        return
    results = quality.full("monitoring.quality_results")
    failed = f"select 1 from {results} where run_id = :run_id and table_name = {literal(table)} and result = 'failed'"
    yield f"if (exists ({failed})) then"
    yield from (f"{statement};" for statement in statements)
    yield "end if;"


def _pruned(quality: Quality) -> Iterator[str]:
    for table, days in _KEPT_DAYS.items():
        yield f"delete from {quality.full(f'monitoring.{table}')} where checked_at < dateadd('day', -{days}, sysdate())"
