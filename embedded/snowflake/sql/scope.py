"""What names mean where: the sources of a FROM clause, their columns, select aliases, and the query around."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError, invalid_identifier
from embedded.snowflake.names import canonical, quote_if_needed
from embedded.snowflake.sql.parse import MARK
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.types import DataType


@dataclass(frozen=True)
class OutputColumn:
    """A column of a query: its canonical name, type, and the DuckDB name that it has in the query's text."""

    name: str
    type: DataType
    duckdb_name: str
    nullable: bool = True
    exact: bool = True


@dataclass
class Relation:
    """A bound query or table: DuckDB text that can stand in parentheses in a FROM, and its columns.

    `members` is the DuckDB list of structs that the rows are, for a table function that takes a list apart, and `beside` the
    columns that are no part of them, with their text; `oid` the object of the catalog that it is.
    """

    sql: str
    columns: list[OutputColumn]
    members: str | None = None
    oid: int | None = None
    beside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceColumn:
    """A column that a name may mean; a hidden one is not part of `*`."""

    name: str
    value: Typed
    hidden: bool = False


@dataclass
class Source:
    """One item of a FROM clause: its alias, its columns, the full name it may also be called by, its alias in DuckDB's text."""

    name: str
    columns: list[SourceColumn]
    path: tuple[str, ...] = ()
    alias: str = ""

    def find(self, name: str) -> Typed | None:
        """The column of that name; the first if there are more."""
        return next((column.value for column in self.columns if column.name == name), None)

    def has_twice(self, name: str) -> bool:
        """Whether a subquery gave two columns the name."""
        return sum(column.name == name and not column.hidden for column in self.columns) > 1

    def answers_to(self, qualifier: tuple[str, ...]) -> bool:
        """Whether `a.b.c` before a column means this source."""
        if len(qualifier) == 1:
            return self.name == qualifier[0]
        return bool(self.path) and self.path[-len(qualifier) :] == qualifier


@dataclass
class Scope:
    """The names of one SELECT.

    Attributes:
        sources: items of its FROM, left to right.
        parent: the query around it, for correlated subqueries.
        merged: the columns that USING and NATURAL joins made one of.
        aliases: select aliases (a source's column goes before them), unbound.
        bound_aliases: aliases that are already bound, which go before everything (ORDER BY).
    """

    sources: list[Source] = field(default_factory=list)
    parent: Scope | None = None
    merged: dict[str, Typed] = field(default_factory=dict)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    bound_aliases: dict[str, Typed] = field(default_factory=dict)
    resolving: set[str] = field(default_factory=set)

    def column(self, name: str, qualifier: tuple[str, ...]) -> Typed | None:
        """The source's column that a name means in this scope alone.

        Raises:
            SqlCompilationError: more than one column of the sources has it (002028).
        """
        if not qualifier:
            if name in self.merged:
                return self.merged[name]
            found = [value for source in self.sources if (value := source.find(name)) is not None]
            if len(found) > 1 or any(source.has_twice(name) for source in self.sources):
                raise SqlCompilationError(f"ambiguous column name '{quote_if_needed(name)}'", 2028, "42601")
            return found[0] if found else None
        for source in self.sources:
            if source.answers_to(qualifier):
                return source.find(name)
        return None

    def source(self, qualifier: tuple[str, ...]) -> Source | None:
        """The source that a qualifier means, here or in a query around."""
        for source in self.sources:
            if source.answers_to(qualifier):
                return source
        return self.parent.source(qualifier) if self.parent is not None else None


def name_of(identifier: exp.Expr | str | None) -> str:
    """The canonical name of an identifier node."""
    if identifier is None:
        return ""
    if isinstance(identifier, str):
        return canonical(identifier.replace(MARK, ""), quoted=False)
    return canonical(identifier.name.replace(MARK, ""), bool(identifier.args.get("quoted")))


def place_of(node: exp.Expr) -> tuple[int, int]:
    """The line (from 1) and position (from 0) at which a column or call begins; line 0 and position -1 if it is not in the text."""
    first = node.parts[0] if isinstance(node, exp.Column) else node
    line, column = first.meta.get("line"), first.meta.get("col")
    if line is None or column is None:
        return 0, -1
    return int(line), max(int(column) - (int(first.meta["end"]) - int(first.meta["start"]) + 1), 0)


def unknown_column(node: exp.Expr, written: str) -> SqlCompilationError:
    """The error for a name that nothing has, with the place where it stands."""
    return invalid_identifier(written, *place_of(node))


def unique(name: str, taken: set[str]) -> str:
    """A DuckDB name that is not taken yet, and take it; two columns of one name are fine in Snowflake."""
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}~~{count}"
    taken.add(candidate)
    return candidate


def renamed(columns: list[OutputColumn], names: list[str]) -> list[OutputColumn]:
    """Columns under the names of an alias's column list; none leaves them as they are.

    Raises:
        SqlCompilationError: the list has more or fewer names than there are columns (002020).
    """
    if not names:
        return columns
    if len(names) != len(columns):
        raise SqlCompilationError(
            f"Invalid number of column aliases: {len(names)} given, {len(columns)} columns.", 2020, "21S01"
        )
    return [replace(column, name=name) for column, name in zip(columns, names, strict=True)]
