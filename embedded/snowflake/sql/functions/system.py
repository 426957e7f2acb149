"""SYSTEM$ functions and others that tell of the account's objects. Other parts register their own here with `function`."""

from __future__ import annotations

import time

from embedded.snowflake.catalog import references
from embedded.snowflake.errors import SqlCompilationError, does_not_exist
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed, duckdb_type, of_value, text_literal
from embedded.snowflake.types import BOOLEAN, NUMBER, VARCHAR, fixed_bytes

_DUCKDB_SIZES = {"BOOLEAN": "SB1", "DATE": "SB4", "VARCHAR": "LOB", "FLOAT": "DOUBLE"}


def _text(value: str | None) -> Typed:
    return Typed("CAST(NULL AS VARCHAR)", VARCHAR) if value is None else text_literal(value).typed(VARCHAR)


@function("SYSTEM$TYPEOF", args=1)
def typeof(call: Call) -> Typed:
    """The expression's type, as Snowflake prints it with its storage size."""
    kind = call.arg(0).type
    name = "NULL" if kind.kind == "NULL" else str(kind)
    size = f"SB{fixed_bytes(kind)}" if kind.kind == "NUMBER" else _DUCKDB_SIZES.get(kind.kind, "LOB")
    return _text(f"{name}[{size}]")


@function("SYSTEM$WAIT", args=(1, 2))
def wait(call: Call) -> Typed:
    """Wait some seconds (or another unit), then say so."""
    call.binder.context.reads.volatile = True
    amount, unit = float(str(call.constant(0))), str(call.constant(1, "SECONDS")).upper()
    factor = {"SECONDS": 1.0, "MINUTES": 60.0, "HOURS": 3600.0, "DAYS": 86400.0, "MILLISECONDS": 0.001}.get(unit)
    if factor is None:
        raise SqlCompilationError(f"Invalid unit '{unit}' for function SYSTEM$WAIT", 1015, "22023")
    time.sleep(amount * factor)
    return _text(f"waited {call.constant(0)} {unit.lower()}")


@function("SYSTEM$GET_DEFAULT_PYTHON_ARTIFACT_REPOSITORY", args=(1, 3))
def default_artifact_repository(call: Call) -> Typed:  # noqa: ARG001
    """Where the packages of Python handlers come from when nothing else is named."""
    return _text("snowflake.snowpark.anaconda_shared_repository")


@function("SYSTEM$GET_TAG", args=3)
def get_tag(call: Call) -> Typed:
    """The value of a tag on an object or column, inherited ones too."""
    call.binder.context.reads.volatile = True
    tag, name, domain = (str(call.constant(index)) for index in range(3))
    return _text(references.get_tag(call.binder.context.session, tag, name, domain))


@function("SYSTEM$STREAM_HAS_DATA", args=1)
def stream_has_data(call: Call) -> Typed:
    """Whether a stream has changes to give."""
    from embedded.snowflake.change.scan import stream_has_data as has_data
    from embedded.snowflake.security.privileges import reach
    from embedded.snowflake.tokens import TokenStream

    call.binder.context.reads.volatile = True
    session, name = call.binder.context.session, TokenStream(str(call.constant(0))).name()
    stream = reach(session, "STREAM", name)
    if stream.kind != "STREAM":
        raise does_not_exist("Stream", str(name))
    return of_value(bool(has_data(session, stream)))


@function("GET_DDL", args=(2, 3))
def get_ddl(call: Call) -> Typed:
    """The statement that makes an object."""
    from embedded.snowflake.catalog.ddl import get_ddl as made

    call.binder.context.reads.volatile = True
    qualified = bool(call.constant(2, False))
    return _text(made(call.binder.context.session, str(call.constant(0)), str(call.constant(1)), qualified))


@function("SYSTEM$CANCEL_QUERY", args=1)
def cancel_query(call: Call) -> Typed:
    """Interrupt a query of the session's user."""
    context = call.binder.context
    context.reads.volatile = True
    record = context.account.queries.get(str(call.constant(0)))
    if record is None or record.status != "RUNNING" or record.session.user != context.session.user:
        return _text("Identified SQL statement is not currently executing.")
    record.session.cancel(record.query_id)
    return _text("query [" + record.query_id + "] terminated.")


@function("SYSTEM$CANCEL_ALL_QUERIES", args=1)
def cancel_all_queries(call: Call) -> Typed:
    """Interrupt what a session of the same user is doing; this statement itself goes on."""
    context = call.binder.context
    context.reads.volatile = True
    session = context.account.sessions.get(int(str(call.constant(0))))
    if session is None or session.user != context.session.user:
        return _text("Session not found, or not of this user.")
    if session.statement_id not in (None, context.session.statement_id):
        session.cancel(str(session.statement_id))
    return _text("all queries cancelled.")


@function("SYSTEM$LAST_CHANGE_COMMIT_TIME", args=1)
def last_change_commit_time(call: Call) -> Typed:
    """A number that grows with each change of a table."""
    from embedded.snowflake.security.privileges import reach
    from embedded.snowflake.storage.time_travel import last_commit_time_ns
    from embedded.snowflake.tokens import TokenStream

    context = call.binder.context
    context.reads.volatile = True
    table = reach(context.session, "TABLE", TokenStream(str(call.constant(0))).name(), "SELECT")
    return Typed(str(last_commit_time_ns(context.session, table)), NUMBER, exact=False)


@function("SYSTEM$LOCAL_CHANGED_KEYS", args=(1, None))
def changed_keys(call: Call) -> Typed:
    """In a refresh: whether values are among the keys whose rows changed (the server's own; unknown anywhere else)."""
    from embedded.snowflake.scheduler.incremental import KEY_TABLE, keys_are_known
    from embedded.snowflake.sql.functions.registry import unknown_function

    if not keys_are_known():
        raise unknown_function(call.name)
    same = " AND ".join(f"k.k{number} IS NOT DISTINCT FROM {value.sql}" for number, value in enumerate(call.args()))
    return Typed(f"EXISTS (SELECT 1 FROM {KEY_TABLE} AS k WHERE {same})", BOOLEAN, False)


__all__ = ["duckdb_type"]
