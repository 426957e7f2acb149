"""What a changed set of columns means for a table that holds rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from logistics.contracts.model import TableContract

_LENGTH = re.compile(r"^(VARCHAR|CHAR|STRING|TEXT|BINARY|VARBINARY)\s*\(\s*(\d+)\s*\)$")
_DIGITS = re.compile(r"^(NUMBER|DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)$")

Columns = Sequence[Mapping[str, Any]]
"""Columns as the Table resource has them: `name`, `type`, `nullable`."""


def refusals(contract: TableContract, before: Columns, after: Columns) -> list[str]:
    """Returns why a change of columns is not made: what would lose values, or cannot be done in place.

    In place go, rows kept: new columns at the end that may be NULL, wider texts and numbers, other comments and masks, columns
    that need no longer be there, and columns whose loss or new type the contract allows by name. A renamed column is renamed
    first, by `logistics columns`: the Table resource would drop it and add another.

    Args:
        contract: the table's, as it is to be.
        before: the columns that are deployed.
        after: the columns that are to be.
    """
    return list(_refusals(contract, {_name(c): c for c in before}, {_name(c): c for c in after}))


def _refusals(contract: TableContract, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    table = contract.full_name
    added = [name for name in after if name not in before]
    renamed = {str(column.renamed_from): column.name for column in contract.columns if column.name in added}
    for name in before:
        if name not in after and name in renamed:
            yield f"{table}.{name} is renamed to {renamed[name]}: run `logistics columns` first, which keeps its values"
        elif name not in after and name not in contract.allow.drop:
            yield (
                f"{table}.{name} and its values would be dropped: if that is meant, say allow: {{drop: [{name}]}} in its "
                f"contract; if it has another name now, say renamed_from: {name} at that column"
            )
    for name in added:
        if not after[name].get("nullable", True):
            yield f"{table}.{name} is new and not nullable, but the table's rows have no value for it: let it be nullable"
    for name in (name for name in after if name in before):
        yield from _retyped(contract, name, str(before[name]["type"]), str(after[name]["type"]))
    kept = [name if name in after else renamed[name] for name in before if name in after or name in renamed]
    ordered = [*kept, *(name for name in added if name not in kept)]
    if list(after) != ordered:
        yield f"{table}: columns keep their order and new ones come last: {', '.join(ordered)}"


def _retyped(contract: TableContract, name: str, before: str, after: str) -> Iterator[str]:
    if before.upper() != after.upper() and not is_wider(after, before) and name not in contract.allow.change_type:
        yield (
            f"{contract.full_name}.{name} cannot become {after} from {before} in place: add a column of the new type and fill it, "
            f"or say allow: {{change_type: [{name}]}} and let Snowflake try"
        )


def is_wider(wide: str, narrow: str) -> bool:
    """Whether Snowflake changes a column's type in place without a look at its rows: longer texts, more digits before the point."""
    longer, long = _LENGTH.match(wide.upper()), _LENGTH.match(narrow.upper())
    if long and wide.upper() in ("VARCHAR", "STRING", "TEXT"):
        return not long[1].endswith("BINARY")
    if longer and long:
        return longer[1].endswith("BINARY") == long[1].endswith("BINARY") and int(longer[2]) >= int(long[2])
    more, digits = _DIGITS.match(wide.upper()), _DIGITS.match(narrow.upper())
    if more and digits:
        return int(more[3] or 0) == int(digits[3] or 0) and int(more[2]) >= int(digits[2])
    return False


def _name(column: Mapping[str, Any]) -> str:
    return str(column["name"]).lower()
