"""Histories of made-up work, as tables with ACCOUNT_USAGE's names and columns: the right answer to each is known."""

from __future__ import annotations

from typing import Any

DAYS = 35
COLUMNS = {
    "QUERY_HISTORY": "QUERY_ID varchar, QUERY_TEXT varchar, QUERY_TYPE varchar, QUERY_TAG varchar, DATABASE_NAME varchar,"
    " SCHEMA_NAME varchar, USER_NAME varchar, WAREHOUSE_NAME varchar, WAREHOUSE_SIZE varchar, CLUSTER_NUMBER number,"
    " EXECUTION_STATUS varchar, ERROR_MESSAGE varchar,"
    " QUERY_HASH varchar, QUERY_PARAMETERIZED_HASH varchar, START_TIME timestamp_ltz, END_TIME timestamp_ltz, TOTAL_ELAPSED_TIME number,"
    " EXECUTION_TIME number, COMPILATION_TIME number, QUEUED_OVERLOAD_TIME number, TRANSACTION_BLOCKED_TIME number, BYTES_SCANNED number,"
    " PERCENTAGE_SCANNED_FROM_CACHE float, PARTITIONS_SCANNED number, PARTITIONS_TOTAL number, BYTES_SPILLED_TO_LOCAL_STORAGE number,"
    " BYTES_SPILLED_TO_REMOTE_STORAGE number, ROWS_PRODUCED number",
    "WAREHOUSE_METERING_HISTORY": "START_TIME timestamp_ltz, END_TIME timestamp_ltz, WAREHOUSE_NAME varchar, CREDITS_USED float,"
    " CREDITS_USED_COMPUTE float, CREDITS_USED_CLOUD_SERVICES float, CREDITS_ATTRIBUTED_COMPUTE_QUERIES float",
    "WAREHOUSE_LOAD_HISTORY": "START_TIME timestamp_ltz, END_TIME timestamp_ltz, WAREHOUSE_NAME varchar, AVG_RUNNING float,"
    " AVG_QUEUED_LOAD float, AVG_QUEUED_PROVISIONING float, AVG_BLOCKED float",
    "ACCESS_HISTORY": "QUERY_ID varchar, QUERY_START_TIME timestamp_ltz, USER_NAME varchar, DIRECT_OBJECTS_ACCESSED array,"
    " BASE_OBJECTS_ACCESSED array, OBJECTS_MODIFIED array",
    "TABLES": "TABLE_CATALOG varchar, TABLE_SCHEMA varchar, TABLE_NAME varchar, TABLE_TYPE varchar, ROW_COUNT number, BYTES number,"
    " CREATED timestamp_ltz, LAST_ALTERED timestamp_ltz, DELETED timestamp_ltz",
    "TABLE_STORAGE_METRICS": "TABLE_CATALOG varchar, TABLE_SCHEMA varchar, TABLE_NAME varchar, ACTIVE_BYTES number,"
    " TIME_TRAVEL_BYTES number, FAILSAFE_BYTES number, RETAINED_FOR_CLONE_BYTES number",
}
# Days are those of UTC, as the account meters them, whatever the session's time zone.
NOW = "convert_timezone('UTC', current_timestamp())"


class Workload:
    """Tables of a history in one schema; statements are made in SQL, many with one call."""

    def __init__(self, cursor: Any, schema: str) -> None:
        self.cursor = cursor
        self.schema = schema
        cursor.execute(f"create schema if not exists {schema}")
        for name, columns in COLUMNS.items():
            cursor.execute(f"create or replace table {schema}.{name} ({columns})")
        self._made = 0

    def statements(
        self,
        count: int,
        text: str = "select 1 from t",
        *,
        warehouse: str = "COMPUTE_WH_DEV",
        every_seconds: float | None = None,
        seconds: str = "1",
        size: str = "X-Small",
        **columns: str,
    ) -> str:
        """Record `count` runs of a statement up to now; returns its hash. Values are SQL in which N counts from 0, the oldest."""
        self._made += 1
        fingerprint = f"h{self._made:04d}"
        gap = every_seconds if every_seconds is not None else DAYS * 86400 / count
        given = {
            "QUERY_ID": f"'{fingerprint}-' || lpad(N::varchar, 9, '0')",
            "QUERY_TEXT": "'" + text.replace("'", "''") + "'",
            "QUERY_TYPE": f"'{text.split()[0].upper()}'",
            "USER_NAME": "'ADMIN'",
            "WAREHOUSE_NAME": f"'{warehouse}'",
            "WAREHOUSE_SIZE": f"'{size}'",
            "CLUSTER_NUMBER": "1",
            "EXECUTION_STATUS": "'SUCCESS'",
            "QUERY_HASH": f"'{fingerprint}-' || N::varchar",
            "QUERY_PARAMETERIZED_HASH": f"'{fingerprint}'",
            "START_TIME": f"dateadd(millisecond, (N - {count}) * {gap} * 1000, {NOW})",
            "END_TIME": f"dateadd(millisecond, (N - {count}) * {gap} * 1000 + ({seconds}) * 1000, {NOW})",
            "TOTAL_ELAPSED_TIME": f"({seconds}) * 1000",
            "EXECUTION_TIME": f"({seconds}) * 1000",
            "BYTES_SCANNED": "1000000",
            "ROWS_PRODUCED": "10",
            "DATABASE_NAME": "'LOGISTICS'",
            "SCHEMA_NAME": "'MARTS'",
        } | {name.upper(): value for name, value in columns.items()}
        self.cursor.execute(
            f"insert into {self.schema}.QUERY_HISTORY ({', '.join(given)}) select {', '.join(given.values())} "
            f"from (select seq8() as N from table(generator(rowcount => {count})))"
        )
        return fingerprint

    def warehouse(self, size: str = "XSMALL", auto_suspend: int = 60, clusters: int = 1) -> None:
        """Make COMPUTE_WH_DEV anew in what is judged of it."""
        self.cursor.execute(
            f"alter warehouse COMPUTE_WH_DEV set warehouse_size = {size} auto_suspend = {auto_suspend} max_cluster_count = {clusters}"
        )

    def credits(self, a_day: str, days: int = DAYS, warehouse: str = "COMPUTE_WH_DEV", attributed: str = "0.5") -> None:
        """Meter so many credits (SQL in which D counts the days back from 1, yesterday) at the noon of each of the last days;
        a part of them is attributed to statements, the rest is idle time."""
        self.cursor.execute(
            f"insert into {self.schema}.WAREHOUSE_METERING_HISTORY select dateadd(hour, 12 - 24 * D, date_trunc(day, {NOW})), "
            f"dateadd(hour, 13 - 24 * D, date_trunc(day, {NOW})), '{warehouse}', {a_day}, {a_day}, 0, ({a_day}) * {attributed} "
            f"from (select seq8() + 1 as D from table(generator(rowcount => {days})))"
        )

    def load(self, running: float, queued: float, intervals: int, warehouse: str = "COMPUTE_WH_DEV") -> None:
        """Record so many intervals of five minutes with a load."""
        self.cursor.execute(
            f"insert into {self.schema}.WAREHOUSE_LOAD_HISTORY select dateadd(minute, -5 * (N + 1), {NOW}), "
            f"dateadd(minute, -5 * N, {NOW}), '{warehouse}', {running}, {queued}, 0, 0 "
            f"from (select seq8() as N from table(generator(rowcount => {intervals})))"
        )

    def table(self, name: str, *, gib: float = 1.0, age_days: int = 100, kind: str = "BASE TABLE") -> None:
        """Record that LOGISTICS has a table or view, SCHEMA.NAME."""
        schema, _, table = name.partition(".")
        place = f"'LOGISTICS', '{schema}', '{table}'"
        self.cursor.execute(
            f"insert into {self.schema}.TABLES select {place}, '{kind}', 10, {gib} * 1073741824, dateadd(day, -{age_days}, {NOW}), "
            f"dateadd(day, -{age_days}, {NOW}), null"
        )
        self.cursor.execute(
            f"insert into {self.schema}.TABLE_STORAGE_METRICS select {place}, {gib} * 1073741824, 0, 0, 0"
        )

    def access(self, days_ago: float, *, reads: str = "", through: str = "", writes: str = "") -> None:
        """Record a statement that reads a table, by itself or `through` a view, or writes one."""

        def named(name: str) -> str:
            return f'parse_json(\'[{{"objectName": "LOGISTICS.{name}"}}]\')' if name else "parse_json('[]')"

        self._made += 1
        self.cursor.execute(
            f"insert into {self.schema}.ACCESS_HISTORY select 'a{self._made}', dateadd(minute, -{days_ago} * 1440, {NOW}), 'ADMIN', "
            f"{named(through or reads)}, {named(reads)}, {named(writes)}"
        )
