"""The lifecycle's way to Snowflake from outside: the official connector."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any


class ConnectorWarehouse:
    """A connection as DATA_ENGINEER, in the platform's database; see `logistics.ml.core.warehouse.Warehouse`.

    Attributes:
        connection: of the official connector.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def rows(self, text: str, binds: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Runs a statement with a value for each `?`; returns its rows by lower-case column."""
        from snowflake.connector import DictCursor

        with self.connection.cursor(DictCursor) as cursor:
            cursor.execute(text.replace("?", "%s") if binds else text, tuple(binds) or None)
            return [{name.lower(): value for name, value in row.items()} for row in cursor.fetchall()]

    def frame(self, text: str) -> Any:
        """Runs a query; returns its rows as a frame, with its columns also where there is no row."""
        import pandas as pd

        with self.connection.cursor() as cursor:
            cursor.execute(text)
            names = [column[0].lower() for column in cursor.description]
            table = cursor.fetch_arrow_all()
        return pd.DataFrame(columns=names) if table is None else table.to_pandas().set_axis(names, axis=1)

    def append(self, table: str, frame: Any) -> None:
        """Adds a frame's rows to `schema.table`, through a Parquet file on the user's stage of the session."""
        from snowflake.connector.pandas_tools import write_pandas

        schema, name = table.upper().split(".")
        upper = frame.rename(columns=str.upper).reset_index(drop=True)
        write_pandas(self.connection, upper, name, schema=schema, quote_identifiers=True, use_logical_type=True)

    def put(self, content: bytes, path: str) -> None:
        """Writes a file of a stage, `@schema.stage/path/name`."""
        folder, _, name = path.rpartition("/")
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"put file:///{name} {folder} auto_compress = false overwrite = true", file_stream=io.BytesIO(content)
            )
