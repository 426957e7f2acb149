"""AT and BEFORE: from a clause to the version of a table that it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import retention_days
from embedded.snowflake.errors import SqlCompilationError, SqlExecutionError
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.types import TIMESTAMP_LTZ

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def read_clause(text: str) -> exp.Expr:
    """The tree of a clause `AT (…)` or `BEFORE (…)` given as text."""
    table = parse_query(f"select * from t {text}").find(exp.Table)
    clause = table.args.get("when") if table is not None else None
    if clause is None:
        raise SqlCompilationError(f"invalid Time Travel clause '{text}'", 1003, "42000")
    return clause


def version_at(session: Session, table: CatalogObject, clause: exp.Expr) -> int:
    """The version of a table at the point that AT or BEFORE names (BEFORE: just before it).

    Raises:
        SqlExecutionError: it lies before the table was made or before its retention (000707).
        SqlCompilationError: the statement or stream named is not known.
    """
    before, kind = str(clause.this).upper() == "BEFORE", str(clause.args.get("kind")).upper()
    target = clause.args["expression"]
    if kind == "STATEMENT":
        return _statement_version(session, table, str(_value(session, target)), before)
    if kind == "STREAM":
        return _stream_version(session, table, str(_value(session, target)))
    when = _time(session, kind, target)
    return at_time(session, table, when - timedelta(microseconds=1) if before else when)


def at_time(session: Session, table: CatalogObject, when: datetime) -> int:
    """The version of a table at a time.

    Raises:
        SqlExecutionError: the table was not there then, or what it held is no longer kept (000707).
    """
    now = session.account.clock.now()
    days = retention_days(session.account.catalog, table)
    if when < table.created_on or when < now - timedelta(days=days, seconds=1):
        raise _not_available(table)
    version = session.account.storage.history(table.oid).at_time(when)
    return _kept(session, table, version or 0)


def _kept(session: Session, table: CatalogObject, version: int) -> int:
    if version < session.account.storage.floors.get(table.oid, 0):
        raise _not_available(table)
    return version


def _not_available(table: CatalogObject) -> SqlExecutionError:
    return SqlExecutionError(
        f"Time travel data is not available for table {table.name}. The requested time is either beyond the allowed time"
        " travel period or before the object creation time.",
        707,
        "02000",
    )


def _time(session: Session, kind: str, target: exp.Expr) -> datetime:
    if kind == "OFFSET":
        value = _value(session, target)
        if not isinstance(value, int | float | Decimal) or isinstance(value, bool) or value > 0:
            raise SqlCompilationError("invalid value for OFFSET: it is a number of seconds, at most 0", 1008, "22023")
        return session.account.clock.now() + timedelta(seconds=float(value))
    if kind != "TIMESTAMP":
        raise SqlCompilationError(f"invalid Time Travel point '{kind}'", 1003, "42000")
    value = _value(session, target, timestamp=True)
    if value is None:
        raise SqlCompilationError("invalid value for TIMESTAMP: NULL", 1008, "22023")
    return value.astimezone(UTC)


def _value(session: Session, target: exp.Expr, *, timestamp: bool = False) -> Any:
    """The value of a constant expression."""
    from embedded.snowflake.catalog.parameters import session_setting
    from embedded.snowflake.sql.run import snowflake_errors
    from embedded.snowflake.sql.translate import expression_ast

    typed = expression_ast(session, target.copy())
    if typed.is_constant and not timestamp:
        return typed.value
    if timestamp:
        typed = cast(typed, TIMESTAMP_LTZ, session_setting(session, "TIMEZONE").value)
    with snowflake_errors():
        rows = session.cursor.cursor().execute(f"select {typed.sql}").fetchall()
    return rows[0][0] if rows else None


def _statement_version(session: Session, table: CatalogObject, query_id: str, before: bool) -> int:
    history = session.account.storage.history(table.oid)
    version = history.statements.get(query_id)
    if version is not None:
        return _kept(session, table, (history.before(version) or 0) if before else version)
    record = session.account.queries.get(query_id)
    if record is None:
        raise SqlExecutionError(f"Statement {query_id} not found", 709, "02000")
    moment = record.start_time if before else (record.end_time or session.account.clock.now())
    return at_time(session, table, moment)


def _stream_version(session: Session, table: CatalogObject, written: str) -> int:
    from embedded.snowflake.security.privileges import reach
    from embedded.snowflake.storage.transactions import offset
    from embedded.snowflake.tokens import TokenStream

    stream = reach(session, "STREAM", TokenStream(written).name(), "SELECT")
    versions = offset(session, stream.oid)
    if table.oid not in versions:
        raise SqlCompilationError(f"Stream '{stream.name}' is not on table '{table.name}'.", 2203, "42601")
    return versions[table.oid]


def last_commit_time_ns(session: Session, table: CatalogObject) -> int:
    """When a table last changed, in nanoseconds since 1970: its creation if it never did."""
    times = session.account.storage.history(table.oid).times
    return int((times[-1] if times else table.created_on).timestamp() * 1_000_000) * 1000
