"""A run's results, written to MONITORING: optimizer_runs, optimizer_recommendations, cost_forecasts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from logistics.connection import connect
from logistics.errors import LogisticsError
from logistics.optimizer.forecast import LEVEL, Forecast
from logistics.optimizer.run import Report
from logistics.settings import StackSettings
from logistics.sql import full_name
from logistics.summary import ENGINEER

_SCHEMA = "MONITORING"
_JSON_COLUMNS = frozenset({"notes", "evidence"})


def store(settings: StackSettings, variables: Mapping[str, str], report: Report, branch: str, commit: str) -> None:
    """Writes a run as DATA_ENGINEER, in one transaction.

    Raises:
        LogisticsError: the tables are not deployed, or may not be written.
    """
    with connect(settings, variables, role=ENGINEER) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        for table, rows in (
            ("OPTIMIZER_RUNS", [_run(report, branch, commit)]),
            ("OPTIMIZER_RECOMMENDATIONS", list(_recommendations(report))),
            ("COST_FORECASTS", list(_forecasts(report))),
        ):
            _insert(cursor, full_name(settings.platform.database, _SCHEMA, table), rows)
        cursor.execute("COMMIT")


def _insert(cursor: Any, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    from snowflake.connector.errors import ProgrammingError

    if not rows:
        return
    names = list(rows[0])
    chosen = ", ".join(f"PARSE_JSON(${n})" if name in _JSON_COLUMNS else f"${n}" for n, name in enumerate(names, 1))
    values = ", ".join("(" + ", ".join(["%s"] * len(names)) + ")" for _ in rows)
    # Binds of the client's own: they are quoted there, so that no text can leave its place.
    bound = [value for row in rows for value in row.values()]
    try:
        cursor.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {chosen} FROM VALUES {values}", bound)
    except ProgrammingError as error:
        raise LogisticsError(
            f"the results cannot be written to {table}: {error.msg}; deploy the environment first, or leave them out with --no-record"
        ) from None


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _run(report: Report, branch: str, commit: str) -> dict[str, Any]:
    return {
        "run_id": report.run_id,
        "environment": report.environment,
        "started_at": _utc(report.started_at),
        "ended_at": _utc(report.ended_at),
        "days": report.days,
        "history": report.history,
        "statements_read": report.statements,
        "credits_used": report.credits_used,
        "recommendations": len(report.recommendations),
        "saving_credits_per_month": report.saving_credits,
        "saving_usd_per_month": report.saving_usd,
        "credit_price_usd": report.usd_per_credit,
        "notes": json.dumps(list(report.notes)),
        "applied_branch": branch or None,
        "applied_commit": commit or None,
    }


def _recommendations(report: Report) -> Iterator[dict[str, Any]]:
    for rank, item in enumerate(report.recommendations, 1):
        change = item.change
        yield {
            "run_id": report.run_id,
            "recommendation_id": item.id,
            "environment": report.environment,
            "found_at": _utc(report.ended_at),
            "rank": rank,
            **{name: getattr(item, name) for name in _SAID},
            "evidence": json.dumps(item.evidence),
            "saving_credits_per_month": item.saving_credits,
            "saving_usd_per_month": item.saving_usd,
            "saving_method": item.saving_method,
            "confidence": round(item.confidence, 2),
            "setting_key": f"logistics:{change.key}" if change else None,
            "setting_before": None if change is None or change.before is None else str(change.before),
            "setting_after": str(change.after) if change else None,
            "safe_to_apply": item.safe_to_apply,
            "not_applied_because": item.not_applied_because or None,
        }


_SAID = ("category", "kind", "severity", "object_type", "object_name", "title", "reason", "mend", "query_text")


def _forecasts(report: Report) -> Iterator[dict[str, Any]]:
    usd = report.usd_per_credit
    for found in report.forecasts.values():
        for day in found.days:
            yield {
                "run_id": report.run_id,
                "environment": report.environment,
                "made_at": _utc(report.ended_at),
                "warehouse_name": found.warehouse,
                "forecast_date": day.date,
                "credits_expected": day.expected,
                "credits_low": day.low,
                "credits_high": day.high,
                "usd_expected": day.expected * usd,
                "usd_low": day.low * usd,
                "usd_high": day.high * usd,
                "interval_level": LEVEL,
                **_method(found),
            }


def _method(found: Forecast) -> dict[str, Any]:
    return {
        "method": found.method,
        "history_days": len(found.past),
        "backtest_days": found.backtest_days,
        "backtest_wape": found.wape,
        "backtest_coverage": found.coverage,
    }
