"""The door to the translator: a query of a session in, DuckDB text and typed columns out.

Translations are remembered by text, role, session context and the catalog's version: none of them outlives a change of what it
was derived from.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import orjson
from sqlglot import exp

import embedded.snowflake.sql.functions.load  # noqa: F401
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.names import decode
from embedded.snowflake.remembered import by_text
from embedded.snowflake.result import Column
from embedded.snowflake.sql.context import NOW, Context, Reads
from embedded.snowflake.sql.expressions import Expressions
from embedded.snowflake.sql.parse import parse_expression, parse_query
from embedded.snowflake.sql.query import bind_query
from embedded.snowflake.sql.scope import Scope, Source, SourceColumn
from embedded.snowflake.sql.typed import NULL, Typed, column_type

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.catalog.model import CatalogObject
    from embedded.snowflake.session.dispatch import Statement
    from embedded.snowflake.session.session import Session

_CACHE_SIZE = 2000


@dataclass(frozen=True)
class Access:
    """An object that a query reads: its oid, the names of the columns used, and whether the query itself names it."""

    oid: int
    columns: frozenset[str]
    direct: bool


@dataclass(frozen=True)
class Translated:
    """A query for DuckDB.

    Attributes:
        duckdb_sql: its text; a column's DuckDB name is the encoded name (made unique where Snowflake has two of one name).
        columns: the result's columns, in order.
        duckdb_names: their names in DuckDB.
        sources: oids of the tables and views read.
        streams: oids of the streams read.
        volatile: whether it must be translated anew for each run.
        repeatable: whether it gives the same rows over the same data, whenever and in whatever session it is run.
        accessed: the objects read, each with the columns used and whether the query itself names it (or a view in it does).
        policed: the policies put in, each with the object and the column that it is on (None: its rows).
        nulls: the places of columns that are NULL and nothing else, which go into a column of any type.
    """

    duckdb_sql: str
    columns: list[Column]
    duckdb_names: list[str] = field(default_factory=list)
    sources: set[int] = field(default_factory=set)
    streams: set[int] = field(default_factory=set)
    volatile: bool = False
    accessed: tuple[Access, ...] = ()
    repeatable: bool = True
    nulls: frozenset[int] = frozenset()
    policed: tuple[tuple[int, str | None, int], ...] = ()


_caches: WeakKeyDictionary[Account, OrderedDict[tuple[Any, ...], Translated]] = WeakKeyDictionary()


def query(session: Session, ast: exp.Expr, *, statement: Statement | None = None) -> Translated:
    """Translate a query that is already a tree.

    A Table node with `.meta["target_rid"]` also gives the column "$RID", the row's identity, policed as any read.

    Args:
        session: who asks.
        ast: a query as `sql.parse` makes it.
        statement: the statement that it is part of; gives the bind values and the query id.

    Raises:
        SnowflakeError: as Snowflake refuses it.
    """
    binds = statement.binds if statement is not None else []
    number_placeholders(ast)
    context = Context.of(session, binds, statement.query_id if statement is not None else "")
    return at_time(_translate(ast, context), session)


def query_text(session: Session, text: str, *, statement: Statement | None = None) -> Translated:
    """Translate a query's text, or find the translation made before."""
    binds = statement.binds if statement is not None else []
    cache = _caches.setdefault(session.account, OrderedDict())
    key = _key(session, text, binds)
    found = cache.get(key)
    if found is None:
        context = Context.of(session, binds, statement.query_id if statement is not None else "")
        found = _translate(_tree(text), context)
        if not found.volatile:
            cache[key] = found
            while len(cache) > _CACHE_SIZE:
                cache.popitem(last=False)
    return at_time(found, session)


@by_text
def _tree(text: str) -> exp.Expr:
    """A query's tree, its placeholders numbered; shared, and not changed by a translation."""
    ast = parse_query(text)
    number_placeholders(ast)
    return ast


def query_in(session: Session, text: str, scope: Scope, binds: list[Any], query_id: str) -> Translated:
    """Translate a query whose names may also mean what a scope around it has, as the variables of a block."""
    ast = parse_query(text)
    number_placeholders(ast)
    return at_time(_translate(ast, Context.of(session, binds, query_id), scope), session)


def _key(session: Session, text: str, binds: list[Any]) -> tuple[Any, ...]:
    return (
        text,
        session.role,
        session.secondary_roles,
        session.user,
        session.database,
        session.schema,
        session.warehouse,
        session.id,
        session.account.catalog.version,
        session.transaction.id if session.transaction is not None else None,
        repr(session.parameters),
        repr(session.variables),
        repr(binds),
    )


def _translate(ast: exp.Expr, context: Context, outer: Scope | None = None) -> Translated:
    relation = bind_query(ast, context, outer)
    if context.reads.row_policed and context.reads.may_fail and not context.fenced:
        context = replace(context, fenced=True, reads=Reads())
        relation = bind_query(ast, context, outer)
    columns = [Column(column.name, column_type(column.type), column.nullable) for column in relation.columns]
    reads = context.reads
    return Translated(
        relation.sql,
        columns,
        [column.duckdb_name for column in relation.columns],
        reads.sources,
        reads.streams,
        reads.volatile,
        _accesses(relation.sql, reads),
        reads.repeatable and NOW not in relation.sql,
        frozenset(place for place, column in enumerate(relation.columns) if column.type == NULL),
        tuple(reads.policed),
    )


_REFERENCE = re.compile(r'\b(s\d+)\."((?:[^"]|"")*)"')


def _accesses(text: str, reads: Reads) -> tuple[Access, ...]:
    """What was read, by the columns that the text mentions of each source."""
    used: dict[str, set[str]] = {}
    for alias, name in _REFERENCE.findall(text):
        used.setdefault(alias, set()).add(decode(name.replace('""', '"')))
    return tuple(Access(oid, frozenset(used.get(alias, ())), direct) for alias, oid, direct in reads.accessed)


def number_placeholders(ast: exp.Expr) -> None:
    """Give each `?` the number of its bind value, in the order of the text.

    A tree is not walked in the text's order (LIMIT comes before WHERE), so several are told apart by names and put in a text.
    """
    found = [node for node in ast.find_all(exp.Placeholder, bfs=False) if node.name in ("", "?")]
    if len(found) > 1:
        found = _in_the_text(ast, found)
    for index, node in enumerate(found):
        node.meta.setdefault("bind", index)


def _in_the_text(ast: exp.Expr, nodes: list[exp.Placeholder]) -> list[exp.Placeholder]:
    names = [node.args.get("this") for node in nodes]
    for index, node in enumerate(nodes):
        node.set("this", f"bind_value_{index}_")
    text = ast.sql("snowflake")
    for node, name in zip(nodes, names, strict=True):
        node.set("this", name)
    order = [int(number) for number in dict.fromkeys(re.findall(r":bind_value_(\d+)_", text))]
    return [nodes[index] for index in order] if len(order) == len(nodes) else nodes


def at_time(translated: Translated, session: Session) -> Translated:
    """The translation with the statement's start in it; what it reads is noted in the statement's record."""
    note_accesses(translated, session)
    if NOW not in translated.duckdb_sql:
        return translated
    return replace(translated, duckdb_sql=translated.duckdb_sql.replace(NOW, now(session).isoformat(sep=" ")))


def note_accesses(translated: Translated, session: Session) -> None:
    """Tell the statement's record what it reads, for ACCESS_HISTORY."""
    record = session.record
    if record is None or not translated.accessed:
        return
    catalog = session.account.catalog
    for key, direct in (("direct_objects_accessed", True), ("base_objects_accessed", False)):
        found = {entry["objectId"]: entry for entry in orjson.loads(record.values.get(key) or "[]")}
        for access in translated.accessed:
            item = catalog.get(access.oid)
            if access.direct if direct else item.kind not in ("VIEW", "MATERIALIZED VIEW"):
                names = {column["columnName"] for column in found.get(access.oid, {}).get("columns", ())}
                found[access.oid] = {
                    "columns": [{"columnName": name} for name in sorted(names | access.columns)],
                    "objectDomain": item.kind.capitalize(),
                    "objectId": access.oid,
                    "objectName": full_name(catalog, item),
                }
        record.values[key] = orjson.dumps(list(found.values())).decode()
    if translated.policed:
        _note_policies(translated, session)


def _note_policies(translated: Translated, session: Session) -> None:
    """Tell the statement's record which policies its reads were under: of the rows, and of the columns that it uses."""
    record, catalog = session.record, session.account.catalog
    assert record is not None
    used = {(access.oid, name) for access in translated.accessed for name in access.columns}
    key = "policies_referenced"
    found = {entry["objectId"]: entry for entry in orjson.loads(record.values.get(key) or "[]")}
    for oid, column, policy_oid in translated.policed:
        if column is not None and (oid, column) not in used:
            continue
        item, policy = catalog.get(oid), catalog.get(policy_oid)
        entry = found.setdefault(
            oid,
            {
                "columns": [],
                "objectDomain": item.kind.capitalize(),
                "objectId": oid,
                "objectName": full_name(catalog, item),
                "policies": [],
            },
        )
        listed = entry["policies"] if column is None else _policed_column(entry, item, column)
        told = {
            "policyId": policy_oid,
            "policyKind": policy.kind.replace(" ", "_"),
            "policyName": full_name(catalog, policy),
        }
        if told not in listed:
            listed.append(told)
    record.values[key] = orjson.dumps(list(found.values())).decode()


def _policed_column(entry: dict[str, Any], item: CatalogObject, name: str) -> list[dict[str, Any]]:
    """The policies told of a column so far."""
    for column in entry["columns"]:
        if column["columnName"] == name:
            return column["policies"]
    ids = {column["name"]: column.get("id", place) for place, column in enumerate(item.body.get("columns", []), 1)}
    entry["columns"].append({"columnId": ids.get(name), "columnName": name, "policies": []})
    return entry["columns"][-1]["policies"]


def now(session: Session) -> datetime:
    """The account's time: its clock if it has one that tests can set."""
    clock = getattr(session.account, "clock", None)
    if clock is None:
        return datetime.now(UTC)
    found = clock.now() if hasattr(clock, "now") else clock()
    return found.astimezone(UTC)


def expression(
    session: Session, text: str, columns: list[tuple[str, Typed]] | None = None, *, statement: Statement | None = None
) -> Typed:
    """Translate one expression over columns given by name, as a default or a check.

    Args:
        session: who asks.
        text: Snowflake SQL of an expression.
        columns: canonical names, each with the DuckDB text and type that it stands for.
        statement: gives the bind values.
    """
    return expression_ast(session, parse_expression(text), columns, statement=statement)


def expression_ast(
    session: Session,
    node: exp.Expr,
    columns: list[tuple[str, Typed]] | None = None,
    *,
    statement: Statement | None = None,
) -> Typed:
    """Translate one expression that is already a tree; see `expression`."""
    context = Context.of(session, statement.binds if statement is not None else [], "")
    scope = Scope([Source("", [SourceColumn(name, value) for name, value in columns or []])])
    made = Expressions(context, scope, bind_query).bind(node)
    return Typed(
        made.sql.replace(NOW, now(session).isoformat(sep=" ")), made.type, made.nullable, made.exact, made.value
    )
