"""A report as one HTML file: nothing is loaded from elsewhere, light and dark, readable on a phone and by a screen reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from logistics.orchestration.formats.words import SHAPES, STATE_SHAPES, job_line, summary, title

_STYLE = """\
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --ok: #116329; --unknown: #0550ae; --warning: #7d4e00; --critical: #a40e26; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --soft: #9da7b1; --line: #3d444d;
  --ok: #56d364; --unknown: #79c0ff; --warning: #e3b341; --critical: #ff7b72; } }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; } td { overflow-wrap: anywhere; } td.status { white-space: nowrap; }
.ok { color: var(--ok); } .unknown { color: var(--unknown); } .warning { color: var(--warning); } .critical { color: var(--critical); }
.status, .overall { font-weight: 600; } .overall { font-size: 1.1rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
@media print { body { max-width: none; } }
"""


def as_html(report: Mapping[str, Any]) -> str:
    """Returns the report as an HTML document; text from outside is escaped."""
    body = [
        f"<h1>{_text(title(report))}</h1>",
        f'<p class="overall {report["status"]}">{SHAPES[report["status"]]} {_text(summary(report))}</p>',
        f'<p class="soft">Run <code>{_text(report["run_id"])}</code>, {_text(report["started_at"][:19])} to '
        f"{_text(report['ended_at'][:19])} UTC, by {_text(report['started_by'])}.</p>",
        *(f'<p class="warning">▲ {_text(note)}</p>' for note in report["notes"]),
        *_recommendations(report["recommendations"]),
        *_jobs(report["jobs"]),
        *_findings(report["jobs"]),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title(report))}: {_text(report['status'])}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _recommendations(found: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    yield "<h2>What to do</h2>"
    if not found:
        yield "<p>Nothing.</p>"
        return
    rows = [
        (str(each["rank"]), _status(each), *_texts(each, "check", "subject", "evidence", "recommendation"))
        for each in found
    ]
    yield from _table(
        "What to do, the most valuable first", ("#", "Status", "Check", "What", "Evidence", "What to do"), rows
    )


def _jobs(jobs: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield "<h2>Jobs</h2>"
    rows = [
        (
            _text(job["job"]),
            f"{STATE_SHAPES[job['state']]} {_text(job['state'].replace('_', ' '))}",
            _status(job),
            f"{job['seconds']:.1f}",
            _text(job_line(job)),
        )
        for job in jobs
    ]
    yield from _table("The jobs of this run", ("Job", "State", "Found", "Seconds", "What came of it"), rows)


def _findings(jobs: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield "<h2>Findings</h2>"
    rows = [
        (_text(job["job"]), _status(found), *_texts(found, "check", "subject", "evidence"))
        for job in jobs
        for found in job["findings"]
    ]
    yield from _table("All that was looked at", ("Job", "Status", "Check", "What", "Evidence"), rows)


def _table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table><thead><tr>{head}</tr></thead><tbody>'
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</tbody></table></div>"


def _status(of: Mapping[str, Any]) -> str:
    return f'<span class="status {of["status"]}">{SHAPES[of["status"]]} {of["status"]}</span>'


def _texts(of: Mapping[str, Any], *keys: str) -> Iterable[str]:
    return (_text(of[key]) for key in keys)


def _text(value: Any) -> str:
    return escape(str(value))
