"""Runs checks on demand: the statements that the tasks run, their results read back with the rows that failed."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from logistics.errors import UsageError
from logistics.quality.alerts import refresh
from logistics.quality.anomalies import judge
from logistics.quality.checks import ANOMALY_SUFFIX, HOUR, QUARTER, SEVERITIES, Check, Quality, at_least
from logistics.quality.statements import by_table, failed_to_run, measure, register, samples
from logistics.sql import literal

_BY = "command"
_SAMPLE_TABLES = ("quality_failing_rows", "quality_failing_vehicle_rows")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A row that failed: its key and the offending values by column; masked columns are not among them."""

    key: dict[str, Any]
    offending: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a check found; `result` is passed, failed, no_data or error."""

    check: Check
    result: str
    failures: int | None
    rows_checked: int | None
    value: float | None
    message: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def bad(self) -> bool:
        """Whether something is to be done."""
        return self.result in ("failed", "error")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run and its results, in the order of the checks."""

    run_id: str
    seconds: float
    statements: int
    results: list[Result]

    @property
    def worst(self) -> str | None:
        """The gravest severity that failed, or None."""
        found = {result.check.severity for result in self.results if result.bad}
        return next((severity for severity in reversed(SEVERITIES) if severity in found), None)


def choose(
    quality: Quality, names: Sequence[str] = (), tables: Sequence[str] = (), severity: str = "info"
) -> list[Check]:
    """Returns the checks of the names and tables and of at least a severity; all where nothing is named.

    Args:
        names: of checks, with or without their table.
        tables: with or without schema.

    Raises:
        UsageError: a name fits nothing.
    """
    for wanted in names:
        if not any(wanted in (check.name, check.rule) for check in quality.checks):
            raise UsageError(f"no check is called {wanted}: see `logistics quality list`")
    for wanted in tables:
        if not any(wanted in (check.table, check.table.split(".")[1]) for check in quality.checks):
            raise UsageError(f"no table {wanted} has checks: see `logistics quality list`")
    chosen = [
        check
        for check in quality.checks
        if (not names or {check.name, check.rule} & set(names))
        and (not tables or {check.table, check.table.split(".")[1]} & set(tables))
        and check.severity in at_least(severity)
    ]
    return _with_sources(quality, chosen)


def _with_sources(quality: Quality, chosen: list[Check]) -> list[Check]:
    """Adds the measures that chosen anomalies judge."""
    sources = {check.name.removesuffix(ANOMALY_SUFFIX) for check in chosen if check.kind == "anomaly"}
    names = {check.name for check in chosen}
    return [check for check in quality.checks if check.name in names or check.name in sources]


def run_checks(cursor: Any, quality: Quality, checks: Sequence[Check]) -> Run:
    """Runs checks as DATA_ENGINEER, who alone sees every row; keeps the results and brings the alerts up to date.

    A table that cannot be measured gives results `error`; the others are run all the same.
    """
    from snowflake.connector.errors import Error

    began, count = time.monotonic(), 0
    run_id = str(uuid.uuid4())
    as_sql = literal(run_id)

    def execute(statement: str) -> None:
        nonlocal count
        count += 1
        cursor.execute(statement)

    for statement in register(quality, quality.checks, [QUARTER, HOUR]):
        execute(statement)
    anomalies = [check for check in checks if check.kind == "anomaly"]
    parts = [(mine, measure(quality, mine, as_sql, _BY)) for _, mine in by_table(checks)]
    parts += [(anomalies, judge(quality, anomalies, as_sql, _BY))] if anomalies else []
    for mine, statement in parts:
        try:
            execute(statement)
        except Error as error:
            said = literal(" ".join(str(error.msg or error).split())[:1900])
            execute(failed_to_run(quality, mine, as_sql, _BY, said))
    found = _results(cursor, quality, checks, run_id)
    for statement in _samples_of(quality, found, as_sql):
        execute(statement)
    if any(result.bad for result in found.values()):
        _read_samples(cursor, quality, found, run_id)
    for statement in refresh(quality.database):
        execute(statement)
    results = [found[check.name] for check in checks if check.name in found]
    return Run(run_id=run_id, seconds=time.monotonic() - began, statements=count, results=results)


def _results(cursor: Any, quality: Quality, checks: Sequence[Check], run_id: str) -> dict[str, Result]:
    cursor.execute(
        "select check_name, result, failures, rows_checked, value, message "
        f"from {quality.full('monitoring.quality_results')} where run_id = %s",
        (run_id,),
    )
    known = {check.name: check for check in checks}
    return {
        name: Result(
            check=known[name], result=result, failures=failures, rows_checked=rows, value=value, message=message
        )
        for name, result, failures, rows, value, message in cursor.fetchall()
    }


def _samples_of(quality: Quality, found: dict[str, Result], run_id: str) -> Iterator[str]:
    failed = [result.check for result in found.values() if result.result == "failed"]
    for _, checks in by_table(failed):
        yield from samples(quality, checks, run_id)


def _read_samples(cursor: Any, quality: Quality, found: dict[str, Result], run_id: str) -> None:
    parts = [
        f"select check_name, row_key, offending from {quality.full(f'monitoring.{table}')} where run_id = {literal(run_id)}"
        for table in _SAMPLE_TABLES
    ]
    cursor.execute(" union all ".join(parts))
    for name, key, offending in sorted(cursor.fetchall()):
        sample = Sample(key=json.loads(key or "{}"), offending=json.loads(offending or "{}"))
        found[name].samples.append(sample)
