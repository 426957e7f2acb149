"""Reads the YAML contracts of sql/ and checks them one by one and against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from logistics.contracts.model import AccessContract, TableContract
from logistics.contracts.models import ModelContract
from logistics.errors import ContractError
from logistics.yaml_files import line_of, load_yaml, plain

_M = TypeVar("_M", bound=BaseModel)


LAYERS = {
    "models/raw": "raw",
    "models/staging": "staging",
    "models/marts/facts": "marts",
    "models/marts/dimensions": "marts",
    "models/marts/analytics": "analytics",
    "models/ml_features": "ml_features",
    "seeds": "marts",
    "snapshots": "marts",
}
"""The folders of sql/ that hold models, and the schema of each."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model's contract and where it lies under the project.

    Attributes:
        layer: its folder under sql/, such as `models/marts/facts`.
        contract_file: the YAML file.
        source_file: the query, or a seed's rows.
    """

    contract: ModelContract
    layer: str
    contract_file: Path
    source_file: Path


def load_tables(root: Path) -> dict[str, TableContract]:
    """Reads `sql/tables/<schema>/<table>.yaml` and the models that keep rows; returns the contracts by `schema.table`, sorted.

    Raises:
        ContractError: names the file, the line and the problem.
    """
    return tables_of(root, load_models(root))


def tables_of(root: Path, models: Mapping[str, ModelFile]) -> dict[str, TableContract]:
    """Returns the contracts of `sql/tables` and of the given models whose rows the platform writes, checked against each other.

    Raises:
        ContractError: names the file, the line and the problem.
    """
    folder = root / "sql" / "tables"
    files: dict[Path, TableContract] = {
        path.relative_to(root): _validated(path, root, TableContract) for path in sorted(folder.glob("*/*.yaml"))
    }
    for path, contract in files.items():
        if (path.parent.name, path.stem) != (contract.schema_name, contract.table):
            raise ContractError(path, 1, f"declares {contract.full_name}; file and folder must have its names")
        if contract.full_name in models:
            other = models[contract.full_name].contract_file
            raise ContractError(path, 1, f"{contract.full_name} is a model too: {other}")
    files |= {model.contract_file: model.contract for model in models.values() if not _is_query(model)}
    contracts = {contract.full_name: contract for contract in files.values()}
    for path, contract in files.items():
        _check_foreign_keys(path, contract, contracts)
    return dict(sorted(contracts.items()))


def _is_query(model: ModelFile) -> bool:
    """Whether Snowflake alone sees to a model's rows."""
    return model.contract.is_view or model.contract.is_dynamic


def load_models(root: Path) -> dict[str, ModelFile]:
    """Reads the contracts of `sql/models`, `sql/seeds` and `sql/snapshots`; returns them by `schema.name`, sorted.

    Raises:
        ContractError: names the file, the line and the problem: a contract without its query, a query without its
            contract, a name given twice, a materialization that the folder does not hold.
    """
    models: dict[str, ModelFile] = {}
    for layer, schema in LAYERS.items():
        for model in _models_of(root, layer, schema):
            name = model.contract.full_name
            if name in models:
                raise ContractError(model.contract_file, 1, f"{name} is declared by {models[name].contract_file} too")
            models[name] = model
    _check_no_other_folder(root)
    return dict(sorted(models.items()))


def _models_of(root: Path, layer: str, schema: str) -> Iterator[ModelFile]:
    folder = root / "sql" / layer
    ending = ".csv" if layer == "seeds" else ".sql"
    stems = {path.stem for path in folder.glob("*.*") if path.suffix in (".yaml", ending)}
    for stem in sorted(stems):
        source, contract_file = folder / f"{stem}{ending}", folder / f"{stem}.yaml"
        for path, beside in ((source, contract_file), (contract_file, source)):
            if not path.is_file():
                raise ContractError(beside.relative_to(root), 1, f"there is no {path.name} beside it")
        contract = _validated(contract_file, root, ModelContract, {"table": stem, "schema": schema})
        held = {"seeds": "seed", "snapshots": "snapshot"}.get(layer)
        if (held or contract.materialization) != contract.materialization or (
            not held and contract.materialization in ("seed", "snapshot")
        ):
            line = line_of(load_yaml(contract_file), ["materialization"])
            raise ContractError(
                contract_file.relative_to(root), line, f"sql/{layer} holds no {contract.materialization}"
            )
        yield ModelFile(
            contract=contract,
            layer=layer,
            contract_file=contract_file.relative_to(root),
            source_file=source.relative_to(root),
        )


def _check_no_other_folder(root: Path) -> None:
    for path in sorted((root / "sql" / "models").rglob("*.*")):
        layer = path.parent.relative_to(root / "sql").as_posix()
        if path.suffix in (".sql", ".yaml") and layer not in LAYERS:
            raise ContractError(path.relative_to(root), 1, f"sql/{layer} is no layer: allowed: {', '.join(LAYERS)}")


def load_access(root: Path) -> AccessContract:
    """Reads `sql/access.yaml`: schemas and roles.

    Raises:
        ContractError: names the file, the line and the problem.
    """
    return _validated(root / "sql" / "access.yaml", root, AccessContract)


def _validated(path: Path, root: Path, model: type[_M], given: Mapping[str, str] = MappingProxyType({})) -> _M:
    """Reads a file as `model`; what is given comes from its place and must not stand in it."""
    document = load_yaml(path, ContractError, root)
    for key in given:
        if key in document:
            line = line_of(document, [key])
            raise ContractError(path.relative_to(root), line, f"{key} is said by the file's place and name")
    try:
        return model.model_validate({**plain(document), **given})
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
