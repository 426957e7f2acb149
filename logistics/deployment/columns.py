"""The names of columns through the versions: a renamed column keeps its values on the way back, in place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

GONE = ""
"""The name of a column that was dropped."""
_ASIDE = "__ASIDE"


@dataclass(frozen=True, kw_only=True)
class ColumnChange:
    """A column that was renamed or dropped in place.

    Attributes:
        version: the number of the version that was there.
        object: its table's full name in double quotes.
        before, after: its names; `after` is `GONE` for one that was dropped.
        at: when.
    """

    version: int
    object: str
    before: str
    after: str
    at: datetime


class ColumnNames:
    """What a past version's columns are called at a later time."""

    def __init__(self, changes: Sequence[ColumnChange], version: int) -> None:
        """Takes the account's record.

        Args:
            changes: in the order in which they were made.
            version: the version whose names are asked for.
        """
        self._changes = [change for change in changes if change.version >= version]

    def at(self, table: str, column: str, before: datetime | None = None) -> str:
        """Returns a past column's name now, or as it was `before` a time; `GONE` if it had been dropped."""
        name = column
        for change in self._changes:
            is_earlier = before is None or change.at < before
            if is_earlier and change.object == table and change.before == name != GONE:
                name = change.after
        return name

    def to_rename(
        self, table: str, past: Iterable[str], now: Collection[str] | None = None, before: datetime | None = None
    ) -> dict[str, str]:
        """Returns name now to past name of the columns that are to be called as they were.

        A newer column that has taken such a name is put aside; the replay then drops it as it does any newer column.

        Args:
            table: its full name in double quotes.
            past: the columns of the past version.
            now: those of today, in the account or the state; None if that cannot be asked.
            before: a time, where the table is as it was then.
        """
        found = {self.at(table, column, before): column for column in past}
        wanted = {
            name: column
            for name, column in found.items()
            if name not in (column, GONE) and (now is None or name in now)
        }
        taken = {column for column in wanted.values() if column in (now or ()) and column not in wanted}
        return wanted | {column: column + _ASIDE for column in taken}


def in_order(wanted: Mapping[str, str]) -> list[tuple[str, str]]:
    """Returns renames as pairs of old and new name, one at a time: none meets a name that still stands."""
    left, found = dict(wanted), []
    while left:
        free = next((name for name, new in left.items() if new not in left), None)
        if free is None:  # a circle: one waits under a third name
            free = next(iter(left))
            found.append((free, free + _ASIDE))
            left[free + _ASIDE] = left.pop(free)
        else:
            found.append((free, left.pop(free)))
    return found


def renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Returns a table's inputs or outputs with other names of its columns."""
    columns = values.get("columns")
    if not columns:
        return dict(values)
    named = [{**column, "name": names.get(column["name"], column["name"])} for column in columns]
    return {**values, "columns": named}
