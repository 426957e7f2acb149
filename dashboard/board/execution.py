"""Runs one statement, by the connector or in Snowflake by Snowpark, and tells what is missing from what failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd

_NOT_THERE = frozenset({2003, 2043, 3001})
"""Snowflake's numbers of: does not exist or not authorized (twice), insufficient privileges."""


class NotReadable(Exception):
    """What a query reads is not there, or the role may not read it; Snowflake does not say which."""


class QueryFailed(Exception):
    """A query failed for another reason; the message is Snowflake's."""


class SessionLost(QueryFailed):
    """The session is gone, or the server does not answer; another session may do."""


_SESSION_GONE = frozenset({390104, 390111, 390112, 390114, 390195})


def connector_frame(connection: Any, text: str, values: Sequence[Any]) -> pd.DataFrame:
    """Returns a query's rows by the connector, whose `paramstyle` is qmark; columns in lower case.

    Raises:
        NotReadable: the table is not there for this role.
        SessionLost: another session may do.
        QueryFailed: anything else.
    """
    from snowflake.connector import errors

    try:
        with connection.cursor() as cursor:
            cursor.execute(text, list(values))
            names = [column[0].lower() for column in cursor.description]
            return _plain(pd.DataFrame(cursor.fetchall(), columns=names))
    except errors.ProgrammingError as error:
        raise _told(error.errno, error.msg or str(error)) from None
    except errors.Error as error:
        raise SessionLost(_one_line(error)) from None


def snowpark_frame(session: Any, text: str, values: Sequence[Any]) -> pd.DataFrame:
    """Returns a query's rows by a Snowpark session, as apps in Snowflake have one; columns in lower case.

    Raises:
        NotReadable: the table is not there for this role.
        QueryFailed: anything else.
    """
    try:
        frame = session.sql(text, params=list(values)).to_pandas()
    except Exception as error:  # Snowpark's errors are no part of this environment; all carry the number
        raise _told(getattr(error, "sql_error_code", None), getattr(error, "message", None) or str(error)) from None
    return _plain(frame.rename(columns=str.lower))


def _told(number: int | None, message: str) -> Exception:
    kinds = [(NotReadable, _NOT_THERE), (SessionLost, _SESSION_GONE)]
    return next((kind for kind, numbers in kinds if number in numbers), QueryFailed)(_one_line(message))


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns a frame as charts and tables want it: decimals as numbers, times in UTC without saying so, no text as None."""
    for name in frame.columns:
        column = frame[name]
        if column.map(lambda value: isinstance(value, Decimal)).any():
            frame[name] = pd.to_numeric(column)
        elif column.map(lambda value: isinstance(value, datetime)).any():
            times = pd.to_datetime(column, utc=True, format="ISO8601")
            frame[name] = times.dt.tz_localize(None).astype("datetime64[ms]")
        elif column.dtype in ("object", "str"):
            frame[name] = column.astype(object).where(column.notna(), None)
    return frame
