"""Text for the user: lines, tables, times, JSON, questions."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from embedded.engine import values
from embedded.engine.errors import EngineError

_ATTENTION = "\x1b[38;5;1m"
_RESET = "\x1b[0m"


class ConfirmationDeclined(EngineError):
    """The user answered no; already said, so there is no message."""


def out(text: str = "") -> None:
    """Print a line to standard output."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Print a line to standard error."""
    sys.stderr.write(f"{text}\n")


def warn(text: str) -> None:
    """Print a warning to standard error."""
    note(f"warning: {text}")


def out_json(value: Any, sort_keys: bool = False) -> None:
    """Print JSON as the official CLI does: two spaces of indent, no escapes."""
    out(values.dumps(value, indent=2, sort_keys=sort_keys))


def attention(text: str, color: str) -> str:
    """A line that should catch the eye, coloured if colours are on."""
    return f"{_ATTENTION}{text}{_RESET}" if color == "always" else text


def table(header: Sequence[str], rows: Sequence[Sequence[str]], prefix: str = "", extra: Sequence[str] = ()) -> str:
    """A table with aligned columns, two spaces apart.

    Args:
        header: The columns' names.
        rows: As many cells each.
        prefix: Stands before each line.
        extra: Further lines after each row (empty for none).
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(width_of(line[column]) for line in lines) for column in range(len(header))]
    result = []
    for number, line in enumerate(lines):
        cells = [cell + " " * (width - width_of(cell)) for cell, width in zip(line, widths, strict=True)]
        result.append((prefix + "  ".join(cells)).rstrip())
        if number and extra and extra[number - 1]:
            result.append(extra[number - 1])
    return "\n".join(result)


def width_of(text: str) -> int:
    """The columns that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


_MAGNITUDES: Sequence[tuple[timedelta, str, timedelta | None]] = (
    (timedelta(seconds=1), "now", None),
    (timedelta(seconds=2), "1 second", None),
    (timedelta(minutes=1), "{} seconds", timedelta(seconds=1)),
    (timedelta(minutes=2), "1 minute", None),
    (timedelta(hours=1), "{} minutes", timedelta(minutes=1)),
    (timedelta(hours=2), "1 hour", None),
    (timedelta(days=1), "{} hours", timedelta(hours=1)),
    (timedelta(days=2), "1 day", None),
    (timedelta(days=7), "{} days", timedelta(days=1)),
    (timedelta(days=14), "1 week", None),
    (timedelta(days=30), "{} weeks", timedelta(days=7)),
    (timedelta(days=60), "1 month", None),
    (timedelta(days=360), "{} months", timedelta(days=30)),
    (timedelta(days=540), "1 year", None),
    (timedelta(days=720), "2 years", None),
    (timedelta(days=13320), "{} years", timedelta(days=360)),
)


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago a moment was, in words: `now`, `2 minutes ago`."""
    difference = (now or datetime.now(UTC)) - moment
    suffix = "ago" if difference >= timedelta(0) else "from now"
    difference = abs(difference)
    for limit, words, unit in _MAGNITUDES:
        if difference < limit:
            text = words.format(difference // unit) if unit else words
            return text if text == "now" else f"{text} {suffix}"
    return f"a long while {suffix}"


def parse_time(text: str) -> datetime | None:
    """The moment of an RFC 3339 text, to the microsecond; None for an empty or zero time."""
    if not text or text.startswith("0001-"):
        return None
    main, dot, rest = text.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        text = f"{main}.{rest[:digits][:6]:0<6}{rest[digits:]}"
    return datetime.fromisoformat(text)


def json_time(moment: datetime) -> str:
    """A moment as the JSON listings show it: `2006-01-02T15:04:05.000Z`."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def confirm_name(question: str, name: str, ask: Callable[[str], str] = input) -> None:
    """Have the user type a name to go on.

    Raises:
        ConfirmationDeclined: Something else was typed.
    """
    out(question)
    try:
        answer = ask(f"Please confirm that this is what you'd like to do by typing `{name}`: ")
    except EOFError:
        answer = ""
    if answer.strip() != name:
        out("confirmation declined")
        raise ConfirmationDeclined


def choose(question: str, options: Sequence[str], default: str, color: str) -> str:
    """Have the user choose, by a word or its first letters.

    Args:
        question: What is asked.
        options: What can be chosen.
        default: What stands first; also the answer to an end of input.
        color: always, never or raw.
    """
    from embedded.engine.display import colors

    out(colors.colorize(f"{colors.PROMPT}{question}{colors.RESET} [{'/'.join(options)}]", color))
    while True:
        try:
            answer = input(f"({default}) > ").strip().lower() or default
        except EOFError:
            return default
        found = [option for option in options if option.startswith(answer)]
        if len(found) == 1:
            return found[0]
        out(f"Please answer {', '.join(options[:-1])} or {options[-1]}.")
