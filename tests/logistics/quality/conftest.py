"""The checks' own tables and those under test on a local Snowflake, without tasks, roles or policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from local_server import local_server

from logistics.contracts import TableContract
from logistics.declarations import Declarations, load_declarations
from logistics.quality.checks import Quality
from logistics.quality.run import Result, Run, run_checks
from logistics.settings import load_stack

ROOT = Path(__file__).parents[3]
OWN = (
    "monitoring.quality_checks",
    "monitoring.quality_results",
    "monitoring.quality_alerts",
    "monitoring.quality_failing_rows",
    "monitoring.quality_failing_vehicle_rows",
)
CHECKED = (
    "marts.tbl_dim_customer",
    "marts.tbl_dim_vehicle",
    "marts.tbl_fact_shipments",
    "marts.snap_dim_customer",
    "staging.stg_customers",
    "staging.stg_vehicles",
    "staging.stg_shipments",
    "ml.model_metrics",
    "ml.drift_results",
)


@dataclass
class Account:
    """A session on an account with empty tables, and the platform's declarations."""

    cursor: Any
    declared: Declarations

    @property
    def quality(self) -> Quality:
        """All checks of the platform."""
        return self.declared.quality

    def put(self, table: str, *rows: dict[str, Any]) -> None:
        """Insert rows; values are SQL."""
        for row in rows:
            names, values = ", ".join(row), ", ".join(str(value) for value in row.values())
            self.cursor.execute(f"insert into logistics.{table} ({names}) select {values}")

    def ask(self, query: str) -> list[tuple]:
        """Run a statement."""
        return self.cursor.execute(query).fetchall()

    def check(self, *names: str) -> dict[str, Result]:
        """Run checks of the platform by their full names."""
        chosen = [check for check in self.quality.checks if check.name in names]
        assert len(chosen) == len(names)
        return {result.check.name: result for result in self.run(self.quality, chosen).results}

    def run(self, quality: Quality, checks: Sequence[Any] = ()) -> Run:
        """Run checks; all of `quality` if none is named. The registry holds those alone, which keeps it small."""
        chosen = tuple(checks or quality.checks)
        return run_checks(self.cursor, replace(quality, checks=chosen), chosen)


def create_table(cursor: Any, contract: TableContract) -> None:
    """Create a contract's table without its constraints, so that every fault can be planted."""
    columns = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
    cursor.execute(f"create table logistics.{contract.full_name} ({columns})")


@pytest.fixture(scope="session")
def declared() -> Declarations:
    """The platform's declarations in dev."""
    return load_declarations(ROOT, load_stack(ROOT, "dev"))


@pytest.fixture(scope="module")
def made(declared: Declarations) -> Iterator[Account]:
    """The account of a module."""
    with local_server() as server, server.connect(role="ACCOUNTADMIN") as connection:
        cursor = connection.cursor()
        for statement in ("create warehouse w", "create database logistics"):
            cursor.execute(statement)
        for schema in ("marts", "staging", "monitoring", "ml"):
            cursor.execute(f"create schema logistics.{schema}")
        for name in (*OWN, *CHECKED):
            create_table(cursor, declared.tables[name])
        view = declared.sql.views["monitoring.vw_quality_alert_changes"]
        cursor.execute(f"create view logistics.{view.name} as {view.body}")
        yield Account(cursor, declared)


@pytest.fixture
def account(made: Account) -> Account:
    """The account with empty tables."""
    for name in (*OWN, *CHECKED):
        made.cursor.execute(f"truncate table logistics.{name}")
    return made


@pytest.fixture
def contract() -> Callable[..., TableContract]:
    """Makes a contract of a table `marts.t`."""

    def make(*columns: dict[str, Any], **more: Any) -> TableContract:
        said = {"table": "t", "schema": "marts", "comment": "A table", "columns": list(columns), **more}
        return TableContract.model_validate(said)

    return make
