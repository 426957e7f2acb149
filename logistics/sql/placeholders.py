"""Placeholders of SQL files: `{{ database }}` and the like, filled with quoted values of known kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from logistics.errors import SqlFileError
from logistics.sql.names import identifier, literal

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """A value that stands for a name."""

    name: str

    def sql(self) -> str:
        """Returns the name as SQL."""
        return identifier(self.name)


@dataclass(frozen=True, kw_only=True)
class Literal:
    """A value that stands for itself."""

    value: str | int | Decimal

    def sql(self) -> str:
        """Returns the value as SQL."""
        return literal(self.value)


Values = Mapping[str, Identifier | Literal]


def fill(text: str, values: Values, file: Path) -> str:
    """Returns the text with each placeholder filled; lines stay where they are.

    Raises:
        SqlFileError: a placeholder has no value.
    """

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in values:
            line = text.count("\n", 0, match.start()) + 1
            raise SqlFileError(file, line, f"unknown placeholder {match[0]}: allowed: {', '.join(sorted(values))}")
        return values[match[1]].sql()

    return _PLACEHOLDER.sub(value_of, text)
