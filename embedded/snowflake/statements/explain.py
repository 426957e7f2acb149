"""EXPLAIN and DESCRIBE RESULT: what a query would read, and what a query's result is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.result import Column, Result, StatementType, listing
from embedded.snowflake.security.privileges import visible
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.sql.translate import Translated, query
from embedded.snowflake.types import NUMBER, VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_STEPS = (
    ("step", NUMBER), ("id", NUMBER), ("parentOperators", VARCHAR), ("operation", VARCHAR), ("objects", VARCHAR),
    ("alias", VARCHAR), ("expressions", VARCHAR), ("partitionsTotal", NUMBER), ("partitionsAssigned", NUMBER),
    ("bytesAssigned", NUMBER),
)  # fmt: skip
_FORMS = ("TABULAR", "JSON", "TEXT")
_SCANS = {"TABLE": "TableScan", "STREAM": "TableScan", "MATERIALIZED VIEW": "TableScan", "DYNAMIC TABLE": "TableScan"}


@handles("EXPLAIN")
def explain(session: Session, statement: Statement) -> Result:
    """EXPLAIN [USING TABULAR | JSON | TEXT] query: the objects that it reads, as far as the session may know of them.

    No condition of a policy, no size of what a policy protects and nothing inside a secure view is told.

    Raises:
        SnowflakeError: it is no query (000002), or may not be run.
    """
    tokens = statement.tokens
    tokens.expect("EXPLAIN")
    form = "TABULAR"
    if tokens.accept("USING"):
        form = tokens.identifier()
        if form not in _FORMS:
            raise SqlCompilationError(f"Invalid output format '{form}' of EXPLAIN: {', '.join(_FORMS)}.", 1008, "22023")
    if tokens.word() not in ("SELECT", "WITH", "(", "VALUES"):
        raise unsupported(f"EXPLAIN of {tokens.word()}")
    translated = query(session, parse_query(tokens.rest()), statement=statement)
    steps = [_step(session, place, item) for place, item in enumerate(_objects(session, translated), 1)]
    result: tuple[Any, ...] = (1, 0, None, "Result", None, None, ", ".join(c.name for c in translated.columns))
    rows = [(None, None, None, "GlobalStats", None, None, None, None, None, None), (*result, None, None, None), *steps]
    if form == "TABULAR":
        return listing(_STEPS, rows)
    names = [name for name, _ in _STEPS]
    if form == "JSON":
        operations = [[{k: v for k, v in zip(names, row, strict=True) if v is not None} for row in rows[1:]]]
        text = orjson.dumps({"GlobalStats": {}, "Operations": operations}).decode()
    else:
        text = "\n".join(f"{row[1]}\t->{row[3]}  {row[4] or row[6] or ''}".rstrip() for row in rows[1:])
    return Result([Column("content")], [(text,)], statement_type=StatementType.SHOW)


def _objects(session: Session, translated: Translated) -> list[CatalogObject]:
    """What is read and may be known: what the query itself names, and of what stands in views only what the session sees."""
    catalog = session.account.catalog
    found: dict[int, CatalogObject] = {}
    for access in translated.accessed:
        item = catalog.get(access.oid)
        if access.direct or visible(session, item):
            found[item.oid] = item
    return list(found.values())


def _step(session: Session, place: int, item: CatalogObject) -> tuple[Any, ...]:
    """A scan; of what a row access policy protects only that it does."""
    name = full_name(session.account.catalog, item)
    secure = item.body.get("secure") or item.body.get("row_access_policy")
    operation = "DynamicSecureView" if secure else _SCANS.get(item.kind, "View")
    label = f"{name} (+ RowAccessPolicy)" if item.body.get("row_access_policy") else name
    return (1, place, "[0]", operation, label, None, None, None, None, None)


@handles("DESCRIBE", "RESULT")
@handles("DESC", "RESULT")
def describe_result(session: Session, statement: Statement) -> Result:
    """DESCRIBE RESULT 'query id' | LAST_QUERY_ID(): the columns of a result of the session's user.

    Raises:
        SnowflakeError: there is no such result, or it is another user's (000709).
    """
    tokens = statement.tokens
    tokens.next()
    tokens.expect("RESULT")
    if tokens.accept("LAST_QUERY_ID"):
        tokens.expect("(", ")")
        query_id = session.query_ids[-1] if session.query_ids else ""
    else:
        query_id = tokens.string()
    tokens.end()
    result = session.account.results.get(query_id, session.user)
    names = ("name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment")
    rows = [
        (column.name, str(column.type), "COLUMN", "Y" if column.nullable else "N", None, "N", "N", None, None, None)
        for column in result.columns
    ]
    return listing(names, rows)
