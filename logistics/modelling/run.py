"""Refreshes models by hand: the first fill, a backfill after a changed query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from logistics.errors import UsageError
from logistics.modelling.graph import Models


def refresh(cursor: Any, models: Models, names: Sequence[str], report: Callable[[str], None]) -> None:
    """Brings models to all rows of their queries, in the order of their dependencies.

    A model that reads the stage takes in what lies there and keeps its other rows.

    Each statement takes up what waits in the model's streams and may be repeated without harm, so its task may run at the
    same time.

    Args:
        cursor: as DATA_ENGINEER, who alone sees and writes all rows.
        models: the compiled models.
        names: which of them.
        report: called with one line a model.
    """
    for name, statement in models.refreshes.items():
        if name in names:
            cursor.execute(models.staged.get(name, statement))
            report(f"{name}: refreshed")


def chosen(models: Models, wanted: Sequence[str], behind: bool = False) -> list[str]:
    """Returns the refreshed models of the given names (all but those that read the stage, if none is given).

    Args:
        models: the compiled models.
        wanted: names, with or without schema.
        behind: whether what is computed from them comes too.

    Raises:
        UsageError: there is no such model, or it is a view or seed, which is always fresh.
    """
    if not wanted:
        return [name for name in models.refreshes if not models.models[name].stage]
    found = {name for name in models.refreshes if name in wanted or name.split(".")[1] in wanted}
    unknown = [name for name in wanted if not {full for full in found if name in (full, full.split(".")[1])}]
    if unknown:
        raise UsageError(f"no model {unknown[0]} is refreshed: allowed: {', '.join(models.refreshes)}")
    if behind:
        for name in models.refreshes:
            if found & set(models.base_tables(name)):
                found.add(name)
    return [name for name in models.refreshes if name in found]
