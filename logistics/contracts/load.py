"""Reads the YAML contracts of sql/ and checks them one by one and against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from logistics.contracts.model import AccessContract, TableContract
from logistics.errors import ContractError
from logistics.yaml_files import line_of, load_yaml, plain

_M = TypeVar("_M", bound=BaseModel)


def load_tables(root: Path) -> dict[str, TableContract]:
    """Reads `sql/tables/<schema>/<table>.yaml`; returns the contracts by `schema.table`, sorted.

    Raises:
        ContractError: names the file, the line and the problem.
    """
    folder = root / "sql" / "tables"
    paths = {path: _validated(path, root, TableContract) for path in sorted(folder.glob("*/*.yaml"))}
    for path, contract in paths.items():
        if (path.parent.name, path.stem) != (contract.schema_name, contract.table):
            raise ContractError(
                path.relative_to(root), 1, f"declares {contract.full_name}; file and folder must have its names"
            )
    contracts = {contract.full_name: contract for contract in paths.values()}
    for path, contract in paths.items():
        _check_foreign_keys(path.relative_to(root), contract, contracts)
    return contracts


def load_access(root: Path) -> AccessContract:
    """Reads `sql/access.yaml`: schemas and roles.

    Raises:
        ContractError: names the file, the line and the problem.
    """
    return _validated(root / "sql" / "access.yaml", root, AccessContract)


def _validated(path: Path, root: Path, model: type[_M]) -> _M:
    document = load_yaml(path, ContractError, root)
    try:
        return model.model_validate(plain(document))
    except ValidationError as error:
        details = error.errors()[0]
        problem = details["msg"].removeprefix("Value error, ")
        key = ".".join(str(step) for step in details["loc"])
        line = line_of(document, details["loc"]) or 1
        raise ContractError(path.relative_to(root), line, f"{key}: {problem}" if key else problem) from None


def _check_foreign_keys(path: Path, contract: TableContract, contracts: dict[str, TableContract]) -> None:
    for key in contract.foreign_keys:
        target = contracts.get(key.references)
        if target is None:
            raise ContractError(path, None, f"foreign key to {key.references}, which is no table of this platform")
        for column, to in zip(key.columns, key.to, strict=True):
            ours, theirs = contract.column(column), target.column(to)
            if theirs is None:
                raise ContractError(path, None, f"foreign key to {key.references}.{to}, which is no column")
            if ours and ours.type != theirs.type:
                raise ContractError(path, None, f"{column} is {ours.type} but {key.references}.{to} is {theirs.type}")
