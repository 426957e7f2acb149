"""A session: who is logged in, in which role, with which warehouse, database and schema, parameters and variables.

One statement of a session runs at a time; others wait. Sessions run side by side.
"""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.result import Result
from embedded.snowflake.session.dispatch import Statement, registration
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.account import Account


class Session:
    """State between statements.

    Attributes:
        id: number of the session, as CURRENT_SESSION() gives it.
        user: oid of the user; role: oid of the current role (an account role).
        secondary_roles: whether all other roles of the user count too (USE SECONDARY ROLES ALL).
        warehouse, database, schema: canonical names, or None; they may name what no longer exists.
        parameters: session parameters that were set, upper-case key to value.
        variables: SET variables, upper-case name to Python value.
        cursor: the session's own DuckDB cursor; used only inside `execute`.
        transaction: the open explicit transaction (storage.transactions), or None.
        query_ids: ids of the finished statements, the newest last (LAST_QUERY_ID).
    """

    def __init__(self, account: Account, user: int, role: int, session_id: int | None = None) -> None:
        self.account = account
        self.id = session_id if session_id is not None else uuid.uuid4().int >> 76
        self.user = user
        self.role = role
        self.secondary_roles = True
        self.warehouse: str | None = None
        self.database: str | None = None
        self.schema: str | None = None
        self.parameters: dict[str, Any] = {}
        self.variables: dict[str, Any] = {}
        self.created_on = datetime.now(UTC)
        self.cursor = account.connection.cursor()
        self.transaction: Any | None = None
        self.query_ids: list[str] = []
        self.lock = threading.RLock()

    def current_database(self) -> str:
        """The current database's name.

        Raises:
            SqlCompilationError: there is none (090105).
        """
        if self.database is None:
            raise SqlCompilationError(
                "Cannot perform operation. This session does not have a current database. "
                "Call 'USE DATABASE', or use a qualified name.",
                90105,
                "22000",
            )
        return self.database

    def current_schema(self) -> str:
        """The current schema's name.

        Raises:
            SqlCompilationError: there is none (090106).
        """
        if self.schema is None:
            raise SqlCompilationError(
                "Cannot perform operation. This session does not have a current schema. "
                "Call 'USE SCHEMA', or use a qualified name.",
                90106,
                "22000",
            )
        return self.schema

    def execute(
        self, text: str, binds: list[Any] | None = None, *, query_id: str | None = None, describe_only: bool = False
    ) -> Result:
        """Run one statement.

        Args:
            text: one statement; a final semicolon is fine.
            binds: positional values for `?` and `:1`.
            query_id: UUID to record it under; a new one by default.
            describe_only: give the result's columns only, without running it.

        Raises:
            SnowflakeError: as Snowflake would refuse it.
        """
        with self.lock:
            statement = Statement(text, TokenStream(text), query_id or str(uuid.uuid4()), binds or [], describe_only)
            found = registration(statement.tokens)
            if found.commits and not describe_only:
                self.commit()
            try:
                return found.handler(self, statement)
            finally:
                self.query_ids.append(statement.query_id)

    def commit(self) -> None:
        """Commit the open transaction, if there is one."""
        if self.transaction is not None:
            transaction, self.transaction = self.transaction, None
            transaction.commit()

    def rollback(self) -> None:
        """Undo the open transaction, if there is one."""
        if self.transaction is not None:
            transaction, self.transaction = self.transaction, None
            transaction.rollback()

    def close(self) -> None:
        """End the session: what is not committed is undone, temporary objects go."""
        self.rollback()
        self.cursor.close()
