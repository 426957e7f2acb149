"""A quality run of 500 checks: the statements grow with the tables, not with the checks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from local_server import PROJECT, local_server
from rich.table import Table

from logistics.contracts import TableContract
from logistics.declarations import Declarations, load_declarations
from logistics.quality.checks import Quality
from logistics.quality.declared import _OfContract
from logistics.quality.run import run_checks
from logistics.settings import load_stack

CHECKS = 500
TABLES = (1, 10, 50)
ROWS = 200_000
"""In all tables together."""
_OWN = ("quality_checks", "quality_results", "quality_alerts", "quality_failing_rows", "quality_failing_vehicle_rows")


def bench_quality(table: Table) -> None:
    """500 quality checks over 200,000 rows, against one query a check."""
    declared = load_declarations(PROJECT, load_stack(PROJECT, "dev"))
    with local_server() as server, server.connect(role="ACCOUNTADMIN") as connection:
        cursor = connection.cursor()
        _prepare(cursor, declared)
        for tables in TABLES:
            quality = _quality(cursor, tables)
            run = run_checks(cursor, quality, quality.checks)
            began = time.perf_counter()
            for check in quality.checks:
                cursor.execute(
                    f"select {', '.join(check.aggregates) or 'count(*)'} from logistics.{check.table}"
                ).fetchall()
            single = time.perf_counter() - began
            table.add_row(
                f"{len(quality.checks)} checks of {tables} tables, results and alerts kept",
                f"{run.seconds:.1f} s, {run.statements} statements",
                f"one query a check, nothing kept: {single:.1f} s, {len(quality.checks)} statements",
            )


def _prepare(cursor: Any, declared: Declarations) -> None:
    for text in (
        "create warehouse w",
        "alter session set use_cached_result = false",
        "create database logistics",
        "create schema logistics.marts",
        "create schema logistics.monitoring",
    ):
        cursor.execute(text)
    for name in _OWN:
        contract = declared.tables[f"monitoring.{name}"]
        columns = ", ".join(f"{column.name} {column.type}" for column in contract.columns)
        cursor.execute(f"create table logistics.{contract.full_name} ({columns})")
    view = declared.sql.views["monitoring.vw_quality_alert_changes"]
    cursor.execute(f"create view logistics.{view.name} as {view.body}")


def _quality(cursor: Any, tables: int) -> Quality:
    """Returns the checks of as many tables as asked for, filled: a tenth fails on each thousandth row, one is of the volume."""
    contracts = {}
    for number in range(tables):
        name = f"t_{tables}_{number}"
        cursor.execute(
            f"create table logistics.marts.{name} as select seq8()::varchar(20) as a, mod(seq8(), 1000)::number(10,0) as b "
            f"from table(generator(rowcount => {ROWS // tables}))"
        )
        rules = [
            {"name": f"rule {rule}", "where": f"b = {rule if rule % 10 == 0 else rule + 1000}"}
            for rule in range(CHECKS // tables - 1)
        ]
        said: dict[str, Any] = {
            "table": name,
            "schema": "marts",
            "comment": "A table",
            "columns": [
                {"name": "a", "type": "varchar(20)", "nullable": True},
                {"name": "b", "type": "number(10,0)", "nullable": True},
            ],
            "checks": rules,
        }
        contracts[f"marts.{name}"] = TableContract.model_validate(said)
    checks = [
        check
        for contract in contracts.values()
        for check in _OfContract(contract, Path("t.yaml"), "LOGISTICS", set(contracts)).checks()
    ]
    return Quality(checks=tuple(checks), tables=contracts, database="LOGISTICS")
