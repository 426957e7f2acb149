"""ML: versions and their stages, metrics, drift, tests of two versions."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from board import charts
from board.answers import Asked
from board.shown import days, metrics, pick, table, usable


def body(asked: Asked) -> None:
    """Draws the page."""
    versions = asked.ask("model versions")
    if not usable(versions, "No model is registered yet: run `logistics models train`."):
        return
    wanted = pick("Use case", versions.frame["use_case"], "use case")
    frame = versions.frame[versions.frame["use_case"].isin(wanted)]
    span = days("models days", (7, 30, 90))
    drift = asked.ask("drift", since_days=-span)
    _state(frame, drift.frame)
    st.subheader("Versions", anchor=False)
    table(frame, "model-versions")
    _metrics(asked, wanted, span)
    _drift(drift, wanted)
    _tests(asked, wanted)
    _events(asked, wanted, span)


def _state(versions: pd.DataFrame, drift: pd.DataFrame) -> None:
    serving = versions[versions["stage"] == "production"]
    drifted = 0
    if not drift.empty:
        newest = drift.drop_duplicates(["use_case", "kind", "feature", "statistic"])
        drifted = int(newest["is_drifted"].fillna(False).astype(bool).sum())
    metrics(
        ("Use cases served", f"{serving['use_case'].nunique()} of {versions['use_case'].nunique()}"),
        ("Versions", f"{len(versions)}"),
        ("Drifted measures", f"{drifted}"),
    )


def _metrics(asked: Asked, wanted: list[str], span: int) -> None:
    st.subheader("Metrics", anchor=False)
    answer = asked.ask("model metrics", since_days=-span)
    if not usable(answer, f"No metric was measured in {span} days."):
        return
    kinds = pick("Kind", answer.frame["kind"], "metric kind")
    frame = answer.frame[answer.frame["use_case"].isin(wanted) & answer.frame["kind"].isin(kinds)]
    table(frame, "model-metrics")


def _drift(answer, wanted: list[str]) -> None:
    st.subheader("Drift", anchor=False)
    if not usable(answer, "Drift was not looked for in this time: run `logistics models drift`."):
        return
    frame = answer.frame[answer.frame["use_case"].isin(wanted)]
    frame = frame.assign(status=frame["is_drifted"].map(lambda drifted: "warning" if drifted else "ok"))
    if frame.empty:
        return
    choices = sorted(frame["use_case"] + " · " + frame["statistic"])
    chosen = st.selectbox("Measure", sorted(set(choices)), key="drift measure")
    use_case, statistic = chosen.split(" · ")
    part = frame[(frame["use_case"] == use_case) & (frame["statistic"] == statistic)]
    limit = part["threshold"].dropna()
    charts.lines(
        part,
        "checked_at",
        "value",
        "feature",
        f"{statistic} of {use_case} by feature over time; the dashed line is the threshold",
        float(limit.iloc[0]) if limit.nunique() == 1 else None,
    )
    table(
        frame,
        "drift",
        order=["status", "use_case", "version", "kind", "feature", "statistic", "value", "threshold", "checked_at"],
    )


def _tests(asked: Asked, wanted: list[str]) -> None:
    st.subheader("Tests of two versions", anchor=False)
    answer = asked.ask("ab tests")
    if usable(answer, "No test of two versions was started: see `logistics models ab`."):
        table(answer.frame[answer.frame["use_case"].isin(wanted)], "ab-tests")


def _events(asked: Asked, wanted: list[str], span: int) -> None:
    st.subheader("Events", anchor=False)
    answer = asked.ask("model events", since_days=-span)
    if usable(answer, f"Nothing happened to a model in {span} days."):
        table(answer.frame[answer.frame["use_case"].isin(wanted)], "model-events")
