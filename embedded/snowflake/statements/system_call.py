"""CALL of system procedures: SYSTEM$SEND_EMAIL, SYSTEM$SET_RETURN_VALUE and the like."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.result import Result, listing
from embedded.snowflake.scheduler.functions import FUNCTIONS
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.sql.run import run_query
from embedded.snowflake.sql.translate import query_text
from embedded.snowflake.types import BOOLEAN, VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.session.dispatch import Handler
    from embedded.snowflake.session.session import Session


def _call(name: str) -> Handler:
    def handler(session: Session, statement: Statement) -> Result:
        tokens = statement.tokens
        tokens.expect("CALL")
        tokens.next()
        if not tokens.at("("):
            raise tokens.unexpected()
        written = tokens.skip_parenthesis()
        tokens.end()
        function, least, most = FUNCTIONS[name]
        values = arguments(session, statement, written)
        if not least <= len(values) <= most:
            raise SqlCompilationError(f"Invalid number of arguments for procedure {name}: {len(values)}", 939, "22023")
        if statement.describe_only:
            return listing([(name, VARCHAR)], [])
        value = function(session, *values)
        kind = BOOLEAN if isinstance(value, bool) else VARCHAR
        return listing([(name, kind)], [(value if value is None or isinstance(value, bool) else str(value),)])

    return handler


def arguments(session: Session, statement: Statement, written: str) -> list[Any]:
    """The values of a call's arguments, given as source text."""
    if not written.strip():
        return []
    text = f"select {written}"
    inner = Statement(text, statement.tokens, str(uuid.uuid4()), statement.binds)
    table = run_query(session, query_text(session, text, statement=inner))
    return [column[0].as_py() for column in table.columns]


for _name in FUNCTIONS:
    if _name.startswith("SYSTEM$"):
        handles("CALL", _name)(_call(_name))
