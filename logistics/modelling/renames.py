"""Renames columns in place: the Table resource itself would drop the old one and add another, empty one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.connection import connect
from logistics.contracts import TableContract
from logistics.declarations import load_declarations
from logistics.deployment.history import list_versions
from logistics.deployment.safety import Safety
from logistics.errors import LogisticsError, UsageError
from logistics.pulumi_command import PulumiCommand
from logistics.settings import StackSettings
from logistics.sql import full_name, literal, quoted
from logistics.yaml_files import load_yaml, plain


@dataclass(frozen=True, kw_only=True)
class Rename:
    """A column that has its old name still.

    Attributes:
        table: its table as `schema.table`.
        object: the table's full name in double quotes.
        statement: what renames it, with its rows, masks and streams left as they are.
    """

    table: str
    old: str
    new: str
    object: str
    statement: str


def pending_renames(cursor: Any, tables: Mapping[str, TableContract], database: str) -> list[Rename]:
    """Returns the columns that stand deployed under the name that their contract calls `renamed_from`.

    Args:
        cursor: as the deploying role.
        tables: the contracts by `schema.table`.
        database: the platform's database.

    Raises:
        UsageError: a table has both the old and the new column: one of them has to go first.
    """
    found: list[Rename] = []
    cursor.execute(f"SHOW DATABASES LIKE {literal(database)}")
    if not cursor.fetchall():
        return found
    for name, contract in tables.items():
        wanted = {column.renamed_from: column.name for column in contract.columns if column.renamed_from}
        deployed = _columns(cursor, database, name) if wanted else set()
        for old, new in wanted.items():
            if {old, new} <= deployed:
                raise UsageError(f"{name} has both {old} and {new}: {old} cannot be renamed; drop one of them first")
            if old in deployed:
                table = full_name(database, *name.upper().split("."))
                statement = f"ALTER TABLE {table} RENAME COLUMN {quoted(old.upper())} TO {quoted(new.upper())}"
                found.append(Rename(table=name, old=str(old), new=new, object=table, statement=statement))
    return found


def rename_columns(
    root: Path, settings: StackSettings, pulumi: PulumiCommand, variables: Mapping[str, str]
) -> list[Rename]:
    """Renames what is to be renamed and tells the stack's state of it; returns it.

    Args:
        root: the project's folder.
        settings: the stack's settings.
        pulumi: the stack's `pulumi`.
        variables: how the account is reached.

    Raises:
        LogisticsError: the account refuses a rename, or the state cannot be refreshed.
    """
    tables = load_declarations(root, settings).tables
    if not any(column.renamed_from for contract in tables.values() for column in contract.columns):
        return []
    with connect(settings, variables) as connection:
        cursor = connection.cursor()
        renames = pending_renames(cursor, tables, settings.platform.database)
        _record(cursor, root, settings, variables, renames, pulumi)
        for rename in renames:
            cursor.execute(rename.statement)
    if renames:
        names = sorted({rename.table for rename in renames})
        targets = [f"--target={table_urn(settings.stack, table)}" for table in names]
        if pulumi.run("refresh", "--yes", "--skip-preview", "--non-interactive", *targets):
            raise LogisticsError(
                "the columns are renamed, but not in the stack's state: run `pulumi refresh`, then `pulumi up`"
            )
    return renames


def _record(
    cursor: Any,
    root: Path,
    settings: StackSettings,
    variables: Mapping[str, str],
    renames: Sequence[Rename],
    pulumi: PulumiCommand,
) -> None:
    """Notes renames in the account before they are made, so that a rollback renames back instead of adding an empty column."""
    if not renames:
        return
    try:
        versions = list_versions(
            variables.get("PULUMI_BACKEND_URL", ""), _project_name(root), settings.stack, pulumi.answer
        )
    except UsageError:
        return  # a backend whose history cannot be read has no rollback either
    record_renames(cursor, settings.platform.database, versions[-1].number if versions else 0, renames)


def record_renames(cursor: Any, database: str, version: int, renames: Sequence[Rename]) -> None:
    """Notes renames in the account, where there is a version to go back to.

    Args:
        cursor: as the deploying role.
        database: the platform's database.
        version: the number of the version that is there; 0 for none.
        renames: what is about to be renamed.
    """
    safety = Safety(cursor, database)
    if version and renames and safety.prepare():
        for rename in renames:
            cursor.execute(safety.column_note(version, rename.object, rename.old.upper(), rename.new.upper()))


def _project_name(root: Path) -> str:
    return str(plain(load_yaml(root / "Pulumi.yaml", root=root))["name"])


def _columns(cursor: Any, database: str, name: str) -> set[str]:
    """Returns a table's columns in lower case; none if it is not there yet."""
    schema, table = name.upper().split(".")
    cursor.execute(
        f"SELECT COLUMN_NAME FROM {full_name(database)}.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
        (schema, table),
    )
    return {row[0].lower() for row in cursor.fetchall()}


def table_urn(stack: str, table: str) -> str:
    """Returns the URN of a table's resource, for `pulumi refresh --target`."""
    kind = "logistics:storage:Tables$snowflake:index/table:Table"
    return f"urn:pulumi:{stack}::logistics::{kind}::{table.split('.')[1]}"
