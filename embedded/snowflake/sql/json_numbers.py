"""JSON texts whose numbers keep their own digits, and the forms in which a VARIANT holds them.

A fixed-point number is written plainly, without zeros at the end of its fraction; a DOUBLE has an exponent and 16 digits
(`1.500000000000000e+00`), as Snowflake prints it. DuckDB's JSON functions write numbers anew and would lose which of the two
a number is, so containers with doubles in them are read here; so are those with a fixed-point number of more digits than a
double has, which the exponent `e+000` marks.
"""

from __future__ import annotations

import functools
import json
import math
import re
from decimal import Decimal
from typing import Any

import orjson

# What DuckDB or orjson would write otherwise: exponents, zeros at the end of a fraction, many digits, a negative zero.
SPECIAL = r"[0-9][eE][0-9+-]|\.[0-9]*0([^0-9]|$)|[0-9.]{17}|-0"
_SPECIAL = re.compile(SPECIAL)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*')
_MOST_DIGITS = 38
# Fixed-point numbers with so many characters pass through a double unchanged.
_SAFE_LENGTH = 16
EXACT = "e+000"


class Number(str):
    """A number by its text."""


def read(text: str) -> Any:
    """The value of a JSON text, its numbers as `Number`."""
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number)


def write(value: Any, indent: int = 0, level: int = 0) -> str:
    """A value of `read` as JSON, keys in order; with an indent each member on a line of its own."""
    if isinstance(value, Number):
        return value
    if not isinstance(value, dict | list) or not value:
        return orjson.dumps(value).decode()
    inner = level + indent
    if isinstance(value, dict):
        colon = ": " if indent else ":"
        parts = [f"{orjson.dumps(key).decode()}{colon}{write(value[key], indent, inner)}" for key in sorted(value)]
    else:
        parts = [write(item, indent, inner) for item in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    if not indent:
        return f"{start}{','.join(parts)}{end}"
    margin = "\n" + " " * inner
    return f"{start}{margin}{f',{margin}'.join(parts)}\n{' ' * level}{end}"


def double_text(value: float) -> str:
    """A DOUBLE in a VARIANT: 16 digits and an exponent, 17 where 16 would be another number."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = f"{value:.15e}"
    return text if float(text) == value else f"{value:.16e}"


def _number(text: str) -> str:
    """A number of a JSON text, as a VARIANT holds it."""
    if text.endswith(EXACT):
        return text
    digits = sum(letter.isdigit() for letter in text.lstrip("-0."))
    if "e" in text.lower() or digits > _MOST_DIGITS:
        value = float(text)
        if math.isinf(value):
            raise ValueError(f"[100069] Error parsing JSON: number {text[:40]} is too large")
        return double_text(value)
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
        text += EXACT if "." in text and len(text) > _SAFE_LENGTH else ""
    return "0" if text == "-0" else text


def _normal(text: str) -> str:
    return _TOKEN.sub(lambda found: found[0] if found[0][0] == '"' else _number(found[0]), text)


def parse(text: str, duplicates: bool = False) -> str:
    """A valid JSON text as a VARIANT holds it: keys in order, numbers in their form.

    Args:
        text: the JSON text.
        duplicates: whether an object may have a key twice (the last one counts).

    Raises:
        ValueError: a key stands twice in an object, or a number is too large.
    """
    if _SPECIAL.search(text):
        made = write(read(_normal(text)))
    else:
        made = orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()
    # A key that is lost takes its colon with it: only then it is worth looking at every object.
    if not duplicates and made.count(":") < text.count(":"):
        json.loads(text, object_pairs_hook=_distinct)
    return made


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise ValueError(f'[100069] Error parsing JSON: duplicate object attribute "{key}"')
        seen.add(key)


_REWRITTEN = re.compile(r"[0-9][eE][0-9+-]|[0-9]\.0([^0-9]|$)")


def _shown(text: str) -> str:
    """A number as it is shown: what has an exponent or ends in `.0` is a DOUBLE."""
    if text.endswith(EXACT):
        return text.removesuffix(EXACT)
    return double_text(float(text)) if "e" in text.lower() or text.endswith(".0") else text


def pretty(text: str, indent: int) -> str | None:
    """A VARIANT's text as it is shown, if it may hold a DOUBLE or a number of many digits; None for any other."""
    if text[:1] not in "{[":
        return _shown(text) if text[:1] in "-0123456789" and _REWRITTEN.search(text) else None
    if not _SPECIAL.search(text):
        return None
    shown = _TOKEN.sub(lambda found: found[0] if found[0][0] == '"' else _shown(found[0]), text)
    return write(read(shown), indent)


@functools.lru_cache(maxsize=1024)
def _steps(path: str) -> list[str | int]:
    found = re.findall(r'\."((?:[^"]|"")*)"|\[(\d+)\]|\.([^.\["]+)', path)
    return [int(place) if place else plain or key.replace('""', '"') for key, place, plain in found]


_MISSING = Number()


def get(text: str, path: str) -> str | None:
    """The member at a DuckDB path (`$."a"[0]`, `$.a`), its numbers as they stand; None if there is none."""
    value = read(text)
    for step in _steps(path):
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else _MISSING
        else:
            value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
        if value is _MISSING:
            return None
    return write(value)


def canonical(text: str) -> str:
    """A container with its numbers by their amount: equal ones have the same text, whatever the kind of their numbers."""

    def plain(found: re.Match[str]) -> str:
        if found[0][0] == '"' or "e" not in found[0] or found[0].endswith(EXACT):
            return found[0]
        value = format(Decimal(repr(float(found[0]))).normalize(), "f")
        return "0" if value == "-0" else value

    return _TOKEN.sub(plain, text)


def distinct(texts: list[str]) -> list[str]:
    """Each of some JSON texts once, where it was first; numbers are told apart by their amount."""
    return list({canonical(text): text for text in reversed(texts)}.values())[::-1]


def union(arrays: list[list[str]]) -> list[str]:
    """The members of arrays of JSON texts, each as often as the array has it that has it most often."""
    made: dict[str, list[str]] = {}
    for array in arrays:
        own: dict[str, list[str]] = {}
        for text in array:
            own.setdefault(canonical(text), []).append(text)
        for key, found in own.items():
            made.setdefault(key, []).extend(found[len(made[key]) if key in made else 0 :])
    return [text for found in made.values() for text in found]


def members(text: str) -> list[str] | None:
    """The members of an array, each as JSON; None for what is no array."""
    value = read(text)
    return [write(item) for item in value] if isinstance(value, list) else None


def values(text: str) -> list[str]:
    """The values of an object in the order of its keys, each as JSON."""
    value = read(text)
    return [write(value[key]) for key in sorted(value)]
