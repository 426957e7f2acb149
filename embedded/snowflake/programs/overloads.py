"""Which of several procedures or functions of one name is meant: by the number, names and types of the arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.types import DataType, parse_type

if TYPE_CHECKING:
    from embedded.snowflake.catalog.model import CatalogObject

# From an argument's type to the declared ones that it becomes by itself, the best first.
_NUMBERS = ("NUMBER", "FLOAT", "VARCHAR", "BOOLEAN", "VARIANT")
_TIMES = ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
_ANY = ("VARCHAR", "NUMBER", "FLOAT", "BOOLEAN", "DATE", "TIME", *_TIMES, "VARIANT", "BINARY")
_BECOMES: dict[str, tuple[str, ...]] = {
    "NUMBER": _NUMBERS,
    "FLOAT": ("FLOAT", "NUMBER", "VARCHAR", "BOOLEAN", "VARIANT"),
    "VARCHAR": _ANY,
    "BOOLEAN": ("BOOLEAN", "VARCHAR", "NUMBER", "VARIANT"),
    "DATE": ("DATE", *_TIMES, "VARCHAR", "VARIANT"),
    "TIME": ("TIME", "VARCHAR", "VARIANT"),
    "TIMESTAMP_NTZ": ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ", "DATE", "TIME", "VARCHAR", "VARIANT"),
    "TIMESTAMP_LTZ": ("TIMESTAMP_LTZ", "TIMESTAMP_TZ", "TIMESTAMP_NTZ", "DATE", "TIME", "VARCHAR", "VARIANT"),
    "TIMESTAMP_TZ": ("TIMESTAMP_TZ", "TIMESTAMP_LTZ", "TIMESTAMP_NTZ", "DATE", "TIME", "VARCHAR", "VARIANT"),
    "BINARY": ("BINARY", "VARCHAR", "VARIANT"),
    "VARIANT": ("VARIANT", "OBJECT", "ARRAY", *_ANY),
    "OBJECT": ("OBJECT", "VARIANT"),
    "ARRAY": ("ARRAY", "VARIANT"),
}


def choose(
    found: Sequence[CatalogObject], names: Sequence[str | None], types: Sequence[DataType | None]
) -> tuple[CatalogObject, list[int | None]]:
    """The overload that a call means, and for each of its arguments the place in the call; None is left to its default.

    Args:
        found: the overloads.
        names: the argument's name where the call writes `name => value`, else None.
        types: the arguments' types; None for a bare NULL, which fits all.

    Raises:
        SqlCompilationError: none fits (001044).
    """
    best: tuple[int, CatalogObject, list[int | None]] | None = None
    for item in found:
        places = _places(item, names)
        cost = None if places is None else _cost(item, places, types)
        if places is not None and cost is not None and (best is None or cost < best[0]):
            best = (cost, item, places)
    if best is None:
        kinds = ", ".join("NULL" if kind is None else str(kind) for kind in types)
        raise SqlCompilationError(
            f"error line 1 at position 0\nInvalid argument types for function '{found[0].name}': ({kinds})",
            1044,
            "42P13",
        )
    return best[1], best[2]


def _places(item: CatalogObject, names: Sequence[str | None]) -> list[int | None] | None:
    declared = item.body["arguments"]
    if len(names) > len(declared):
        return None
    given: dict[str, int] = {}
    for place, name in enumerate(names):
        key = name or declared[place]["name"]
        if key in given:
            return None
        given[key] = place
    places = [given.pop(argument["name"], None) for argument in declared]
    missing = any(
        place is None and argument.get("default") is None for place, argument in zip(places, declared, strict=True)
    )
    return None if given or missing else places


def _cost(item: CatalogObject, places: Sequence[int | None], types: Sequence[DataType | None]) -> int | None:
    """How far the arguments are from the declared types; None if one does not become its declared type."""
    total = 0
    for argument, place in zip(item.body["arguments"], places, strict=True):
        kind = None if place is None else types[place]
        if kind is None or kind.kind == "NULL":
            continue
        order = _BECOMES.get(kind.kind, ())
        wanted = parse_type(argument["type"]).kind
        if wanted not in order:
            return None
        total += order.index(wanted)
    return total
