"""Tasks: their grammar, their graphs' rules, and what SHOW tells of them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.kinds import Definition, Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.catalog.show import columns, prop
from embedded.snowflake.catalog.values import (
    Property,
    boolean,
    identifier,
    name,
    nullable_text,
    read_keys,
    read_properties,
    text,
    word,
)
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError
from embedded.snowflake.names import quote
from embedded.snowflake.result import TIMESTAMP_LTZ, Result
from embedded.snowflake.scheduler import graph
from embedded.snowflake.scheduler.schedule import parse_schedule
from embedded.snowflake.scheduler.tasks import suspended
from embedded.snowflake.scheduler.versions import save_version
from embedded.snowflake.security.privileges import holds, reach, require, role_closure
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session

_PROPERTIES = {
    "WAREHOUSE": Property(identifier),
    "SCHEDULE": Property(text),
    "CONFIG": Property(nullable_text),
    "ALLOW_OVERLAPPING_EXECUTION": Property(boolean, False),
    "ERROR_INTEGRATION": Property(identifier),
    "SUCCESS_INTEGRATION": Property(identifier),
    "TARGET_COMPLETION_INTERVAL": Property(text),
    # Kept as the oid of the root, in the body itself.
    "FINALIZE": Property(name),
    "OVERLAP_POLICY": Property(word("NO_OVERLAP", "ALLOW_CHILD_OVERLAP", "ALLOW_ALL_OVERLAP")),
}


# -- CREATE


def _read(session: Session, tokens: TokenStream, _: CreateOptions, __: ObjectName) -> Definition:
    if tokens.accept("CLONE"):
        return _read_clone(session, tokens)
    body: dict[str, Any] = {"properties": {}, "parameters": {}, "after": [], "finalize": None, "condition": None}
    definition = Definition(body)
    _read_clauses(session, tokens, definition)
    _read_when(tokens, body)
    tokens.expect("AS")
    body["definition"] = _definition(tokens)
    body.update(state="suspended", id=str(uuid.uuid4()), since=None)
    body.update(last_committed_on=None, last_suspended_on=None, last_suspended_reason=None)
    _check(session, body)
    _check_not_started(session, _related(session, body))
    return definition


def _read_clone(session: Session, tokens: TokenStream) -> Definition:
    source = reach(session, "TASK", tokens.name())
    definition = Definition(source.changed().body, source.comment)
    definition.body.update(state="suspended", id=str(uuid.uuid4()), since=None, last_committed_on=None)
    definition.copy_grants = tokens.accept("COPY", "GRANTS")
    return definition


def _read_clauses(session: Session, tokens: TokenStream, definition: Definition) -> None:
    """Read properties, tags, AFTER and FINALIZE in any order, up to WHEN or AS."""
    from embedded.snowflake.statements.objects import read_definition

    body = definition.body
    while tokens and tokens.word() not in ("WHEN", "AS"):
        before = tokens.index
        found = read_definition(session, tokens, TASK)
        for key in ("properties", "parameters"):
            body[key].update(found.body.get(key) or {})
        if found.body.get("tags"):
            body["tags"] = found.body["tags"]
        definition.comment = found.comment or definition.comment
        if tokens.accept("AFTER"):
            body["after"] = [reach(session, "TASK", item).oid for item in _names(tokens)]
        _take_finalize(session, body)
        if tokens.index == before:
            raise tokens.unexpected()


def _names(tokens: TokenStream) -> list[ObjectName]:
    names = [_task_name(tokens)]
    while tokens.accept(","):
        names.append(_task_name(tokens))
    return names


def _task_name(tokens: TokenStream) -> ObjectName:
    from embedded.snowflake.catalog.values import at_string

    return TokenStream(tokens.string()).name() if at_string(tokens) else tokens.name()


def _read_when(tokens: TokenStream, body: dict[str, Any]) -> None:
    if tokens.accept("WHEN"):
        body["condition"] = _condition(tokens)


def _condition(tokens: TokenStream) -> str:
    """The text of a condition, up to AS outside of parentheses or the end."""
    start, depth = tokens.next(), 0
    depth += start.text == "("
    end = start
    while tokens and not (depth == 0 and tokens.at("AS")):
        end = tokens.next()
        depth += {"(": 1, ")": -1}.get(end.text, 0)
    return tokens.text[start.start : end.end + 1]


def _definition(tokens: TokenStream) -> str:
    found = tokens.rest()
    if not found:
        raise tokens.unexpected()
    return found


# -- rules


def _check(session: Session, body: dict[str, Any]) -> None:
    """Check what a task is told against itself.

    Raises:
        SnowflakeError: a schedule that is none (001008), a schedule of a task that comes after others (091107), a warehouse and
            a serverless size together, or one that may not be used.
    """
    properties = body["properties"]
    schedule = properties.get("SCHEDULE")
    if schedule is not None:
        parse_schedule(schedule)
    if schedule is not None and (body.get("after") or body.get("finalize")):
        raise SqlCompilationError("A task that comes after others or finalizes them has no SCHEDULE of its own.", 91107)
    if body.get("after") and body.get("finalize"):
        raise SqlCompilationError("A finalizer task does not come AFTER others.", 91107)
    if properties.get("CONFIG"):
        _check_config(properties["CONFIG"])
    if properties.get("WAREHOUSE") and "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE" in body.get("parameters", {}):
        raise SqlCompilationError(
            "A task has either a WAREHOUSE or USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE, not both.", 91107
        )
    _check_warehouse(session, properties.get("WAREHOUSE"))


def _check_warehouse(session: Session, name: str | None) -> None:
    """A warehouse that is there must be one that the session may use; one that is not there fails the runs."""
    from embedded.snowflake.catalog.model import ACCOUNT

    found = session.account.catalog.find("WAREHOUSE", ACCOUNT, name) if name else None
    if found is not None:
        require(session, "USAGE", found)


def _check_config(config: str) -> None:
    try:
        is_object = isinstance(orjson.loads(config), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise SqlCompilationError("invalid value for parameter 'CONFIG': a JSON object is needed", 1008, "22023")


def _related(session: Session, body: dict[str, Any]) -> list[CatalogObject]:
    """The tasks that a task is tied to: those it comes after, and the root that it finalizes."""
    catalog = session.account.catalog
    oids = [*(body.get("after") or []), body.get("finalize")]
    return [task for oid in oids if (task := graph.living(catalog, oid)) is not None]


def _check_not_started(session: Session, tasks: list[CatalogObject]) -> None:
    """Make sure that no root of these tasks is started.

    Raises:
        SnowflakeError: one is: a graph may be changed only while its root is suspended (091090).
    """
    catalog = session.account.catalog
    for task in tasks:
        for root in graph.roots(catalog, task):
            if graph.is_started(root):
                raise SnowflakeError(
                    f"Unable to update graph with root task {full_name(catalog, root)} since that root task is not"
                    " suspended.",
                    91090,
                    "23001",
                )


def _check_owner_may_execute(session: Session, task: CatalogObject) -> None:
    catalog = session.account.catalog
    privilege = "EXECUTE TASK" if task.body["properties"].get("WAREHOUSE") else "EXECUTE MANAGED TASK"
    if not holds(catalog, role_closure(catalog, [task.owner]), privilege, None):
        raise SnowflakeError(
            f"Cannot execute task , {privilege} privilege must be granted to owner role", 91089, "23001"
        )


def _check_acyclic(session: Session, task: CatalogObject, after: list[int]) -> None:
    catalog = session.account.catalog
    below = {item.oid for item in graph.descendants(catalog, task)}
    if below.intersection(after):
        raise SqlCompilationError(f"Task {full_name(catalog, task)} would come after itself.", 91107)


# -- ALTER


def _alter(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """All forms but tags; a graph may be changed only while its root is suspended."""
    if tokens.at("SET", "TAG") or tokens.at("UNSET", "TAG"):
        return False
    if tokens.accept("RESUME"):
        require(session, "OPERATE", item)
        resume(session, item)
        return True
    if tokens.accept("SUSPEND"):
        require(session, "OPERATE", item)
        _suspend(session, item)
        return True
    require(session, "OWNERSHIP", item)
    new = item.changed()
    for words, change in _CHANGES.items():
        if tokens.accept(*words):
            change(session, tokens, new)
            break
    else:
        return False
    _check(session, new.body)
    _check_not_started(session, [item, *_related(session, new.body)])
    with session.account.catalog.transaction() as changes:
        changes.put(new)
    return True


def resume(session: Session, item: CatalogObject) -> None:
    """Start a suspended task.

    Raises:
        SnowflakeError: its owner may not execute tasks (091089), nothing would start it (091107), or its root is
            started (091090).
    """
    if graph.is_started(item):
        return
    _check_owner_may_execute(session, item)
    if graph.is_root(item) and not _can_start(session, item):
        raise SnowflakeError(
            f"Task {full_name(session.account.catalog, item)} cannot be resumed: it has no SCHEDULE, comes after no task and"
            " has no WHEN condition on a stream.",
            91107,
            "23001",
        )
    if not graph.is_root(item):
        _check_not_started(session, [item])
    now = session.account.clock.now().isoformat()
    new = item.changed()
    new.body.update(state="started", since=now, last_committed_on=now)
    with session.account.catalog.transaction() as changes:
        changes.put(new)
    if graph.is_root(item):
        save_version(session.account, item.oid)
    session.account.scheduler.wake()


def _can_start(session: Session, item: CatalogObject) -> bool:
    has_children = bool(graph.children(session.account.catalog, item))
    on_stream = "SYSTEM$STREAM_HAS_DATA" in (item.body.get("condition") or "").upper()
    return bool(item.body["properties"].get("SCHEDULE")) or on_stream or has_children


def _suspend(session: Session, item: CatalogObject) -> None:
    if not graph.is_root(item) and graph.is_started(item):
        _check_not_started(session, [item])
    if graph.is_started(item):
        with session.account.catalog.transaction() as changes:
            changes.put(suspended(session.account, item, "USER_SUSPENDED"))


def _set(session: Session, tokens: TokenStream, new: CatalogObject) -> None:
    from embedded.snowflake.statements.objects import take_properties

    definition = Definition(new.body, new.comment)
    take_properties(definition, TASK, read_properties(tokens, _with_comment(), "TASK"))
    _take_finalize(session, new.body)
    new.comment = definition.comment


def _take_finalize(session: Session, body: dict[str, Any]) -> None:
    written = body["properties"].pop("FINALIZE", None)
    if written is not None:
        body["finalize"] = reach(session, "TASK", TokenStream(written).name()).oid


def _with_comment() -> dict[str, Property]:
    return {**TASK.all_properties, "COMMENT": Property(nullable_text, "")}


def _unset(_: Session, tokens: TokenStream, new: CatalogObject) -> None:
    keys = read_keys(tokens, _with_comment(), "TASK")
    if not keys:
        raise tokens.unexpected()
    for key in keys:
        if key == "COMMENT":
            new.comment = ""
        if key == "FINALIZE":
            new.body["finalize"] = None
        new.body["properties"].pop(key, None)
        new.body["parameters"].pop(key, None)


def _modify_as(_: Session, tokens: TokenStream, new: CatalogObject) -> None:
    new.body["definition"] = _definition(tokens)


def _modify_when(_: Session, tokens: TokenStream, new: CatalogObject) -> None:
    new.body["condition"] = _definition(tokens)


def _remove_when(_: Session, __: TokenStream, new: CatalogObject) -> None:
    new.body["condition"] = None


def _add_after(session: Session, tokens: TokenStream, new: CatalogObject) -> None:
    added = [reach(session, "TASK", item).oid for item in _names(tokens)]
    _check_acyclic(session, session.account.catalog.get(new.oid), added)
    new.body["after"] = [*new.body["after"], *(oid for oid in added if oid not in new.body["after"])]


def _remove_after(session: Session, tokens: TokenStream, new: CatalogObject) -> None:
    removed = {reach(session, "TASK", item).oid for item in _names(tokens)}
    new.body["after"] = [oid for oid in new.body["after"] if oid not in removed]


_CHANGES = {
    ("SET",): _set,
    ("UNSET",): _unset,
    ("MODIFY", "AS"): _modify_as,
    ("MODIFY", "WHEN"): _modify_when,
    ("REMOVE", "WHEN"): _remove_when,
    ("ADD", "AFTER"): _add_after,
    ("REMOVE", "AFTER"): _remove_after,
}


def _dropping(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    """What came after a dropped task does so no longer; a task of a started graph is not dropped."""
    if not graph.is_root(item):
        _check_not_started(session, [item])
    for other in changes.catalog.children(item.container, "TASK"):
        if item.oid in (other.body.get("after") or []) or other.body.get("finalize") == item.oid:
            new = suspended(session.account, changes.get(other.oid), "PREDECESSOR_DROPPED")
            new.body["after"] = [oid for oid in new.body["after"] if oid != item.oid]
            new.body["finalize"] = None if new.body.get("finalize") == item.oid else new.body.get("finalize")
            changes.put(new)


# -- SHOW


def _three_parts(session: Session, task: CatalogObject) -> str:
    catalog = session.account.catalog
    schema = catalog.get(task.container)
    return ".".join(quote(name) for name in (catalog.get(schema.container).name, schema.name, task.name))


def _predecessors(session: Session, item: CatalogObject) -> str:
    found = graph.predecessors(session.account.catalog, item)
    if not found:
        return "[]"
    return (
        "[\n  "
        + ",\n  ".join(orjson.dumps(full_name(session.account.catalog, task)).decode() for task in found)
        + "\n]"
    )


def _relations(session: Session, item: CatalogObject) -> str:
    catalog = session.account.catalog
    relations: dict[str, Any] = {
        "Predecessors": [_three_parts(session, task) for task in graph.predecessors(catalog, item)]
    }
    last, ends = graph.finalizer(catalog, item), graph.finalized_root(catalog, item)
    if last is not None:
        relations["FinalizerTask"] = _three_parts(session, last)
    if ends is not None:
        relations["FinalizedRootTask"] = _three_parts(session, ends)
    return orjson.dumps(relations).decode()


def _time(key: str) -> Any:
    def value(_: Session, item: CatalogObject) -> datetime | None:
        written = item.body.get(key)
        return datetime.fromisoformat(written) if written else None

    return TIMESTAMP_LTZ, value


def _body(key: str) -> Any:
    return lambda _, item: item.body.get(key)


def _overlapping(_: Session, item: CatalogObject) -> str | None:
    if not graph.is_root(item):
        return "null"
    return str(bool(item.body["properties"].get("ALLOW_OVERLAPPING_EXECUTION"))).lower()


_SHOW = columns(
    "created_on name id database_name schema_name owner comment warehouse schedule predecessors state definition condition"
    " allow_overlapping_execution error_integration last_committed_on last_suspended_on owner_role_type config budget"
    " task_relations last_suspended_reason success_integration target_completion_interval",
    id=_body("id"),
    warehouse=prop("WAREHOUSE", None),
    schedule=prop("SCHEDULE", None),
    predecessors=_predecessors,
    state=_body("state"),
    definition=_body("definition"),
    condition=_body("condition"),
    allow_overlapping_execution=_overlapping,
    error_integration=prop("ERROR_INTEGRATION", "null"),
    last_committed_on=_time("last_committed_on"),
    last_suspended_on=_time("last_suspended_on"),
    config=prop("CONFIG", None),
    budget=lambda *_: None,
    task_relations=_relations,
    last_suspended_reason=_body("last_suspended_reason"),
    success_integration=prop("SUCCESS_INTEGRATION", "null"),
    target_completion_interval=prop("TARGET_COMPLETION_INTERVAL", None),
)


def _describe(session: Session, item: CatalogObject) -> Result:
    from embedded.snowflake.catalog.show import ShowClauses, answer

    return answer(session, _SHOW, [item], ShowClauses())


TASK = register(
    Kind(
        "TASK",
        "TASKS",
        properties=_PROPERTIES,
        level="task",
        create_privilege="CREATE TASK",
        privileges=("APPLYBUDGET", "MONITOR", "OPERATE"),
        show=_SHOW,
        describe=_describe,
        read=_read,
        dropping=_dropping,
        alter=_alter,
    )
)
