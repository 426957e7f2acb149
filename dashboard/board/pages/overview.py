"""Overview: health, freshness, cost today against the quota, the last deployment."""

from __future__ import annotations

import streamlit as st

from board import alerts
from board.alerts import Alerts
from board.answers import Answer, Asked
from board.queries import QUERIES
from board.severity import UNKNOWN, Mark, mark_of, worst
from board.shown import metrics, table, usable

_LAYERS = ("raw", "staging", "marts", "ml_features")


def body(asked: Asked) -> None:
    """Draws the page."""
    found = alerts.collect(asked, 7)
    cost = asked.ask("cost today", warehouse=asked.declared["warehouse"])
    last = asked.ask("deployments", environment=asked.environment, at_most=1)
    tables = asked.ask("tables")
    _health(asked, found, cost, last)
    st.subheader("Alerts, 7 days", anchor=False)
    alerts.show(found, "overview")
    _freshness(asked, tables)
    _jobs(asked)


def _health(asked: Asked, found: Alerts, cost: Answer, last: Answer) -> None:
    st.markdown(f"### {_state(found).badge}", help="The gravest alert that is open.")
    if found.missing:
        st.caption("Not read: " + "; ".join(", ".join(QUERIES[answer.name].reads) for answer in found.missing))
    quota = float(asked.declared["daily_credit_quota"])
    figures = [("Open alerts", str(len(found.open)))]
    if cost.state == "rows" and not cost.frame.empty:
        today = cost.frame.iloc[0]
        figures.append(("Cost today", f"{today['usd']:,.2f} USD"))
        figures.append(("Of today's quota", f"{today['credits_under_quota'] / quota:.1%}"))
    else:
        figures += [("Cost today", "—"), ("Of today's quota", "—")]
    figures.append(("Last deployment", _deployment(last)))
    metrics(*figures)
    st.caption(f"The quota is {quota:g} credits a day for {asked.declared['warehouse']}.")


def _state(found: Alerts) -> Mark:
    """Returns the platform's health: the gravest open alert; unknown where no source of alerts can be read."""
    return UNKNOWN if len(found.missing) == found.asked else worst(found.open["severity"])


def _deployment(last: Answer) -> str:
    if last.state != "rows" or last.frame.empty:
        return "none"
    run = last.frame.iloc[0]
    return f"{mark_of(run['result']).shape} {run['started_at']:%d %b}"


def _freshness(asked: Asked, tables: Answer) -> None:
    st.subheader("Freshness", anchor=False)
    if not usable(tables, "No table is to be seen."):
        return
    frame = tables.frame[tables.frame["layer"].isin(_LAYERS)]
    by_layer = frame.groupby("layer").agg(
        tables=("name", "count"), rows=("row_count", "sum"), bytes=("bytes", "sum"), newest_change=("last_altered", "max"),
        oldest_change=("last_altered", "min"),
    )  # fmt: skip
    table(by_layer.reindex([layer for layer in _LAYERS if layer in by_layer.index]).reset_index(), "freshness")
    load = asked.ask("last load")
    if load.state == "rows" and not load.frame.empty:
        row = load.frame.iloc[0]
        st.caption(f"Last load: {row['rows_loaded']:,.0f} rows at {row['loaded_at']:%Y-%m-%d %H:%M} UTC.")


def _jobs(asked: Asked) -> None:
    st.subheader("Jobs", anchor=False)
    last = asked.ask("last orchestration", environment=asked.environment)
    if not usable(last, "No run is recorded: run `logistics orchestrate --action health_check`."):
        return
    run = last.frame.iloc[0]
    st.markdown(
        f"{mark_of(run['status'] or run['result']).badge} **{run['action']}** at {run['started_at']:%Y-%m-%d %H:%M} UTC: "
        f"{run['jobs_total'] or 0:.0f} jobs, {run['jobs_failed'] or 0:.0f} failed"
    )
    jobs = asked.ask("orchestrated jobs", environment=asked.environment, since_days=-7)
    if usable(jobs, "No job ran in 7 days."):
        table(jobs.frame, "jobs")
