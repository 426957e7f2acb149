"""How statuses and states are shown: always by a word and a shape, with or without colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHAPES = {"ok": "✓", "unknown": "?", "warning": "▲", "critical": "✗"}
COLOURS = {"ok": "green", "unknown": "cyan", "warning": "yellow", "critical": "red"}
STATE_SHAPES = {
    "succeeded": "✓",
    "failed": "✗",
    "timed_out": "✗",
    "skipped": "-",
    "stopped": "■",
    "running": "▸",
    "waiting": "·",
}


def title(report: Mapping[str, Any]) -> str:
    """Returns the report's heading."""
    return f"{report['action']} of {report['environment']} on {report['account']}"


def summary(report: Mapping[str, Any]) -> str:
    """Returns status, counts and times in one line."""
    counts = (
        ", ".join(f"{count} {status}" for status, count in report["summary"].items() if count) or "nothing looked at"
    )
    return f"{report['status']}: {counts}; {len(report['jobs'])} jobs in {report['seconds']:.1f} s, {report['result']}"


def job_line(job: Mapping[str, Any]) -> str:
    """Returns what is said of a job beside its state."""
    tried = f" ({job['attempts']} attempts)" if job["attempts"] > 1 else ""
    if job["reason"]:
        return f"{job['reason']}{tried}"
    wrong = [found for found in job["findings"] if found["status"] != "ok"]
    return (f"{len(wrong)} of {len(job['findings'])} findings need care" if wrong else "nothing to do") + tried
