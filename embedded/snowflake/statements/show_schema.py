"""SHOW OBJECTS, COLUMNS and the keys of tables: rows over several kinds, or several a table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.kinds import kind_of
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.policies import CARRIERS, default_text
from embedded.snowflake.catalog.show import ShowClauses, answer, candidates, columns, containers, number, read_clauses
from embedded.snowflake.catalog.tables import TableColumn, column_names
from embedded.snowflake.catalog.tables import columns as table_columns
from embedded.snowflake.result import TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.types import DataType

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_OBJECTS = columns(
    "created_on name database_name schema_name kind comment cluster_by rows bytes owner retention_time owner_role_type",
    kind=lambda session, item: (
        _of_kind(session, item, "kind") if item.kind == "TABLE" else item.kind.replace("DYNAMIC ", "")
    ),
    cluster_by=lambda session, item: _of_kind(session, item, "cluster_by"),
    rows=number(lambda session, item: _of_kind(session, item, "rows") or 0),
    bytes=number(lambda session, item: _of_kind(session, item, "bytes") or 0),
    retention_time=lambda session, item: _of_kind(session, item, "retention_time") or "",
)


def _of_kind(session: Session, item: CatalogObject, name: str) -> Any:
    column = next((column for column in kind_of(item.kind).show if column.name == name), None)
    return column.value(session, item) if column is not None else ""


@handles("SHOW", "TERSE", "OBJECTS")
@handles("SHOW", "OBJECTS")
def show_objects(session: Session, statement: Statement) -> Result:
    """List tables and views together."""
    tokens = statement.tokens
    tokens.expect("SHOW")
    terse = tokens.accept("TERSE")
    tokens.expect("OBJECTS")
    clauses = read_clauses(session, tokens, kind_of("TABLE"), terse=terse)
    tokens.end()
    return answer(session, _OBJECTS, _relations(session, clauses), clauses)


def _relations(session: Session, clauses: ShowClauses) -> list[CatalogObject]:
    found = [item for name in CARRIERS for item in candidates(session, name, clauses)]
    return sorted(found, key=lambda item: (*containers(session, item), item.name))


_COLUMN_NAMES = (
    "table_name",
    "schema_name",
    "column_name",
    "data_type",
    "null?",
    "default",
    "kind",
    "expression",
    "comment",
    "database_name",
    "autoincrement",
    "schema_evolution_record",
)


@handles("SHOW", "COLUMNS")
def show_columns(session: Session, statement: Statement) -> Result:
    """List the columns of tables and views; LIKE narrows the columns' names."""
    tokens = statement.tokens
    tokens.expect("SHOW", "COLUMNS")
    clauses = read_clauses(session, tokens, kind_of("TABLE"))
    tokens.end()
    catalog, scope = session.account.catalog, clauses.scope
    if scope is not None and catalog.get(scope).kind in CARRIERS:
        found = [catalog.get(scope)]
    else:
        found = _relations(session, ShowClauses(scope=scope))
    rows = [
        _column_row(session, item, column)
        for item in found
        for column in table_columns(item)
        if clauses.narrows(column.name)
    ]
    return listing(_COLUMN_NAMES, rows[: clauses.limit] if clauses.limit is not None else rows)


def _column_row(session: Session, item: CatalogObject, column: TableColumn) -> tuple[Any, ...]:
    database, schema = containers(session, item)
    return (
        item.name,
        schema,
        column.name,
        type_json(column.type, column.nullable),
        "true" if column.nullable else "NOT_NULL",
        "" if column.identity else (column.default or ""),
        "VIRTUAL_COLUMN" if column.expression else "COLUMN",
        column.expression or "",
        column.comment,
        database,
        (default_text(column) or "") if column.identity else "",
        None,
    )


_JSON_TYPES = {"NUMBER": "FIXED", "FLOAT": "REAL", "VARCHAR": "TEXT"}


def type_json(kind: DataType, nullable: bool) -> str:
    """A type as SHOW COLUMNS prints it: JSON."""
    record: dict[str, Any] = {"type": _JSON_TYPES.get(kind.kind, kind.kind)}
    if kind.kind == "VARCHAR":
        record |= {
            "length": kind.length,
            "byteLength": min((kind.length or 0) * 4, 16_777_216),
            "nullable": nullable,
            "fixed": False,
        }
    elif kind.kind == "BINARY":
        record |= {"length": kind.length, "byteLength": kind.length, "nullable": nullable, "fixed": True}
    elif kind.precision is not None:
        record |= {
            "precision": kind.precision if kind.kind == "NUMBER" else 0,
            "scale": kind.scale if kind.kind == "NUMBER" else kind.precision,
        }
        record["nullable"] = nullable
    else:
        record["nullable"] = nullable
    return orjson.dumps(record).decode()


# -- keys

_KEY_COLUMNS = (
    ("created_on", TIMESTAMP_LTZ),
    "database_name",
    "schema_name",
    "table_name",
    "column_name",
    ("key_sequence", DataType("NUMBER", 38, 0)),
    "constraint_name",
    "rely",
    "comment",
)
_IMPORTED_COLUMNS = (
    ("created_on", TIMESTAMP_LTZ),
    "pk_database_name",
    "pk_schema_name",
    "pk_table_name",
    "pk_column_name",
    "fk_database_name",
    "fk_schema_name",
    "fk_table_name",
    "fk_column_name",
    ("key_sequence", DataType("NUMBER", 38, 0)),
    "update_rule",
    "delete_rule",
    "fk_name",
    "pk_name",
    "deferrability",
    "rely",
    "comment",
)


def _keyed(session: Session, statement: Statement, *words: str) -> list[tuple[CatalogObject, dict[str, Any]]]:
    tokens = statement.tokens
    tokens.expect("SHOW", *words)
    clauses = read_clauses(session, tokens, kind_of("TABLE"))
    tokens.end()
    catalog, scope = session.account.catalog, clauses.scope
    if scope is not None and catalog.get(scope).kind in CARRIERS:
        tables = [catalog.get(scope)]
    else:
        tables = candidates(session, "TABLE", clauses)
    return [(table, constraint) for table in tables for constraint in table.body.get("constraints", [])]


def _keys(*words: str) -> Callable[[Session, Statement], Result]:
    def show(session: Session, statement: Statement) -> Result:
        kind, rows = {"PRIMARY": "PRIMARY KEY", "UNIQUE": "UNIQUE"}[words[0]], []
        for table, constraint in _keyed(session, statement, *words):
            if constraint["type"] == kind:
                rows += _key_rows(session, table, constraint)
        return listing(_KEY_COLUMNS, rows)

    return show


def _key_rows(session: Session, table: CatalogObject, constraint: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = column_names(table.body, constraint["columns"])
    return [
        (
            datetime.fromisoformat(constraint["created_on"]),
            *containers(session, table),
            table.name,
            name,
            position,
            constraint["name"],
            str(constraint["properties"].get("rely") == "Y").lower(),
            constraint["comment"] or None,
        )
        for position, name in enumerate(names, 1)
    ]


handles("SHOW", "PRIMARY", "KEYS")(_keys("PRIMARY", "KEYS"))
handles("SHOW", "UNIQUE", "KEYS")(_keys("UNIQUE", "KEYS"))


@handles("SHOW", "IMPORTED", "KEYS")
def show_imported_keys(session: Session, statement: Statement) -> Result:
    """List foreign keys with the keys that they refer to."""
    rows = []
    for table, constraint in _keyed(session, statement, "IMPORTED", "KEYS"):
        if constraint["references"]:
            rows += _foreign_rows(session, table, constraint)
    return listing(_IMPORTED_COLUMNS, rows)


def _foreign_rows(session: Session, table: CatalogObject, constraint: dict[str, Any]) -> list[tuple[Any, ...]]:
    other = session.account.catalog.get(constraint["references"]["table"])
    theirs = column_names(other.body, constraint["references"]["columns"])
    own = column_names(table.body, constraint["columns"])
    key = next((item["name"] for item in other.body.get("constraints", []) if item["type"] == "PRIMARY KEY"), None)
    flags = constraint["properties"]
    return [
        (
            datetime.fromisoformat(constraint["created_on"]),
            *containers(session, other),
            other.name,
            their,
            *containers(session, table),
            table.name,
            name,
            position,
            flags.get("on_update", "NO ACTION"),
            flags.get("on_delete", "NO ACTION"),
            constraint["name"],
            key,
            "INITIALLY DEFERRED" if flags.get("initially") == "DEFERRED" else "NOT DEFERRABLE",
            str(flags.get("rely") == "Y").lower(),
            constraint["comment"] or None,
        )
        for position, (their, name) in enumerate(zip(theirs, own, strict=True), 1)
    ]
