"""Version ranges, as programs ask for a Pulumi version."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from embedded.engine.errors import EngineError

_COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "=": operator.eq,
    "==": operator.eq,
    "!": operator.ne,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TERM = re.compile(r"\s*(==|=|!=|!|>=|<=|>|<)?\s*v?(\d+(?:\.\d+)*)(?:[-+][\w.+-]+)?")


def satisfies(version: str, wanted: str) -> bool:
    """Whether a version lies in a range such as `>=3.5.0 <4.0.0 || =2.1.0`.

    Raises:
        EngineError: The range is malformed.
    """
    return any(_all_of(version, part, wanted) for part in wanted.split("||"))


def _all_of(version: str, text: str, wanted: str) -> bool:
    text = text.strip().replace(",", " ")
    position, result = 0, True
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise EngineError(f"invalid version range {wanted!r}")
        result = result and _COMPARATORS[match[1] or ""](_numbers(version), _numbers(match[2]))
        position = match.end()
        while position < len(text) and text[position].isspace():
            position += 1
    return result


def _numbers(version: str) -> tuple[int, int, int]:
    parts = [int(part) for part in version.split(".")[:3]]
    first, second, third = (*parts, 0, 0, 0)[:3]
    return first, second, third
