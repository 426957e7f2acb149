"""A query's columns against its contract's: names, types, widths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlglot import exp

from logistics.contracts import Column, ModelContract, ModelFile, TableContract
from logistics.errors import ContractError, SqlFileError
from logistics.modelling.queries import GivenColumn
from logistics.yaml_files import line_of, load_yaml

_FAMILIES = {
    "text": exp.DataType.TEXT_TYPES,
    "number": exp.DataType.NUMERIC_TYPES,
    "boolean": {exp.DataType.Type.BOOLEAN},
    "date": {exp.DataType.Type.DATE, exp.DataType.Type.DATE32},
    "timestamp": exp.DataType.TEMPORAL_TYPES
    - {exp.DataType.Type.DATE, exp.DataType.Type.DATE32, exp.DataType.Type.TIME},
    "time": {exp.DataType.Type.TIME},
    "binary": {exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY},
}
_LENGTH = re.compile(r"^(?:VARCHAR|CHAR|STRING|TEXT)\s*\((\d+)\)$")
_DIGITS = re.compile(r"^(?:NUMBER|DECIMAL|NUMERIC)\s*\((\d+)\s*(?:,\s*(\d+)\s*)?\)$")

Contracts = Mapping[str, TableContract | ModelContract]


def check_columns(file: ModelFile, given: Sequence[GivenColumn], contracts: Contracts, root: Path) -> None:
    """Refuses a model whose query and contract do not agree.

    Raises:
        ContractError: the contract names a column that the query does not give, of another type, or too narrow for it.
        SqlFileError: the query gives a column that the contract does not name, or one twice.
    """
    contract, found = file.contract, {column.name: column for column in given}
    for position, column in enumerate(given):
        if column.name in [other.name for other in given[:position]]:
            raise SqlFileError(file.source_file, column.line, f"gives the column {column.name} twice")
        if column.name not in contract.query_columns:
            declared = contract.column(column.name)
            why = "which the refresh fills itself" if declared else f"which {file.contract_file} does not name"
            raise SqlFileError(file.source_file, column.line, f"gives the column {column.name}, {why}")
    for name in contract.query_columns:
        if name not in found:
            raise _error(file, root, name, f"names the column {name}, which {file.source_file} does not give")
        declared = contract.column(name)
        assert declared is not None
        _check_type(file, root, declared, found[name])
        _check_width(file, root, declared, found[name], contracts)
    # A dynamic table's list of names, masks and comments goes with its query's columns by their place.
    wanted = contract.query_columns if contract.is_dynamic else []
    for column, name in zip(given, wanted, strict=False):
        if column.name != name:
            raise _error(file, root, name, f"{name} stands where the query gives {column.name}: list them in its order")


def _check_type(file: ModelFile, root: Path, declared: Column, given: GivenColumn) -> None:
    wanted, found = _family(exp.DataType.build(declared.type, dialect="snowflake")), _family(given.type)
    if wanted and found and wanted != found:
        raise _error(file, root, declared.name, f"{declared.name} is {declared.type}, but the query gives a {found}")


def _family(kind: exp.DataType | None) -> str | None:
    """Returns what kind of value a type holds; None where that is not known."""
    return next((name for name, types in _FAMILIES.items() if kind is not None and kind.this in types), None)


def _check_width(file: ModelFile, root: Path, declared: Column, given: GivenColumn, contracts: Contracts) -> None:
    """A column that is copied must have room for what it is copied from."""
    if not given.copied:
        return
    origin = given.origins[0]
    above = contracts[origin.table].column(origin.column) if origin.table in contracts else None
    if above and not has_room(declared.type, above.type):
        raise _error(
            file,
            root,
            declared.name,
            f"{declared.name} is {declared.type}, too narrow for {origin}, which is {above.type}",
        )


def has_room(wide: str, narrow: str) -> bool:
    """Whether every value of one text or number type fits another of the same family; other types fit themselves."""
    text, other = _LENGTH.match(wide.upper()), _LENGTH.match(narrow.upper())
    if other:
        return text is None or int(text[1]) >= int(other[1])
    number, other = _DIGITS.match(wide.upper()), _DIGITS.match(narrow.upper())
    if number and other:
        scale, least = int(number[2] or 0), int(other[2] or 0)
        return scale >= least and int(number[1]) - scale >= int(other[1]) - least
    return True


def _error(file: ModelFile, root: Path, column: str, problem: str) -> ContractError:
    document = load_yaml(root / file.contract_file)
    names = [entry.get("name") for entry in document.get("columns", [])]
    location = ["columns", names.index(column)] if column in names else ["columns"]
    return ContractError(file.contract_file, line_of(document, location), problem)
