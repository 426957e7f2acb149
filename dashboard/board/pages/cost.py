"""Cost: by warehouse and day against the quota, and what is expected."""

from __future__ import annotations

import streamlit as st

from board import charts
from board.answers import Asked
from board.shown import days, metrics, pick, table, usable


def body(asked: Asked) -> None:
    """Draws the page."""
    _used(asked)
    _expected(asked)
    _savings(asked)


def _used(asked: Asked) -> None:
    st.subheader("By warehouse and day", anchor=False)
    span = days("cost days", (7, 30))
    answer = asked.ask("cost by day", since_days=-span)
    if not usable(answer, "No credit was used in this time."):
        return
    wanted = pick("Warehouse", answer.frame["warehouse_name"], "cost warehouse")
    frame = answer.frame[answer.frame["warehouse_name"].isin(wanted)]
    by_day = frame.groupby("usage_date")["total_credits"].sum()
    metrics(
        ("Credits", f"{frame['total_credits'].sum():,.2f}"),
        ("USD", f"{frame['estimated_cost_usd'].sum():,.2f}"),
        ("Dearest day", f"{by_day.max():,.2f}" if len(by_day) else "—"),
    )
    quota = float(asked.declared["daily_credit_quota"])
    said = f"Credits by day and warehouse over {span} days; the dashed line is the quota of {quota:g} a day"
    # A quota far above all bars would flatten them.
    charts.bars(
        frame, "usage_date", "total_credits", "warehouse_name", said, span, quota if by_day.max() > quota / 4 else None
    )
    st.caption(f"Quota: {quota:g} credits a day for {asked.declared['warehouse']}.")
    table(frame.sort_values("usage_date", ascending=False), "cost-by-day")


def _expected(asked: Asked) -> None:
    st.subheader("Forecast", anchor=False)
    answer = asked.ask("forecast", environment=asked.environment)
    if not usable(answer, "Nothing is forecast yet: run `logistics optimize`."):
        return
    names = sorted(answer.frame["warehouse_name"].unique(), key=lambda name: name != "ALL")
    name = st.selectbox("Warehouse", names, key="forecast warehouse")
    frame = answer.frame[answer.frame["warehouse_name"] == name]
    first = frame.iloc[0]
    said = (
        f"Expected credits by day for {name}, with the interval that should hold {first['interval_level']:.0%} of days"
    )
    charts.interval(frame, "forecast_date", "credits_expected", "credits_low", "credits_high", said)
    told = f"Method: {first['method']}, made {first['made_at']:%Y-%m-%d %H:%M} UTC."
    if first["backtest_wape"] == first["backtest_wape"] and first["backtest_wape"] is not None:
        told += f" In its back-test it was off by {first['backtest_wape']:.0%} of the credits."
    st.caption(told)
    table(
        frame,
        "forecast",
        order=[
            "forecast_date",
            "credits_expected",
            "credits_low",
            "credits_high",
            "usd_expected",
            "usd_low",
            "usd_high",
        ],
    )


def _savings(asked: Asked) -> None:
    st.subheader("What the optimizer could save", anchor=False)
    answer = asked.ask("optimizer runs", environment=asked.environment)
    if usable(answer, "The optimizer has not run yet: run `logistics optimize`."):
        table(answer.frame, "optimizer-runs")
