"""Write values as SQL text, escaped as the official plugin escapes them."""

from collections.abc import Iterable
from typing import Any

from embedded.provider import names

_ESCAPES = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\b": "\\b",
    "\f": "\\f",
}
_TABLE = str.maketrans(_ESCAPES)


def text(value: Any) -> str:
    """Return a single-quoted literal."""
    return "'" + str(value).translate(_TABLE) + "'"


def raw(value: Any) -> str:
    """Return a value as it stands; booleans as ``true`` and ``false``, whole floats without a fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def identifier(value: Any) -> str:
    """Return an identifier with every part quoted."""
    return names.requote(str(value))


def texts(values: Iterable[Any]) -> str:
    """Return ``('a', 'b')``."""
    return "(" + ", ".join(text(value) for value in values) + ")"


def identifiers(values: Iterable[Any]) -> str:
    """Return ``("A", "B"."C")``."""
    return "(" + ", ".join(identifier(value) for value in values) + ")"


def words(values: Iterable[Any]) -> str:
    """Return ``(A, B)``: keywords as they stand."""
    return "(" + ", ".join(str(value) for value in values) + ")"


def dollars(value: Any) -> str:
    """Return a ``$$`` literal, with any ``$$`` inside escaped."""
    return "$$" + str(value).replace("$$", "\\$\\$") + "$$"
