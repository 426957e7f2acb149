"""The flow operator: `SHOW TABLES ->> SELECT … FROM $1`: each statement may read the results of those before it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sqlglot.tokens import TokenType

from embedded.snowflake.result import Result
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.tokens import tokenize

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def steps(text: str) -> list[str]:
    """The statements of a chain."""
    found, start = [], 0
    for token in tokenize(text):
        if token.token_type == TokenType.DARROW:
            found.append(text[start : token.start])
            start = token.end + 1
    return [*found, text[start:]]


@handles("->>")
def run_flow(session: Session, statement: Statement) -> Result:
    """Run the statements of a chain one after the other, and give the last one's result.

    `$1` in a FROM is the result of the statement before, `$2` of the one before that.
    """
    *first, last = steps(statement.text)
    before, session.flow = session.flow, []
    try:
        for text in first:
            query_id = str(uuid.uuid4())
            session.execute(text, query_id=query_id)
            session.flow.insert(0, query_id)
        return session.execute(last, statement.binds, describe_only=statement.describe_only)
    finally:
        session.flow = before
