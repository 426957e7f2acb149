"""Markdown that stays under a limit: long parts are folded, and the longest of them cut, with a word of what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

_SPECIAL = re.compile(r"[\\`*{}\[\]<>|#~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LEAST_LINES = 5
_WORTH_CUTTING = 400
"""Characters of a folded part."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A piece of a page.

    Attributes:
        lines: of Markdown, or of code.
        title: of a folded part; empty for one that is open.
        code: the language of a block of code; empty for Markdown.
        keep: how many of the first lines are never cut, such as a table's head.
        cut: how many lines were left out.
    """

    lines: tuple[str, ...]
    title: str = ""
    code: str = ""
    keep: int = 0
    cut: int = 0

    def text(self) -> str:
        """Returns its Markdown."""
        lines = list(self.lines)
        if self.code:
            fence = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0))
            lines = [f"{fence}{self.code}", *lines, fence]
        if self.cut:
            lines += ["", f"… {self.cut:,} more lines: `logistics review --format json` has all of it."]
        if not self.title:
            return "\n".join(lines)
        return "\n".join(["<details>", f"<summary>{self.title}</summary>", "", *lines, "", "</details>"])


def opened(lines: Iterable[str]) -> Part:
    """Returns a part that is not folded."""
    return Part(lines=tuple(lines))


def folded(title: str, lines: Iterable[str], *, code: str = "", keep: int = 0) -> Part:
    """Returns a folded part; its title is text, not Markdown."""
    return Part(lines=tuple(lines), title=title.replace("&", "&amp;").replace("<", "&lt;"), code=code, keep=keep)


def page(parts: Sequence[Part], limit: int) -> str:
    """Returns the Markdown of some parts, a blank line between them, shorter than a limit (characters).

    Where they are too long the longest folded part loses half of its lines, again and again; then open ones do.
    """
    kept = list(parts)
    while len(text := "\n\n".join(part.text() for part in kept) + "\n") >= limit:
        position = _longest(kept)
        part = kept[position]
        count = max(part.keep + _LEAST_LINES, len(part.lines) // 2)
        if count >= len(part.lines):
            # Nothing but very long lines is left.
            kept[position] = replace(part, lines=tuple(line[: max(80, len(line) // 2)] for line in part.lines))
            continue
        kept[position] = replace(part, lines=part.lines[:count], cut=part.cut + len(part.lines) - count)
    return text


def _longest(parts: Sequence[Part]) -> int:
    """Returns which part is cut next: the longest folded one, while there is one worth it."""
    worth = [position for position, part in enumerate(parts) if part.title and len(part.text()) > _WORTH_CUTTING]
    return max(worth or range(len(parts)), key=lambda position: len(parts[position].text()))


def inline(text: object) -> str:
    """Returns text as Markdown that shows it as it is: no markup, no mention of anybody, no end of a table's cell."""
    plain = " ".join(str(text).split())
    return _SPECIAL.sub(r"\\\g<0>", plain).replace("&", "&amp;").replace("@", "&#64;")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Returns a table's lines; cells are text."""
    lines = [f"| {' | '.join(head)} |", f"|{'-|' * len(head)}"]
    return lines + [f"| {' | '.join(inline(cell) for cell in row)} |" for row in rows]
