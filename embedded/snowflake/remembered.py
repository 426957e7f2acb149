"""Remember what a function says of a statement's text: clients say the same statements again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")
_TEXTS = 512
# A longer text is rarely said twice, and would fill memory.
_CHARACTERS = 4_000


def by_text(function: Callable[[str], T]) -> Callable[[str], T]:
    """The same function of a text, asked once for each of the newest short texts; what it gives is shared and not to be changed."""
    asked = lru_cache(maxsize=_TEXTS)(function)

    @wraps(function)
    def remembering(text: str) -> T:
        return asked(text) if len(text) <= _CHARACTERS else function(text)

    return remembering
