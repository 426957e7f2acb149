"""The one place where names and values become SQL text."""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import Dialect

_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")
# A word that means something in SQL (TRUE, SELECT, CURRENT_DATE) is a name only in quotes.
_WORDS = frozenset(Dialect.get_or_raise("snowflake").tokenizer_class.KEYWORDS)


def identifier(name: str) -> str:
    """Returns a name as SQL: bare where that means the same, else in double quotes."""
    return name if _PLAIN.match(name) and name not in _WORDS else quoted(name)


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
