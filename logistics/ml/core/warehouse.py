"""The one way to Snowflake: statements, frames and files, by a connection outside or a Snowpark session inside."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import pandas as pd

STAGE = "@ml.models"
"""The stage of the artifacts."""


class Warehouse(Protocol):
    """What the lifecycle needs of a Snowflake session that stands in the platform's database as DATA_ENGINEER."""

    def rows(self, text: str, binds: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Runs a statement with a value for each `?`; returns its rows by lower-case column."""
        ...

    def frame(self, text: str) -> pd.DataFrame:
        """Runs a query; returns its rows as a frame, with its columns also where there is no row."""
        ...

    def append(self, table: str, frame: pd.DataFrame) -> None:
        """Adds a frame's rows to `schema.table`, whose columns it names in lower case."""
        ...

    def put(self, content: bytes, path: str) -> None:
        """Writes a file of a stage, `@schema.stage/path`."""
        ...


@contextmanager
def transaction(warehouse: Warehouse) -> Iterator[None]:
    """Commits what a `with` block did, or undoes all of it when the block fails."""
    warehouse.rows("begin transaction")
    try:
        yield
    except BaseException:
        warehouse.rows("rollback")
        raise
    warehouse.rows("commit")


class SnowparkWarehouse:
    """A session inside Snowflake, as a procedure's handler gets it."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def rows(self, text: str, binds: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Runs a statement; see `Warehouse`."""
        found = self._session.sql(text, params=list(binds) or None).collect()
        return [{name.lower().strip('"'): value for name, value in row.as_dict().items()} for row in found]

    def frame(self, text: str) -> pd.DataFrame:
        """Runs a query; see `Warehouse`."""
        query = self._session.sql(text)
        names = [name.strip('"').lower() for name in query.columns]
        try:
            return query.to_pandas().set_axis(names, axis=1)
        except Exception as error:  # Snowpark refuses a result without rows, in several ways
            if query.limit(1).collect():
                raise error
            return pd.DataFrame(columns=names)

    def append(self, table: str, frame: pd.DataFrame) -> None:
        """Adds rows; see `Warehouse`."""
        schema, name = table.upper().split(".")
        upper = frame.rename(columns=str.upper).reset_index(drop=True)
        self._session.write_pandas(
            upper, name, schema=schema, auto_create_table=False, quote_identifiers=True, use_logical_type=True
        )

    def put(self, content: bytes, path: str) -> None:
        """Writes a file; see `Warehouse`."""
        self._session.file.put_stream(io.BytesIO(content), path, auto_compress=False, overwrite=True)
