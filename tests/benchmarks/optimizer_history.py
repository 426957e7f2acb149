"""The optimizer over a long history: seconds, and memory of this process and of the server."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any

from local_server import PROJECT, LocalServer, local_server
from rich.table import Table
from workloads import Workload

from logistics.optimizer.run import Report, Request, optimize
from logistics.settings import load_stack

STATEMENTS = 1_000_000
PATTERNS = 20_000
GOAL_SECONDS = 30.0
_HISTORY = "LOGISTICS.HISTORY"
_SETUP = (
    "create database LOGISTICS",
    "create schema LOGISTICS.MARTS",
    "create role DATA_ENGINEER",
    "grant all on database LOGISTICS to role DATA_ENGINEER",
    "grant all on schema LOGISTICS.MARTS to role DATA_ENGINEER",
    "create table LOGISTICS.MARTS.SCANS as select seq8() as id, mod(seq8() * 7919, 1000) as customer "
    "from table(generator(rowcount => 200000))",
    "grant select on table LOGISTICS.MARTS.SCANS to role DATA_ENGINEER",
    "grant role DATA_ENGINEER to role ACCOUNTADMIN",
    *(f"create warehouse COMPUTE_WH_{name} initially_suspended = true" for name in ("DEV", "XS", "MULTI")),
    "grant usage on warehouse COMPUTE_WH_DEV to role DATA_ENGINEER",
)


def bench_optimizer(table: Table) -> None:
    """The optimizer over a history of a million statements: 20,000 patterns on 3 warehouses in 30 days."""
    with local_server() as server, server.connect() as connection:
        cursor = connection.cursor()
        for text in _SETUP:
            cursor.execute(text)
        _record(cursor)
        before, server_before = _own_mib(), _server_mib(server)
        began, busy = time.perf_counter(), time.process_time() + _server_cpu_seconds(server)
        report = _run(server)
        seconds = time.perf_counter() - began
        cpu_seconds = time.process_time() + _server_cpu_seconds(server) - busy
        table.add_row(
            f"logistics optimize, {report.statements:,} statements",
            f"{seconds:.1f} s",
            f"goal {GOAL_SECONDS:g} s; {len(report.recommendations)} recommendations",
        )
        table.add_row("processor time of both processes for it", f"{cpu_seconds:.1f} s", "")
        table.add_row(
            "memory that this process took for it", f"{_own_mib() - before:.0f} MiB", "no row of a statement is fetched"
        )
        table.add_row(
            "memory that the local Snowflake took for it", f"{_server_mib(server) - server_before:.0f} MiB", ""
        )


def _run(server: LocalServer) -> Report:
    return optimize(
        load_stack(PROJECT, "dev"), server.environment(), Request(days=30, history=_HISTORY, partition_rows=1000)
    )


def _record(cursor: Any) -> None:
    work = Workload(cursor, _HISTORY)
    work.statements(
        STATEMENTS,
        every_seconds=29 * 86400 / STATEMENTS,
        query_text="'select count(*) from marts.scans where customer = ' || mod(N, 1000)",
        query_parameterized_hash=f"'p' || mod(N, {PATTERNS})",
        warehouse_name="decode(mod(N, 3), 0, 'COMPUTE_WH_DEV', 1, 'COMPUTE_WH_XS', 'COMPUTE_WH_MULTI')",
        seconds="0.5 + mod(N, 40) / 10",
        partitions_scanned="mod(N, 200)",
        partitions_total="200",
        bytes_spilled_to_remote_storage=f"case when mod(N, {PATTERNS}) < 100 then 1e9 else 0 end",
    )
    for name in ("DEV", "XS", "MULTI"):
        work.credits("30 + mod(D, 7)", days=60, warehouse=f"COMPUTE_WH_{name}")


def _server_cpu_seconds(server: LocalServer) -> float:
    """Processor time of the server's process so far; 0 where the system does not tell."""
    stat = Path(f"/proc/{server.process.pid}/stat") if server.process else None
    if stat is None or not stat.is_file():
        return 0.0
    return sum(int(ticks) for ticks in stat.read_text().rpartition(")")[2].split()[11:13]) / os.sysconf("SC_CLK_TCK")


def _own_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _server_mib(server: LocalServer) -> float:
    """Greatest memory of the server's process so far; 0 where the system does not tell."""
    status = Path(f"/proc/{server.process.pid}/status") if server.process else None
    if status is None or not status.is_file():
        return 0.0
    found = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else 0.0
