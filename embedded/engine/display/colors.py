"""Colours as tags in text (`<{%fg 2%}>`), turned to ANSI codes, taken out, or left, as --color says.

Source: sdk/go/common/diag/colors of Pulumi.
"""

from __future__ import annotations

import re
import unicodedata

RESET = "<{%reset%}>"
BOLD = "<{%bold%}>"
UNDERLINE = "<{%underline%}>"
RED = "<{%fg 1%}>"
GREEN = "<{%fg 2%}>"
YELLOW = "<{%fg 3%}>"
MAGENTA = "<{%fg 5%}>"
CYAN = "<{%fg 6%}>"
BRIGHT_RED = "<{%fg 9%}>"
BRIGHT_GREEN = "<{%fg 10%}>"
BRIGHT_BLUE = "<{%fg 12%}>"
BRIGHT_MAGENTA = "<{%fg 13%}>"

HEADLINE = BRIGHT_MAGENTA + BOLD
ATTENTION = BRIGHT_RED
ERROR = RED
WARNING = YELLOW
INFO = MAGENTA
DEBUG = RESET
PROMPT = CYAN + BOLD

_TAG = re.compile(r"<\{%([^%]*)%\}>")
_CODES = {"reset": "0", "bold": "1", "underline": "4"}


def colorize(text: str, choice: str) -> str:
    """The text with its tags turned to ANSI codes (`always`), taken out (`never`) or left (`raw`)."""
    if choice == "raw" or "<{%" not in text:
        return text
    if choice == "never":
        return strip(text)
    return _TAG.sub(_ansi, text)


def strip(text: str) -> str:
    """The text without tags."""
    return _TAG.sub("", text)


def _ansi(match: re.Match[str]) -> str:
    command = match[1]
    if command in _CODES:
        return f"\x1b[{_CODES[command]}m"
    kind, _, number = command.partition(" ")
    if kind in ("fg", "bg") and number.isdecimal():
        return f"\x1b[{'38' if kind == 'fg' else '48'};5;{number}m"
    return ""


def width(text: str) -> int:
    """The columns that the text takes on a terminal, tags not counted."""
    plain = strip(text)
    if plain.isascii():
        return len(plain)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in plain
    )


def trim(text: str, columns: int) -> str:
    """The beginning of the text that fits into so many columns, tags kept."""
    result, used = [], 0
    for part in re.split(r"(<\{%[^%]*%\}>)", text):
        if part.startswith("<{%"):
            result.append(part)
            continue
        for char in part:
            used += width(char)
            if used > columns:
                return "".join(result) + RESET
            result.append(char)
    return "".join(result)
