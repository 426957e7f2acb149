"""Identifiers: folding, quoting, and names of up to three parts.

A canonical name is the text as Snowflake stores it: upper case unless it was quoted.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")
_NEEDS_SUFFIX = re.compile(r"[a-z~]")


def canonical(text: str, quoted: bool) -> str:
    """The stored form of an identifier as written."""
    return text if quoted else text.upper()


def quote(name: str) -> str:
    """A canonical name in double quotes, inner quotes doubled."""
    return '"' + name.replace('"', '""') + '"'


def quote_if_needed(name: str) -> str:
    """A canonical name as Snowflake prints it: quoted only where it must be."""
    return name if _PLAIN.match(name) else quote(name)


def literal(text: str) -> str:
    """A single-quoted SQL string for DuckDB and Snowflake alike (no backslash escapes in it)."""
    return "'" + text.replace("'", "''") + "'"


class ObjectName(NamedTuple):
    """A name as written, in canonical parts; parts that were not written are None."""

    database: str | None
    schema: str | None
    name: str

    @classmethod
    def of(cls, parts: list[str]) -> ObjectName:
        """Make a name of one to three canonical parts."""
        padded = [None] * (3 - len(parts)) + list(parts)
        return cls(padded[0], padded[1], parts[-1])

    def __str__(self) -> str:
        return ".".join(quote_if_needed(part) for part in self if part is not None)


def encode(name: str) -> str:
    """A canonical name as DuckDB's identifier (still to be quoted): two names that differ never meet, though DuckDB ignores case.

    An upper-case name stays as it is; another gets a suffix that tells which letters are lower case.
    """
    if not _NEEDS_SUFFIX.search(name):
        return name
    mask = 0
    for letter in name:
        mask = mask * 2 + ("a" <= letter <= "z")
    return f"{name}~{mask:x}"


def decode(text: str) -> str:
    """The canonical name that `encode` was given."""
    name, mark, _ = text.rpartition("~")
    return name if mark else text
