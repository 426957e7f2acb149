"""A report in Markdown, for summaries of workflows and comments on pull requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from logistics.orchestration.formats.words import SHAPES, STATE_SHAPES, job_line, summary, title

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>|#"} | {"\n": " ", "\r": " "})


def as_markdown(report: Mapping[str, Any]) -> str:
    """Returns the report as Markdown; text from outside cannot become markup."""
    lines = [
        f"# {_text(title(report))}",
        "",
        f"{SHAPES[report['status']]} **{report['status']}** · {_text(summary(report).split(': ', 1)[1])}",
        "",
        f"Run `{report['run_id']}`, {report['started_at'][:19]} to {report['ended_at'][:19]} UTC, by {report['started_by']}.",
        "",
    ]
    lines += [f"> {_text(note)}" for note in report["notes"]] + ([""] if report["notes"] else [])
    lines += ["## What to do", "", *_recommendations(report["recommendations"]), ""]
    lines += ["## Jobs", "", *_jobs(report["jobs"]), "", "## Findings", "", *_findings(report["jobs"])]
    return "\n".join(lines) + "\n"


def _recommendations(found: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    if not found:
        return ["Nothing."]
    rows = [
        (each["rank"], _status(each), each["check"], each["subject"], each["evidence"], each["recommendation"])
        for each in found
    ]
    return _table(("#", "status", "check", "what", "evidence", "what to do"), rows)


def _jobs(jobs: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    rows = [
        (
            job["job"],
            f"{STATE_SHAPES[job['state']]} {job['state']}",
            _status(job),
            f"{job['seconds']:.1f}",
            job_line(job),
        )
        for job in jobs
    ]
    return _table(("job", "state", "status", "seconds", ""), rows)


def _findings(jobs: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    rows = [
        (job["job"], _status(found), found["check"], found["subject"], found["evidence"])
        for job in jobs
        for found in job["findings"]
    ]
    return _table(("job", "status", "check", "what", "evidence"), rows) if rows else ["None."]


def _status(of: Mapping[str, Any]) -> str:
    return f"{SHAPES[of['status']]} {of['status']}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = [f"| {' | '.join(headings)} |", "|" + "-|" * len(headings)]
    return lines + [f"| {' | '.join(_text(value) for value in row)} |" for row in rows]


def _text(value: Any) -> str:
    return str(value).translate(_SPECIAL)
