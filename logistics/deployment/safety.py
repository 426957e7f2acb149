"""What a deployment keeps before it takes something away: clones of tables, offsets of streams; and the names of columns.

They lie in a schema of the platform's own database that no role is granted, and expire. A zero-copy clone costs nothing
until the table changes, has copies of its policies, and outlives the retention of what is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from logistics.connection import shown
from logistics.deployment.columns import GONE, ColumnChange
from logistics.deployment.kept_policies import on_copies
from logistics.deployment.state import Checkpoint, Resource
from logistics.deployment.steps import Step
from logistics.sql import full_name, literal, quoted

SCHEMA = "DEPLOYMENTS"
"""The schema of what deployments keep; no role is granted anything in it."""
KEEP_DAYS = 14
"""Days after which a clone expires."""
STREAM_KINDS = frozenset({"StreamOnTable", "StreamOnView", "StreamOnDirectoryTable", "StreamOnExternalTable"})

_COLUMNS = "COLUMN_CHANGES"
_TABLES = (
    (
        "KEPT",
        "VERSION NUMBER(18,0), KIND VARCHAR(20), OBJECT VARCHAR(1000), CLONE VARCHAR(1000), OFFSET_AT TIMESTAMP_LTZ(9), "
        "TAKEN_AT TIMESTAMP_LTZ(9), EXPIRES_AT TIMESTAMP_LTZ(9)",
    ),
    (
        _COLUMNS,
        "ORDINAL NUMBER(18,0), VERSION NUMBER(18,0), OBJECT VARCHAR(1000), NAME_BEFORE VARCHAR(255), NAME_AFTER VARCHAR(255), "
        "CHANGED_AT TIMESTAMP_LTZ(9)",
    ),
    (
        "RUNS",
        "RUN_ID VARCHAR(40), KIND VARCHAR(20), ENVIRONMENT VARCHAR(20), VERSION_BEFORE NUMBER(18,0), "
        "VERSION_AFTER NUMBER(18,0), RESULT VARCHAR(20), STARTED_AT TIMESTAMP_LTZ(9), ENDED_AT TIMESTAMP_LTZ(9), "
        "USER_NAME VARCHAR(255), GIT_REVISION VARCHAR(64), DETAILS VARIANT",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One thing that was kept of a version.

    Attributes:
        version: the number of the version that had it.
        kind: `table`, `stream`, `masking policy` or `row access policy`.
        object: its full name in double quotes.
        clone: the full name of its clone or copy; empty for a stream.
        offset_at: the stream's offset; None for anything else.
        taken_at: when it was kept.
        expires_at: when it is thrown away.
    """

    version: int
    kind: str
    object: str
    clone: str
    offset_at: datetime | None
    taken_at: datetime
    expires_at: datetime


def object_name(resource: Resource) -> str:
    """Returns the full name of a resource's object, quoted, from its recorded inputs and outputs."""
    values = {**resource.inputs, **{key: value for key, value in resource.outputs.items() if value is not None}}
    parts = [values.get(key) for key in ("database", "schema", "name")]
    return full_name(*[str(part).strip('"') for part in parts if part])


class Safety:
    """Keeps and finds what a stack's deployments keep."""

    def __init__(self, cursor: Any, database: str) -> None:
        self._cursor = cursor
        self._schema = full_name(database, SCHEMA)
        self._database = database

    def prepare(self) -> bool:
        """Makes the schema and its tables if need be; returns whether the database is there at all."""
        if not self._run(f"SHOW DATABASES LIKE {literal(self._database)}"):
            return False
        comment = literal("What deployments keep to go back; made and cleared by `logistics deploy`")
        self._run(f"CREATE SCHEMA IF NOT EXISTS {self._schema} WITH MANAGED ACCESS COMMENT = {comment}")
        for name, columns in _TABLES:
            self._run(f"CREATE TABLE IF NOT EXISTS {self._schema}.{name} ({columns})")
        return True

    def keep(self, version: int, before: Checkpoint, steps: Iterable[Step], replaced: Iterable[str] = ()) -> list[str]:
        """Keeps what the steps will take away; returns a line for each thing.

        Args:
            version: the version that is there now.
            before: its checkpoint.
            steps: what will be done.
            replaced: full names of further tables that others are put in the place of.
        """
        steps = list(steps)
        tables = [step for step in steps if step.kind == "Table" and (step.deletes or step.dropped_columns)]
        names = {step.urn: object_name(before.by_urn[step.urn]) for step in tables if step.urn in before.by_urn}
        lines = [self._keep_table(version, name) for name in dict.fromkeys((*names.values(), *replaced))]
        for step in tables:
            for column in step.dropped_columns if step.urn in names else ():
                self._run(self.column_note(version, names[step.urn], column, GONE))
        going = {step.urn for step in steps if step.deletes}
        streams = (
            stream
            for stream in before.of_kind(*STREAM_KINDS)
            if stream.urn in going or str(stream.inputs.get("table", "")) in names.values()
        )
        return lines + [self._keep_offset(version, object_name(stream)) for stream in streams]

    def _keep_table(self, version: int, name: str) -> str:
        plain = name.replace('"', "").split(".", 1)[1].replace(".", "__")
        clone = f"{self._schema}.{quoted(f'{plain}__V{version}')}"
        self._run(f"CREATE OR REPLACE TABLE {clone} CLONE {name}")
        self._note(version, "table", name, clone, "NULL")
        for use, copy, statement in on_copies(self._cursor, self._database, self._schema, clone, f"V{version}"):
            self._note(version, use.kind.lower(), use.policy, copy, "NULL")
            self._run(statement)
            self._run(use.exchange(clone, copy))
        return f"{name} kept as {clone} for {KEEP_DAYS} days"

    def _keep_offset(self, version: int, name: str) -> str:
        offset = f"TO_TIMESTAMP_LTZ(SYSTEM$STREAM_GET_TABLE_TIMESTAMP({literal(name)})::NUMBER, 9)"
        self._note(version, "stream", name, "", offset)
        return f"offset of stream {name} kept"

    def _note(self, version: int, kind: str, name: str, clone: str, offset: str) -> None:
        self._run(
            f"INSERT INTO {self._schema}.KEPT SELECT {version}, {literal(kind)}, {literal(name)}, {literal(clone)}, {offset}, "
            f"CURRENT_TIMESTAMP(), DATEADD(day, {KEEP_DAYS}, CURRENT_TIMESTAMP())"
        )

    def kept(self) -> list[Kept]:
        """Returns what is kept and has not expired, newest first."""
        if not self._stands("KEPT"):
            return []
        rows = self._run(
            f"SELECT VERSION, KIND, OBJECT, CLONE, OFFSET_AT, TAKEN_AT, EXPIRES_AT FROM {self._schema}.KEPT "
            "WHERE EXPIRES_AT > CURRENT_TIMESTAMP() ORDER BY TAKEN_AT DESC, VERSION DESC"
        )
        names = ("version", "kind", "object", "clone", "offset_at", "taken_at", "expires_at")
        return [Kept(**dict(zip(names, row, strict=True))) for row in rows]

    def column_note(self, version: int, table: str, before: str, after: str) -> str:
        """Returns the statement that records a column's other name; it does not expire, since nothing is kept for it."""
        return (
            f"INSERT INTO {self._schema}.{_COLUMNS} SELECT COUNT(*) + 1, {version}, {literal(table)}, {literal(before)}, "
            f"{literal(after)}, CURRENT_TIMESTAMP() FROM {self._schema}.{_COLUMNS}"
        )

    def column_changes(self) -> list[ColumnChange]:
        """Returns the columns that were renamed or dropped, in the order in which they were."""
        if not self._stands(_COLUMNS):
            return []
        rows = self._run(
            f"SELECT VERSION, OBJECT, NAME_BEFORE, NAME_AFTER, CHANGED_AT FROM {self._schema}.{_COLUMNS} ORDER BY ORDINAL"
        )
        names = ("version", "object", "before", "after", "at")
        return [ColumnChange(**dict(zip(names, row, strict=True))) for row in rows]

    def _stands(self, table: str) -> bool:
        """Returns whether a table of the schema is there; the whole database may not be."""
        found = shown(self._cursor, f"SHOW TABLES LIKE {literal(table)} IN ACCOUNT")
        return any((row["database_name"], row["schema_name"]) == (self._database, SCHEMA) for row in found)

    def clear_expired(self) -> int:
        """Drops the clones whose time is up, and the policies that only they had; returns how many clones."""
        rows = self._run(
            f"SELECT CLONE, KIND FROM {self._schema}.KEPT WHERE CLONE <> '' GROUP BY CLONE, KIND "
            "HAVING MAX(EXPIRES_AT) <= CURRENT_TIMESTAMP()"
        )
        clones = [clone for clone, kind in rows if kind == "table"]
        for clone in clones:
            self._run(f"DROP TABLE IF EXISTS {clone}")
        for clone, kind in rows:
            if kind != "table":
                self._run(f"DROP {kind.upper()} IF EXISTS {clone}")
        self._run(f"DELETE FROM {self._schema}.KEPT WHERE EXPIRES_AT <= CURRENT_TIMESTAMP()")
        return len(clones)

    def _run(self, text: str) -> Sequence[Any]:
        self._cursor.execute(text)
        return self._cursor.fetchall()
