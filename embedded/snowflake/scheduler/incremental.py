"""Which queries can be kept up to date from changes alone, and the changes of their results.

A linear query (columns and filters over inner joins and UNION ALL) changes by the query of the changed rows. A keyed one (GROUP
BY, DISTINCT, window functions over partitions) changes only in the keys of the changed rows: those are computed anew. The tables
below are read at two versions by pins (`storage.pins`), so that the binder, with its privileges, makes each text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.sql.functions.registry import FUNCTIONS
from embedded.snowflake.sql.parse import MARK, parse_query
from embedded.snowflake.sql.scope import name_of
from embedded.snowflake.sql.translate import Translated, query
from embedded.snowflake.storage.pins import pinned
from embedded.snowflake.storage.versions import visible_at

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

KEY_FUNCTION = "SYSTEM$LOCAL_CHANGED_KEYS"
KEY_TABLE = "_changed_keys"
STORED = ("TABLE", "DYNAMIC TABLE")
_VOLATILE_STARTS = ("CURRENT_", "SYSTEM$", "LAST_", "SEQ", "GETVARIABLE", "INVOKER_")
_VOLATILE = frozenset(
    {
        "RANDOM", "RANDSTR", "UUID_STRING", "UNIFORM", "NORMAL", "ZIPF", "NOW", "SYSDATE", "GETDATE", "LOCALTIME",
        "LOCALTIMESTAMP", "SYSTIMESTAMP", "IS_ROLE_IN_SESSION", "IS_DATABASE_ROLE_IN_SESSION", "POLICY_CONTEXT",
    }
)  # fmt: skip
_TABLE_FUNCTIONS = frozenset({"FLATTEN", "SPLIT_TO_TABLE", "STRTOK_SPLIT_TO_TABLE", "LATERAL", "TABLE"})
_NODES = {
    exp.Limit: "LIMIT",
    exp.Fetch: "LIMIT",
    exp.Offset: "OFFSET",
    exp.TableSample: "SAMPLE",
    exp.Pivot: "PIVOT or UNPIVOT",
    exp.Intersect: "INTERSECT",
    exp.Except: "EXCEPT",
    exp.Exists: "a subquery in a condition",
    exp.CurrentTimestamp: "CURRENT_TIMESTAMP",
    exp.CurrentDate: "CURRENT_DATE",
    exp.CurrentTime: "CURRENT_TIME",
    exp.CurrentUser: "CURRENT_USER",
    exp.SessionParameter: "a session variable",
    exp.Parameter: "a session variable",
    exp.Placeholder: "a bind value",
    exp.Cube: "CUBE",
    exp.Rollup: "ROLLUP",
    exp.GroupingSets: "GROUPING SETS",
    exp.Values: "VALUES",
}


class NotIncremental(Exception):
    """A query cannot be refreshed from changes; the text says why."""


@dataclass(frozen=True)
class Plan:
    """How a query is refreshed from changes: with the places of its key columns, or none for a linear one."""

    keys: tuple[int, ...] = ()


def plan(session: Session, text: str) -> Plan:
    """How a query can be refreshed from the changes of its tables.

    Raises:
        NotIncremental: it cannot.
    """
    tree = parse_query(text)
    translated = query(session, parse_query(text))
    _check_sources(session, translated)
    _check_nodes(tree)
    for view in _views(session, translated):
        inner = parse_query(view.body["query"])
        _check_nodes(inner)
        _check_linear(inner)
    with_ = tree.args.get("with_")
    for cte in with_.expressions if with_ is not None else ():
        _check_linear(cte.this)
    top = _unwrapped(tree)
    if isinstance(top, exp.SetOperation):
        _check_linear(top)
        return Plan()
    for source in _from_items(top):
        _check_item(source)
    return Plan(_keys(top))


def _views(session: Session, translated: Translated) -> list[CatalogObject]:
    found = [session.account.catalog.get(access.oid) for access in translated.accessed]
    return [item for item in found if item.kind in ("VIEW", "MATERIALIZED VIEW")]


def _check_sources(session: Session, translated: Translated) -> None:
    from embedded.snowflake.sql.context import Context
    from embedded.snowflake.sql.policies import column_masks

    context, seen = Context.of(session, [], ""), set()
    if translated.streams:
        raise NotIncremental("the query reads a stream")
    for access in translated.accessed:
        item = session.account.catalog.get(access.oid)
        if item.body.get("row_access_policy") or column_masks(item, context):
            raise NotIncremental(f"'{item.name}' is protected by a policy")
        if item.kind in ("VIEW", "MATERIALIZED VIEW"):
            continue
        if item.kind not in STORED:
            raise NotIncremental(f"'{item.name}' is a {item.kind.lower()}")
        if item.oid in seen:
            raise NotIncremental(f"table '{item.name}' is read more than once")
        seen.add(item.oid)
    if set(translated.sources) - {access.oid for access in translated.accessed}:
        raise NotIncremental("the query reads tables in subqueries or functions")


def _unwrapped(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Subquery | exp.Paren) and not node.args.get("joins"):
        node = node.this
    return node


def _check_nodes(tree: exp.Expr) -> None:
    """Refuse what never goes: by kind of node, by name of function, subqueries in expressions, WITH queries used twice."""
    for node in tree.walk():
        reason = _NODES.get(type(node))
        if reason is not None:
            raise NotIncremental(f"the query has {reason}")
        if isinstance(node, exp.Anonymous):
            _check_call(node)
        if isinstance(node, exp.MatchRecognize | exp.Connect):
            what = "MATCH_RECOGNIZE" if isinstance(node, exp.MatchRecognize) else "CONNECT BY"
            raise NotIncremental(f"the query has {what}")
        if isinstance(node, exp.Union) and node.args.get("distinct"):
            raise NotIncremental("the query has UNION without ALL")
        if isinstance(node, exp.Join) and (node.args.get("side") or node.args.get("method")):
            raise NotIncremental("the query has an outer, natural or ASOF join")
        if isinstance(node, exp.Query) and not _may_stand(node):
            raise NotIncremental("the query has a subquery in an expression")
        if isinstance(node, exp.Table) and (node.args.get("when") or node.args.get("changes")):
            raise NotIncremental("the query has Time Travel")
        if isinstance(node, exp.With) and node.args.get("recursive"):
            raise NotIncremental("the query has a recursive WITH")
    names = [name_of(cte.args["alias"].this) for cte in tree.find_all(exp.CTE)]
    for name in names:
        used = [t for t in tree.find_all(exp.Table) if isinstance(t.this, exp.Identifier) and name_of(t.this) == name]
        if len(used) > 1:
            raise NotIncremental(f"the WITH query '{name}' is used more than once")


def _may_stand(node: exp.Expr) -> bool:
    parent = node.parent
    while isinstance(parent, exp.Subquery | exp.Paren):
        parent = parent.parent
    return parent is None or isinstance(parent, exp.From | exp.Join | exp.CTE | exp.SetOperation | exp.Lateral)


def _check_call(node: exp.Anonymous) -> None:
    name = str(node.name).replace(MARK, "").upper()
    if name in _VOLATILE or name.startswith(_VOLATILE_STARTS):
        raise NotIncremental(f"the query has {name}")
    if name not in FUNCTIONS and name not in _TABLE_FUNCTIONS:
        raise NotIncremental(f"the query calls {name}, which is no deterministic built-in function")


def _from_items(select: exp.Expr) -> list[exp.Expr]:
    start = select.args.get("from_")
    if start is None:
        raise NotIncremental("the query reads no table")
    items, todo = [], [start.this, *(join.this for join in select.args.get("joins") or [])]
    while todo:
        item = todo.pop()
        items.append(item)
        todo.extend(join.this for join in item.args.get("joins") or [])
    return items


def _check_item(item: exp.Expr) -> None:
    inner = item.this if isinstance(item, exp.Subquery) else None
    if isinstance(inner, exp.Query):
        _check_linear(inner)


def _check_linear(node: exp.Expr) -> None:
    """Refuse a part of a FROM that is more than columns and filters."""
    node = _unwrapped(node)
    if isinstance(node, exp.Union):
        _check_linear(node.this)
        _check_linear(node.expression)
        return
    if not isinstance(node, exp.Select):
        raise NotIncremental(f"the query has {node.key.upper()}")
    keyed = [key for key in ("group", "having", "distinct", "qualify") if node.args.get(key)]
    if keyed or _aggregates(node) or _windows(node):
        raise NotIncremental("the query groups, or has window functions, below its outermost SELECT")
    for item in _from_items(node):
        _check_item(item)


def _own(select: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    """The nodes of a kind in a SELECT's own expressions, not in the queries of its FROM."""
    parts = [
        *select.expressions,
        *(select.args.get(key) for key in ("where", "having", "qualify") if select.args.get(key)),
    ]
    for part in parts:
        yield from part.find_all(kind)


def _aggregates(select: exp.Expr) -> bool:
    return any(_is_aggregate(node) for node in _own(select, exp.Anonymous))


def _is_aggregate(node: exp.Expr) -> bool:
    found = FUNCTIONS.get(str(node.name).replace(MARK, "").upper())
    return found is not None and found.aggregate and not _in_window(node)


def _in_window(node: exp.Expr) -> bool:
    parent = node.parent
    while isinstance(parent, exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        parent = parent.parent
    return isinstance(parent, exp.Window) and parent.this is not None and node in parent.this.find_all(exp.Anonymous)


def _windows(select: exp.Expr) -> list[exp.Expr]:
    return list(_own(select, exp.Window))


def _keys(select: exp.Expr) -> tuple[int, ...]:
    """The places of the columns by which changed rows find the rows of the result that change; none for a linear query."""
    outputs, windows = select.expressions, _windows(select)
    grouped = bool(select.args.get("group")) or _aggregates(select)
    if windows:
        if grouped or select.args.get("distinct"):
            raise NotIncremental("the query has window functions together with GROUP BY or DISTINCT")
        found = [place for place, output in enumerate(outputs) if _in_all(output, windows)]
        if not found:
            raise NotIncremental("the query has window functions whose PARTITION BY is not in the select list")
        return tuple(found)
    if not grouped and not select.args.get("distinct"):
        return ()
    if any(isinstance(output, exp.Star) or isinstance(output.this, exp.Star) for output in outputs):
        raise NotIncremental("the query groups the columns of *")
    found = [place for place, output in enumerate(outputs) if not _has_aggregate(output)]
    if not found:
        raise NotIncremental("the query aggregates all rows to one")
    if any(_names_aggregate(outputs[place], outputs) for place in found):
        raise NotIncremental("a column of the query refers to another column's aggregate")
    return tuple(found)


def _has_aggregate(output: exp.Expr) -> bool:
    return any(_is_aggregate(node) for node in output.find_all(exp.Anonymous))


def _names_aggregate(output: exp.Expr, outputs: list[exp.Expr]) -> bool:
    names = {name_of(item.args["alias"]) for item in outputs if isinstance(item, exp.Alias) and _has_aggregate(item)}
    columns = output.find_all(exp.Column)
    return any(not column.table and name_of(column.this) in names for column in columns)


def _in_all(output: exp.Expr, windows: list[exp.Expr]) -> bool:
    """Whether each window's PARTITION BY has an output's expression."""
    text = output.unalias().sql()
    return all(any(item.sql() == text for item in window.args.get("partition_by") or ()) for window in windows)


# -- changes

Versions = dict[int, int]


def at_versions(session: Session, text: str, versions: Versions) -> Translated:
    """A query with its tables at versions."""
    with pinned(versions.get):
        return query(session, parse_query(text))


def changes(session: Session, text: str, since: Versions, until: Versions) -> tuple[list[Translated], list[Translated]]:
    """The parts of a linear query's rows that came and those that went between two states of its tables."""
    return _changes(session, parse_query(text), since, until)


def _changes(
    session: Session, tree: exp.Expr, since: Versions, until: Versions
) -> tuple[list[Translated], list[Translated]]:
    came, went = [], []
    done: set[int] = set()
    for table in sorted(oid for oid in until if since[oid] != until[oid]):
        old, new = since[table], until[table]
        inserted = f"_from > {old} and _from <= {new} and _to > {new}"
        deleted = f"_to > {old} and _to <= {new} and _from <= {old}"
        for condition, parts in ((inserted, came), (deleted, went)):
            with pinned(_term(table, condition, since, until, frozenset(done))):
                parts.append(query(session, tree.copy()))
        done.add(table)
    return came, went


def _term(
    table: int, condition: str, since: Versions, until: Versions, done: frozenset[int]
) -> Callable[[int], str | None]:
    """One table's changed rows, beside the new state of the tables before it and the old state of those after."""

    def pin(oid: int) -> str | None:
        if oid == table:
            return condition
        return visible_at(until[oid] if oid in done else since[oid]) if oid in until else None

    return pin


def key_changes(
    session: Session, text: str, keys: tuple[int, ...], since: Versions, until: Versions
) -> list[Translated]:
    """The keys of all rows that came or went below a keyed query."""
    tree = parse_query(text)
    select = _unwrapped(tree)
    select.set("expressions", [_named(select.expressions[place], number) for number, place in enumerate(keys)])
    for clause in ("group", "having", "qualify", "distinct", "order"):
        select.set(clause, None)
    came, went = _changes(session, tree, since, until)
    return [*came, *went]


def _named(output: exp.Expr, number: int) -> exp.Expr:
    return exp.alias_(output.unalias().copy(), f"K{number}", quoted=True)


def of_keys(session: Session, text: str, keys: tuple[int, ...], until: Versions) -> Translated:
    """A keyed query with its tables at versions, of the keys in the session's temporary table KEY_TABLE."""
    tree = parse_query(text)
    select = _unwrapped(tree)
    values = [select.expressions[place].unalias().copy() for place in keys]
    condition: exp.Expr = exp.Anonymous(this=KEY_FUNCTION, expressions=values)
    where = select.args.get("where")
    if where is not None:
        condition = exp.And(this=exp.Paren(this=where.this.copy()), expression=condition)
    select.set("where", exp.Where(this=condition))
    with pinned(until.get), _keys_known():
        return query(session, tree)


_bound: ContextVar[bool] = ContextVar("keys", default=False)


@contextmanager
def _keys_known() -> Iterator[None]:
    token = _bound.set(True)
    try:
        yield
    finally:
        _bound.reset(token)


def keys_are_known() -> bool:
    """Whether KEY_FUNCTION means anything here: only while a refresh translates its query."""
    return _bound.get()
