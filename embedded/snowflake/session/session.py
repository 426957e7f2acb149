"""A session: who is logged in, in which role, with which warehouse, database and schema, parameters and variables.

One statement of a session runs at a time; others wait. Sessions run side by side.
"""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.catalog.temporary import drop_temporary
from embedded.snowflake.errors import SqlCompilationError, SqlExecutionError
from embedded.snowflake.result import Result
from embedded.snowflake.session.execution import run_statement

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.history.queries import QueryRecord
    from embedded.snowflake.scheduler.runs import GraphRun, TaskRun
    from embedded.snowflake.session.program import Program


class Session:
    """State between statements.

    Attributes:
        id: number of the session, as CURRENT_SESSION() gives it.
        user: oid of the user, 0 for the user SYSTEM of tasks; role: oid of the current role (an account role).
        secondary_roles: whether all other roles of the user count too (USE SECONDARY ROLES ALL).
        warehouse, database, schema: canonical names, or None; they may name what no longer exists.
        parameters: session parameters that were set, upper-case key to value.
        variables: SET variables, upper-case name to Python value.
        cursor: the session's own DuckDB cursor; used only inside `execute`.
        variable_times: when each variable was first and last set.
        transaction: the open explicit transaction (storage.transactions), or None; with its name and start.
        query_ids: ids of the finished statements, the newest last (LAST_QUERY_ID).
        flow: in a chain of `->>`, ids of the statements before the one under way, the latest first.
        client_address: where the client is, as login saw it.
        client_application: name and version of the client program, empty for the server's own sessions.
        record: the record of the statement under way, or None.
        statement_id: the query id of the statement under way, or None.
        cancelled: ids of statements that are to stop.
        task_run, graph_run: the task that this session runs, and the run of its graph, or None.
        timeouts: ids of statements that ran out of time, and their limit in seconds.
        program: the stored procedure or block under way (session.program), or None.
        pretended: what context functions say in the statement under way instead of the truth (POLICY_CONTEXT).
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
        self.variable_times: dict[str, tuple[datetime, datetime]] = {}
        self.transaction: Any | None = None
        self.transaction_name: str | None = None
        self.transaction_started: datetime | None = None
        self.query_ids: list[str] = []
        self.flow: list[str] = []
        self.client_address = "127.0.0.1"
        self.client_application = ""
        self.record: QueryRecord | None = None
        self.statement_id: str | None = None
        self.cancelled: set[str] = set()
        self.task_run: TaskRun | None = None
        self.graph_run: GraphRun | None = None
        self.timeouts: dict[str, int] = {}
        self.program: Program | None = None
        self.pretended: dict[str, tuple[str, ...]] = {}
        self.last_used = account.clock.now()
        self.lock = threading.RLock()
        account.sessions[self.id] = self

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

    @property
    def user_name(self) -> str:
        """The canonical name of the session's user; tasks run as SYSTEM."""
        return self.account.catalog.get(self.user).name if self.user else "SYSTEM"

    @property
    def role_name(self) -> str:
        """The canonical name of the session's role; empty when it was dropped."""
        try:
            return self.account.catalog.get(self.role).name
        except KeyError:
            return ""

    @property
    def query_tag(self) -> str:
        """The session's QUERY_TAG."""
        return session_setting(self, "QUERY_TAG").value

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
            return run_statement(self, text, binds or [], query_id or str(uuid.uuid4()), describe_only)

    def cancel(self, query_id: str) -> None:
        """Interrupt a statement of this session, under way or waiting; one that has ended is left alone."""
        self.cancelled.add(query_id)
        record = self.record
        while record is not None:
            # A statement that a block or procedure runs ends with it.
            if record.query_id == query_id:
                self.cursor.interrupt()
                return
            record = record.parent

    def commit(self) -> None:
        """Commit the open transaction, if there is one; a program's own, and then what was open around it is so again.

        Raises:
            SnowflakeError: a program may not end the transaction that was open when it was called (090358).
        """
        if self.transaction is not None:
            transaction, self.transaction = self._own_transaction(), self.outer_transaction
            transaction.commit()

    def rollback(self) -> None:
        """Undo the open transaction, if there is one.

        Raises:
            SnowflakeError: a program may not end the transaction that was open when it was called (090358).
        """
        if self.transaction is not None:
            transaction, self.transaction = self._own_transaction(), self.outer_transaction
            transaction.rollback()

    @property
    def outer_transaction(self) -> Any | None:
        """The transaction that was open when the program under way was called, or None."""
        return self.program.outer_transaction if self.program is not None else None

    def _own_transaction(self) -> Any:
        if self.transaction is self.outer_transaction:
            raise SqlExecutionError(
                "Stored procedure execution error: Modifying a transaction that has started at a different scope is not allowed.",
                90358,
                "57014",
            )
        return self.transaction

    def close(self) -> None:
        """End the session: what is not committed is undone, temporary objects go."""
        with self.lock:
            if self.account.sessions.pop(self.id, None) is None:
                return
            self.rollback()
            drop_temporary(self.account, self.id)
            self.cursor.close()
