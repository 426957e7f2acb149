"""The account's history: its views, a window of time, and the statements that ask it; sums are made in Snowflake, not here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from logistics.connection import shown
from logistics.errors import UsageError
from logistics.sql import full_name, literal

ACCOUNT_USAGE = "SNOWFLAKE.ACCOUNT_USAGE"
OWN_TAG = "LOGISTICS_OPTIMIZE"
"""The tag of the optimizer's own statements, which it leaves out."""

_ABSENT = 2003
"""Snowflake's error for an object that does not exist or may not be read."""

WORK_TYPES = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "CREATE_TABLE_AS_SELECT",
    "COPY",
    "UNLOAD",
    "MULTI_TABLE_INSERT",
)
"""The QUERY_TYPEs that are judged one by one; the others, such as CALL, contain or prepare these."""


@dataclass(frozen=True)
class History:
    """The history of a stack: what its warehouses did in a window of time.

    Attributes:
        cursor: of a session in UTC.
        schema: DATABASE.SCHEMA of the views.
        since, until: the window.
        warehouses: the stack's warehouses; statements of others are left out.
        database: the stack's database.
    """

    cursor: Any
    schema: str
    since: datetime
    until: datetime
    warehouses: tuple[str, ...]
    database: str

    def view(self, name: str) -> str:
        """Returns the full name of a view of the history."""
        return f"{self.schema}.{name}"

    def rows(self, text: str) -> list[dict[str, Any]]:
        """Runs a statement; returns its rows by lower-case column name."""
        return shown(self.cursor, text)

    def has(self, name: str) -> bool:
        """Returns whether a view is there and may be read; ACCESS_HISTORY, for example, needs Enterprise edition."""
        from snowflake.connector.errors import ProgrammingError

        try:
            self.cursor.execute(f"SELECT 1 FROM {self.view(name)} LIMIT 0")
        except ProgrammingError as error:
            if error.errno != _ABSENT:
                raise
            return False
        return True

    def within(self, column: str = "START_TIME", days: int | None = None) -> str:
        """Returns the condition that a time lies in the window, or in the last so many days."""
        since = self.since if days is None else self.until - timedelta(days=days)
        return f"{column} >= {_time(since)} AND {column} < {_time(self.until)}"

    @property
    def of_stack(self) -> str:
        """The condition that a row is of one of the stack's warehouses."""
        return f"WAREHOUSE_NAME IN ({', '.join(literal(name) for name in self.warehouses)})"

    @property
    def statements(self) -> str:
        """The condition on QUERY_HISTORY for the stack's statements; the optimizer's own are none."""
        return f"{self.within()} AND {self.of_stack} AND COALESCE(QUERY_TAG, '') <> {literal(OWN_TAG)}"

    @property
    def work(self) -> str:
        """The condition for the stack's statements that read or change rows."""
        return f"{self.statements} AND QUERY_TYPE IN ({', '.join(literal(kind) for kind in WORK_TYPES)})"

    @cached_property
    def extent(self) -> tuple[int, float]:
        """The number of statements, and the days from the first one in the window to its end."""
        row = self.rows(
            f"SELECT COUNT(*) AS N, MIN(START_TIME) AS BEGAN FROM {self.view('QUERY_HISTORY')} WHERE {self.statements}"
        )[0]
        if not row["n"]:
            return 0, 0.0
        return int(row["n"]), max(0.0, (self.until - row["began"]).total_seconds() / 86400)


def open_history(cursor: Any, schema: str | None, days: int, warehouses: Sequence[str], database: str) -> History:
    """Returns the history of the last `days`, and sets the session to UTC and to the optimizer's tag.

    Args:
        cursor: of a role that may read it.
        schema: DATABASE.SCHEMA with views or tables of the same names and columns; None for ACCOUNT_USAGE.
        days: how far back.
        warehouses: the stack's warehouses.
        database: the stack's database.

    Raises:
        UsageError: `schema` is no DATABASE.SCHEMA, or has no QUERY_HISTORY that may be read.
    """
    cursor.execute(f"ALTER SESSION SET TIMEZONE = 'UTC', QUERY_TAG = {literal(OWN_TAG)}")
    until = cursor.execute("SELECT CURRENT_TIMESTAMP()").fetchone()[0]
    history = History(cursor, _schema(schema), until - timedelta(days=days), until, tuple(warehouses), database)
    if not history.has("QUERY_HISTORY"):
        raise UsageError(
            f"{history.view('QUERY_HISTORY')} does not exist or may not be read by this role: grant "
            "IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE, or name another schema with --history"
        )
    return history


def _schema(named: str | None) -> str:
    if named is None:
        return ACCOUNT_USAGE
    part = r'("(?:[^"]|"")+"|[A-Za-z_][A-Za-z0-9_$]*)'
    found = re.fullmatch(rf"{part}\.{part}", named.strip())
    if not found:
        raise UsageError(f"--history {named}: expected DATABASE.SCHEMA")
    return full_name(*(_plain(part) for part in found.groups()))


def _plain(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part.upper()


def _time(value: datetime) -> str:
    return f"{literal(value.isoformat())}::TIMESTAMP_LTZ"
