"""Loads a data set through the stage into the raw tables, and from there into marts and features."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics.contracts import TableContract, load_access, load_tables
from logistics.data.generate import DataSet
from logistics.declarations import placeholder_values
from logistics.errors import LogisticsError
from logistics.settings import StackSettings
from logistics.sql import identifier, literal, load_statement

STEPS = (
    "tbl_dim_customer",
    "tbl_dim_vehicle",
    "tbl_fact_shipments",
    "tbl_fact_shipments_partitioned",
    "tbl_ml_consolidated_feature_store",
    "tbl_ml_features_partitioned",
)
"""The tables behind the raw ones, in the order in which they are brought up to date; each is a file of sql/load."""

_FILE_FORMAT = (
    "(TYPE = CSV COMPRESSION = GZIP SKIP_HEADER = 1 FIELD_OPTIONALLY_ENCLOSED_BY = '\"' "
    "TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS' DATE_FORMAT = 'YYYY-MM-DD')"
)

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

    The raw tables are replaced and the tables behind them merged in one transaction, so that a load that fails leaves
    nothing behind, and rows that stay the same do not show up in the streams.

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
        self._contracts = load_tables(root)
        values = placeholder_values(settings, load_access(root))
        self._merges = {step: load_statement(root, f"load/{step}.sql", values) for step in STEPS}
        self._deletes = {step: load_statement(root, f"load/delete_{step}.sql", values) for step in STEPS}

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
        """Loads everything in one transaction; returns the number of rows of all tables."""
        for table in self._data.rows:
            self._put(table)
        self._execute("BEGIN")
        try:
            for table, rows in self._data.rows.items():
                self._copy(table, rows)
            for step in STEPS:
                self._merge(step)
            rows = self._count()
            self._record(rows)
            self._execute("COMMIT")
        except BaseException:
            self._execute("ROLLBACK")
            raise
        return rows

    def _fingerprint(self) -> str:
        parts = [self._data.fingerprint, *self._merges.values(), *self._deletes.values()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _count(self) -> int:
        counts = " UNION ALL ".join(
            f"SELECT COUNT(*) AS n FROM {self._name(table)}" for table in (*self._data.rows, *STEPS)
        )
        found = self._one(f"SELECT SUM(n) FROM ({counts}) AS counts")
        return int(found[0]) if found else 0

    def _put(self, table: str) -> None:
        path = self._data.file(self._root, table)
        self._report(f"put {path.name} on the stage")
        self._execute(
            f"PUT 'file://{path}' @{self._stage(table)} AUTO_COMPRESS = FALSE SOURCE_COMPRESSION = GZIP OVERWRITE = TRUE"
        )

    def _copy(self, table: str, expected: int) -> None:
        """Replaces a raw table's rows; the stage remembers loaded files, hence FORCE."""
        self._execute(f"DELETE FROM {self._name(table)}")
        columns = ", ".join(column.name for column in self._contract(table).columns)
        self._execute(
            f"COPY INTO {self._name(table)} ({columns}) FROM @{self._stage(table)} FILE_FORMAT = {_FILE_FORMAT} "
            "FORCE = TRUE ON_ERROR = ABORT_STATEMENT"
        )
        found = self._one(f"SELECT COUNT(*) FROM {self._name(table)}")
        if found is None or int(found[0]) != expected:
            raise LogisticsError(
                f"{table} holds {found and found[0]} rows after the load, its file {expected}: nothing was changed"
            )
        self._report(f"{table}: {expected:,} rows")

    def _merge(self, step: str) -> None:
        self._execute(self._deletes[step])
        self._execute(self._merges[step])
        self._report(f"{step}: merged")

    def _record(self, rows: int) -> None:
        values = f"{literal(self._fingerprint())}, {self._data.scale}, {rows}, CURRENT_TIMESTAMP()::TIMESTAMP_NTZ"
        self._execute(
            f"INSERT INTO {self._database}.MONITORING.DATA_LOADS (fingerprint, scale, rows_loaded, loaded_at) SELECT {values}"
        )

    def _contract(self, table: str) -> TableContract:
        return next(contract for contract in self._contracts.values() if contract.table == table)

    def _name(self, table: str) -> str:
        return f"{self._database}.{self._contract(table).full_name.upper()}"

    def _stage(self, table: str) -> str:
        return f"{self._database}.RAW.LOAD_STAGE/{table}"

    def _execute(self, statement: str) -> None:
        self._cursor.execute(statement)

    def _one(self, query: str) -> tuple | None:
        self._cursor.execute(query)
        return self._cursor.fetchone()
