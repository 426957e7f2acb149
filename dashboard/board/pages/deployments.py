"""Deployments: history, what one changed, how to go back, and its evidence."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from board.answers import Asked
from board.severity import mark_of
from board.shown import pick, plain_text, table, usable

_AT_MOST = 200
_EMPTY = "No deployment is recorded: `logistics deploy` records each run (`make up` does not)."


def body(asked: Asked) -> None:
    """Draws the page."""
    answer = asked.ask("deployments", environment=asked.environment, at_most=_AT_MOST)
    if not usable(answer, _EMPTY):
        return
    wanted = pick("Result", answer.frame["result"], "deployment result")
    frame = answer.frame[answer.frame["result"].isin(wanted)]
    st.subheader("History", anchor=False)
    table(
        frame,
        "deployments",
        order=[
            "result",
            "kind",
            "version_before",
            "version_after",
            "steps",
            "started_at",
            "ended_at",
            "user_name",
            "git_revision",
        ],
    )
    if not frame.empty:
        _one(asked, frame)


def _one(asked: Asked, frame: pd.DataFrame) -> None:
    st.subheader("One of them", anchor=False)
    told = {row.run_id: f"{row.started_at:%Y-%m-%d %H:%M} {row.kind}, {row.result}" for row in frame.itertuples()}
    run_id = st.selectbox("Deployment", list(told), format_func=lambda each: told[each], key="deployment")
    run = frame[frame["run_id"] == run_id].iloc[0]
    st.markdown(
        f"{mark_of(run['result']).badge} **{run['kind']}** by {run['user_name']}, commit `{_short(run['git_revision'])}`"
    )
    if run["error"]:
        st.error(run["error"], icon=":material/error:")
    _rollback(asked, run)
    plan = asked.ask("deployment plan", run_id=run_id)
    if usable(plan, "This run has no plan: a rollback, or nothing to change."):
        plan.frame["object"] = plan.frame["urn"].str.rpartition("::")[2]
        table(plan.frame, "deployment-plan", order=["operation", "label", "object", "differs", "statements"])
    with st.expander("Evidence"):
        st.markdown(f"- run `{run_id}`\n- backup of the state: `{run['backup'] or 'none'}`")
        for title, lines in (("SQL tests that failed", run["failed_tests"]), ("kept to go back", run["kept"])):
            st.markdown(f"- {title}: " + (", ".join(map(plain_text, _listed(lines))) or "none"))


def _rollback(asked: Asked, run: pd.Series) -> None:
    """Shows the command that goes back to the version before a run."""
    if pd.isna(run["version_before"]):
        st.write("There is no version before it to go back to.")
        return
    st.write(f"Back to version {int(run['version_before'])}, as it was before this run:")
    st.code(
        f"logistics rollback --environment {asked.environment} --to {int(run['version_before'])} --dry-run",
        language="sh",
    )


def _listed(text: str | None) -> list[str]:
    return json.loads(text) if text else []


def _short(revision: str | None) -> str:
    return (revision or "none")[:8]
