"""What a request's text does: one statement, several, or one for each row of array binds."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import SnowflakeError, unsupported
from embedded.snowflake.result import Column, Result, StatementType
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import NUMBER

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.wire.executions import Execution

# Rows of array binds that one INSERT takes.
_ROWS_AT_ONCE = 500


def run(execution: Execution) -> Result:
    """Do what a request asks.

    Raises:
        SnowflakeError: as Snowflake would refuse it.
    """
    session = execution.login.session
    if execution.bind_stage:
        text = _from_stage(execution.text, execution.bind_stage)
        return session.execute(text, query_id=execution.query_id, describe_only=execution.describe_only)
    if execution.arrays:
        return _run_arrays(session, execution)
    return session.execute(
        _with_stage(execution.text, execution.binds),
        execution.binds,
        query_id=execution.query_id,
        describe_only=execution.describe_only,
    )


_FILES_WITH_BIND = re.compile(r"(\s*(?:PUT|GET)\s.*?\s)\?(?=\s|\Z)", re.IGNORECASE | re.DOTALL)
_STAGE = re.compile(r"@[\w.$~%/\"-]+\Z")


def _with_stage(text: str, binds: list[Any]) -> str:
    """A PUT or GET whose stage is a bind (`PUT file://x ?`), with the stage in its place; any other text as it is."""
    found = _FILES_WITH_BIND.match(text) if binds else None
    if found is None or not _STAGE.match(str(binds[0])):
        return text
    return f"{found[1]}{binds[0]}{text[found.end() :]}"


def _from_stage(text: str, stage: str) -> str:
    """An INSERT … VALUES (?, …) whose rows a client has put in a stage, as an INSERT of a query over its files.

    Raises:
        SnowflakeError: another statement (000002).
    """
    group = _values_group(text)
    if group is None:
        raise unsupported("array binds through a stage for another statement than INSERT … VALUES (?, …)")
    opening, closing = group
    numbers = itertools.count(1)
    items = re.sub(r":\d+|\?", lambda _: f"${next(numbers)}", text[opening + 1 : closing - 1])
    before = re.sub(r"VALUES\s*\Z", "", text[:opening], flags=re.IGNORECASE)
    return f"{before}SELECT {items} FROM {stage}"


def _run_arrays(session: Session, execution: Execution) -> Result:
    """Run an INSERT … VALUES once for many rows, another statement once a row; all rows or none."""
    rows = list(zip(*(bind if isinstance(bind, list) else [bind] for bind in execution.binds), strict=True))
    with session.lock:
        own = session.transaction is None
        if own:
            session.execute("BEGIN")
        try:
            total = _run_batches(session, execution, rows)
        except BaseException:
            if own:
                session.rollback()
            raise
        if own:
            session.commit()
    return total


def _run_batches(session: Session, execution: Execution, rows: list[tuple[Any, ...]]) -> Result:
    group = _values_group(execution.text)
    size = _ROWS_AT_ONCE if group else 1
    total: Result | None = None
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        text = execution.text
        if group:
            opening, closing = group
            # `:1` counts positions of one row: with several rows each place is its own.
            row = re.sub(r":\d+", "?", text[opening:closing])
            text = text[:opening] + ", ".join([row] * len(batch)) + text[closing:]
        last = start + size >= len(rows)
        result = session.execute(
            text, [value for row in batch for value in row], query_id=execution.query_id if last else None
        )
        total = _added(total, result)
    if total is None:
        return Result([Column("number of rows inserted", NUMBER)], [(0,)], statement_type=StatementType.INSERT)
    return total


def _added(total: Result | None, result: Result) -> Result:
    if total is None or not result.rows or not total.rows:
        return result
    if result.statement_type & 0xF000 != StatementType.DML:
        return result
    total.rows = [tuple(a + b for a, b in zip(total.rows[0], result.rows[0], strict=True))]
    return total


def _values_group(text: str) -> tuple[int, int] | None:
    """Where the one parenthesized group after VALUES stands in an INSERT whose binds stand in it alone, in order."""
    stream = TokenStream(text)
    if stream.word() != "INSERT":
        return None
    for index, token in enumerate(stream.tokens):
        if token.text.upper() == "VALUES" and stream.word(index) == "VALUES":
            stream.index = index + 1
            if not stream.at("("):
                return None
            opening = stream.tokens[stream.index].start
            inner = stream.skip_parenthesis()
            closing = stream.tokens[stream.index - 1].end + 1
            named = re.findall(r":(\d+)", inner)
            ordered = named == [str(i + 1) for i in range(len(named))]
            return (opening, closing) if not stream and ordered else None
    return None


def run_many(execution: Execution) -> Result:
    """Run the statements of one request one after the other; the first error ends it.

    Raises:
        SnowflakeError: as Snowflake would refuse one of them.
    """
    kinds = []
    for child in execution.children:
        try:
            result = run(child)
        except SnowflakeError as error:
            child.future.set_exception(error)
            raise
        child.future.set_result(result)
        kinds.append(int(result.statement_type))
    summary = Result(
        [Column("multiple statement execution")],
        [("Multiple statements executed successfully.",)],
        statement_type=StatementType.MULTI_STATEMENT,
    )
    summary.wire_data = {
        "resultIds": ",".join(child.query_id for child in execution.children),
        "resultTypes": ",".join(str(kind) for kind in kinds),
    }
    return summary


def check_count(found: int, wanted: int) -> None:
    """Make sure that a request holds as many statements as it says; 0 takes any number.

    Raises:
        SnowflakeError: it does not (000008).
    """
    if wanted != 0 and found != wanted:
        raise SnowflakeError(
            f"Actual statement count {found} did not match the desired statement count {wanted}.", 8, "0A000"
        )
