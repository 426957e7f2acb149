"""Measures what `make bench` shows: statements sent and seconds, and ratios against DuckDB in process, in one run.

    python tests/benchmarks/run.py             everything
    python tests/benchmarks/run.py tasks       one group; --help names all

Seconds are of whole commands by the wall clock. The figures of the official CLI and plugin, where shown, were measured on
2 cores against an endpoint that answers at once; they are not measured here.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from dashboard_paint import bench_dashboard
from deployments import bench_deployments
from local_server import LocalServer, Project, copy_project, local_server, pulumi_project
from models import bench_models
from optimizer_history import bench_optimizer
from orchestrator import bench_orchestrator
from quality_checks import bench_quality
from review import bench_review
from snowflake_ratios import bench_snowflake

from components import bench_components

TASKS = 300
OFFICIAL_TASKS = {"first up": (86.3, 904), "unchanged preview": (64.7, 304), "preview --refresh": (110.3, 1204)}
PLATFORM_PREVIEW_SECONDS = 2.0
GOALS = {"first up": 6.0, "unchanged preview": 1.5, "preview --refresh": 2.0}

TASKS_PROGRAM = f"""
import pulumi
from pulumi_snowflake import Task
for number in range({TASKS}):
    Task(f"t{{number}}", name=f"T{{number}}", database="BENCH", schema="S", warehouse="BENCH_WH", schedule={{"minutes": 60}},
         started=False, sql_statement=f"select {{number}}")
"""

AGGREGATE = "select g, count(*) as n, sum(amount) as s, avg(amount) as a from {table} group by g order by g"


def timed(action: Callable[[], Any]) -> float:
    """Seconds that an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def median(action: Callable[[], Any], runs: int) -> float:
    """The median of several runs, in seconds."""
    return statistics.median(timed(action) for _ in range(runs))


def statements(server: LocalServer, account: str) -> int:
    """How many statements an account's history holds."""
    with server.connect(account) as connection:
        return connection.cursor().execute("select count(*) from snowflake.account_usage.query_history").fetchone()[0]


def bench_server(table: Table) -> None:
    """Start-up: until it listens, and until the first answer."""

    def started() -> None:
        with local_server():
            pass

    def answered() -> None:
        with local_server() as server, server.connect() as connection:
            connection.cursor().execute("select 1").fetchone()

    table.add_row("start-up until it listens", f"{median(started, 5):.2f} s", "")
    table.add_row("start-up until `select 1` is answered", f"{median(answered, 3):.2f} s", "")


def bench_queries(table: Table) -> None:
    """`select 1` and a 1M-row aggregate through the connector, against DuckDB in process."""
    local = duckdb.connect()
    rows = "select range % 1000 as g, (range % 10007)::decimal(12, 2) as amount from range(1000000)"
    local.execute(f"create table t as {rows}")
    with local_server() as server, server.connect() as connection:
        cursor = connection.cursor()
        for text in (
            "alter session set use_cached_result = false",
            "create database BENCH",
            "create schema BENCH.S",
            "create table BENCH.S.T as select mod(seq4(), 1000) as g, mod(seq4(), 10007)::number(12, 2) as amount "
            "from table(generator(rowcount => 1000000))",
        ):
            cursor.execute(text)
        for name, text, runs in (("select 1", "select 1", 200), ("1M-row aggregate", AGGREGATE, 15)):
            ours = median(lambda text=text: cursor.execute(text.format(table="BENCH.S.T")).fetchall(), runs)
            raw = median(lambda text=text: local.execute(text.format(table="t")).fetchall(), runs)
            table.add_row(name, f"{ours * 1000:.2f} ms", f"{ours / raw:.1f} x DuckDB in process ({raw * 1000:.2f} ms)")


def phases(table: Table, label: str, server: LocalServer, account: str, project: Project, stack: str) -> None:
    """First up, unchanged preview and preview with refresh of a stack."""
    for name, arguments in (
        ("first up", ("up", "--yes", "--skip-preview")),
        ("unchanged preview", ("preview", "--expect-no-changes")),
        ("preview --refresh", ("preview", "--refresh", "--expect-no-changes")),
    ):
        before = statements(server, account)
        seconds = timed(lambda arguments=arguments: project.pulumi(*arguments, "--stack", stack, "--non-interactive"))
        # The counting statement before is in the history by now.
        sent = statements(server, account) - before - 1
        note = ""
        if label == f"{TASKS} tasks":
            official = OFFICIAL_TASKS[name]
            note = f"goal {GOALS[name]:g} s; official {official[0]:g} s, {official[1]} statements"
        elif name == "unchanged preview":
            note = f"goal {PLATFORM_PREVIEW_SECONDS:g} s"
        table.add_row(f"{label}: {name}", f"{seconds:.2f} s, {sent} statements", note)


def bench_tasks(table: Table) -> None:
    """300 tasks in one schema."""
    with tempfile.TemporaryDirectory() as base, local_server() as server:
        folder = Path(base) / "project"
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(
            f"name: bench\nruntime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
        )
        (folder / "Pulumi.dev.yaml").write_text(
            "config:\n  snowflake:organizationName: LOCAL\n  snowflake:accountName: BENCH\n"
            "  snowflake:user: ADMIN\n  snowflake:role: ACCOUNTADMIN\n"
        )
        (folder / "__main__.py").write_text(TASKS_PROGRAM)
        with server.connect("LOCAL-BENCH") as connection:
            for text in (
                "create warehouse BENCH_WH initially_suspended = true",
                "create database BENCH",
                "create schema BENCH.S",
            ):
                connection.cursor().execute(text)
        project = pulumi_project(folder, Path(base), server)
        project.pulumi("stack", "init", "dev", "--non-interactive")
        phases(table, f"{TASKS} tasks", server, "LOCAL-BENCH", project, "dev")


def bench_platform(table: Table) -> None:
    """The dev stack of the platform itself."""
    with tempfile.TemporaryDirectory() as base, local_server() as server:
        project = pulumi_project(copy_project(Path(base) / "project"), Path(base), server)
        server.connect("LOCAL-DEV").close()
        project.pulumi("stack", "init", "dev", "--non-interactive")
        phases(table, "dev stack", server, "LOCAL-DEV", project, "dev")


GROUPS = {
    "server": bench_server,
    "queries": bench_queries,
    "snowflake": bench_snowflake,
    "components": bench_components,
    "quality": bench_quality,
    "models": bench_models,
    "optimizer": bench_optimizer,
    "orchestrator": bench_orchestrator,
    "review": bench_review,
    "tasks": bench_tasks,
    "platform": bench_platform,
    "deployments": bench_deployments,
    "dashboard": bench_dashboard,
}


def main() -> None:
    """Measure the groups asked for and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    wanted = parser.parse_args().groups or list(GROUPS)
    unknown = [name for name in wanted if name not in GROUPS]
    if unknown:
        parser.error(f"no group {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    console = Console()
    for name in wanted:
        table = Table(title=GROUPS[name].__doc__)
        for column in ("what", "figure", "beside it"):
            table.add_column(column)
        with console.status(f"measuring {name}"):
            GROUPS[name](table)
        console.print(table)


if __name__ == "__main__":
    main()
