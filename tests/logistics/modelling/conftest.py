"""The models' tables and streams on a local Snowflake, without tasks: each refresh is run by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_server import local_server

from logistics.declarations import load_declarations
from logistics.modelling import Models
from logistics.settings import load_stack

ROOT = Path(__file__).parents[3]


@dataclass
class Rows:
    """The models, and a session on their empty tables."""

    models: Models
    cursor: Any
    tasks: dict[str, str]

    def put(self, table: str, *rows: Sequence[Any], columns: Sequence[str] = ()) -> None:
        """Insert rows."""
        names = f" ({', '.join(columns)})" if columns else ""
        places = ", ".join(["%s"] * len(rows[0]))
        self.cursor.executemany(f"insert into {table}{names} values ({places})", rows)

    def ask(self, query: str) -> list[tuple]:
        """Run a statement."""
        return self.cursor.execute(query).fetchall()

    def view(self, name: str, columns: str = "*", order: str = "1, 2") -> list[tuple]:
        """The rows of a view's query."""
        return self.ask(f"select {columns} from ({self.models.models[name].query}\n) as rows_given order by {order}")

    def run(self, task: str) -> None:
        """Run a task's statement."""
        self.cursor.execute(self.tasks[task])


@pytest.fixture(scope="module")
def account() -> Iterator[Rows]:
    """An account with every table and stream of the models."""
    declared = load_declarations(ROOT, load_stack(ROOT, "dev"))
    with local_server() as server, server.connect(role="ACCOUNTADMIN") as connection:
        cursor = connection.cursor()
        for statement in ("create warehouse w", "create database logistics"):
            cursor.execute(statement)
        for schema in declared.access.schemas:
            cursor.execute(f"create schema logistics.{schema}")
        for table, contract in declared.models.tables.items():
            columns = ", ".join(f"{c.name} {c.type}" for c in contract.columns)
            tracking = str(contract.change_tracking).lower()
            cursor.execute(f"create table {table} ({columns}) change_tracking = {tracking}")
        for table in declared.models.dynamic_tables:
            query = declared.models.models[table].query
            cursor.execute(f"create dynamic table {table} target_lag = downstream warehouse = w as {query}")
        for stream in declared.sql.streams.values():
            initial = str(stream.show_initial_rows).lower()
            cursor.execute(f"create stream {stream.name} on table {stream.table} show_initial_rows = {initial}")
        tasks = {name: task.body for name, task in declared.models.tasks.items()}
        yield Rows(models=declared.models, cursor=cursor, tasks=tasks)


@pytest.fixture
def rows(account: Rows) -> Rows:
    """The account with empty tables and streams that hold nothing."""
    for table in account.models.tables:
        account.cursor.execute(f"delete from {table}")
    for statement in account.models.refreshes.values():
        if "load_stage" not in statement:
            account.cursor.execute(statement)
    for table in account.models.tables:
        account.cursor.execute(f"delete from {table}")
    for name in account.tasks:
        account.run(name)
    return account


@pytest.fixture
def waiting(rows: Rows) -> Callable[[str], int]:
    """Counts what waits in a stream."""
    return lambda stream: rows.ask(f"select count(*) from {stream}")[0][0]
