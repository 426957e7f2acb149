"""Alerts of all sources in one list: quality, models and jobs; each in its colour, with its shape and its word, the gravest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from board.answers import Answer, Asked
from board.severity import mark_of
from board.shown import pick, plain_text, table

_SHOWN = 6
"""Alerts shown in full; the table below has all."""
_COLUMNS = ["severity", "source", "subject", "message", "since", "state"]


@dataclass(frozen=True)
class Alerts:
    """The alerts, and the answers that could not be had."""

    frame: pd.DataFrame
    missing: list[Answer]
    asked: int

    @property
    def open(self) -> pd.DataFrame:
        """Those that nobody has closed."""
        return self.frame[self.frame["state"] == "open"]


def collect(asked: Asked, days: int) -> Alerts:
    """Returns the alerts of the last days, from every source that the role may read."""
    answers: list[tuple[Answer, Callable[[pd.DataFrame], pd.DataFrame]]] = [
        (asked.ask("alerts", since_days=-days), lambda frame: frame.assign(source="quality")),
        (asked.ask("model alerts", since_days=-days), lambda frame: frame.assign(source="models")),
        (asked.ask("orchestrated jobs", environment=asked.environment, since_days=-days), _of_jobs),
    ]
    had = [(answer, shape) for answer, shape in answers if answer.state == "rows"]
    parts = [shape(answer.frame)[_COLUMNS] for answer, shape in had if not answer.frame.empty]
    frame = pd.concat([part for part in parts if len(part)] or [pd.DataFrame(columns=_COLUMNS)], ignore_index=True)
    ranks = frame["severity"].map(lambda word: mark_of(word).rank)
    frame = frame.assign(rank=ranks).sort_values(["rank", "since"], ascending=[True, False]).drop(columns="rank")
    return Alerts(frame, [answer for answer, _ in answers if answer.state != "rows"], len(answers))


def _of_jobs(jobs: pd.DataFrame) -> pd.DataFrame:
    """Returns an alert for each job whose last run failed or found something."""
    severity = jobs["status"].where(~jobs["state"].isin(["failed", "timed_out"]), "critical")
    frame = jobs.assign(
        severity=severity, source="jobs", subject=jobs["job"], since=jobs["started_at"], state="open",
        message=jobs["reason"].fillna("the last run found this; see its report"),
    )  # fmt: skip
    return frame[frame["severity"].isin(["warning", "critical"])]


def show(found: Alerts, key: str) -> None:
    """Shows alerts with filters; says so where there are none."""
    if found.frame.empty:
        said = "of the sources that this role may read " if found.missing else ""
        st.info(f"No alert {said}in this time.", icon=":material/inbox:")
        return
    left, right = st.columns(2)
    with left:
        severities = pick("Severity", found.frame["severity"], f"{key} severity")
    with right:
        sources = pick("Source", found.frame["source"], f"{key} source")
    frame = found.frame[found.frame["severity"].isin(severities) & found.frame["source"].isin(sources)]
    for alert in frame.head(_SHOWN).itertuples():
        with st.container(border=True):
            subject, message = plain_text(alert.subject), plain_text(alert.message)
            st.markdown(f"{mark_of(alert.severity).badge} **{subject}** · {alert.source}, {alert.state}")
            st.markdown(f"{message} (since {alert.since:%Y-%m-%d %H:%M} UTC)")
    table(frame, f"{key}-alerts")
