"""Columns of tables and views, read from their bodies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.types import DataType, parse_type


@dataclass(frozen=True)
class TableColumn:
    """A column: `id` is its identity for life; `default` and `expression` (of a virtual column) are SQL texts.

    `masking_policy` is `{"policy": oid, "columns": [ids, the masked one first]}`; `identity` is `{start, increment, order}`.
    """

    id: int
    name: str
    type: DataType
    nullable: bool = True
    default: str | None = None
    identity: dict[str, Any] | None = None
    comment: str = ""
    collation: str | None = None
    masking_policy: dict[str, Any] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    expression: str | None = None

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> TableColumn:
        """The column that an object's body holds."""
        return cls(**{**body, "type": replace(parse_type(body["type"]), collation=body.get("collation"))})

    def to_json(self) -> dict[str, Any]:
        """The column as an object's body holds it."""
        return {**self.__dict__, "type": str(self.type)}


def columns(table: CatalogObject) -> list[TableColumn]:
    """The columns of a table or view, in order."""
    return [TableColumn.from_json(body) for body in table.body.get("columns", [])]


def column_body(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The entry of a column in a table's body, to read or (in a copy) to change.

    Raises:
        SqlCompilationError: there is no such column (000904).
    """
    for column in body.get("columns", []):
        if column["name"] == name:
            return column
    raise SqlCompilationError(f"invalid identifier '{name}'", 904, "42000")


def column_names(body: dict[str, Any], ids: list[int]) -> list[str]:
    """The names of columns by their ids, in the order of the ids; ids that are gone are left out."""
    names = {column["id"]: column["name"] for column in body.get("columns", [])}
    return [names[column_id] for column_id in ids if column_id in names]
