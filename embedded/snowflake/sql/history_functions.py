"""Table functions of INFORMATION_SCHEMA over graphs of tasks, dynamic tables, notifications and the load of warehouses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from embedded.snowflake.history import dynamic_graph, load
from embedded.snowflake.history.graphs import complete_graphs, current_graphs
from embedded.snowflake.sql import system_views
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.scope import Relation
from embedded.snowflake.sql.system_functions import information_function
from embedded.snowflake.sql.table_functions import Arguments
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import TIMESTAMP_LTZ


def _columns(names: str) -> list[tuple[str, Any]]:
    return system_views.columns_of(names)


_GRAPHS = _columns(
    "ROOT_TASK_NAME DATABASE_NAME SCHEMA_NAME STATE SCHEDULED_FROM FIRST_ERROR_TASK_NAME FIRST_ERROR_CODE:N FIRST_ERROR_MESSAGE"
    " SCHEDULED_TIME:T QUERY_START_TIME:T NEXT_SCHEDULED_TIME:T COMPLETED_TIME:T ROOT_TASK_ID GRAPH_VERSION:N RUN_ID ATTEMPT_NUMBER:N"
    " CONFIG GRAPH_RUN_GROUP_ID ORIGINAL_SCHEDULED_TIME:T"
)
_MOST_ROWS = 1000


def _answer(
    arguments: Arguments, columns: list[tuple[str, Any]], rows: Iterable[dict[str, Any]], most: int
) -> Relation:
    limit = int(str(arguments.constant("RESULT_LIMIT", most)))
    made = [{key.upper(): value for key, value in row.items()} for row in rows][:limit]
    return system_views.dict_relation(arguments.binder.context, columns, made)


def _named(arguments: Arguments, argument: str) -> str | None:
    value = arguments.constant(argument)
    return TokenStream(str(value)).name().name if value is not None else None


def _times(arguments: Arguments, start: str, end: str) -> tuple[datetime | None, datetime | None]:
    """The values of a range's two arguments."""
    found: list[datetime | None] = []
    for name in (start, end):
        node = arguments.node(name)
        if node is None:
            found.append(None)
            continue
        context = arguments.binder.context
        value = cast(arguments.binder.bind(node), TIMESTAMP_LTZ, context.zone)
        from embedded.snowflake.sql.translate import NOW, now

        text = value.sql.replace(NOW, now(context.session).isoformat(sep=" "))
        row = context.session.cursor.cursor().execute(f"SELECT {text}").fetchone()
        found.append(row[0] if row else None)
    return found[0], found[1]


def _in_range(
    rows: Iterable[dict[str, Any]], column: str, start: datetime | None, end: datetime | None
) -> list[dict[str, Any]]:
    return [row for row in rows if (start is None or row[column] >= start) and (end is None or row[column] <= end)]


@information_function("COMPLETE_TASK_GRAPHS")
def complete_task_graphs(arguments: Arguments) -> Relation:
    """The runs of graphs that ended, the newest first."""
    name = _named(arguments, "ROOT_TASK_NAME")
    rows = [row for row in complete_graphs(arguments.binder.context.account) if name in (None, row["root_task_name"])]
    if arguments.constant("ERROR_ONLY", False):
        rows = [row for row in rows if row["state"] in ("FAILED", "CANCELLED")]
    start, end = _times(arguments, "SCHEDULED_TIME_RANGE_START", "SCHEDULED_TIME_RANGE_END")
    return _answer(arguments, _GRAPHS, _in_range(rows, "scheduled_time", start, end), _MOST_ROWS)


@information_function("CURRENT_TASK_GRAPHS")
def current_task_graphs(arguments: Arguments) -> Relation:
    """The runs of graphs under way or to come."""
    name = _named(arguments, "ROOT_TASK_NAME")
    rows = [row for row in current_graphs(arguments.binder.context.account) if name in (None, row["root_task_name"])]
    return _answer(arguments, _GRAPHS, rows, _MOST_ROWS)


_DYNAMIC_GRAPH = _columns(
    "NAME SCHEMA_NAME DATABASE_NAME QUALIFIED_NAME INPUTS:A TARGET_LAG_TYPE TARGET_LAG_SEC:N QUERY_TEXT VALID_FROM:T VALID_TO:T"
    " SCHEDULING_STATE:O ALTER_TRIGGER:A"
)
_DYNAMIC_TABLES = _columns(
    "NAME DATABASE_NAME SCHEMA_NAME QUALIFIED_NAME TARGET_LAG_SEC:N TARGET_LAG_TYPE SCHEDULING_STATE:O MEAN_LAG_SEC:F MAXIMUM_LAG_SEC:F"
    " TIME_WITHIN_TARGET_LAG_RATIO:F LATEST_DATA_TIMESTAMP:T LAST_COMPLETED_REFRESH_STATE"
)


@information_function("DYNAMIC_TABLE_GRAPH_HISTORY")
def dynamic_table_graph_history(arguments: Arguments) -> Relation:
    """The dynamic tables and what each reads, as it is now."""
    return _answer(arguments, _DYNAMIC_GRAPH, dynamic_graph.graph(arguments.binder.context.account), 10_000)


@information_function("DYNAMIC_TABLES")
def dynamic_tables(arguments: Arguments) -> Relation:
    """The dynamic tables and their lag."""
    name = _named(arguments, "NAME")
    rows = [row for row in dynamic_graph.tables(arguments.binder.context.account) if name in (None, row["name"])]
    return _answer(arguments, _DYNAMIC_TABLES, rows, 10_000)


_LOAD = _columns(
    "START_TIME:T END_TIME:T WAREHOUSE_NAME AVG_RUNNING:F AVG_QUEUED_LOAD:F AVG_QUEUED_PROVISIONING:F AVG_BLOCKED:F"
)


@information_function("WAREHOUSE_LOAD_HISTORY")
def warehouse_load_history(arguments: Arguments) -> Relation:
    """The load of warehouses by five minutes."""
    name = arguments.constant("WAREHOUSE_NAME")
    rows = [
        row
        for row in load.warehouse_load(arguments.binder.context.account)
        if name is None or row["warehouse_name"] == str(name)
    ]
    start, end = _times(arguments, "DATE_RANGE_START", "DATE_RANGE_END")
    return _answer(arguments, _LOAD, _in_range(rows, "start_time", start, end), 10_000)


def _history(arguments: Arguments, view: str, table: str, column: str, start: str, end: str) -> Relation:
    context = arguments.binder.context
    rows = reversed(context.account.history.rows(table))
    first, last = _times(arguments, start, end)
    return _answer(arguments, _columns(view), _in_range(rows, column, first, last), 10_000)


@information_function("MATERIALIZED_VIEW_REFRESH_HISTORY")
def materialized_view_refresh_history(arguments: Arguments) -> Relation:
    """The times that materialized views were brought up to date."""
    view = "START_TIME:T END_TIME:T CREDITS_USED:F TABLE_NAME DATABASE_NAME SCHEMA_NAME"
    return _history(
        arguments, view, "materialized_view_refresh_history", "start_time", "DATE_RANGE_START", "DATE_RANGE_END"
    )


@information_function("NOTIFICATION_HISTORY")
def notification_history(arguments: Arguments) -> Relation:
    """The notifications put in the outbox."""
    view = "CREATED:T PROCESSED:T MESSAGE_SOURCE INTEGRATION_NAME MESSAGE STATUS ERROR_MESSAGE ID:N SUBJECT RECIPIENTS"
    return _history(arguments, view, "notification_history", "created", "START_TIME", "END_TIME")
