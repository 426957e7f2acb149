"""Table functions of INFORMATION_SCHEMA: histories with a range and filters, references of policies and tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog import references
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.names import literal
from embedded.snowflake.security.privileges import reach, role_name
from embedded.snowflake.sql import system_views
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.functions.registry import unknown_function
from embedded.snowflake.sql.scope import Relation
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import TIMESTAMP_LTZ, VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.sql.context import Context
    from embedded.snowflake.sql.table_functions import Arguments

InformationFunction = Callable[["Arguments"], Relation]
_FUNCTIONS: dict[str, InformationFunction] = {}


def information_function(*names: str) -> Callable[[InformationFunction], InformationFunction]:
    """Register the decorated maker as a table function of INFORMATION_SCHEMA."""

    def register(make: InformationFunction) -> InformationFunction:
        for name in names:
            _FUNCTIONS[name] = make
        return make

    return register


def bind_information_function(arguments: Arguments, qualifier: list[str]) -> Relation:
    """A call `INFORMATION_SCHEMA.NAME(…)`.

    Raises:
        SnowflakeError: there is no such function (002141).
    """
    found = _FUNCTIONS.get(arguments.name)
    if found is None:
        raise unknown_function(".".join([*qualifier, arguments.name]))
    return found(arguments)


def _limited(
    arguments: Arguments,
    view: str,
    conditions: list[str],
    order: str,
    limit_name: str = "RESULT_LIMIT",
    current: list[dict[str, Any]] | None = None,
) -> Relation:
    context = arguments.binder.context
    found = system_views.ACCOUNT_USAGE[view]
    limit = arguments.constant(limit_name, 100)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    tail = f"{where} ORDER BY {order} DESC, _n DESC NULLS FIRST LIMIT {int(str(limit))}"
    return system_views.history_relation(context, found, found.history or "", tail, current)


def _range(arguments: Arguments, column: str, start: str, end: str) -> list[str]:
    conditions = []
    for name, operator in ((start, ">="), (end, "<=")):
        node = arguments.node(name)
        if node is not None:
            value = cast(arguments.binder.bind(node), TIMESTAMP_LTZ, arguments.binder.context.zone)
            conditions.append(f"{column} {operator} {value.sql}")
    return conditions


@information_function(
    "QUERY_HISTORY", "QUERY_HISTORY_BY_SESSION", "QUERY_HISTORY_BY_USER", "QUERY_HISTORY_BY_WAREHOUSE"
)
def query_history(arguments: Arguments) -> Relation:
    """The newest queries: of the account, a session, a user or a warehouse."""
    context = arguments.binder.context
    conditions = _range(arguments, "end_time", "END_TIME_RANGE_START", "END_TIME_RANGE_END")
    if arguments.name.endswith("SESSION"):
        conditions.append(f"session_id = {int(str(arguments.constant('SESSION_ID', context.session.id)))}")
    if arguments.name.endswith("USER"):
        conditions.append(f"user_name = {literal(str(arguments.constant('USER_NAME', context.user_name)))}")
    if arguments.name.endswith("WAREHOUSE"):
        conditions.append(
            f"warehouse_name = {literal(str(arguments.constant('WAREHOUSE_NAME', context.session.warehouse)))}"
        )
    return _limited(arguments, "QUERY_HISTORY", conditions, "start_time")


@information_function("TASK_HISTORY")
def task_history(arguments: Arguments) -> Relation:
    """The newest runs of tasks, those under way and the next scheduled ones included."""
    conditions = _range(arguments, "scheduled_time", "SCHEDULED_TIME_RANGE_START", "SCHEDULED_TIME_RANGE_END")
    name, root = arguments.constant("TASK_NAME"), arguments.constant("ROOT_TASK_ID")
    if name is not None:
        conditions.append(f"name = {literal(TokenStream(str(name)).name().name)}")
    if root is not None:
        conditions.append(f"root_task_id = {literal(str(root))}")
    if arguments.constant("ERROR_ONLY", False):
        conditions.append("state IN ('FAILED', 'CANCELLED', 'FAILED_AND_AUTO_SUSPENDED')")
    current = arguments.binder.context.account.scheduler.current()
    return _limited(arguments, "TASK_HISTORY", conditions, "scheduled_time", current=current)


@information_function("WAREHOUSE_METERING_HISTORY")
def warehouse_metering_history(arguments: Arguments) -> Relation:
    """Credits by warehouse and hour."""
    conditions = []
    for name, place, operator in (("DATE_RANGE_START", 0, ">="), ("DATE_RANGE_END", 1, "<=")):
        node = arguments.node(name, place)
        if node is not None:
            value = cast(arguments.binder.bind(node), TIMESTAMP_LTZ, arguments.binder.context.zone)
            conditions.append(f"start_time {operator} {value.sql}")
    name = arguments.constant("WAREHOUSE_NAME", place=2)
    if name is not None:
        conditions.append(f"warehouse_name = {literal(str(name))}")
    return _limited(arguments, "WAREHOUSE_METERING_HISTORY", conditions, "start_time", "LIMIT_ROWS_UNUSED")


@information_function("LOGIN_HISTORY", "LOGIN_HISTORY_BY_USER")
def login_history(arguments: Arguments) -> Relation:
    """The newest logins."""
    conditions = _range(arguments, "event_timestamp", "TIME_RANGE_START", "TIME_RANGE_END")
    if arguments.name.endswith("USER"):
        conditions.append(
            f"user_name = {literal(str(arguments.constant('USER_NAME', arguments.binder.context.user_name)))}"
        )
    return _limited(arguments, "LOGIN_HISTORY", conditions, "event_timestamp")


@information_function("COPY_HISTORY")
def copy_history(arguments: Arguments) -> Relation:
    """The files loaded into a table."""
    conditions = _range(arguments, "last_load_time", "START_TIME", "END_TIME")
    name = str(arguments.constant("TABLE_NAME", "")).rpartition(".")[2]
    conditions.append(f"table_name = {literal(name.strip(chr(34)) if name.startswith(chr(34)) else name.upper())}")
    return _limited(arguments, "COPY_HISTORY", conditions, "last_load_time", "LIMIT_ROWS_UNUSED")


@information_function("ALERT_HISTORY")
def alert_history(arguments: Arguments) -> Relation:
    """The newest runs of alerts."""
    conditions = _range(arguments, "scheduled_time", "SCHEDULED_TIME_RANGE_START", "SCHEDULED_TIME_RANGE_END")
    name = arguments.constant("ALERT_NAME")
    if name is not None:
        conditions.append(f"name = {literal(TokenStream(str(name)).name().name)}")
    current = arguments.binder.context.account.scheduler.alerts.current()
    return _limited(arguments, "ALERT_HISTORY", conditions, "scheduled_time", current=current)


@information_function("DYNAMIC_TABLE_REFRESH_HISTORY")
def dynamic_table_refresh_history(arguments: Arguments) -> Relation:
    """The newest refreshes of dynamic tables."""
    conditions = _range(arguments, "data_timestamp", "DATA_TIMESTAMP_START", "DATA_TIMESTAMP_END")
    name = arguments.constant("NAME")
    if name is not None:
        conditions.append(f"name = {literal(TokenStream(str(name)).name().name)}")
    prefix = arguments.constant("NAME_PREFIX")
    if prefix is not None:
        conditions.append(f"starts_with(qualified_name, {literal(str(prefix).upper())})")
    if arguments.constant("ERROR_ONLY", False):
        conditions.append("state IN ('FAILED', 'UPSTREAM_FAILED')")
    return _limited(arguments, "DYNAMIC_TABLE_REFRESH_HISTORY", conditions, "refresh_start_time")


def _rows(arguments: Arguments, names: tuple[str, ...], made: list[tuple]) -> Relation:
    context = arguments.binder.context
    return system_views.dict_relation(
        context, [(name, VARCHAR) for name in names], (dict(zip(names, row, strict=True)) for row in made)
    )


def _text(arguments: Arguments, name: str, place: int | None = None) -> str | None:
    value = arguments.constant(name, place=place)
    return None if value is None else str(value)


@information_function("POLICY_REFERENCES")
def policy_references(arguments: Arguments) -> Relation:
    """Where a policy is used, or which policies an object has."""
    made = references.policy_references(
        arguments.binder.context.session,
        policy_name=_text(arguments, "POLICY_NAME"),
        ref_entity_name=_text(arguments, "REF_ENTITY_NAME"),
        ref_entity_domain=_text(arguments, "REF_ENTITY_DOMAIN"),
    )
    return _rows(arguments, references.POLICY_REFERENCES_COLUMNS, made)


@information_function("TAG_REFERENCES", "TAG_REFERENCES_ALL_COLUMNS")
def tag_references(arguments: Arguments) -> Relation:
    """The tags on an object, or on all columns of a table."""
    name, domain = _text(arguments, "OBJECT_NAME", 0) or "", _text(arguments, "OBJECT_DOMAIN", 1) or "TABLE"
    make = references.tag_references if arguments.name == "TAG_REFERENCES" else references.tag_references_all_columns
    return _rows(arguments, references.TAG_REFERENCES_COLUMNS, make(arguments.binder.context.session, name, domain))


@information_function("DATA_METRIC_FUNCTION_REFERENCES")
def data_metric_function_references(arguments: Arguments) -> Relation:
    """The data metric functions on an object: always none, since statements that attach one are refused."""
    return _rows(arguments, references.DATA_METRIC_FUNCTION_REFERENCES_COLUMNS, [])


_TASK_DEPENDENTS = (
    ("CREATED_ON", TIMESTAMP_LTZ),
    *(
        (name, VARCHAR)
        for name in ("NAME", "ID", "DATABASE_NAME", "SCHEMA_NAME", "OWNER", "COMMENT", "WAREHOUSE", "SCHEDULE")
    ),
    *((name, VARCHAR) for name in ("PREDECESSORS", "STATE", "DEFINITION", "CONDITION")),
)


@information_function("TASK_DEPENDENTS")
def task_dependents(arguments: Arguments) -> Relation:
    """A task and the tasks that run after it; all of the graph below it unless RECURSIVE is false."""
    context = arguments.binder.context
    name = TokenStream(str(arguments.constant("TASK_NAME", place=0))).name()
    root = reach(context.session, "TASK", name)
    recursive, found, todo = bool(arguments.constant("RECURSIVE", True, 1)), [root], [root]
    tasks = context.account.catalog.children(root.container, "TASK")
    while todo:
        parent = todo.pop(0)
        below = [task for task in tasks if parent.oid in (task.body.get("after") or []) and task not in found]
        found += below
        todo += below if recursive else []
    return system_views.dict_relation(context, _TASK_DEPENDENTS, (_task_row(context, task) for task in found))


def _task_row(context: Context, task: CatalogObject) -> dict[str, object]:
    catalog = context.account.catalog
    schema = catalog.get(task.container)
    properties = task.body.get("properties", {})
    predecessors = [full_name(catalog, catalog.get(oid)) for oid in task.body.get("after") or []]
    return {
        "CREATED_ON": task.created_on,
        "NAME": task.name,
        "ID": str(task.oid),
        "DATABASE_NAME": catalog.get(schema.container).name,
        "SCHEMA_NAME": schema.name,
        "OWNER": role_name(catalog, task.owner),
        "COMMENT": task.comment or None,
        "WAREHOUSE": properties.get("WAREHOUSE"),
        "SCHEDULE": properties.get("SCHEDULE"),
        "PREDECESSORS": orjson.dumps(predecessors).decode(),
        "STATE": task.body.get("state"),
        "DEFINITION": task.body.get("definition"),
        "CONDITION": task.body.get("condition"),
    }


__all__ = ["bind_information_function", "information_function"]
