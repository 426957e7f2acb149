"""Runs translated queries, and makes Snowflake's errors of DuckDB's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import orjson
import pyarrow as pa

from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.errors import SnowflakeError, SqlExecutionError
from embedded.snowflake.sql import json_numbers
from embedded.snowflake.sql.translate import Translated
from embedded.snowflake.types import DataType, fixed_bytes

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_RAISED = re.compile(r"\[(\d{6})\] (.*?)'? to INT32|\[(\d{6})\] (.*)", re.DOTALL)
# DuckDB's messages and what Snowflake says instead; groups fill the text.
_MESSAGES: list[tuple[re.Pattern[str], int, str, str]] = [
    (re.compile(r"[Dd]ivision by zero"), 100051, "22012", "Division by zero"),
    (
        re.compile(
            r"Could not (?:convert|cast) (?:string|value) '(.*?)' to (?:DECIMAL|INT|DOUBLE|BIGINT|HUGEINT|FLOAT)",
            re.DOTALL,
        ),
        100038,
        "22018",
        "Numeric value '{0}' is not recognized",
    ),
    (
        re.compile(r"Could not convert string \"(.*?)\" to (?:DECIMAL|INT|DOUBLE|BIGINT|HUGEINT|FLOAT)", re.DOTALL),
        100039,
        "22003",
        "Numeric value '{0}' is out of range",
    ),
    (
        re.compile(r"(?:Overflow|out of range|Out of Range|overflow)"),
        100132,
        "22003",
        "Number out of representable range",
    ),
    (
        re.compile(r"date field value out of range|invalid date field|Could not (?:parse|convert) .*? to DATE"),
        100040,
        "22007",
        "Date value is not recognized",
    ),
    (
        re.compile(r"[Ii]nvalid timestamp|Could not parse (?:string|timestamp)|timestamp field value"),
        100035,
        "22007",
        "Timestamp value is not recognized",
    ),
    (
        re.compile(
            r"Invalid Input Error: ((?:missing|unexpected|bad repetition|no argument for repetition|invalid (?:perl operator|repetition"
            r"|escape|character class|named capture))[^\n]*)"
        ),
        100048,
        "2201B",
        "Invalid regular expression: {0}",
    ),
    (re.compile(r"Malformed JSON.*", re.DOTALL), 100069, "22P02", "Error parsing JSON"),
    (
        re.compile(r"More than one row returned by a subquery"),
        100150,
        "21000",
        "Single-row subquery returns more than one row.",
    ),
    (
        re.compile(r"column \"?([\w~.]+)\"? must appear in the GROUP BY clause"),
        979,
        "42601",
        "SQL compilation error:\n[{0}] is not a valid group by expression",
    ),
    (
        re.compile(r"(?:aggregate|AGGREGATE|WHERE clause cannot contain (?:aggregates|window))"),
        2035,
        "42601",
        "SQL compilation error:\nInvalid aggregate function in this clause",
    ),
]


def run_query(session: Session, translated: Translated) -> pa.Table:
    """Run a translated query on the session's cursor and give all its rows.

    Raises:
        SnowflakeError: it failed.
    """
    with snowflake_errors():
        table = _arrow(session.cursor, translated.duckdb_sql)
    places = [place for place, column in enumerate(translated.columns) if column.type.is_semi_structured]
    indent = int(session_setting(session, "JSON_INDENT").value) if places else 2
    for place in places:
        texts = [pretty_json(text, indent) for text in table[place].to_pylist()]
        table = table.set_column(place, table.field(place).name, pa.array(texts, pa.string()))
    return table


_BATCH_ROWS = 122_880


def _arrow(cursor: duckdb.DuckDBPyConnection, text: str) -> pa.Table:
    """All rows of a query. The public `sql()` plans a query twice, once only to describe it."""
    submit = getattr(cursor, "_submit", None)
    if submit is None:
        return cursor.sql(text).to_arrow_table()
    return submit(text, None, "arrow", _BATCH_ROWS).arrow_table()


_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


def pretty_json(text: str | None, indent: int = 2) -> str | None:
    """A VARIANT's JSON as Snowflake prints it: keys in order, two spaces a level (or as JSON_INDENT says); a scalar as it is."""
    if text is None:
        return None
    shown = json_numbers.pretty(text, indent)
    if shown is not None or text[:1] not in "{[":
        return shown if shown is not None else text
    try:
        if indent not in (0, 2):
            return json.dumps(orjson.loads(text), indent=indent, sort_keys=True, ensure_ascii=False)
        return orjson.dumps(orjson.loads(text), option=_INDENTED if indent else orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONDecodeError:
        return text


@contextmanager
def snowflake_errors() -> Iterator[None]:
    """Turn an error of DuckDB inside the block to Snowflake's."""
    try:
        yield
    except duckdb.Error as error:
        raise to_snowflake(error) from error


def to_snowflake(error: duckdb.Error) -> SnowflakeError:
    """Snowflake's error for one of DuckDB's; no value of a row is told that the query itself did not raise."""
    # What stands around a pattern that must match a whole text is no part of it.
    text = str(error).replace("\\A(?:", "").replace(")\\z", "")
    if isinstance(error, duckdb.InterruptException):
        return SqlExecutionError("SQL execution canceled", 604, "57014")
    raised = _RAISED.search(text)
    if raised:
        code, message = (raised[1], raised[2]) if raised[1] else (raised[3], raised[4])
        return SqlExecutionError(message.partition("\n\nLINE ")[0], int(code), _STATES.get(int(code), "22000"))
    beyond = _out_of_range(text)
    if beyond is not None:
        return beyond
    for pattern, errno, state, message in _MESSAGES:
        match = pattern.search(text)
        if match:
            return SqlExecutionError(message.format(*(match.groups() or ("",))), errno, state)
    first = text.partition("\n\nLINE ")[0].partition(": ")[2] or text
    return SqlExecutionError(f"The local Snowflake could not run this query: {first}", 603, "XX000")


_TOO_LARGE = re.compile(
    r"(?:Could not cast value (\S+) to|Casting value \"(\S+)\" to type) DECIMAL\((\d+),(\d+)\)"
    r"|Overflow in \w+ of (?:DECIMAL\(38\)|INT128) \((-?\d+) ([*+-]) (-?\d+)\)"
)
_OPERATIONS = {"*": int.__mul__, "+": int.__add__, "-": int.__sub__}


def _out_of_range(text: str) -> SqlExecutionError | None:
    """The error for a number that its type has no room for, with both (100132); None for any other of DuckDB's messages."""
    found = _TOO_LARGE.search(text)
    if found is None:
        return None
    if found[6]:
        precision, scale, value = 38, 0, str(_OPERATIONS[found[6]](int(found[5]), int(found[7])))
    else:
        precision, scale, value = int(found[3]), int(found[4]), found[1] or found[2]
    width = fixed_bytes(DataType("NUMBER", precision, scale))
    null = "nullable" if "source column" in text else "not null"
    return SqlExecutionError(
        f"Number out of representable range: type FIXED[SB{width}]({precision},{scale}){{{null}}}, value {value}",
        100132,
        "22003",
    )


_STATES = {
    100039: "22003",
    100035: "22007",
    100037: "22018",
    100038: "22018",
    100040: "22007",
    100051: "22012",
    100069: "22P02",
    100071: "22000",
    100096: "22007",
    100108: "22007",
    100357: "P0000",
    604: "57014",
}
