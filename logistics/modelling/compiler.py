"""Reads every model, checks them one by one and together, and says what keeps them fresh."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from sqlglot.schema import MappingSchema

from logistics.contracts import ModelContract, ModelFile, TableContract, load_models, tables_of
from logistics.errors import ContractError, SqlFileError
from logistics.modelling.columns import check_columns
from logistics.modelling.graph import Model, ModelColumn, Models
from logistics.modelling.protection import check_protection
from logistics.modelling.queries import GivenColumn, Query, Resolve, schema_of
from logistics.modelling.refreshes import Refreshes
from logistics.sql import StreamFile, Values, ViewFile
from logistics.sql.placeholders import fill

MAX_SEED_ROWS = 500
"""More rows than that are data for the load stage."""


def compile_models(
    root: Path, database: str, values: Values, streams: Mapping[str, StreamFile], views: Mapping[str, ViewFile]
) -> Models:
    """Compiles sql/models, sql/seeds and sql/snapshots.

    Args:
        root: the project's folder.
        database: the platform's database, which is put before the names of what the queries read.
        values: what the SQL files' placeholders stand for.
        streams: the streams of sql/streams, which a model may name as its own.
        views: the views of sql/views, which are no models and which no model may read.

    Raises:
        ContractError, SqlFileError: a model is wrong; names file and line.
    """
    files = load_models(root)
    for name in files:
        if name in views:
            raise ContractError(files[name].contract_file, 1, f"{name} is declared by {views[name].file} too")
    return _Compiler(root, database, values, files, streams).run()


class _Compiler:
    def __init__(
        self,
        root: Path,
        database: str,
        values: Values,
        files: Mapping[str, ModelFile],
        streams: Mapping[str, StreamFile],
    ) -> None:
        self._root = root
        self._database = database
        self._files = files
        self._tables = tables_of(root, files)
        self._streams = streams
        self._queries = {
            name: Query(fill(_text(root, file.source_file), values, file.source_file), file.source_file)
            for name, file in files.items()
            if file.layer != "seeds"
        }
        self._reads = {name: query.reads(self._resolver(name)) for name, query in self._queries.items()}

    def run(self) -> Models:
        contracts: dict[str, TableContract | ModelContract] = {**self._tables}
        contracts |= {name: file.contract for name, file in self._files.items()}
        types = {
            name: {column.name: column.type for column in contract.columns} for name, contract in contracts.items()
        }
        schema = schema_of(types)
        compiled = {name: self._compile(name, contracts, schema) for name in self._ordered()}
        models = Models(models=compiled, tables=self._tables)
        check_protection(models)
        return Refreshes(models, self._database, self._streams, self._root).applied()

    def _resolver(self, reader: str) -> Resolve:
        file, known = self._files[reader].source_file, {*self._tables, *self._files}

        def resolve(name: str, line: int | None) -> str:
            return resolve_name(name, known, self._database, file, line)

        return resolve

    def _ordered(self) -> list[str]:
        """Returns the models, each after what it reads; alphabetically where that leaves a choice."""
        done: list[str] = []
        while len(done) < len(self._files):
            ready = [
                name
                for name in sorted(self._files)
                if name not in done
                and all(read in done or read not in self._files for read in self._reads.get(name, ()))
            ]
            if not ready:
                self._refuse_cycle(set(self._files) - set(done))
            done.extend(ready)
        return done

    def _refuse_cycle(self, among: set[str]) -> None:
        path = [min(among)]
        while path[-1] not in path[:-1]:
            path.append(min(read for read in self._reads[path[-1]] if read in among))
        cycle = path[path.index(path[-1]) :]
        first = self._files[cycle[0]].source_file
        raise SqlFileError(first, self._reads[cycle[0]][cycle[1]], f"a cycle: {' reads '.join(cycle)}")

    def _compile(
        self, name: str, contracts: Mapping[str, TableContract | ModelContract], schema: MappingSchema
    ) -> Model:
        file = self._files[name]
        if name not in self._queries:
            return self._compile_seed(file)
        query, resolve = self._queries[name], self._resolver(name)
        if query.stage and file.contract.materialization != "incremental":
            raise SqlFileError(query.file, 1, "only an incremental model reads staged files")
        given = query.columns(resolve, schema)
        check_columns(file, given, contracts, self._root)
        return Model(
            contract=file.contract,
            layer=file.layer,
            source_file=file.source_file,
            contract_file=file.contract_file,
            query=query.deployed(resolve, self._database),
            reads=tuple(sorted(self._reads[name])),
            stage=query.stage,
            columns=_columns(file.contract, given),
        )

    def _compile_seed(self, file: ModelFile) -> Model:
        rows = _seed_rows(self._root, file)
        return Model(
            contract=file.contract,
            layer=file.layer,
            source_file=file.source_file,
            contract_file=file.contract_file,
            query="",
            reads=(),
            stage=False,
            columns=_columns(file.contract, ()),
            seed_rows=rows,
        )


def resolve_name(name: str, known: set[str], database: str, file: Path, line: int | None) -> str:
    """Returns `schema.name` of what a query names.

    Args:
        name: as the query has it, in lower case: with or without schema and the platform's database.
        known: the tables and views of the platform as `schema.name`.
        database: the platform's database.
        file: the query's file, for errors.
        line: where it is named.

    Raises:
        SqlFileError: nothing has the name, or more than one.
    """
    parts = name.split(".")
    if len(parts) == 3 and parts[0] == database.lower():
        parts = parts[1:]
    if len(parts) == 1:
        found = sorted(full for full in known if full.split(".")[1] == parts[0])
        if len(found) > 1:
            raise SqlFileError(file, line, f"{name} is ambiguous: say {' or '.join(found)}")
        parts = found[0].split(".") if found else parts
    full = ".".join(parts)
    if full not in known:
        raise SqlFileError(file, line, f"reads {name}, which this platform does not declare{_like(full, known)}")
    return full


def _columns(contract: ModelContract, given: Sequence[GivenColumn]) -> tuple[ModelColumn, ...]:
    found = {column.name: column for column in given}
    return tuple(
        ModelColumn(
            name=column.name,
            type=column.type,
            comment=column.comment,
            pii=column.pii,
            masking_policy=column.masking_policy,
            origins=found[column.name].origins if column.name in found else (),
            copied=column.name in found and found[column.name].copied,
        )
        for column in contract.columns
    )


def _seed_rows(root: Path, file: ModelFile) -> tuple[tuple[str | None, ...], ...]:
    """Reads a seed's rows; an empty field is NULL."""
    names = [column.name for column in file.contract.columns]
    with (root / file.source_file).open(encoding="utf-8", newline="") as source:
        lines = list(csv.reader(source))
    if not lines or lines[0] != names:
        raise SqlFileError(file.source_file, 1, f"the first line must name the contract's columns: {','.join(names)}")
    for number, fields in enumerate(lines[1:], 2):
        if len(fields) != len(names):
            raise SqlFileError(file.source_file, number, f"{len(fields)} fields, but {len(names)} columns")
    if len(lines) - 1 > MAX_SEED_ROWS:
        raise SqlFileError(
            file.source_file, MAX_SEED_ROWS + 2, f"a seed has at most {MAX_SEED_ROWS} rows; load more through the stage"
        )
    if len(lines) == 1:
        raise SqlFileError(file.source_file, 1, "a seed has rows")
    return tuple(tuple(field or None for field in fields) for fields in lines[1:])


def _text(root: Path, file: Path) -> str:
    return (root / file).read_text(encoding="utf-8")


def _like(name: str, known: set[str]) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""
