"""Runs a block's tree in a session."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, SqlExecutionError
from embedded.snowflake.result import Result
from embedded.snowflake.scripting import nodes
from embedded.snowflake.scripting.errors import EXPRESSION, STATEMENT, ScriptError
from embedded.snowflake.scripting.evaluate import converted, evaluate
from embedded.snowflake.scripting.nodes import Block, Handler, Node, Query
from embedded.snowflake.scripting.quick import quick_value
from embedded.snowflake.scripting.status import Left, Returned, slot, status, unknown
from embedded.snowflake.scripting.substitution import substituted
from embedded.snowflake.scripting.values import (
    Cursor,
    ExceptionType,
    Frame,
    Named,
    Record,
    ResultSet,
    Slot,
    Value,
    records,
    rows_of,
    widened,
)
from embedded.snowflake.sql.typed import NULL
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import BOOLEAN, NUMBER, VARCHAR, DataType

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def run_block(session: Session, block: Block, arguments: dict[str, Value] | None = None) -> Value | Result:
    """Run a block: what it returns is a value (NULL without RETURN) or, by RETURN TABLE, a result.

    Args:
        session: whose lock is held.
        block: as `parse_block` gives it.
        arguments: a procedure's arguments by name.

    Raises:
        SnowflakeError: an exception that no handler caught, with its place.
    """
    frame = Frame()
    for name, value in (arguments or {}).items():
        frame.names[name] = Slot(value.type, value)
    interpreter = Interpreter(session, block.text, frame)
    try:
        interpreter.run_block(block)
    except Returned as returned:
        return returned.given
    except Left as left:
        raise SqlCompilationError(
            f"{'CONTINUE' if left.node.again else 'BREAK'} is used outside of a loop.", 1003, "42601"
        ) from None
    except ScriptError as error:
        raise error.uncaught() from error
    return Value(NULL, None)


class Interpreter:
    """The state of one block's run: the frame it is at, the handlers around it, what the last DML did."""

    def __init__(self, session: Session, text: str, frame: Frame) -> None:
        self.session = session
        self.text = text
        self.frame = frame
        self.query_id = session.statement_id
        self.handled: list[ScriptError] = []
        self.handlers: list[tuple[Handler, ...]] = []
        self.frame.names.update(status(None, None))

    # -- statements

    def run_all(self, body: Sequence[Node]) -> None:
        """Run statements in order; one that fails may be passed over by a handler that continues."""
        for node in body:
            try:
                self.run(node)
            except ScriptError as error:
                handler = self._continuing(error)
                if handler is None:
                    raise
                self._handle(handler, error)

    def run(self, node: Node) -> None:
        """Run one statement.

        Raises:
            ScriptError: it failed.
            SnowflakeError: the block was cancelled, or its time is over.
        """
        if self.query_id in self.session.cancelled:
            raise SqlExecutionError("SQL execution canceled", 604, "57014")
        try:
            _RUN[type(node)](self, node)
        except ScriptError as error:
            raise error.at(self.text, node.start) from error
        except SnowflakeError as error:
            raise ScriptError.of(STATEMENT, error).at(self.text, node.start) from error

    def run_block(self, block: Block) -> None:
        """Run a block in a frame of its own, and its handlers when it fails."""
        outer, self.frame = self.frame, Frame(self.frame)
        try:
            self.handlers.append(block.handlers)
            try:
                self.run_all(block.declarations)
                self.run_all(block.body)
            except ScriptError as error:
                handler = self._matching(block.handlers, error)
                if handler is None:
                    raise
                self.handlers[-1] = ()
                self._handle(handler, error)
            finally:
                self.handlers.pop()
        finally:
            self.frame = outer

    def _matching(self, handlers: Sequence[Handler], error: ScriptError) -> Handler | None:
        for handler in handlers:
            for name in handler.names:
                declared = self.frame.find(name)
                if name in ("OTHER", error.name) and (not isinstance(declared, ExceptionType) or name == error.name):
                    return handler
        return None

    def _continuing(self, error: ScriptError) -> Handler | None:
        """The handler that continues, if that is the one which the error would reach."""
        for handlers in reversed(self.handlers):
            found = self._matching(handlers, error)
            if found is not None:
                return found if found.goes_on else None
        return None

    def _handle(self, handler: Handler, error: ScriptError) -> None:
        outer, self.frame = self.frame, Frame(self.frame)
        self.frame.names.update(
            SQLCODE=slot(NUMBER, error.code),
            SQLERRM=slot(VARCHAR, error.message),
            SQLSTATE=slot(VARCHAR, error.state),
        )
        self.handled.append(error)
        kept, self.handlers = self.handlers, [*self.handlers[:-1], ()]
        try:
            self.run_all(handler.body)
        finally:
            self.handlers = kept
            self.handled.pop()
            self.frame = outer

    # -- declarations and variables

    def declare(self, node: nodes.Variable) -> None:
        """Make a variable."""
        value = self.value(node.value) if node.value is not None else Value(VARCHAR, None)
        kind = node.type or widened(value.type)
        self.frame.names[node.name] = Slot(kind, self._converted(value, kind))

    def declare_cursor(self, node: nodes.CursorDeclaration) -> None:
        """Make a cursor; its query runs when it is opened."""
        self.frame.names[node.name] = Cursor(node.query, node.resultset)

    def declare_resultset(self, node: nodes.ResultSetDeclaration) -> None:
        """Make a RESULTSET; its query runs now."""
        made = ResultSet()
        if node.query is not None:
            self._fill(made, node.query)
        if node.name:
            self.frame.names[node.name] = made

    def declare_exception(self, node: nodes.ExceptionDeclaration) -> None:
        """Make an exception."""
        self.frame.names[node.name] = ExceptionType(node.name, node.number, node.message)

    def assign(self, node: nodes.Assign) -> None:
        """Give a variable or RESULTSET its value."""
        found = self.frame.find(node.name)
        if isinstance(found, ResultSet):
            query = node.query
            if query is None:
                inner = TokenStream(node.value)
                query = Query(inner.skip_parenthesis()) if inner.at("(") else Query(node.value)
            self._fill(found, query)
        elif isinstance(found, Slot) and node.query is not None:
            self.set(node.name, self._single(self.query_result(node.query)))
        elif isinstance(found, Slot):
            self.set(node.name, self.value(node.value))
        else:
            raise ScriptError.of(EXPRESSION, unknown(node.name))

    def set(self, name: str, value: Value) -> None:
        """Put a value in a variable, as the variable's type."""
        found = self.frame.find(name)
        if not isinstance(found, Slot):
            raise ScriptError.of(EXPRESSION, unknown(name))
        found.value = self._converted(value, found.type)

    def _converted(self, value: Value, kind: DataType) -> Value:
        try:
            return converted(self.session, value, kind)
        except SnowflakeError as error:
            raise ScriptError.of(EXPRESSION, error) from error

    def _single(self, result: Result) -> Value:
        rows = rows_of(result)
        return Value(result.columns[0].type, rows[0][0] if rows else None)

    # -- expressions

    def value(self, text: str) -> Value:
        """Compute an expression."""
        return self.values([text])[0]

    def values(self, texts: Sequence[str]) -> list[Value]:
        """Compute expressions together."""
        if not texts:
            return []
        quick = [quick_value(text, self.frame) for text in texts]
        if all(value is not None for value in quick):
            return [value for value in quick if value is not None]
        alone = self._variable(texts[0]) if len(texts) == 1 else None
        if alone is not None:
            return [alone]
        try:
            text, binds = substituted(", ".join(f"({text})" for text in texts), self._lookup, binding=True)
            return evaluate(self.session, text, self.frame, binds)
        except SnowflakeError as error:
            raise ScriptError.of(EXPRESSION, error) from error

    def _variable(self, text: str) -> Value | None:
        """The value of an expression that is only a variable's name."""
        found = self.frame.find(text.lstrip(":").upper())
        return found.value if isinstance(found, Slot) else None

    def condition(self, text: str) -> bool:
        """Compute a condition; NULL is false."""
        return self._converted(self.value(text), BOOLEAN).value is True

    def _lookup(self, path: tuple[str, ...]) -> Value:
        found = self.frame.find(path[0])
        if isinstance(found, Slot) and len(path) == 1:
            return found.value
        if isinstance(found, Record) and len(path) == 2 and path[1] in found.values:
            return found.values[path[1]]
        name = ".".join(path)
        raise SqlCompilationError(f"error line 1 at position 0\nBind variable :{name} not set.", 2049, "42601")

    # -- SQL

    def execute(self, text: str, given: Sequence[Any] = ()) -> Result:
        """Run a statement of SQL with the block's variables in it, and note what it did."""
        made, binds = substituted(text, self._lookup, given)
        return self._submit(made, binds)

    def _submit(self, text: str, binds: Sequence[Any]) -> Result:
        query_id = str(uuid.uuid4())
        result = self.session.execute(text, list(binds), query_id=query_id)
        self._root().names.update(status(result, query_id, self._root()))
        return result

    def _root(self) -> Frame:
        frame = self.frame
        while frame.parent is not None:
            frame = frame.parent
        return frame

    def query_result(self, query: Query, given: Sequence[Any] | None = None) -> Result:
        """Run what a cursor, RESULTSET or EXECUTE IMMEDIATE runs."""
        if query.dynamic:
            text = self.value(query.text).value
            using = [value.typed() for value in self.values(query.using)]
            if text is None:
                raise SqlCompilationError("EXECUTE IMMEDIATE was given NULL for a statement.", 1003, "42601")
            return self._submit(str(text), using)
        return self.execute(query.text, given or ())

    def _fill(self, target: ResultSet, query: Query) -> None:
        target.failure = None
        try:
            target.result = self.query_result(query)
            target.query_id = self._sql_id()
        except SnowflakeError as error:
            if not query.asynchronous:
                raise
            # Who waits for it gets its error.
            target.failure = error

    def _sql_id(self) -> str | None:
        found = self.frame.find("SQLID")
        return found.value.value if isinstance(found, Slot) else None

    def run_sql(self, node: nodes.Sql) -> None:
        """Run a statement of SQL; INTO takes its row."""
        result = self.execute(node.text)
        if node.into:
            self._take(result, node.into)

    def execute_immediate(self, node: nodes.ExecuteImmediate) -> None:
        """EXECUTE IMMEDIATE."""
        result = self.query_result(node.query)
        if node.into:
            self._take(result, node.into)

    def _take(self, result: Result, targets: Sequence[str]) -> None:
        rows = rows_of(result)
        if len(rows) != 1:
            raise SqlExecutionError(
                f"SELECT INTO statement expects exactly 1 returned row, but got {len(rows)}.", 90237, "P0000"
            )
        if len(targets) != len(result.columns):
            raise SqlExecutionError(
                f"SELECT INTO statement expects {len(result.columns)} variables, but got {len(targets)}.",
                90237,
                "P0000",
            )
        for name, column, value in zip(targets, result.columns, rows[0], strict=True):
            self.set(name, Value(column.type, value))

    # -- branches and loops

    def branch(self, node: nodes.If) -> None:
        """IF, and CASE without a subject."""
        for part in node.branches:
            if self.condition(part.condition):
                self.run_all(part.body)
                return
        self.run_all(node.otherwise)

    def case(self, node: nodes.Case) -> None:
        """CASE of a subject."""
        for part in node.branches:
            if self.condition(f"({node.subject}) = ({part.condition})"):
                self.run_all(part.body)
                return
        self.run_all(node.otherwise)

    def count(self, node: nodes.CountedFor) -> None:
        """FOR over whole numbers."""
        first, last = (int(self._converted(value, NUMBER).value) for value in self.values([node.first, node.last]))
        numbers = range(last, first - 1, -1) if node.reverse else range(first, last + 1)
        for number in numbers:
            if not self._turn(node, {node.name: Slot(NUMBER, Value(NUMBER, number))}):
                break

    def each(self, node: nodes.RowFor) -> None:
        """FOR over rows."""
        source = self.frame.find(node.source)
        if isinstance(source, Cursor):
            opened = source.result is not None
            result = source.result if opened else self._cursor_result(source, ())
        else:
            result = self._awaited(node.source)
        assert result is not None
        for record in records(result):
            if not self._turn(node, {node.name: record}):
                break

    def loop(self, node: nodes.Loop) -> None:
        """LOOP, WHILE and REPEAT."""
        while not node.condition or self.condition(node.condition):
            if not self._turn(node, {}) or (node.until and self.condition(node.until)):
                break

    def _turn(self, node: nodes.CountedFor | nodes.RowFor | nodes.Loop, names: dict[str, Named]) -> bool:
        """Run a loop's body once, and say whether the loop goes on."""
        outer, self.frame = self.frame, Frame(self.frame, dict(names))
        try:
            self.run_all(node.body)
        except Left as left:
            if left.node.label and left.node.label != node.label:
                raise
            return left.node.again
        finally:
            self.frame = outer
        return True

    def leave(self, node: nodes.Leave) -> None:
        """BREAK and CONTINUE."""
        raise Left(node)

    # -- cursors and result sets

    def open(self, node: nodes.Open) -> None:
        """Run a cursor's query."""
        cursor = self._cursor(node.name)
        cursor.result = self._cursor_result(cursor, [value.typed() for value in self.values(node.using)])
        cursor.query_id, cursor.fetched = self._sql_id(), 0

    def _cursor(self, name: str) -> Cursor:
        found = self.frame.find(name)
        if not isinstance(found, Cursor):
            raise ScriptError.of(EXPRESSION, unknown(name))
        return found

    def _cursor_result(self, cursor: Cursor, given: Sequence[Any]) -> Result:
        if cursor.resultset is not None:
            return self._awaited(cursor.resultset)
        assert cursor.query is not None
        return self.query_result(cursor.query, given)

    def _awaited(self, name: str) -> Result:
        found = self.frame.find(name)
        if not isinstance(found, ResultSet):
            raise ScriptError.of(EXPRESSION, unknown(name))
        if found.failure is not None:
            raise found.failure
        if found.result is None:
            raise SqlExecutionError(f"RESULTSET '{name}' was used before it was given a query.", 90236, "P0000")
        return found.result

    def fetch(self, node: nodes.Fetch) -> None:
        """FETCH: past the last row the variables become NULL."""
        cursor = self._cursor(node.name)
        if cursor.result is None:
            raise SqlExecutionError(f"Cursor '{node.name}' is not open.", 90235, "24000")
        rows = rows_of(cursor.result)
        row = rows[cursor.fetched] if cursor.fetched < len(rows) else (None,) * len(cursor.result.columns)
        cursor.fetched += 1
        for name, column, value in zip(node.targets, cursor.result.columns, row, strict=False):
            self.set(name, Value(column.type, value))

    def close(self, node: nodes.Close) -> None:
        """CLOSE."""
        self._cursor(node.name).result = None

    def wait(self, node: nodes.Await) -> None:
        """AWAIT: an asynchronous query has ended by now, its error comes here."""
        if node.name == "ALL":
            for named in self.frame.visible().values():
                if isinstance(named, ResultSet) and named.failure is not None:
                    raise named.failure
        elif not node.cancel:
            self._awaited(node.name)

    # -- ends

    def raise_(self, node: nodes.Raise) -> None:
        """RAISE."""
        if not node.name:
            if not self.handled:
                raise SqlCompilationError("RAISE without an exception is used outside of a handler.", 1003, "42601")
            raise self.handled[-1]
        found = self.frame.find(node.name)
        if not isinstance(found, ExceptionType):
            raise ScriptError.of(EXPRESSION, unknown(node.name))
        raise ScriptError(found.name, found.number, found.message, "P0001")

    def give_back(self, node: nodes.Return) -> None:
        """RETURN."""
        if node.query is not None:
            raise Returned(self.query_result(node.query))
        if node.table:
            found = self.frame.find(node.table)
            if isinstance(found, Cursor):
                raise Returned(found.result or self._cursor_result(found, ()))
            raise Returned(self._awaited(node.table))
        if not node.value:
            raise Returned(Value(NULL, None))
        found = self.frame.find(node.value.upper())
        if isinstance(found, ResultSet | Cursor):
            raise SqlCompilationError(
                f"RETURN of '{node.value.upper()}' needs TABLE({node.value.upper()}).", 1003, "42601"
            )
        raise Returned(self.value(node.value))

    def nothing(self, node: nodes.Null) -> None:
        """NULL."""


_RUN: dict[type[Node], Callable[[Interpreter, Any], None]] = {
    Block: Interpreter.run_block,
    nodes.Variable: Interpreter.declare,
    nodes.CursorDeclaration: Interpreter.declare_cursor,
    nodes.ResultSetDeclaration: Interpreter.declare_resultset,
    nodes.ExceptionDeclaration: Interpreter.declare_exception,
    nodes.Assign: Interpreter.assign,
    nodes.If: Interpreter.branch,
    nodes.Case: Interpreter.case,
    nodes.CountedFor: Interpreter.count,
    nodes.RowFor: Interpreter.each,
    nodes.Loop: Interpreter.loop,
    nodes.Leave: Interpreter.leave,
    nodes.Open: Interpreter.open,
    nodes.Fetch: Interpreter.fetch,
    nodes.Close: Interpreter.close,
    nodes.Await: Interpreter.wait,
    nodes.Raise: Interpreter.raise_,
    nodes.Return: Interpreter.give_back,
    nodes.Sql: Interpreter.run_sql,
    nodes.ExecuteImmediate: Interpreter.execute_immediate,
    nodes.Null: Interpreter.nothing,
}
