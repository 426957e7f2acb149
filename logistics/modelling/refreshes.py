"""What keeps the stored models fresh: a stream on each table that they read, a triggered task, a statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from logistics.contracts import TableContract
from logistics.errors import ContractError
from logistics.modelling.dynamic import dynamic_refresh
from logistics.modelling.graph import Model, Models
from logistics.modelling.statements import full_refresh, incremental_refresh, staged_refresh
from logistics.sql import StreamFile, TaskFile, ViewFile, identifier, literal
from logistics.yaml_files import line_of, load_yaml


class Refreshes:
    """Adds views, streams, tasks and statements to compiled models.

    Args:
        models: the models, checked.
        database: the platform's database.
        named: the streams of sql/streams.
        root: the project's folder, for the lines of errors.
    """

    def __init__(self, models: Models, database: str, named: Mapping[str, StreamFile], root: Path) -> None:
        self._models = models
        self._database = database
        self._named = named
        self._root = root
        self._taken: dict[str, str] = {}

    def applied(self) -> Models:
        """Returns the models with all that.

        Raises:
            ContractError: a stream or a key does not fit; names file and line.
        """
        views, streams, tasks, statements, tracked = {}, {}, {}, {}, set()
        for model in self._models.models.values():
            if model.contract.is_view:
                views[model.name] = _view(model)
            elif model.contract.is_dynamic:
                statements[model.name] = dynamic_refresh(self._name(model.name))
                tracked.update(self._models.base_tables(model.name))
            elif model.contract.is_refreshed:
                self._refuse_dynamic_sources(model)
                own = self._streams_of(model)
                streams |= {stream.name: stream for stream in own.values() if stream.name not in self._named}
                statements[model.name] = self._full(model, own)
                if own:
                    task = self._task(model, own)
                    tasks[task.name] = task
        tracked |= {stream.table for stream in (*streams.values(), *self._named.values())}
        return replace(
            self._models,
            tables={name: _tracked(contract, name in tracked) for name, contract in self._models.tables.items()},
            views=views,
            streams=streams,
            tasks=tasks,
            refreshes=statements,
            staged={
                name: self._staged(self._models.models[name]) for name in statements if self._models.models[name].stage
            },
        )

    def _refuse_dynamic_sources(self, model: Model, name: str = "") -> None:
        """Refuses a model that a task keeps and that reads a dynamic table: the task would run before that is refreshed."""
        for read in self._models.models[name or model.name].reads:
            found = self._models.models.get(read)
            if found and found.contract.is_dynamic:
                raise self._error(
                    model,
                    "materialization",
                    f"{model.name} reads {read}, a dynamic table, which is behind the tables whose changes start a task: "
                    "make it a view or a dynamic table too",
                )
            if found and found.contract.is_view:
                self._refuse_dynamic_sources(model, read)

    def _sources(self, model: Model) -> list[str]:
        """The tables whose changes concern a model."""
        tables = self._models.base_tables(model.name)
        for name in model.contract.on:
            if name not in tables:
                raise self._error(model, "on", f"on names {name}, which {model.source_file} does not read")
        return list(model.contract.on) or tables

    def _streams_of(self, model: Model) -> dict[str, StreamFile]:
        """Returns the model's stream on each of its tables."""
        sources = self._sources(model)
        for table in model.contract.streams:
            if table not in sources:
                raise self._error(model, "streams", f"streams names {table}, whose changes do not concern {model.name}")
        return {table: self._stream(model, table) for table in sources}

    def _stream(self, model: Model, table: str) -> StreamFile:
        name = model.contract.streams.get(table)
        if name is None:
            contract = model.contract
            return StreamFile(
                file=model.contract_file,
                name=f"{contract.schema_name}.{contract.table}_on_{table.split('.')[1]}",
                comment=f"Changes of {table} for {model.name}",
                readers=(),
                body="",
                reads=frozenset({table}),
                table=table,
                show_initial_rows=True,
            )
        stream = self._named.get(name)
        if stream is None or stream.table != table:
            raise self._error(model, "streams", f"{name} is no stream of sql/streams on {table}")
        if name in self._taken:
            raise self._error(
                model, "streams", f"{name} is consumed by {self._taken[name]} already: a stream has one consumer"
            )
        self._taken[name] = model.name
        return stream

    def _full(self, model: Model, streams: Mapping[str, StreamFile]) -> str:
        names = [self._name(stream.name) for stream in streams.values()]
        return full_refresh(model.contract, model.query, self._name(model.name), names)

    def _staged(self, model: Model) -> str:
        return staged_refresh(model.contract, model.query, self._name(model.name))

    def _task(self, model: Model, streams: Mapping[str, StreamFile]) -> TaskFile:
        names = [f"{self._database}.{stream.name}".upper() for stream in streams.values()]
        return TaskFile(
            file=model.contract_file,
            name=model.contract.task or f"{model.contract.schema_name}.refresh_{model.contract.table}",
            comment=f"Keeps {model.name} fresh",
            readers=(),
            body=self._statement(model, streams),
            reads=frozenset({*model.reads, *(stream.name for stream in streams.values())}),
            warehouse=f"COMPUTE_WH_{model.contract.warehouse.upper()}",
            when=" or ".join(f"system$stream_has_data({literal(name)})" for name in names),
        )

    def _statement(self, model: Model, streams: Mapping[str, StreamFile]) -> str:
        """Returns what the task runs: changed keys only where the contract says so, else everything."""
        if model.contract.materialization == "table":
            return self._full(model, streams)
        changes = {self._name(stream.name): self._keys(model, table) for table, stream in streams.items()}
        return incremental_refresh(model.contract, model.query, self._name(model.name), changes)

    def _keys(self, model: Model, table: str) -> dict[str, str]:
        """Returns the column of a table that each key column comes from, or else is called like it."""
        found = {}
        for key in model.contract.merge_key:
            column = next(column for column in model.columns if column.name == key)
            above = [source.column for source in column.origins if source.table == table]
            same = [key] if self._models.tables[table].column(key) else []
            if (above and not column.copied) or not (above or same):
                raise self._error(
                    model,
                    "primary_key",
                    f"{model.name}.{key} is no column of {table}, so its changes do not say which rows to compute anew",
                )
            found[key] = (above or same)[0]
        return found

    def _name(self, name: str) -> str:
        return f"{identifier(self._database)}.{name}"

    def _error(self, model: Model, key: str, problem: str) -> ContractError:
        document = load_yaml(self._root / model.contract_file)
        return ContractError(model.contract_file, line_of(document, [key]), problem)


def _view(model: Model) -> ViewFile:
    return ViewFile(
        file=model.source_file,
        name=model.name,
        comment=model.contract.comment,
        readers=tuple(model.contract.readers),
        body=model.query,
        reads=frozenset(model.reads),
        secure=model.contract.materialization == "secure_view",
    )


def _tracked(contract: TableContract, tracked: bool) -> TableContract:
    return contract.model_copy(update={"change_tracking": True}) if tracked else contract
