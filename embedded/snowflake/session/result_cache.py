"""Results that answer the same query again, as long as nothing that they were made of has changed.

A kept result answers a statement with the same text, binds, user, roles, current schema, variables and parameters that matter, if
the tables read (those that policies and views read too) still are at the versions that it was made of. Once the catalog has
changed at all, the statement is translated again, privileges and policies included, and the kept result is taken only if exactly
the same text for DuckDB comes of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.session.results import result_bytes
from embedded.snowflake.sql.translate import note_accesses, query_text

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.result import Result
    from embedded.snowflake.session.dispatch import Statement
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.sql.translate import Translated

# A result is kept this long after it was last used, and at most so long after it was made. Source: Snowflake's
# "Using Persisted Query Results".
_KEPT, _LONGEST = timedelta(hours=24), timedelta(days=31)
# All results together, and one of them; the ones least lately used go first.
_MOST_BYTES, _MOST_ROWS_BYTES = 256 * 2**20, 64 * 2**20
# Parameters that change nothing in a result.
_INDIFFERENT = frozenset(
    {
        "ABORT_DETACHED_QUERY",
        "AUTOCOMMIT",
        "LOCK_TIMEOUT",
        "MULTI_STATEMENT_COUNT",
        "QUERY_TAG",
        "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS",
        "STATEMENT_TIMEOUT_IN_SECONDS",
        "TRANSACTION_ABORT_ON_ERROR",
        "USE_CACHED_RESULT",
    }
)


@dataclass(frozen=True)
class _Kept:
    translated: Translated
    result: Result
    catalog_version: int
    table_versions: dict[int, int]
    size: int
    made: datetime
    used: datetime


class ResultCache:
    """The results of an account's queries that may be used again."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def find(self, session: Session, statement: Statement) -> Result | None:
        """The result that answers a query without running it, told in the statement's record; None: it has to be run.

        Raises:
            SnowflakeError: the session may no longer read what the query reads.
        """
        if not self._kept or session.transaction is not None or statement.describe_only:
            return None
        key = cache_key(session, statement.text, statement.binds)
        kept = self._kept.get(key)
        if kept is None or session_setting(session, "USE_CACHED_RESULT").value == "false":
            return None
        renewed = self._renewed(session, statement, kept)
        if renewed is None:
            self._forget(key)
            return None
        with self._lock:
            if key in self._kept:
                self._kept[key] = renewed
                self._kept.move_to_end(key)
        if session.record is not None:
            note_accesses(renewed.translated, session)
            session.record.values.update(bytes_scanned=0, partitions_scanned=0, partitions_total=0)
        return renewed.result

    def _renewed(self, session: Session, statement: Statement, kept: _Kept) -> _Kept | None:
        """The entry if it still holds, used now and checked against the catalog as it is now."""
        now, catalog = self._account.clock.now(), self._account.catalog
        if now - kept.used > _KEPT or now - kept.made > _LONGEST:
            return None
        version = catalog.version
        if version != kept.catalog_version:
            again = query_text(session, statement.text, statement=statement)
            if not _same(again, kept.translated):
                return None
            kept = replace(kept, translated=again, catalog_version=version)
        if self.versions(kept.translated) != kept.table_versions:
            return None
        return replace(kept, used=now)

    def versions(self, translated: Translated) -> dict[int, int]:
        """The committed versions of what a query reads; taken before it runs, they make a kept result too old, never too new."""
        last = self._account.storage.last
        return {oid: last.get(oid, 0) for oid in translated.sources}

    def keep(
        self,
        session: Session,
        statement: Statement,
        translated: Translated,
        result: Result,
        catalog_version: int,
        table_versions: dict[int, int],
    ) -> None:
        """Keep a query's result, if it may be used again at all.

        Args:
            session: who asked.
            statement: the query.
            translated: its translation, made at `catalog_version`.
            result: what it gave.
            catalog_version: the catalog's version before the translation.
            table_versions: `versions` before the query ran.
        """
        if session.transaction is not None or not self._may_be_kept(translated):
            return
        size = result_bytes(result)
        if size > _MOST_ROWS_BYTES:
            return
        now = self._account.clock.now()
        key = cache_key(session, statement.text, statement.binds)
        self._forget(key)
        with self._lock:
            self._kept[key] = _Kept(translated, result, catalog_version, table_versions, size, now, now)
            self._bytes += size
            while self._bytes > _MOST_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].size

    def _may_be_kept(self, translated: Translated) -> bool:
        if translated.volatile or not translated.repeatable or not translated.sources:
            return False
        catalog = self._account.catalog
        return not any(catalog.get(oid).body.get("temporary_session") for oid in translated.sources)

    def clear(self) -> None:
        """Forget every result."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _forget(self, key: tuple[Any, ...]) -> None:
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is not None:
                self._bytes -= kept.size


def cache_key(session: Session, text: str, binds: list[Any]) -> tuple[Any, ...]:
    """What two statements must share to have one result: text, role, secondary roles, user, schema, and what they are asked with."""
    return (
        text.rstrip().rstrip(";").rstrip(),
        session.role,
        session.secondary_roles,
        session.user,
        session.database,
        session.schema,
        repr(sorted(session.pretended.items())) if session.pretended else "",
        tuple(sorted((key, str(value)) for key, value in session.parameters.items() if _matters(key))),
        # How results are printed: the one setting that no translation tells of.
        session_setting(session, "JSON_INDENT").value,
        repr(session.variables) if session.variables else "",
        session.account.catalog.hides(session.id),
        repr(binds) if binds else "",
    )


def _matters(key: str) -> bool:
    return key not in _INDIFFERENT and not key.startswith(("CLIENT_", "JDBC_", "ODBC_")) and "RESULT_FORMAT" not in key


def _same(left: Translated, right: Translated) -> bool:
    """Whether two translations are the same query over the same tables; neither depends on the time."""
    return (
        left.repeatable
        and not left.volatile
        and left.duckdb_sql == right.duckdb_sql
        and list(left.columns) == list(right.columns)
        and left.sources == right.sources
    )
