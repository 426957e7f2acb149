"""Row patterns of MATCH_RECOGNIZE: a pattern's text to a small program, and the matches that it finds in a partition's rows.

The rows come as numbers whose bits tell which symbols each of them satisfies. Of all ways to match, the first by the pattern's own
preference counts: left alternatives before right ones, greedy quantifiers with many rows first, reluctant ones with few.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from embedded.snowflake.errors import SqlCompilationError, syntax_error
from embedded.snowflake.names import canonical

# One step of a program: its kind and up to two numbers. SYMBOL symbol excluded; SPLIT first second; JUMP to; START; END; MATCH.
Step = tuple[str, int, int]
_TOKEN = re.compile(r'\s*("(?:[^"]|"")+"|[A-Za-z_][\w$]*|\{-|-\}|\{\s*\d*\s*(?:,\s*\d*\s*)?\}|[()|*+?^$,])')
_BOUNDS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_MOST_STEPS = 20_000


class _Parser:
    """Reads a pattern into steps; symbols are numbered by where they come first."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.place = 0
        self.symbols: list[str] = []
        self.excluded = 0

    def at(self, text: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place] == text

    def accept(self, text: str) -> bool:
        found = self.at(text)
        self.place += found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.unexpected()

    def unexpected(self) -> SqlCompilationError:
        return syntax_error(self.tokens[self.place] if self.place < len(self.tokens) else ")")

    def alternatives(self) -> list[Step]:
        made = self.sequence()
        while self.accept("|"):
            made = _either(made, self.sequence())
        return made

    def sequence(self) -> list[Step]:
        made: list[Step] = []
        while self.place < len(self.tokens) and self.tokens[self.place] not in (")", "|", "-}", ","):
            made = _joined(made, self.repeated())
        return made

    def repeated(self) -> list[Step]:
        item = self.item()
        counted = self.tokens[self.place] if self.place < len(self.tokens) else ""
        bounds = _BOUNDS.get(counted)
        if bounds is None and counted.startswith("{") and counted != "{-":
            bounds = _bounds(counted)
        if bounds is None:
            return item
        self.place += 1
        return _repeat(item, *bounds, greedy=not self.accept("?"))

    def item(self) -> list[Step]:
        if self.place >= len(self.tokens):
            raise self.unexpected()
        token = self.tokens[self.place]
        self.place += 1
        if token == "(":
            return self._until(")")
        if token == "{-":
            self.excluded += 1
            made = self._until("-}")
            self.excluded -= 1
            return made
        if token in ("^", "$"):
            return [("START" if token == "^" else "END", 0, 0)]
        if token.upper() == "PERMUTE" and self.accept("("):
            return self._permuted()
        if not re.match(r'["A-Za-z_]', token):
            self.place -= 1
            raise self.unexpected()
        return [("SYMBOL", self._number(token), self.excluded)]

    def _until(self, end: str) -> list[Step]:
        made = self.alternatives()
        self.expect(end)
        return made

    def _permuted(self) -> list[Step]:
        items = [self.alternatives()]
        while self.accept(","):
            items.append(self.alternatives())
        self.expect(")")
        made: list[Step] | None = None
        # The last order is the innermost alternative: the first is tried first.
        for order in reversed(list(itertools.permutations(items))):
            one: list[Step] = []
            for item in order:
                one = _joined(one, item)
            made = one if made is None else _either(one, made)
        return made or []

    def _number(self, token: str) -> int:
        quoted = token.startswith('"')
        name = canonical(token[1:-1].replace('""', '"') if quoted else token, quoted)
        if name not in self.symbols:
            self.symbols.append(name)
        return self.symbols.index(name)


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while text[place:].strip():
        token = _TOKEN.match(text, place)
        if token is None:
            raise syntax_error(text[place:].strip()[0])
        found.append(re.sub(r"\s", "", token[1]) if token[1].startswith("{") else token[1])
        place = token.end()
    return found


def _bounds(text: str) -> tuple[int, int | None]:
    least, comma, most = text[1:-1].partition(",")
    if not comma:
        return int(least), int(least)
    return int(least or 0), int(most) if most else None


def _moved(steps: Sequence[Step], by: int) -> list[Step]:
    return [(kind, a + by, b + by) if kind in ("SPLIT", "JUMP") else (kind, a, b) for kind, a, b in steps]


def _joined(first: list[Step], second: list[Step]) -> list[Step]:
    if len(first) + len(second) > _MOST_STEPS:
        raise SqlCompilationError("MATCH_RECOGNIZE: the pattern is too long.", 1003, "42000")
    return first + _moved(second, len(first))


def _either(first: list[Step], second: list[Step]) -> list[Step]:
    end = len(first) + 2 + len(second)
    return [("SPLIT", 1, len(first) + 2), *_moved(first, 1), ("JUMP", end, end), *_moved(second, len(first) + 2)]


def _repeat(item: list[Step], least: int, most: int | None, greedy: bool) -> list[Step]:
    made: list[Step] = []
    for _ in range(least):
        made = _joined(made, item)

    def split(inside: int, past: int) -> Step:
        return ("SPLIT", inside, past) if greedy else ("SPLIT", past, inside)

    if most is None:
        end = len(item) + 2
        return _joined(made, [split(1, end), *_moved(item, 1), ("JUMP", 0, 0)])
    optional: list[Step] = []
    for _ in range(most - least):
        inner = _joined(item, optional)
        optional = [split(1, len(inner) + 1), *_moved(inner, 1)]
    return _joined(made, optional)


def compile_pattern(text: str) -> tuple[list[Step], list[str]]:
    """The program of a pattern, and its symbols by number.

    Raises:
        SqlCompilationError: it does not parse (001003).
    """
    parser = _Parser(text)
    steps = parser.alternatives()
    if parser.place < len(parser.tokens) or not parser.symbols:
        raise parser.unexpected()
    return _joined(steps, [("MATCH", 0, 0)]), parser.symbols


def _match_at(steps: list[Step], masks: Sequence[int], start: int) -> list[tuple[int, bool]] | None:
    """The preferred match that begins at a row: for each of its rows the symbol, and whether it is excluded; None if there is none.

    A state that was reached before has failed, so each is tried once.
    """
    seen: set[tuple[int, int]] = set()
    path: list[tuple[int, bool]] = []
    waiting: list[tuple[int, int]] = [(0, start)]
    while waiting:
        step, row = waiting.pop()
        del path[row - start :]
        while (step, row) not in seen:
            seen.add((step, row))
            kind, a, b = steps[step]
            if kind == "MATCH":
                return path
            if kind == "SPLIT":
                waiting.append((b, row))
                step = a
            elif kind == "JUMP":
                step = a
            elif kind == "SYMBOL" and row < len(masks) and masks[row] >> a & 1:
                path.append((a, bool(b)))
                step, row = step + 1, row + 1
            elif (kind == "START" and row == 0) or (kind == "END" and row == len(masks)):
                step += 1
            else:
                break
    return None


@lru_cache(maxsize=256)
def _specification(text: str) -> dict[str, Any]:
    return json.loads(text)


def match_rows(masks: Sequence[int], specification: str) -> list[dict[str, Any]]:
    """The rows of the matches in a partition.

    Args:
        masks: for each row, in order, the symbols that it satisfies, as bits.
        specification: JSON text of `steps`, `skip` (PAST, NEXT, FIRST or LAST), `symbol` (of FIRST and LAST, by number),
            `empty` (whether empty matches are shown) and `unmatched` (whether rows outside of matches are).

    Returns:
        For each row of a match: `r` its place from 1, `m` the match's number, `o` its place in the match, `s` its symbol from 1,
        `x` whether it is excluded, `l` whether it is the match's last. Empty matches have one without a symbol, unmatched rows one
        without a match.

    Raises:
        ValueError: the next match would begin where this one did, or at a symbol that it has not.
    """
    given = _specification(specification)
    found: list[dict[str, Any]] = []
    covered: set[int] = set()
    start, number = 0, 0
    while start < len(masks):
        path = _match_at(given["steps"], masks, start)
        if path is None:
            start += 1
            continue
        number += 1
        covered.update(range(start, start + max(len(path), 1)))
        if not path and given["empty"]:
            found.append({"r": start + 1, "m": number, "o": 1, "s": None, "x": False, "l": True})
        for place, (symbol, excluded) in enumerate(path, 1):
            last = place == len(path)
            found.append({"r": start + place, "m": number, "o": place, "s": symbol + 1, "x": excluded, "l": last})
        start = _next_start(given, path, start)
    if given["unmatched"]:
        found += [
            {"r": row + 1, "m": None, "o": None, "s": None, "x": False, "l": True}
            for row in range(len(masks))
            if row not in covered
        ]
    return found


def _next_start(given: dict[str, Any], path: list[tuple[int, bool]], start: int) -> int:
    if given["skip"] == "NEXT" or not path:
        return start + 1
    if given["skip"] == "PAST":
        return start + len(path)
    rows = [place for place, (symbol, _) in enumerate(path) if symbol == given["symbol"]]
    place = (rows[0] if given["skip"] == "FIRST" else rows[-1]) if rows else 0
    if place == 0:
        raise ValueError("[100000] MATCH_RECOGNIZE: AFTER MATCH SKIP TO leads to the first row of the match itself.")
    return start + place
