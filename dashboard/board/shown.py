"""What every page shows alike: its head, tables with their download, and what stands where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from board.answers import REFRESH_SECONDS, Answer, Asked, refresh
from board.queries import QUERIES
from board.severity import coloured, marked
from board.viewer import Viewer

_MARKED = frozenset({"severity", "status", "state", "result", "risk"})
"""Columns that are shown as shape and word, in colour."""


def live(title: str, body: Callable[[Asked], None], viewer: Viewer) -> None:
    """Shows a page: its head, then its body, again every five minutes and when somebody asks for it."""
    st.title(title, anchor=False)
    st.fragment(lambda: _part(body, viewer), run_every=REFRESH_SECONDS)()


def _part(body: Callable[[Asked], None], viewer: Viewer) -> None:
    when, button = st.columns([4, 1], vertical_alignment="center")
    said = when.empty()
    if button.button("Refresh", icon=":material/refresh:", width="stretch"):
        refresh(viewer)
    said.caption("Asking Snowflake…")
    asked = Asked(viewer)
    body(asked)
    said.caption(_told(asked))


def _told(asked: Asked) -> str:
    at = f"{asked.oldest:%Y-%m-%d %H:%M:%S} UTC" if asked.oldest else "—"
    every = f"{REFRESH_SECONDS // 60} minutes" if REFRESH_SECONDS >= 60 else f"{REFRESH_SECONDS} seconds"
    sent = "1 statement" if asked.sent == 1 else f"{asked.sent} statements"
    return f"Data of **{at}** · asked anew every {every} · {sent} sent for this view"


def usable(answer: Answer, empty: str) -> bool:
    """Returns whether an answer has rows; says what is the matter where it has none.

    Args:
        answer: the answer.
        empty: what to say, and what to do, where the table is there and empty.
    """
    if answer.state == "failed":
        st.error(f"{answer.name}: {answer.problem}", icon=":material/error:")
    elif answer.state == "absent":
        reads = ", ".join(QUERIES[answer.name].reads)
        st.info(f"{reads}: not there yet, or this role may not read it.", icon=":material/lock:")
    elif answer.frame.empty:
        st.info(empty, icon=":material/inbox:")
    return answer.state == "rows" and not answer.frame.empty


def table(
    frame: pd.DataFrame, name: str, columns: dict[str, Any] | None = None, *, order: Sequence[str] | None = None
) -> None:
    """Shows rows, severities marked, with a button that downloads exactly them as CSV.

    Args:
        frame: the rows.
        name: of the file, without ending; names the button too.
        columns: Streamlit's settings by column.
        order: the columns to show; else all.
    """
    shown = frame[list(order)] if order else frame
    shown = shown.reset_index(drop=True)
    marks = [column for column in shown.columns if column in _MARKED]
    dressed: Any = shown.assign(**{column: marked(shown[column]) for column in marks})
    texts = [column for column in dressed.columns if dressed[column].dtype in ("object", "str")]
    dressed[texts] = dressed[texts].fillna("")
    heads = {column: _head(column, shown[column]) for column in shown.columns} | (columns or {})
    if marks:
        dressed = dressed.style.apply(coloured, subset=marks)
    st.dataframe(dressed, hide_index=True, width="stretch", column_config=heads)
    st.download_button(
        f"Download {name.replace('-', ' ')} (CSV)",
        shown.to_csv(index=False),
        file_name=f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"download {name}",
    )


def _head(name: str, column: pd.Series) -> Any:
    """Returns how a column is shown: its name in words, times to the second, amounts with separators."""
    label = name.replace("_", " ").capitalize()
    if pd.api.types.is_datetime64_any_dtype(column):
        return st.column_config.DatetimeColumn(f"{label} (UTC)", format="YYYY-MM-DD HH:mm:ss")
    if name.startswith("bytes"):
        return st.column_config.NumberColumn(label, format="bytes")
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return st.column_config.NumberColumn(label, format="localized")
    return label


def pick(label: str, values: pd.Series, key: str) -> list[str]:
    """Shows a filter over a column's values; returns those picked, all where none is."""
    known = sorted({str(value) for value in values.dropna()})
    return st.multiselect(label, known, key=key, placeholder="all") or known


def days(key: str, choices: Sequence[int] = (7, 30, 90)) -> int:
    """Shows a filter for the time looked back; returns days."""
    return int(
        st.radio(
            "Time", choices, index=min(1, len(choices) - 1), format_func=lambda n: f"{n} days", key=key, horizontal=True
        )
    )


def metrics(*values: tuple[str, str]) -> None:
    """Shows figures in a row (under each other on a phone)."""
    for column, (label, value) in zip(st.columns(len(values)), values, strict=True):
        column.metric(label, value, border=True)


def plain_text(text: object) -> str:
    """Returns text that Markdown shows as it is: what comes from a table is no markup."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]<>()#+-!|:$~" else letter for letter in str(text))
