"""The one place where names and values become SQL text."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")


def identifier(name: str) -> str:
    """Returns a name as SQL: bare where that means the same, else in double quotes."""
    return name if _PLAIN.match(name) and name not in _words() else quoted(name)


def quoted(name: str) -> str:
    """Returns a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def full_name(*parts: str) -> str:
    """Returns a dotted name, each part in double quotes, as the plugin writes it."""
    return ".".join(quoted(part) for part in parts)


def literal(value: str | int | Decimal | bool) -> str:
    """Returns a value as a SQL literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


@cache
def _words() -> frozenset[str]:
    """A word that means something in SQL (TRUE, SELECT, CURRENT_DATE) is a name only in quotes."""
    from sqlglot import Dialect  # takes a tenth of a second, for which nobody waits who writes no name

    return frozenset(Dialect.get_or_raise("snowflake").tokenizer_class.KEYWORDS)
