"""What is told of cost, performance and accesses, from rows of history few enough to compute by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from local_server import local_server

from logistics.declarations import Declarations, load_declarations
from logistics.settings import load_stack

ROOT = Path(__file__).parents[3]
USAGE = ("warehouse_metering_history", "query_history", "access_history")
USERS = "LOGISTICS.MARTS.TBL_DIM_CUSTOMER"


class History:
    """An account whose history is what a test puts into it."""

    def __init__(self, cursor: Any, declared: Declarations) -> None:
        self._cursor = cursor
        self._declared = declared

    def ask(self, text: str) -> list[tuple]:
        """Run a statement."""
        return self._cursor.execute(text).fetchall()

    def put(self, table: str, **values: str) -> None:
        """Insert a row; values are SQL."""
        self.ask(f"insert into history.told.{table} ({', '.join(values)}) select {', '.join(values.values())}")

    def create_view(self, name: str) -> None:
        """Create a view of the platform on the history of the test."""
        self.ask(f"create view logistics.{name} as {told(self._declared.sql.views[name].body)}")

    def run(self, task: str) -> None:
        """Run a task's statement."""
        self.ask(told(self._declared.sql.tasks[task].body))

    def access(self, query: str, days_ago: float, *, kind: str = "SELECT", tag: str = "", user: str = "ANNA") -> None:
        """Tell of a query that read the customers, and changed them too if it is no SELECT."""
        touched = f"parse_json('{json.dumps([{'objectName': USERS}])}')"
        nothing = "parse_json('[]')"
        self.put(
            "access_history",
            query_id=f"'{query}'",
            direct_objects_accessed=touched,
            base_objects_accessed=touched,
            objects_modified=nothing if kind == "SELECT" else touched,
        )
        self.put(
            "query_history",
            query_id=f"'{query}'",
            query_type=f"'{kind}'",
            query_text=f"'the text of {query}'",
            query_tag=f"'{tag}'",
            user_name=f"'{user}'",
            role_name="'DATA_ANALYST'",
            start_time=f"dateadd(second, {-int(days_ago * 86400)}, current_timestamp())",
        )


def told(text: str) -> str:
    """A statement that reads the history of the test in place of the account's."""
    return text.replace("snowflake.account_usage.", "history.told.")


@pytest.fixture(scope="module")
def account() -> Iterator[History]:
    """The account, with the tables that the task fills."""
    declared = load_declarations(ROOT, load_stack(ROOT, "dev"))
    with local_server() as server, server.connect(role="ACCOUNTADMIN") as connection:
        cursor = connection.cursor()
        texts = ["create warehouse w", "create database history", "create schema history.told"]
        texts += [f"create table {name} as select * from snowflake.account_usage.{name} where false" for name in USAGE]
        texts += [
            "create database logistics",
            "create schema logistics.monitoring",
            "create schema logistics.governance",
        ]
        columns = ", ".join(f"{c.name} {c.type}" for c in declared.tables["governance.audit_log"].columns)
        texts.append(f"create table logistics.governance.audit_log ({columns})")
        for text in texts:
            cursor.execute(text)
        found = History(cursor, declared)
        for view in ("monitoring.vw_cost_monitoring", "monitoring.vw_performance_monitoring", "governance.vw_accesses"):
            found.create_view(view)
        yield found


@pytest.fixture
def history(account: History) -> History:
    """The account with an empty history."""
    for table in (*(f"history.told.{name}" for name in USAGE), "logistics.governance.audit_log"):
        account.ask(f"truncate table {table}")
    return account


def test_cost_is_all_credits_of_a_warehouse_and_day_at_the_stacks_price(history):
    today = "date_trunc('day', current_timestamp())"
    for warehouse, start, compute, cloud in (
        ("A", f"dateadd(hour, -1, {today})", 1, "0.25"),
        ("A", f"dateadd(hour, -23, {today})", 2, "0.5"),  # the same day
        ("A", f"dateadd(hour, -25, {today})", 4, "0"),  # the day before
        ("B", f"dateadd(hour, -1, {today})", 0, "0.125"),
        ("B", "dateadd(minute, -1, dateadd(day, -30, current_timestamp()))", 99, "0"),  # too long ago
    ):
        history.put(
            "warehouse_metering_history",
            warehouse_name=f"'{warehouse}'",
            start_time=start,
            credits_used_compute=str(compute),
            credits_used_cloud_services=cloud,
        )
    found = history.ask(
        "select warehouse_name, datediff(day, usage_date, current_timestamp()), total_credits, estimated_cost_usd "
        "from logistics.monitoring.vw_cost_monitoring order by 1, 2"
    )
    exact = Decimal
    assert found == [
        ("A", 1, exact("3.75"), exact("11.25")),
        ("A", 2, 4, 12),
        ("B", 1, exact("0.125"), exact("0.375")),
    ]


def test_performance_is_told_in_seconds_of_a_week_of_queries(history):
    for name, kind, days, minutes in (
        ("new", "SELECT", 0, -1),
        ("merged", "MERGE", -7, 5),
        ("old", "SELECT", -7, -1),
        ("shown", "SHOW", 0, -1),
    ):
        history.put(
            "query_history",
            query_id=f"'{name}'",
            query_type=f"'{kind}'",
            start_time=f"dateadd(minute, {minutes}, dateadd(day, {days}, current_timestamp()))",
            total_elapsed_time="1234",
            compilation_time="200",
            execution_time="1034",
            bytes_scanned="4096",
            rows_produced="7",
        )
    found = history.ask(
        "select query_id, total_elapsed_time_seconds, compilation_time_seconds, execution_time_seconds, bytes_scanned, rows_produced "
        "from logistics.monitoring.vw_performance_monitoring order by 1"
    )
    told_of = (Decimal("1.234"), Decimal("0.2"), Decimal("1.034"), 4096, 7)
    assert found == [("merged", *told_of), ("new", *told_of)]


def test_every_access_is_in_the_audit_once_however_often_and_late_it_is_told(history):
    logged = "select query_text, event_type, user_name from logistics.governance.audit_log order by 1, 2"
    history.access("q1", 1)
    history.access("q2", 0.5, kind="UPDATE")
    history.access("own", 0.4, tag="AUDIT_QUERY", user="SYSTEM")
    history.access("disguised", 0.3, tag="AUDIT_QUERY")
    for _ in range(2):
        history.run("governance.fill_audit_log")
    first = [
        ("the text of disguised", "READ", "ANNA"),
        ("the text of q1", "READ", "ANNA"),
        ("the text of q2", "READ", "ANNA"),
        ("the text of q2", "UPDATE", "ANNA"),
    ]
    assert history.ask(logged) == first
    history.access("told late", 2.9)
    history.access("q1", 1)  # told a second time
    history.run("governance.fill_audit_log")
    assert history.ask(logged) == [*first, ("the text of told late", "READ", "ANNA")]
    [(rows, events)] = history.ask("select count(*), count(distinct event_id) from logistics.governance.audit_log")
    assert rows == events == 5
