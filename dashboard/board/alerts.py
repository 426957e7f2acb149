"""Alerts: each in its colour, with its shape and its word, the gravest first."""

from __future__ import annotations

import streamlit as st

from board.answers import Answer
from board.severity import mark_of
from board.shown import pick, table, usable

_SHOWN = 8
"""Alerts shown in full; the table below has all."""


def alerts(found: Answer, key: str) -> None:
    """Shows alerts with filters; says so where there are none."""
    if not usable(found, "No alert in this time: every check that ran was within its bounds."):
        return
    left, right = st.columns(2)
    with left:
        severities = pick("Severity", found.frame["severity"], f"{key} severity")
    with right:
        states = pick("State", found.frame["state"], f"{key} alert state")
    frame = found.frame[found.frame["severity"].isin(severities) & found.frame["state"].isin(states)]
    ranks = frame["severity"].map(lambda word: mark_of(word).rank)
    frame = frame.assign(rank=ranks).sort_values(["rank", "opened_at"], ascending=[True, False]).drop(columns="rank")
    for alert in frame.head(_SHOWN).itertuples():
        with st.container(border=True):
            st.markdown(f"{mark_of(alert.severity).badge} **{alert.check_name}** · {alert.state}")
            st.markdown(_plain(f"{alert.message} (since {alert.opened_at:%Y-%m-%d %H:%M} UTC)"))
    table(frame, f"{key}-alerts")


def _plain(text: str) -> str:
    """Returns text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>()#+-!|:$~" else letter for letter in text)
