"""What the commands print: lineage, and the results of tests."""

from __future__ import annotations

import json
from collections.abc import Sequence

from logistics.errors import UsageError
from logistics.modelling.graph import ColumnRef, Models
from logistics.modelling.row_tests import TestResult

_FILE_WIDTH = 160
"""Of a line where the output is no terminal."""

Lineage = dict[str, dict[str, list[str]]]
"""By table or column what it comes `from` and goes `to`."""


def lineage_of(models: Models, what: str | None) -> Lineage:
    """Returns the lineage of all models, of a model with its columns, or of one column all the way up and down.

    Args:
        models: the compiled models.
        what: nothing, `[schema.]model` or `[schema.]model.column`.

    Raises:
        UsageError: there is no such model or column.
    """
    if what is None:
        return {
            name: {"from": list(model.reads), "to": models.readers_of(name)} for name, model in models.models.items()
        }
    tables = {**models.tables, **{name: model.contract for name, model in models.models.items()}}
    for name, contract in tables.items():
        for start in (name, name.split(".")[1]):
            if what == start:
                return _of_table(models, name, [column.name for column in contract.columns])
            column = what.removeprefix(f"{start}.")
            if column != what and contract.column(column):
                ref = ColumnRef(table=name, column=column)
                return {str(ref): {"from": _texts(models.sources(ref)), "to": _texts(models.impact(ref))}}
    raise UsageError(f"there is no table, model or column {what}: allowed: {', '.join(sorted(tables))}")


def _of_table(models: Models, name: str, columns: Sequence[str]) -> Lineage:
    reads = list(models.models[name].reads) if name in models.models else []
    found: Lineage = {name: {"from": reads, "to": models.readers_of(name)}}
    for column in columns:
        ref = ColumnRef(table=name, column=column)
        found[str(ref)] = {"from": _texts(models.origins(ref))}
    return found


def _texts(refs: Sequence[ColumnRef]) -> list[str]:
    return [str(ref) for ref in refs]


def results_as_json(results: Sequence[TestResult]) -> str:
    """Returns the results as a JSON list."""
    found = [
        {
            "test": result.test.name,
            "severity": result.test.severity,
            "file": str(result.test.file),
            "failures": result.failures,
            "rows": [dict(zip(result.columns, map(str, row), strict=True)) for row in result.rows],
            "seconds": round(result.seconds, 3),
        }
        for result in results
    ]
    return json.dumps(found, indent=2)


def print_results(results: Sequence[TestResult]) -> None:
    """Prints one line a test, the failing rows beneath it."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "Test", "Severity", "Rows", "Such as", box=None, pad_edge=False)
    for result in sorted(results, key=lambda result: (not result.failures, result.test.name)):
        mark = "✓" if not result.failures else "✗" if result.test.severity == "critical" else "!"
        rows = "\n".join(_row(result, row) for row in result.rows)
        table.add_row(mark, result.test.name, result.test.severity, str(result.failures), rows)
    console = Console() if Console().is_terminal else Console(width=_FILE_WIDTH)
    console.print(table)
    failed = sum(1 for result in results if result.failures)
    console.print(f"{len(results)} tests, {failed} failed, {sum(result.seconds for result in results):.1f} s")


def _row(result: TestResult, row: tuple) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(result.columns, row, strict=True))
