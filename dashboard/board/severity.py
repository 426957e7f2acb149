"""Severities and states: each has a colour, a shape and a word, so that none is told by colour alone."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st


@dataclass(frozen=True)
class Mark:
    """How a severity or state is shown."""

    shape: str
    word: str
    colour: str
    rank: int

    @property
    def text(self) -> str:
        """Shape and word, for tables."""
        return f"{self.shape} {self.word}"

    @property
    def badge(self) -> str:
        """Colour, shape and word, in Streamlit's Markdown."""
        return f":{self.colour}-badge[{self.text}]"


CRITICAL = Mark("▲", "critical", "red", 0)
WARNING = Mark("◆", "warning", "orange", 1)
UNKNOWN = Mark("?", "unknown", "gray", 2)
INFO = Mark("●", "info", "blue", 3)
OK = Mark("✔", "ok", "green", 4)

_WORDS = {
    CRITICAL: ("critical", "failed", "error", "high", "rolled back", "timed_out"),
    WARNING: ("warning", "warn", "medium", "stopped", "skipped", "warned"),
    INFO: ("info", "low", "running", "acknowledged", "open"),
    OK: ("ok", "closed", "passed", "pass", "succeeded", "healthy", "resolved", "stable", "none"),
    UNKNOWN: ("no_data",),
}
_MARKS = {word: mark for mark, words in _WORDS.items() for word in words}


def mark_of(word: object) -> Mark:
    """Returns the mark of a severity, result or state; what is not known is marked as unknown, in its own word."""
    text = str(word or "unknown").lower()
    found = _MARKS.get(text, UNKNOWN)
    return Mark(found.shape, text.replace("_", " "), found.colour, found.rank)


def worst(words: pd.Series | list[str]) -> Mark:
    """Returns the gravest mark; ok where there is none."""
    return min((mark_of(word) for word in words), key=lambda mark: mark.rank, default=OK)


def marked(column: pd.Series) -> pd.Series:
    """Returns a column of severities as shape and word."""
    return column.map(lambda word: mark_of(word).text)


def coloured(column: pd.Series) -> list[str]:
    """Returns a style for each cell of a marked column, for a styler; both themes have the contrast."""
    dark = st.context.theme.type == "dark"
    grounds = {
        "red": ("#fdeaea", "#a4161a", "#4a1c20", "#ff9a9a"),
        "orange": ("#fff1de", "#8a4600", "#46300f", "#ffc37a"),
        "blue": ("#e6f0fb", "#0b4a8f", "#17324f", "#9ccaff"),
        "green": ("#e6f5eb", "#12612f", "#15381f", "#8fe0a8"),
        "gray": ("#eef1f4", "#4b5563", "#2b3440", "#b3bdc9"),
    }
    styles = []
    for text in column:
        ground = grounds[mark_of(str(text).partition(" ")[2]).colour]
        back, front = ground[2:] if dark else ground[:2]
        styles.append(f"background-color: {back}; color: {front}")
    return styles
