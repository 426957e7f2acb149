"""Keeps the rows that a row access policy hides from being told of by errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context

# No LIMIT of a query reaches it, and DuckDB moves no condition past it.
_ALL_ROWS = 2**62


def fence(text: str, context: Context) -> str:
    """Filtered rows, kept apart from the query's own conditions where those could fail.

    DuckDB may test a query's conditions before the policy's; one that raises an error over a hidden row would tell of it. When
    nothing in the query can fail there is nothing to tell, and the filter is left to DuckDB to place.
    """
    context.reads.row_policed = True
    return f"{text} LIMIT {_ALL_ROWS}" if context.fenced else text


# What a condition may be made of without being able to fail: columns, literals, comparisons, LIKE without ESCAPE.
_HARMLESS = re.compile(
    r"""(?:s\d+\."(?:[^"]|"")*"|s\d+\.[a-z]+|'(?:[^']|'')*'|\d+(?:\.\d+)?|<>|<=|>=|[=<>(),]|\|\||\s+"""
    r"""|\b(?:AND|OR|NOT|IN|IS|NULL|LIKE|ILIKE|TRUE|FALSE|true|false|DISTINCT|FROM|DATE|TIMESTAMP|lower|upper|coalesce|left|right|length|trim|replace|md5|sha256|starts_with|ends_with|contains|strpos|CASE|WHEN|THEN|ELSE|END)\b)*\Z"""
)


def may_fail(text: str) -> bool:
    """Whether a condition's DuckDB text could raise an error over some value."""
    return _HARMLESS.match(text) is None


def mask_may_fail(text: str) -> bool:
    """The same for a mask's text, whose author's constant patterns are trusted to be valid."""
    return may_fail(text.replace("regexp_replace(", "left("))
