"""Compiled models and what they are computed from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from logistics.contracts import ModelContract, TableContract
from logistics.sql import StreamFile, TaskFile, ViewFile


@dataclass(frozen=True, kw_only=True, order=True)
class ColumnRef:
    """A column of a table or view, as `schema.name` and column, lower case."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True, kw_only=True)
class ModelColumn:
    """A column of a model: its contract's words, and the columns that its expression names.

    Attributes:
        origins: one step up; of tables and views, CTEs resolved; sorted.
        copied: whether it is its only origin, as it is.
    """

    name: str
    type: str
    comment: str
    pii: str | None
    masking_policy: str | None
    origins: tuple[ColumnRef, ...]
    copied: bool = False


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that has been compiled.

    Attributes:
        layer: its folder under sql/, such as `models/marts/facts`, `seeds` or `snapshots`.
        source_file, contract_file: paths under the project.
        query: its SQL as it is deployed, names complete with the database; empty for a seed.
        reads: tables and views that the query names, as `schema.name`, sorted.
        stage: whether it reads staged files.
        columns: in the contract's order.
        seed_rows: of a seed, as text by the contract's columns; None is NULL.
    """

    contract: ModelContract
    layer: str
    source_file: Path
    contract_file: Path
    query: str
    reads: tuple[str, ...]
    stage: bool
    columns: tuple[ModelColumn, ...]
    seed_rows: tuple[tuple[str | None, ...], ...] = ()

    @property
    def name(self) -> str:
        """`schema.name`, lower case."""
        return self.contract.full_name


@dataclass(frozen=True, kw_only=True)
class Models:
    """All models of the platform, and the tables beside them.

    Attributes:
        models: by `schema.name`, each after what it reads.
        tables: every contract whose rows the platform writes, of models and of sql/tables, by `schema.table`, sorted; no
            dynamic table.
        views: the models that are views, as the objects of sql/views.
        streams, tasks: what keeps the stored models fresh, as the objects of sql/streams and sql/tasks.
        refreshes: the statement that brings a stored model up to its whole query, by `schema.name`, in order; it takes up
            what waits in the model's streams.
        staged: of a model that reads the stage, the statement that merges what lies there and deletes nothing.
    """

    models: Mapping[str, Model]
    tables: Mapping[str, TableContract]
    views: Mapping[str, ViewFile] = field(default_factory=dict)
    streams: Mapping[str, StreamFile] = field(default_factory=dict)
    tasks: Mapping[str, TaskFile] = field(default_factory=dict)
    refreshes: Mapping[str, str] = field(default_factory=dict)
    staged: Mapping[str, str] = field(default_factory=dict)

    @property
    def dynamic_tables(self) -> dict[str, ModelContract]:
        """The contracts of the dynamic tables, by `schema.name`, each after what it reads."""
        return {name: model.contract for name, model in self.models.items() if model.contract.is_dynamic}

    @property
    def kept(self) -> dict[str, TableContract]:
        """The contract of everything that holds rows, by `schema.name`, sorted."""
        return dict(sorted({**self.tables, **self.dynamic_tables}.items()))

    @cached_property
    def _columns(self) -> dict[ColumnRef, ModelColumn]:
        return {
            ColumnRef(table=model.name, column=column.name): column
            for model in self.models.values()
            for column in model.columns
        }

    @cached_property
    def _used_by(self) -> dict[ColumnRef, list[ColumnRef]]:
        used: dict[ColumnRef, list[ColumnRef]] = {}
        for ref, column in self._columns.items():
            for origin in column.origins:
                used.setdefault(origin, []).append(ref)
        return used

    def readers_of(self, name: str) -> list[str]:
        """Returns the models whose query names a table or view, in order."""
        return [model.name for model in self.models.values() if name in model.reads]

    def base_tables(self, name: str) -> list[str]:
        """Returns the tables that a model reads, also through views and dynamic tables, sorted."""
        found: set[str] = set()
        for read in self.models[name].reads:
            is_written = read not in self.models or read in self.tables
            found.update([read] if is_written else self.base_tables(read))
        return sorted(found)

    def origins(self, ref: ColumnRef) -> tuple[ColumnRef, ...]:
        """Returns the columns that a column is computed from, one step up; none for a table that no query fills."""
        column = self._columns.get(ref)
        return column.origins if column else ()

    def sources(self, ref: ColumnRef) -> list[ColumnRef]:
        """Returns every column that a column is computed from, sorted."""
        return sorted(set(self._walk(ref, self.origins)))

    def impact(self, ref: ColumnRef) -> list[ColumnRef]:
        """Returns every column that is computed from a column, sorted."""
        return sorted(set(self._walk(ref, lambda step: self._used_by.get(step, ()))))

    def pii_kinds(self, ref: ColumnRef) -> list[str]:
        """Returns the kinds of personal data that a column holds or is computed from, sorted."""
        kinds = set()
        for step in (ref, *self.sources(ref)):
            table = self.tables.get(step.table)
            column = table.column(step.column) if table else None
            kinds |= {column.pii} if column and column.pii else set()
        return sorted(kinds)

    @staticmethod
    def _walk(ref: ColumnRef, step: Callable[[ColumnRef], Iterable[ColumnRef]]) -> Iterator[ColumnRef]:
        seen: set[ColumnRef] = set()
        pending = list(step(ref))
        while pending:
            current = pending.pop()
            if current not in seen:
                seen.add(current)
                yield current
                pending.extend(step(current))
