"""Performance: what runs slowly, how warehouses are used, clustering, and what the optimizer recommends."""

from __future__ import annotations

import streamlit as st

from board.answers import Asked
from board.shown import pick, table, usable

_SECONDS = (0, 1, 10, 60)


def body(asked: Asked) -> None:
    """Draws the page."""
    _recommendations(asked)
    _warehouses(asked)
    _slow_queries(asked)
    _clustering(asked)
    _tasks(asked)


def _recommendations(asked: Asked) -> None:
    st.subheader("Recommendations", anchor=False)
    answer = asked.ask("recommendations", environment=asked.environment)
    if not usable(answer, "The optimizer has found nothing yet: run `logistics optimize`."):
        return
    wanted = pick("Category", answer.frame["category"], "recommended category")
    frame = answer.frame[answer.frame["category"].isin(wanted)]
    saved = frame["saving_usd_per_month"].fillna(0).sum()
    st.write(f"{len(frame)} found, together worth about **{saved:,.2f} USD** in 30 days.")
    table(
        frame,
        "recommendations",
        {"confidence": st.column_config.ProgressColumn("Confidence", min_value=0, max_value=1)},
        order=[
            "severity", "title", "object_name", "mend", "saving_usd_per_month", "confidence", "setting_key",
            "setting_before", "setting_after", "safe_to_apply",
        ],
    )  # fmt: skip


def _warehouses(asked: Asked) -> None:
    st.subheader("Warehouses, 7 days", anchor=False)
    answer = asked.ask("warehouse use")
    if usable(answer, "No query ran on a warehouse in 7 days."):
        table(answer.frame, "warehouses")


def _slow_queries(asked: Asked) -> None:
    st.subheader("Slowest queries, 7 days", anchor=False)
    least = st.radio("At least", _SECONDS, format_func=lambda n: f"{n} s", horizontal=True, key="slow seconds")
    answer = asked.ask("slow queries", at_least_seconds=least)
    if usable(answer, f"No query took {least} s or longer."):
        wanted = pick("Warehouse", answer.frame["warehouse_name"], "slow warehouse")
        table(answer.frame[answer.frame["warehouse_name"].isin(wanted)], "slow-queries")


def _clustering(asked: Asked) -> None:
    st.subheader("Clustering", anchor=False)
    answer = asked.ask("tables")
    if not usable(answer, "No table is to be seen."):
        return
    clustered = answer.frame[answer.frame["clustering_key"].notna()]
    if clustered.empty:
        st.info("No table has a clustering key.", icon=":material/inbox:")
        return
    table(clustered, "clustering", order=["layer", "name", "clustering_key", "row_count", "bytes"])


def _tasks(asked: Asked) -> None:
    st.subheader("Tasks, 24 hours", anchor=False)
    answer = asked.ask("task runs")
    if usable(answer, "No task ran in 24 hours that this role may monitor."):
        table(answer.frame, "tasks")
