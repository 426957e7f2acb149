"""Charts: each says what it shows in words too, and keeps the page's own colours in both themes."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

COLOURS = ["#2f7ed8", "#d9822b", "#2e9e6b", "#a259c4", "#c9423f", "#7a8794"]
"""Told apart with each kind of colour blindness by their order of lightness, and by the legend's words."""
_HIGH = 260


def bars(
    frame: pd.DataFrame,
    x: str,
    y: str,
    by: str,
    said: str,
    span: int,
    limit: float | None = None,
    colours: dict[str, str] | None = None,
) -> None:
    """Draws stacked bars by day, over all of a span of days up to today.

    Args:
        frame: the rows.
        x: the column of dates.
        y: the column of amounts.
        by: the column that the colours stand for.
        said: what the chart shows, for who does not see it.
        span: days.
        limit: an amount to draw a line at.
        colours: of each value of `by`; without them they are dealt out.
    """
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    days = alt.Scale(domain=[(today - pd.Timedelta(days=span)).isoformat(), (today + pd.Timedelta(days=1)).isoformat()])
    scale = alt.Scale(domain=list(colours), range=list(colours.values())) if colours else alt.Scale(range=COLOURS)
    base = (
        alt.Chart(frame.assign(**{x: pd.to_datetime(frame[x])}), description=said)
        .mark_bar()
        .encode(
            x=alt.X(f"yearmonthdate({x}):T", title=None, scale=days),
            y=alt.Y(f"sum({y}):Q", title=y.replace("_", " ")),
            color=alt.Color(f"{by}:N", title=None, scale=scale, legend=alt.Legend(orient="bottom")),
            tooltip=[alt.Tooltip(f"yearmonthdate({x}):T", title="day"), by, alt.Tooltip(f"sum({y}):Q", format=",.3f")],
        )
    )
    layers = [base]
    if limit is not None:
        rule = alt.Chart(pd.DataFrame({"limit": [limit]})).mark_rule(strokeDash=[6, 4], color=COLOURS[4], strokeWidth=2)
        layers.append(rule.encode(y="limit:Q", tooltip=alt.Tooltip("limit:Q", title="daily quota")))
    st.altair_chart(alt.layer(*layers).properties(height=_HIGH), width="stretch")


def lines(frame: pd.DataFrame, x: str, y: str, by: str, said: str, limit: float | None = None) -> None:
    """Draws a line for each value of `by`, with points, over time; `limit` draws a dashed line across."""
    base = alt.Chart(frame, description=said).encode(
        x=alt.X(f"{x}:T", title=None),
        y=alt.Y(f"{y}:Q", title=y.replace("_", " ")),
        color=alt.Color(f"{by}:N", title=None, scale=alt.Scale(range=COLOURS), legend=alt.Legend(orient="bottom")),
        shape=alt.Shape(f"{by}:N", title=None),
        tooltip=[alt.Tooltip(f"{x}:T", title="when"), by, alt.Tooltip(f"{y}:Q", format=",.4g")],
    )
    layers = [base.mark_line(), base.mark_point(filled=True, size=50)]
    if limit is not None:
        rule = alt.Chart(pd.DataFrame({"limit": [limit]})).mark_rule(strokeDash=[6, 4], color=COLOURS[4], strokeWidth=2)
        layers.append(rule.encode(y="limit:Q"))
    st.altair_chart(alt.layer(*layers).properties(height=_HIGH), width="stretch")


def interval(frame: pd.DataFrame, x: str, expected: str, low: str, high: str, said: str) -> None:
    """Draws an expected line in the band between a low and a high end."""
    base = alt.Chart(frame, description=said).encode(x=alt.X(f"{x}:T", title=None))
    tips = [
        alt.Tooltip(f"{x}:T", title="day"),
        *(alt.Tooltip(f"{each}:Q", format=",.2f") for each in (expected, low, high)),
    ]
    band = base.mark_area(opacity=0.25, color=COLOURS[0]).encode(
        y=alt.Y(f"{low}:Q", title=expected.replace("_", " ")), y2=f"{high}:Q", tooltip=tips
    )
    line = base.mark_line(color=COLOURS[0]).encode(y=f"{expected}:Q", tooltip=tips)
    st.altair_chart((band + line).properties(height=_HIGH), width="stretch")
