"""A query's record: begun when the statement comes, kept when it ends."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlglot.tokens import TokenType

from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.remembered import by_text
from embedded.snowflake.result import Result, StatementType
from embedded.snowflake.session.dispatch import statement_tokens
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.session.session import Session

# A value's size, about; the rows of a partition are DuckDB's row group.
_VALUE_BYTES, _PARTITION_ROWS = 8, 122_880
# The finished queries whose state can be asked for without reading history.
_REMEMBERED = 2_000

# QUERY_TYPE by the statement's first words, the longest that fits; others are their first word.
_TYPES = {
    ("WITH",): "SELECT",
    ("VALUES",): "SELECT",
    ("(",): "SELECT",
    ("CREATE", "TABLE"): "CREATE_TABLE",
    ("CREATE", "VIEW"): "CREATE_VIEW",
    ("CREATE", "USER"): "CREATE_USER",
    ("CREATE", "ROLE"): "CREATE_ROLE",
    ("CREATE", "TASK"): "CREATE_TASK",
    ("CREATE", "STREAM"): "CREATE_STREAM",
    ("CREATE", "SEQUENCE"): "CREATE_SEQUENCE",
    ("CREATE", "MASKING"): "CREATE_MASKING_POLICY",
    ("CREATE", "ROW"): "CREATE_ROW_ACCESS_POLICY",
    ("ALTER", "SESSION"): "ALTER_SESSION",
    ("ALTER", "TABLE"): "ALTER_TABLE",
    ("ALTER", "USER"): "ALTER_USER",
    ("ALTER", "WAREHOUSE"): "ALTER_WAREHOUSE",
    ("ALTER", "TASK"): "ALTER_TASK",
    ("DROP", "TASK"): "DROP_TASK",
    ("DROP", "STREAM"): "DROP_STREAM",
    ("DROP", "USER"): "DROP_USER",
    ("DROP", "ROLE"): "DROP_ROLE",
    ("EXECUTE", "TASK"): "EXECUTE_TASK",
    ("TRUNCATE",): "TRUNCATE_TABLE",
    ("BEGIN", "TRANSACTION"): "BEGIN_TRANSACTION",
    ("BEGIN", "WORK"): "BEGIN_TRANSACTION",
    ("START", "TRANSACTION"): "BEGIN_TRANSACTION",
    ("BEGIN",): "BEGIN_TRANSACTION",
    ("DESC",): "DESCRIBE",
    ("PUT",): "PUT_FILES",
    ("GET",): "GET_FILES",
    ("LIST",): "LIST_FILES",
    ("LS",): "LIST_FILES",
    ("REMOVE",): "REMOVE_FILES",
    ("RM",): "REMOVE_FILES",
}
_SKIPPED = {"OR", "REPLACE", "ALTER", "TRANSIENT", "TEMPORARY", "TEMP", "SECURE", "IF", "NOT", "EXISTS"}


@by_text
def query_type(text: str) -> str:
    """The QUERY_TYPE of a statement, as Snowflake's history names it."""
    try:
        tokens = statement_tokens(text)
    except SnowflakeError:
        return "UNKNOWN"
    words = [tokens.word(i) for i in range(6)]
    if words[0] in ("CREATE",):
        words = [words[0], *(word for word in words[1:] if word not in _SKIPPED)]
        if words[1:2] == ["TABLE"] and _has_query(tokens):
            return "CREATE_TABLE_AS_SELECT"
    for length in (2, 1):
        found = _TYPES.get(tuple(words[:length]))
        if found is not None:
            return found
    return words[0] or "UNKNOWN"


_LITERALS = {TokenType.STRING, TokenType.NUMBER}
_COMPARED = {TokenType.EQ, TokenType.NEQ, TokenType.GTE, TokenType.LTE}


@by_text
def parameterized_hash(text: str) -> str:
    """QUERY_PARAMETERIZED_HASH: the same for statements that differ in white space, comments, or literals beside =, !=, >=, <=."""
    try:
        tokens = statement_tokens(text).tokens
    except SnowflakeError:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    kinds = [token.token_type for token in tokens]
    around = zip(tokens, [None, *kinds], [*kinds[1:], None], strict=False)
    said = [
        "?"
        if token.token_type in _LITERALS and (before in _COMPARED or after in _COMPARED)
        else f"{token.token_type.name} {token.text}"
        for token, before, after in around
    ]
    return hashlib.md5("\n".join(said).encode(), usedforsecurity=False).hexdigest()


def _has_query(tokens: TokenStream) -> bool:
    ahead = range(len(tokens.tokens) - 1)
    return any(tokens.word(i) == "AS" and tokens.word(i + 1) in ("SELECT", "WITH", "(", "VALUES") for i in ahead)


@dataclass
class QueryRecord:
    """A query under way or finished; `status` is RUNNING, SUCCESS or FAIL."""

    query_id: str
    text: str
    session: Session
    start_time: datetime
    database: str | None
    schema: str | None
    role: int
    warehouse: str | None
    status: str = "RUNNING"
    end_time: datetime | None = None
    error: SnowflakeError | None = None
    parent: QueryRecord | None = None
    values: dict[str, Any] = field(default_factory=dict)
    # Oids of what the statement read and changed, for ACCESS_HISTORY; filled by those who do it.
    written: set[int] = field(default_factory=set)
    columns_written: dict[int, set[int]] = field(default_factory=dict)

    def elapsed_ms(self, now: datetime) -> int:
        """Milliseconds from start to end, or to now."""
        return int(((self.end_time or now) - self.start_time).total_seconds() * 1000)


class Queries:
    """The queries of an account: those running, and the newest finished ones."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._records: OrderedDict[str, QueryRecord] = OrderedDict()
        self._lock = threading.Lock()
        self._sizes = _Sizes(account)

    def begin(self, session: Session, query_id: str, text: str, parent: QueryRecord | None = None) -> QueryRecord:
        """Record that a query starts."""
        record = QueryRecord(
            query_id,
            text,
            session,
            self._account.clock.now(),
            session.database,
            session.schema,
            session.role,
            session.warehouse,
            parent=parent,
        )
        with self._lock:
            self._records[query_id] = record
            while len(self._records) > _REMEMBERED:
                oldest = next(iter(self._records))
                if self._records[oldest].status == "RUNNING":
                    self._records.move_to_end(oldest)
                    break
                del self._records[oldest]
        return record

    def finish(
        self, record: QueryRecord, result: Result | None, error: SnowflakeError | None, *, keep: bool = True
    ) -> None:
        """Record how a query ended, and keep it in history."""
        record.end_time = self._account.clock.now()
        record.status = "FAIL" if error else "SUCCESS"
        record.error = error
        if keep:
            self._account.history.add("query_history", self._row(record, result))

    def get(self, query_id: str) -> QueryRecord | None:
        """A query that runs or ended lately."""
        return self._records.get(query_id)

    def running(self) -> list[QueryRecord]:
        """The queries that run now, oldest first."""
        with self._lock:
            return [record for record in self._records.values() if record.status == "RUNNING"]

    def of_session(self, session: Session) -> list[QueryRecord]:
        """The remembered queries of a session, oldest first."""
        with self._lock:
            return [record for record in self._records.values() if record.session is session]

    def _row(self, record: QueryRecord, result: Result | None) -> dict[str, Any]:
        session, now = record.session, self._account.clock.now()
        elapsed, error = record.elapsed_ms(now), record.error
        return {
            "query_id": record.query_id,
            "query_text": record.text,
            "query_type": query_type(record.text),
            "query_hash": hashlib.md5(record.text.encode(), usedforsecurity=False).hexdigest(),
            "query_parameterized_hash": parameterized_hash(record.text),
            "database_name": record.database,
            "schema_name": record.schema,
            "session_id": session.id,
            "user_name": session.user_name,
            "user_id": session.user,
            "role_name": self._account.catalog.get(record.role).name if record.role else None,
            "role_type": "ROLE",
            "warehouse_name": record.warehouse,
            "query_tag": session.query_tag,
            "client_application": session.client_application,
            "execution_status": record.status,
            "error_code": str(error.errno) if error else None,
            "error_message": error.message if error else None,
            "start_time": record.start_time,
            "end_time": record.end_time,
            "total_elapsed_time": elapsed,
            "execution_time": max(0, elapsed - record.values.get("queued_overload_time", 0)),
            "database_id": self._oid("DATABASE", ACCOUNT, record.database),
            "schema_id": self._oid("SCHEMA", self._oid("DATABASE", ACCOUNT, record.database), record.schema),
            "compilation_time": 0,
            "queued_provisioning_time": 0,
            "queued_repair_time": 0,
            "queued_overload_time": 0,
            **self._read(record),
            "bytes_written": 0,
            "objects_modified": self._modified(record),
            "credits_used_cloud_services": 0.0,
            "is_client_generated_statement": False,
            "parent_query_id": record.parent.query_id if record.parent else None,
            "root_query_id": _root(record).query_id if record.parent else None,
            **_counts(result),
            **record.values,
        }

    def _oid(self, kind: str, container: int | None, name: str | None) -> int | None:
        found = self._account.catalog.find(kind, container, name) if name and container is not None else None
        return found.oid if found is not None else None

    def _read(self, record: QueryRecord) -> dict[str, int]:
        """The bytes and partitions of the tables read: by the columns used, and by row groups as partitions."""
        read, groups = 0, 0
        for entry in orjson.loads(record.values.get("base_objects_accessed") or "[]"):
            rows = self._sizes.rows(entry["objectId"])
            read += rows * _VALUE_BYTES * max(1, len(entry["columns"]))
            groups += -(-rows // _PARTITION_ROWS)
        return {"bytes_scanned": read, "partitions_scanned": groups, "partitions_total": groups}

    def _modified(self, record: QueryRecord) -> str | None:
        """OBJECTS_MODIFIED as JSON text: the tables that the statement changed, with the columns that it wrote."""
        catalog, entries = self._account.catalog, []
        for oid in sorted(record.written):
            try:
                table = catalog.get(oid)
            except KeyError:
                continue
            written = record.columns_written.get(oid, set())
            names = [column["name"] for column in table.body.get("columns", []) if column["id"] in written]
            entries.append(
                {
                    "columns": [{"columnName": name} for name in names],
                    "objectDomain": table.kind.capitalize(),
                    "objectId": oid,
                    "objectName": full_name(catalog, table),
                }
            )
        return orjson.dumps(entries).decode() if entries else None


class _Sizes:
    """About how many rows tables have: asked of DuckDB once for each version of a table."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._known: dict[int, tuple[int, int]] = {}

    def rows(self, oid: int) -> int:
        """The rows of a table, row versions of before included."""
        version = self._account.storage.last.get(oid, 0)
        known = self._known.get(oid)
        if known is None or known[0] != version:
            with self._account.connection.cursor() as cursor:
                found = cursor.execute(
                    "select estimated_size from duckdb_tables() where table_name = ?", [f"t_{oid}"]
                ).fetchone()
            known = self._known[oid] = (version, int(found[0]) if found else 0)
        return known[1]


def _root(record: QueryRecord) -> QueryRecord:
    while record.parent is not None:
        record = record.parent
    return record


# A DML answer's columns, and the columns of history that count them.
_COUNTED = {
    "number of rows inserted": "rows_inserted",
    "number of rows updated": "rows_updated",
    "number of rows deleted": "rows_deleted",
}


def _counts(result: Result | None) -> dict[str, int]:
    counts = dict.fromkeys(_COUNTED.values(), 0)
    if result is None:
        return {**counts, "rows_produced": 0}
    if result.statement_type & 0xF000 == StatementType.DML and result.rows:
        named = zip((column.name for column in result.columns), result.rows[0], strict=False)
        counts.update({_COUNTED[name]: int(value) for name, value in named if name in _COUNTED})
        return {**counts, "rows_produced": sum(counts.values())}
    return {**counts, "rows_produced": result.row_count}
