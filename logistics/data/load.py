"""Loads a data set through the stage into the raw tables, and refreshes the models behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.data.generate import DataSet
from logistics.declarations import load_declarations
from logistics.errors import LogisticsError
from logistics.modelling.run import refresh
from logistics.settings import StackSettings
from logistics.sql import identifier, literal

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a load did: the rows of all tables now, and whether anything was changed."""

    rows: int
    changed: bool


def load(
    root: Path, settings: StackSettings, connection: Any, data: DataSet, report: Report = lambda _: None
) -> Loaded:
    """Brings the account's tables to a data set's rows; does nothing if they are there already.

    The raw tables are merged in one transaction, so that a load that fails leaves nothing behind; then each model behind
    them is refreshed, which may be repeated and may meet its own task at work. Rows that stay the same do not show up in
    the streams.

    Args:
        root: the project's folder.
        settings: the stack's settings.
        connection: a connection as DATA_ENGINEER, who alone sees and writes all rows.
        data: the files to load.
        report: called with one line a step.

    Raises:
        LogisticsError: the load fails or loads another number of rows than the files hold.
    """
    loader = _Loader(root, settings, connection, data, report)
    known = loader.rows_if_unchanged()
    if known is not None:
        return Loaded(rows=known, changed=False)
    return Loaded(rows=loader.run(), changed=True)


class _Loader:
    def __init__(self, root: Path, settings: StackSettings, connection: Any, data: DataSet, report: Report) -> None:
        self._root = root
        self._data = data
        self._report = report
        self._database = identifier(settings.platform.database)
        self._cursor = connection.cursor()
        self._models = load_declarations(root, settings).models

    def rows_if_unchanged(self) -> int | None:
        """Returns the number of rows if the last load was of the same data and no row has gone since."""
        found = self._one(
            f"SELECT fingerprint, rows_loaded FROM {self._database}.MONITORING.DATA_LOADS ORDER BY loaded_at DESC LIMIT 1"
        )
        if found is None or found[0] != self._fingerprint():
            return None
        rows = self._count()
        return rows if rows >= int(found[1]) else None

    def run(self) -> int:
        """Loads the raw tables in one transaction and refreshes what lies behind; returns the number of rows of all tables."""
        for table in self._data.rows:
            self._put(table)
        self._execute("BEGIN")
        try:
            for table, rows in self._data.rows.items():
                self._load(f"raw.{table}", rows)
            self._execute("COMMIT")
        except BaseException:
            self._execute("ROLLBACK")
            raise
        loaded = {f"raw.{table}" for table in self._data.rows}
        refresh(
            self._cursor, self._models, [name for name in self._models.refreshes if name not in loaded], self._report
        )
        rows = self._count()
        self._record(rows)
        return rows

    def _fingerprint(self) -> str:
        parts = [self._data.fingerprint, *self._models.refreshes.values()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _count(self) -> int:
        counts = " UNION ALL ".join(
            f"SELECT COUNT(*) AS n FROM {self._database}.{name}" for name in self._models.refreshes
        )
        found = self._one(f"SELECT SUM(n) FROM ({counts}) AS counts")
        return int(found[0]) if found else 0

    def _put(self, table: str) -> None:
        path = self._data.file(self._root, table)
        self._report(f"put {path.name} on the stage")
        stage = f"@{self._database}.RAW.LOAD_STAGE/{table}"
        self._execute(f"PUT 'file://{path}' {stage} AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = GZIP OVERWRITE = TRUE")

    def _load(self, name: str, expected: int) -> None:
        """Brings a raw table to the rows of its file, which are all that the source has."""
        self._execute(self._models.refreshes[name])
        found = self._one(f"SELECT COUNT(*) FROM {self._database}.{name}")
        if found is None or int(found[0]) != expected:
            raise LogisticsError(
                f"{name} holds {found and found[0]} rows after the load, its file {expected}: nothing was changed"
            )
        self._report(f"{name}: {expected:,} rows")

    def _record(self, rows: int) -> None:
        values = f"{literal(self._fingerprint())}, {self._data.scale}, {rows}, CURRENT_TIMESTAMP()::TIMESTAMP_NTZ"
        self._execute(
            f"INSERT INTO {self._database}.MONITORING.DATA_LOADS (fingerprint, scale, rows_loaded, loaded_at) SELECT {values}"
        )

    def _execute(self, statement: str) -> None:
        self._cursor.execute(statement)

    def _one(self, query: str) -> tuple | None:
        self._cursor.execute(query)
        return self._cursor.fetchone()
