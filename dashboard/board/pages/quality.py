"""Quality: results of the checks, their trend, alerts, and failing rows as the viewer's role may see them."""

from __future__ import annotations

import streamlit as st

from board import alerts, charts
from board.answers import Asked
from board.severity import worst
from board.shown import days, metrics, pick, table, usable

_EMPTY = "No check has run in this time: run `logistics quality`, or wait a quarter of an hour for its tasks."

_COLOURS = {"critical": "#c9423f", "warning": "#d9822b", "info": "#2f7ed8"}


def body(asked: Asked) -> None:
    """Draws the page."""
    span = days("quality days", (7, 30, 90))
    st.subheader("Alerts", anchor=False)
    alerts.show(alerts.collect(asked, span), "quality")
    st.subheader("Checks", anchor=False)
    results = asked.ask("check results", since_days=-span)
    if not usable(results, _EMPTY):
        return
    frame = results.frame
    failed = frame[frame["result"].isin(["failed", "error"])]
    metrics(
        ("Checks", str(len(frame))),
        ("Failed", str(len(failed))),
        ("Gravest failure", worst(failed["severity"]).text if len(failed) else "none"),
    )
    wanted = pick("Result", frame["result"], "check result")
    table(frame[frame["result"].isin(wanted)], "checks")
    _trend(asked, span)
    _rows(asked, sorted(failed["check_name"].unique()))


def _trend(asked: Asked, span: int) -> None:
    st.subheader("Trend", anchor=False)
    trend = asked.ask("check trend", since_days=-span)
    if usable(trend, _EMPTY):
        said = f"Failed checks by day and severity, {span} days"
        charts.bars(trend.frame, "day", "failed", "severity", said, span, colours=_COLOURS)


def _rows(asked: Asked, failed: list[str]) -> None:
    st.subheader("Failing rows", anchor=False)
    if not failed:
        st.info("Nothing fails.", icon=":material/inbox:")
        return
    name = st.selectbox("Check", failed, key="failing check")
    rows = asked.ask("failing rows", check_name=name)
    if usable(rows, f"No failing row of {name} is kept, or none that this role may see."):
        table(rows.frame, "failing-rows")
