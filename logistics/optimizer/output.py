"""A report as people and programs read it: a table for the terminal, JSON."""

from __future__ import annotations

import json
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from logistics.optimizer.findings import Recommendation
from logistics.optimizer.forecast import ALL, LEVEL, Forecast
from logistics.optimizer.run import Report
from logistics.optimizer.thresholds import MONTH_DAYS


def as_json(report: Report, applied: dict[str, Any] | None = None) -> str:
    """Returns the report as JSON; units stand in the names."""
    return json.dumps(as_dict(report) | {"applied": applied}, indent=2, default=str)


def as_dict(report: Report) -> dict[str, Any]:
    """Returns the report as JSON has it."""
    return {
        "run_id": report.run_id,
        "environment": report.environment,
        "started_at": report.started_at.isoformat(),
        "ended_at": report.ended_at.isoformat(),
        "days": report.days,
        "covered_days": round(report.covered_days, 2),
        "history": report.history,
        "statements_read": report.statements,
        "credits_used": round(report.credits_used, 3),
        "credits_used_by_warehouse": {name: round(used, 3) for name, used in report.credits.items()},
        "credit_price_usd": report.usd_per_credit,
        "saving_credits_per_month": round(report.saving_credits, 3),
        "saving_usd_per_month": round(report.saving_usd, 2),
        "recommendations": [_recommendation(item) for item in report.recommendations],
        "forecasts": [_forecast(item, report.usd_per_credit) for item in report.forecasts.values()],
        "notes": list(report.notes),
    }


def _recommendation(item: Recommendation) -> dict[str, Any]:
    change = item.change
    return {
        "id": item.id,
        "category": item.category,
        "kind": item.kind,
        "severity": item.severity,
        "object_type": item.object_type,
        "object_name": item.object_name,
        "title": item.title,
        "reason": item.reason,
        "mend": item.mend,
        "query_text": item.query_text,
        "evidence": dict(item.evidence),
        "saving_credits_per_month": None if item.saving_credits is None else round(item.saving_credits, 3),
        "saving_usd_per_month": None if item.saving_usd is None else round(item.saving_usd, 2),
        "saving_method": item.saving_method,
        "confidence": round(item.confidence, 2),
        "change": None
        if change is None
        else {"setting": f"logistics:{change.key}", "before": change.before, "after": change.after},
        "safe_to_apply": item.safe_to_apply,
        "not_applied_because": item.not_applied_because or None,
    }


def _forecast(found: Forecast, usd_per_credit: float) -> dict[str, Any]:
    total = sum(day.expected for day in found.days)
    return {
        "warehouse": found.warehouse,
        "method": found.method,
        "interval_level": LEVEL,
        "history_days": len(found.past),
        "backtest_days": found.backtest_days,
        "backtest_wape": None if found.wape is None else round(found.wape, 4),
        "backtest_coverage": None if found.coverage is None else round(found.coverage, 4),
        "credits_expected_in_30_days": round(total, 3),
        "usd_expected_in_30_days": round(total * usd_per_credit, 2),
        "days": [
            {
                "date": day.date.isoformat(),
                "credits_expected": round(day.expected, 4),
                "credits_low": round(day.low, 4),
                "credits_high": round(day.high, 4),
            }
            for day in found.days
        ],
    }


def print_report(console: Console, report: Report) -> None:
    """Prints the report as a table, with the reason and the mend of each recommendation below it."""
    usd = report.usd_per_credit
    console.rule(f"{report.environment}: {report.statements:,} statements of {report.covered_days:.1f} days")
    spent = ", ".join(f"{used:,.2f} {name}" for name, used in sorted(report.credits.items())) or "none"
    console.print(f"[bold]Credits[/]    {spent}; {report.credits_used * usd:,.2f} USD", highlight=False)
    for found in report.forecasts.values():
        if found.warehouse == ALL:
            console.print(f"[bold]Forecast[/]   {forecast_line(found, usd)}", highlight=False)
    for note in report.notes:
        console.print(f"[bold]Note[/]       {note}", highlight=False)
    if not report.recommendations:
        console.print("nothing to recommend")
        return
    console.print(_table(report))
    for rank, item in enumerate(report.recommendations, 1):
        console.print(f"[bold]{rank}[/] {item.object_name}", highlight=False)
        console.print(f"  why   {item.reason}\n  mend  {item.mend}", highlight=False, markup=False)
    console.print(
        f"saving in {MONTH_DAYS:.0f} days: {report.saving_credits:,.1f} credits, {report.saving_usd:,.2f} USD in all",
        highlight=False,
    )


def forecast_line(found: Forecast, usd_per_credit: float) -> str:
    """Returns a forecast in one line: the sum, a day's interval, the method and how far off it was."""
    total = sum(day.expected for day in found.days)
    low = min(day.low for day in found.days)
    high = max(day.high for day in found.days)
    tried = (
        f"off by {found.wape:.0%} in a back-test of {found.backtest_days} days"
        if found.wape is not None
        else "no back-test"
    )
    return (
        f"{total:,.1f} credits in {len(found.days)} days ({total * usd_per_credit:,.2f} USD), {low:,.1f} to {high:,.1f} a day "
        f"({LEVEL:.0%} interval); {found.method} on {len(found.past)} days, {tried}"
    )


def _table(report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading, where in (
        ("", "right"),
        ("finding", "left"),
        ("USD/month", "right"),
        ("sure", "right"),
        ("setting", "left"),
    ):
        table.add_column(heading, justify=where)  # pyright: ignore[reportArgumentType]
    for rank, item in enumerate(report.recommendations, 1):
        usd = "" if item.saving_usd is None else f"{item.saving_usd:,.2f}"
        table.add_row(str(rank), f"{item.kind}: {item.title}", usd, f"{item.confidence:.0%}", _setting(item))
    return table


def _setting(item: Recommendation) -> str:
    if item.change is None:
        return ""
    return f"{item.change.key} {item.change.after}" + (
        f" (not applied: {item.not_applied_because})" if item.not_applied_because else ""
    )
