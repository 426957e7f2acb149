"""Turn columns of SHOW and DESCRIBE into the values that states hold."""

import datetime
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from embedded.provider.description import Properties

Convert = Callable[[Any], Any]
_TRUE = frozenset({"true", "y", "yes", "1", "on", "t"})


def text(value: Any) -> str:
    """Return a column as text; null is empty, a time is written as Go writes it."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return moment(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def moment(value: datetime.datetime) -> str:
    """Return a time as ``2026-01-31 12:00:00.5 +0000 UTC``, the form in official states."""
    zoned = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    fraction = f".{zoned.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{zoned:%Y-%m-%d %H:%M:%S}{fraction} {zoned:%z} {zoned.tzname() or ''}".rstrip()


def flag(value: Any) -> bool:
    """Return a column as a boolean: true, Y, ON, 1."""
    return value if isinstance(value, bool) else str(value).lower() in _TRUE


def whole(value: Any) -> int:
    """Return a column as a whole number; null and text without a number are 0."""
    try:
        return int(float(str(value)))
    except ValueError:
        return 0


def number(value: Any) -> float:
    """Return a column as a number; null and text without a number are 0."""
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def items(value: Any) -> list[str]:
    """Return a list column: a JSON array, ``[A, B]``, ``('a','b')`` or comma-separated text."""
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    content = text(value).strip()
    if content.startswith("["):
        try:
            return [str(item) for item in json.loads(content)]
        except ValueError:
            pass
    content = content[1:-1] if content[:1] in "[(" and content[-1:] in "])" else content
    return [piece.strip().strip("'\"") for piece in content.split(",") if piece.strip()]


def not_null(value: Any) -> str:
    """Return text in which the word null stands for nothing."""
    content = text(value)
    return "" if content == "null" else content


CONVERTERS: dict[str, Convert] = {
    "string": text,
    "bool": flag,
    "int": whole,
    "float": number,
    "list": items,
    "set": items,
}


def shape(
    properties: Properties, row: Mapping[str, Any], special: Mapping[str, Callable[[Mapping[str, Any]], Any]]
) -> dict[str, Any]:
    """Return a row as an output object: each property from the column of its name, or as ``special`` says."""
    return {
        prop.key: special[prop.key](row) if prop.key in special else CONVERTERS[prop.type](row.get(prop.key))
        for prop in properties
    }


def typed(kind: str, value: str) -> Any:
    """Return a parameter's text as a value of the parameter's type."""
    if kind == "int":
        return whole(value)
    if kind == "bool":
        return flag(value)
    return value


_SIZES = {
    "XSMALL": "X-SMALL",
    "SMALL": "",
    "MEDIUM": "",
    "LARGE": "",
    "XLARGE": "X-LARGE",
    "XXLARGE": "X2LARGE 2X-LARGE 2XLARGE",
    "XXXLARGE": "X3LARGE 3X-LARGE 3XLARGE",
    "X4LARGE": "4X-LARGE 4XLARGE",
    "X5LARGE": "5X-LARGE 5XLARGE",
    "X6LARGE": "6X-LARGE 6XLARGE",
}
_SIZE = {spelling: size for size, line in _SIZES.items() for spelling in [size, *line.split()]}


def size(value: Any) -> str:
    """Return a warehouse size by its one name: ``X-Small`` and ``xsmall`` are ``XSMALL``."""
    return _SIZE.get(text(value).upper().replace(" ", ""), text(value).upper())


def squeeze(value: Any) -> str:
    """Return a statement with runs of blanks as one, in one case: statements that differ in no more are the same."""
    return re.sub(r"\s+", " ", text(value)).strip().casefold()
