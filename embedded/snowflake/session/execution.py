"""A statement's way from text to result: recorded, timed, able to be cancelled, on a warehouse that runs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import duckdb

from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.catalog.store import acting
from embedded.snowflake.errors import SnowflakeError, SqlExecutionError
from embedded.snowflake.history.queries import query_type
from embedded.snowflake.result import StatementType
from embedded.snowflake.security.redaction import redact
from embedded.snowflake.session.dispatch import Statement, registration, statement_tokens
from embedded.snowflake.session.identifiers import with_names
from embedded.snowflake.session.program import check_allowed

if TYPE_CHECKING:
    from embedded.snowflake.history.queries import QueryRecord
    from embedded.snowflake.result import Result
    from embedded.snowflake.session.session import Session

_log = logging.getLogger(__name__)


def canceled() -> SnowflakeError:
    """The error of a statement that was cancelled (000604)."""
    return SqlExecutionError("SQL execution canceled", 604, "57014")


def _timed_out(seconds: int) -> SnowflakeError:
    message = f"Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled."
    return SqlExecutionError(message, 630, "57014")


def run_statement(session: Session, text: str, binds: list[Any], query_id: str, describe_only: bool) -> Result:
    """Run one statement of a session whose lock is held.

    Raises:
        SnowflakeError: as Snowflake would refuse it; an error of the server's own is one too (000603), and logged.
    """
    record = session.account.queries.begin(session, query_id, redact(text), parent=session.record)
    outer = (session.record, session.statement_id)
    session.record, session.statement_id = record, query_id
    outer_acting, acting.session = getattr(acting, "session", None), session.id
    result, failure = None, None
    try:
        with _snowflake_errors(session, query_id):
            tokens = statement_tokens(text)
            named, left = with_names(session, text, tokens, binds)
            tokens = tokens if named is text else statement_tokens(named)
            result = _handle(session, Statement(named, tokens, query_id, left, describe_only))
            return result
    except SnowflakeError as error:
        failure = error
        if session.transaction is not None and session_setting(session, "TRANSACTION_ABORT_ON_ERROR").value == "true":
            session.rollback()
        raise
    finally:
        session.record, session.statement_id = outer
        acting.session = outer_acting
        session.cancelled.discard(query_id)
        _finish(session, record, result, failure, describe_only)


def _finish(
    session: Session, record: QueryRecord, result: Result | None, failure: SnowflakeError | None, describe_only: bool
) -> None:
    session.last_used = session.account.clock.now()
    session.account.queries.finish(record, result, failure, keep=not describe_only)
    if describe_only:
        return
    session.query_ids.append(record.query_id)
    if result is not None:
        session.account.results.put(record.query_id, result, session.user)
        if session.transaction is None and result.statement_type & 0xF000 != StatementType.SELECT:
            session.account.note_change()


def _handle(session: Session, statement: Statement) -> Result:
    check_allowed(session, (statement.tokens.word(), statement.tokens.word(1)))
    found = registration(statement.tokens)
    if found.commits and not statement.describe_only:
        session.commit()
    if session.transaction is None and statement.tokens.word() in _CHANGES_ROWS:
        _begin_without_autocommit(session)
    kept = _kept_result(session, statement)
    if kept is not None:
        return kept
    changes = found.commits and not statement.describe_only
    alone = session.account.catalog.alone() if changes else nullcontext()
    with _limited(session, statement.query_id), _computing(session, statement), alone:
        return found.handler(session, statement)


def _kept_result(session: Session, statement: Statement) -> Result | None:
    """The result that answers a query without a warehouse, if it was asked before and nothing has changed."""
    return session.account.result_cache.find(session, statement) if statement.tokens.word() in _QUERIES else None


# Statements that need a warehouse whatever they read; a query needs one if it reads from something.
_COMPUTES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "CALL"})
_QUERIES = frozenset({"SELECT", "WITH", "(", "VALUES"})


@contextmanager
def _computing(session: Session, statement: Statement) -> Iterator[None]:
    """Keep the session's warehouse running for a statement that computes."""
    tokens = statement.tokens
    first, count = tokens.word(), len(tokens.tokens)
    needs = first in _COMPUTES or (first in _QUERIES and any(tokens.word(i) == "FROM" for i in range(count)))
    needs = needs or (first == "CREATE" and query_type(statement.text) == "CREATE_TABLE_AS_SELECT")
    is_system = first == "CALL" and tokens.word(1).startswith("SYSTEM$")
    if not needs or is_system or statement.describe_only:
        yield
        return
    with session.account.warehouses.used_by(session, statement.query_id):
        yield


_CHANGES_ROWS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})


def _begin_without_autocommit(session: Session) -> None:
    if session_setting(session, "AUTOCOMMIT").value == "false":
        from embedded.snowflake.statements.session import begin_transaction

        begin_transaction(session)


@contextmanager
def _snowflake_errors(session: Session, query_id: str) -> Iterator[None]:
    """Turn what is no error of Snowflake's into one, so that a client never sees the server fail."""
    try:
        if query_id in session.cancelled:
            raise canceled()
        yield
    except SnowflakeError as error:
        if error.errno == 604:
            raise _interruption(session, query_id) from error
        raise
    except duckdb.InterruptException as error:
        raise _interruption(session, query_id) from error
    except RecursionError as error:
        raise SnowflakeError("SQL compilation error: the statement is nested too deeply.", 1003) from error
    except Exception as error:
        _log.exception("A statement failed in a way that it should not (query %s)", query_id)
        raise SqlExecutionError(
            f"The local Snowflake failed on this statement: {type(error).__name__}: {error}", 603, "XX000"
        ) from error


def _interruption(session: Session, query_id: str) -> SnowflakeError:
    seconds = session.timeouts.pop(query_id, None)
    return _timed_out(seconds) if seconds is not None else canceled()


# A statement's time when nothing was set: two days. No timer is needed for it.
_LONGEST = 172_800


@contextmanager
def _limited(session: Session, query_id: str) -> Iterator[None]:
    """Interrupt the statement at STATEMENT_TIMEOUT_IN_SECONDS, of the session or of its warehouse if that is less."""
    seconds = session.account.warehouses.timeout_seconds(session)
    if not 0 < seconds < _LONGEST:
        yield
        return

    def stop() -> None:
        session.timeouts[query_id] = seconds
        session.cancel(query_id)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
