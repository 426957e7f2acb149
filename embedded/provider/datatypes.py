"""Compare and spell SQL data types with the official plugin's defaults (NUMBER is NUMBER(38, 0), and so on)."""

import functools
import re
from typing import NamedTuple

_SYNONYMS = {
    "NUMBER": "NUMBER DECIMAL NUMERIC DEC",
    "INTEGER": "INT INTEGER BIGINT SMALLINT TINYINT BYTEINT",
    "FLOAT": "FLOAT FLOAT4 FLOAT8 DOUBLE REAL|DOUBLE PRECISION",
    "VARCHAR": "VARCHAR STRING TEXT NVARCHAR NVARCHAR2|CHAR VARYING|NCHAR VARYING",
    "CHAR": "CHAR CHARACTER NCHAR",
    "BINARY": "BINARY VARBINARY",
    "BOOLEAN": "BOOLEAN BOOL",
    "TIMESTAMP_NTZ": "TIMESTAMP_NTZ TIMESTAMPNTZ DATETIME|TIMESTAMP WITHOUT TIME ZONE",
    "TIMESTAMP_LTZ": "TIMESTAMP_LTZ TIMESTAMPLTZ|TIMESTAMP WITH LOCAL TIME ZONE",
    "TIMESTAMP_TZ": "TIMESTAMP_TZ TIMESTAMPTZ|TIMESTAMP WITH TIME ZONE",
}
_KIND = {
    synonym: kind
    for kind, line in _SYNONYMS.items()
    for index, piece in enumerate(line.split("|"))
    for synonym in (piece.split() if index == 0 else [piece])
}
_KIND["TIMESTAMP"] = "TIMESTAMP_NTZ"
_DEFAULTS = {
    "NUMBER": ("38", "0"),
    "VARCHAR": ("16777216",),
    "CHAR": ("1",),
    "BINARY": ("8388608",),
    "TIME": ("9",),
    "TIMESTAMP_NTZ": ("9",),
    "TIMESTAMP_LTZ": ("9",),
    "TIMESTAMP_TZ": ("9",),
}
# How the official plugin spells the kind in SQL it writes; a whole number type is a NUMBER without attributes.
_SPELLED = {"INTEGER": "NUMBER", "CHAR": "VARCHAR"}
_TYPE = re.compile(r"^\s*([A-Za-z_][\w ]*?)\s*(?:\((.*)\))?\s*(NOT NULL)?\s*$", re.DOTALL)


class DataType(NamedTuple):
    """A data type: kind after synonyms, and its attributes with defaults filled in."""

    kind: str
    attributes: tuple[str, ...]


@functools.cache
def parse(text: str) -> DataType:
    """Return a type with synonyms resolved and defaults filled in; an unknown kind is kept in upper case.

    Raises:
        ValueError: the text is no type.
    """
    found = _TYPE.match(text)
    if not found:
        raise ValueError(f"invalid data type: {text}")
    name = " ".join(found.group(1).upper().split())
    given = tuple(" ".join(part.upper().split()) for part in _split(found.group(2)))
    kind = _KIND.get(name, name)
    defaults = _DEFAULTS.get("NUMBER" if kind == "INTEGER" else kind, ())
    return DataType(_SPELLED.get(kind, kind), given + defaults[len(given) :])


def _split(text: str | None) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(text or ""):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append((text or "")[start:index])
            start = index + 1
    return [*parts, text[start:]] if text else []


def same(one: object, other: object) -> bool:
    """Return whether two texts are the same type."""
    try:
        return parse(str(one)) == parse(str(other))
    except ValueError:
        return one == other


def sql(text: str) -> str:
    """Return a type with its attributes spelled out: ``VARCHAR(16777216)``, ``NUMBER(38, 0)``."""
    kind, attributes = parse(text)
    return f"{kind}({', '.join(attributes)})" if attributes else kind


def bare(text: str) -> str:
    """Return a type without its attributes, as it stands in a signature: ``NUMBER``."""
    kind, attributes = parse(text)
    return f"{kind}({', '.join(attributes)})" if kind == "VECTOR" else kind
