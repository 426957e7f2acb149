"""A model's query: what it names, put into full names, and what each of its columns is computed from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

from logistics.errors import SqlFileError
from logistics.modelling.graph import ColumnRef
from logistics.sql import identifier
from logistics.sql.parse import parse_sql

_NAMED = re.compile(r"(?:Unknown column|Column|Unknown table|Ambiguous column)[:\s]+['\"]?(\w+)", re.IGNORECASE)
_STAGE = "@"

Resolve = Callable[[str, int | None], str]
"""From a dotted lower-case name and its line to `schema.name`, or an error."""


@dataclass(frozen=True, kw_only=True)
class GivenColumn:
    """A column that a query gives.

    Attributes:
        type: as sqlglot infers it, or None where it cannot.
        origins: the columns that its expression names.
        copied: whether it is the only one of them, as it is.
        line: of its expression in the file.
    """

    name: str
    type: exp.DataType | None
    origins: tuple[ColumnRef, ...]
    copied: bool
    line: int


class Query:
    """The query of a file.

    Raises:
        SqlFileError: it is no query, or is broken; names file and line.
    """

    def __init__(self, text: str, file: Path) -> None:
        self.file = file
        self.text = text.rstrip().removesuffix(";").rstrip()
        self._tree = parse_sql(self.text, file)
        if not isinstance(self._tree, exp.Query):
            raise SqlFileError(file, 1, f"expected a query, found {self._tree.key.upper()}")
        self._tables = self._named_tables()
        self.stage = any(table.name.startswith(_STAGE) for table in self._tree.find_all(exp.Table))

    @property
    def names(self) -> list[tuple[str, int | None]]:
        """The tables and views named, dotted and in lower case, each with its line."""
        return [(_dotted(table), line_of(table)) for table in self._tables]

    def reads(self, resolve: Resolve) -> dict[str, int | None]:
        """Returns what it reads as `schema.name`, with the line where it is named first."""
        reads: dict[str, int | None] = {}
        for name, line in self.names:
            reads.setdefault(resolve(name, line), line)
        return reads

    def deployed(self, resolve: Resolve, database: str) -> str:
        """Returns the text with the database before every name; all else stays as it is written."""
        text = self.text
        spans = sorted((_span(table), _dotted(table), line_of(table)) for table in self._tables)
        for (start, end), name, line in reversed(spans):
            text = f"{text[:start]}{identifier(database)}.{resolve(name, line)}{text[end:]}"
        return text

    def columns(self, resolve: Resolve, schema: MappingSchema) -> list[GivenColumn]:
        """Returns the columns that it gives, stars expanded.

        Raises:
            SqlFileError: it names a column that nothing gives, or one that is ambiguous; names file and line.
        """
        tree = self._tree.copy()
        for original, table in zip(self._tables, _plain_tables(tree), strict=True):
            target = resolve(_dotted(original), line_of(original))
            table.set("catalog", None)
            table.set("db", exp.to_identifier(target.split(".")[0].upper()))
            table.set("this", exp.to_identifier(target.split(".")[1].upper()))
        if self.stage:
            return [self._staged(select) for select in _selects(tree)]
        try:
            tree = qualify(tree, schema=schema, dialect="snowflake", identify=False)
            tree = annotate_types(tree, schema=schema, dialect="snowflake")
            for select in _selects(tree):
                self._refuse_nameless(select)
            # All columns at once: they share what they come from.
            nodes = lineage(
                None, tree, schema=schema, scope=build_scope(tree), dialect="snowflake", trim_selects=False, copy=False
            )
            return [self._given(select, nodes[select.alias_or_name]) for select in _selects(tree)]
        except SqlglotError as error:
            raise SqlFileError(self.file, self._line_of_problem(error), _told(error)) from None

    def line_of_name(self, name: str) -> int:
        """Returns the line where a name stands first; 1 where it does not."""
        lines = [line_of(found) for found in self._tree.find_all(exp.Identifier) if found.name.lower() == name.lower()]
        return min((line for line in lines if line), default=1)

    def _refuse_nameless(self, select: exp.Expr) -> None:
        if not select.alias_or_name:
            raise SqlFileError(self.file, line_of(select) or 1, f"{select.sql('snowflake')} needs a name: `as …`")

    def _given(self, select: exp.Expr, lineage_of: Node) -> GivenColumn:
        name = select.alias_or_name
        found, copied = set(), True
        for node in lineage_of.walk():
            if not node.downstream and isinstance(node.source, exp.Table):
                column = node.name.rsplit(".", 1)[-1].strip('"').lower()
                found.add(ColumnRef(table=_dotted(node.source), column=column))
            elif not isinstance(node.expression.unalias(), (exp.Column, exp.Query)):
                copied = False
        inferred = select.type if isinstance(select.type, exp.DataType) else None
        return GivenColumn(
            name=name.lower(),
            type=inferred,
            origins=tuple(sorted(found)),
            copied=copied and len(found) == 1,
            line=self.line_of_name(name),
        )

    def _staged(self, select: exp.Expr) -> GivenColumn:
        name = select.alias_or_name
        inner = select.unalias()
        kind = inner.to if isinstance(inner, (exp.Cast, exp.TryCast)) else None
        return GivenColumn(name=name.lower(), type=kind, origins=(), copied=False, line=self.line_of_name(name))

    def _named_tables(self) -> list[exp.Table]:
        return _plain_tables(self._tree)

    def _line_of_problem(self, error: SqlglotError) -> int | None:
        named = _NAMED.search(str(error))
        return self.line_of_name(named[1]) if named else 1


def _selects(tree: exp.Expr) -> list[exp.Expr]:
    """Returns the expressions of a query's select list; those of its first part for a set operation."""
    assert isinstance(tree, exp.Query)
    return tree.selects


def schema_of(columns: Mapping[str, Mapping[str, str]]) -> MappingSchema:
    """Returns sqlglot's schema of tables as `schema.name` with their columns' types."""
    nested: dict[str, Any] = {}
    for name, types in columns.items():
        schema, table = name.upper().split(".")
        nested.setdefault(schema, {})[table] = {column.upper(): kind for column, kind in types.items()}
    return MappingSchema(nested, dialect="snowflake")


def line_of(node: exp.Expr) -> int | None:
    """Returns the line of the first name within a part of a query."""
    for found in node.find_all(exp.Identifier):
        if line := found.meta.get("line"):
            return int(line)
    return None


def _plain_tables(tree: exp.Expr) -> list[exp.Table]:
    """Returns the tables and views that a query names: no CTEs, stages or table functions."""
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return [
        table
        for table in tree.find_all(exp.Table)
        if isinstance(table.this, exp.Identifier) and not (not table.db and table.name.lower() in own)
    ]


def _dotted(table: exp.Table) -> str:
    return ".".join(part.name.lower() for part in table.parts if isinstance(part, exp.Identifier))


def _span(table: exp.Table) -> tuple[int, int]:
    parts = [part for part in table.parts if isinstance(part, exp.Identifier)]
    return int(parts[0].meta["start"]), int(parts[-1].meta["end"]) + 1


def _told(error: SqlglotError) -> str:
    return " ".join(str(error).split()).split(". Line")[0].removesuffix(".")
