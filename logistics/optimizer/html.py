"""A report as one HTML file with its pictures in it: nothing is loaded from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from logistics.optimizer.findings import Recommendation
from logistics.optimizer.forecast import ALL
from logistics.optimizer.output import forecast_line
from logistics.optimizer.pictures import forecast_picture, pruning_picture, savings_picture
from logistics.optimizer.run import Report

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; background: #fff; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .6rem;
  border-bottom: 1px solid #dde3ea; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
article { border: 1px solid #dde3ea; border-left: 4px solid #8aa0b6; border-radius: 4px; padding: .6rem 1rem; margin: 1rem 0; }
article.critical { border-left-color: #b3261e; } article.warning { border-left-color: #c77700; }
pre { background: #f4f6f8; padding: .6rem; overflow-x: auto; font-size: 13px; }
figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
.small { color: #56657a; font-size: 13px; }
"""


def as_html(report: Report) -> str:
    """Returns the report as a page.

    Raises:
        UsageError: matplotlib is not installed.
    """
    title = f"Optimizer: {report.environment}, {report.started_at:%Y-%m-%d %H:%M} UTC"
    body = [
        f"<h1>{escape(title)}</h1>",
        _summary(report),
        *_notes(report),
        *_forecast(report),
        *_recommendations(report),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>"
    )


def _summary(report: Report) -> str:
    rows = [
        ("Statements read", f"{report.statements:,} in {report.covered_days:.1f} days"),
        ("Credits used", f"{report.credits_used:,.2f} ({report.credits_used * report.usd_per_credit:,.2f} USD)"),
        ("Recommendations", f"{len(report.recommendations)}"),
        ("Expected saving in 30 days", f"{report.saving_credits:,.1f} credits, {report.saving_usd:,.2f} USD"),
    ]
    return (
        "<table>"
        + "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
        + "</table>"
    )


def _notes(report: Report) -> list[str]:
    if not report.notes:
        return []
    return [
        "<h2>What could not be judged</h2><ul>" + "".join(f"<li>{escape(note)}</li>" for note in report.notes) + "</ul>"
    ]


def _forecast(report: Report) -> list[str]:
    found = report.forecasts.get(ALL)
    if found is None:
        return []
    line = escape(forecast_line(found, report.usd_per_credit))
    return ["<h2>What it will cost</h2>", f"<figure>{forecast_picture(found)}<figcaption>{line}</figcaption></figure>"]


def _recommendations(report: Report) -> list[str]:
    if not report.recommendations:
        return ["<h2>Recommendations</h2><p>Nothing to recommend.</p>"]
    picture = savings_picture(report.recommendations)
    shown = [f"<figure>{picture}</figure>"] if picture else []
    return [
        "<h2>Recommendations</h2>",
        *shown,
        *(_article(n, item) for n, item in enumerate(report.recommendations, 1)),
    ]


def _article(rank: int, item: Recommendation) -> str:
    parts = [
        f"<h3>{rank}. {escape(item.title)}</h3>",
        f'<p class="small">{escape(item.kind)} · {escape(item.object_type.lower())} {escape(item.object_name)}</p>',
        f"<p><b>Why</b> {escape(item.reason)}</p><p><b>Mend</b> {escape(item.mend)}</p>",
        f"<p>{escape(_worth(item))}</p>",
    ]
    if item.change is not None:
        hindered = f" (not applied by --apply: {item.not_applied_because})" if item.not_applied_because else ""
        parts.append(
            f"<p><code>logistics:{escape(f'{item.change.key}: {item.change.before} → {item.change.after}')}</code>{escape(hindered)}</p>"
        )
    if picture := pruning_picture(item):
        parts.append(f"<figure>{picture}</figure>")
    if item.query_text:
        parts.append(
            f"<details><summary>Statement, without its values</summary><pre>{escape(item.query_text)}</pre></details>"
        )
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="number">{escape(_value(value))}</td></tr>'
        for name, value in item.evidence.items()
    )
    parts.append(f"<details><summary>Evidence</summary><table>{rows}</table></details>")
    return f'<article class="{escape(item.severity)}">' + "".join(parts) + "</article>"


def _worth(item: Recommendation) -> str:
    sure = f"Confidence {item.confidence:.0%}."
    if item.saving_usd is None:
        return sure
    credits_ = f"{abs(item.saving_credits):,.1f} credits, " if item.saving_credits is not None else ""
    word = "Saves" if item.saving_usd >= 0 else "Costs"
    return f"{word} {credits_}{abs(item.saving_usd):,.2f} USD in 30 days ({item.saving_method}). {sure}"


def _value(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
