"""Queries' way to the system functions of tasks, alerts, notifications and the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from embedded.snowflake.scheduler.functions import FUNCTIONS
from embedded.snowflake.sql.functions.registry import Call, Make, function
from embedded.snowflake.sql.typed import Typed, of_value, text_literal
from embedded.snowflake.types import TIMESTAMP_LTZ, VARCHAR

# What only CALL does, since a query may be described without being run.
ONLY_CALL = frozenset(
    {
        "SYSTEM$SEND_EMAIL",
        "SYSTEM$SEND_SNOWFLAKE_NOTIFICATION",
        "SYSTEM$LOCAL_ADVANCE_CLOCK",
        "SYSTEM$LOCAL_SET_CLOCK",
    }
)


def typed(value: Any) -> Typed:
    """A function's value as SQL."""
    if value is None:
        return Typed("CAST(NULL AS VARCHAR)", VARCHAR)
    if isinstance(value, datetime):
        return Typed(f"CAST('{value.isoformat(sep=' ')}' AS TIMESTAMPTZ)", TIMESTAMP_LTZ, False)
    return of_value(value) if isinstance(value, bool) else text_literal(str(value)).typed(VARCHAR)


def _maker(name: str) -> Make:
    made = FUNCTIONS[name][0]

    def make(call: Call) -> Typed:
        call.binder.context.reads.volatile = True
        values = [_argument(call, index) for index in range(len(call))]
        return typed(made(call.binder.context.session, *values))

    return make


def _argument(call: Call, index: int) -> object:
    value = call.arg(index)
    if value.is_constant:
        return value.value
    from embedded.snowflake.sql.run import snowflake_errors

    # Not a literal, but constant all the same: ARRAY_CONSTRUCT('a@b.c'), a nested call.
    with snowflake_errors():
        row = call.binder.context.session.cursor.cursor().execute(f"SELECT {value.sql}").fetchone()
    return row[0] if row else None


for _name, (_, _least, _most) in FUNCTIONS.items():
    if _name not in ONLY_CALL:
        function(_name, args=(_least, _most))(_maker(_name))
