"""Security: who sees what, what is granted in the account, and who read or changed what."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from board import charts
from board.answers import Asked
from board.shown import days, pick, table, usable


def body(asked: Asked) -> None:
    """Draws the page."""
    _who_sees_what(asked)
    _granted(asked)
    _audit(asked)


def _who_sees_what(asked: Asked) -> None:
    st.subheader("Who sees what", anchor=False)
    st.caption("As declared, and held true by tests that ask the account as each role.")
    seen = pd.DataFrame(asked.declared["who_sees_what"])
    roles = pick("Role", seen["role"], "seen role")
    part = seen[seen["role"].isin(roles)]
    wide = part.pivot(index="object", columns="role", values="rows").reset_index()
    wide.columns.name = None
    table(wide.fillna("denied"), "who-sees-what")


def _granted(asked: Asked) -> None:
    st.subheader("Granted in the account", anchor=False)
    answer = asked.ask("granted")
    if not usable(answer, "No grant is to be seen by this role."):
        return
    roles = pick("Granted to", answer.frame["role"], "granted role")
    table(answer.frame[answer.frame["role"].isin(roles)], "grants")


def _audit(asked: Asked) -> None:
    st.subheader("Audit", anchor=False)
    span = days("audit days", (7, 30, 90))
    by_day = asked.ask("accesses by day", since_days=-span)
    if not usable(by_day, f"Nothing was read or changed in {span} days (the log is filled every 15 minutes)."):
        return
    said = f"Reads and changes of the platform's tables by day and role, {span} days"
    charts.bars(by_day.frame, "day", "accesses", "role_name", said, span)
    answer = asked.ask("audit", since_days=-span)
    if usable(answer, "The log is empty."):
        left, right = st.columns(2)
        with left:
            kinds = pick("Kind", answer.frame["event_type"], "audit kind")
        with right:
            users = pick("User", answer.frame["user_name"], "audit user")
        frame = answer.frame
        table(frame[frame["event_type"].isin(kinds) & frame["user_name"].isin(users)], "audit")
