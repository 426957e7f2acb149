"""Errors inside a block: caught by its handlers, or told to the caller with the place where they were raised."""

from __future__ import annotations

from embedded.snowflake.errors import SnowflakeError, SqlExecutionError

STATEMENT, EXPRESSION = "STATEMENT_ERROR", "EXPRESSION_ERROR"
# A statement that was cancelled or ran out of time ends the block: no handler sees it.
_ENDS = (604, 630)


class ScriptError(Exception):
    """An exception under way in a block: its type's name, what SQLCODE, SQLERRM and SQLSTATE tell, and its place."""

    def __init__(self, name: str, code: int, message: str, state: str, place: tuple[int, int] | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.code = code
        self.message = message
        self.state = state
        self.place = place

    @classmethod
    def of(cls, name: str, error: SnowflakeError) -> ScriptError:
        """The exception that an error of a statement or expression is."""
        if error.errno in _ENDS:
            raise error
        return cls(name, error.errno, error.message, error.sqlstate)

    def at(self, text: str, offset: int) -> ScriptError:
        """The exception with its place, unless it has one: line from 1, position from 0."""
        if self.place is None:
            self.place = (text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1))
        return self

    def uncaught(self) -> SnowflakeError:
        """The error that the caller gets."""
        line, position = self.place or (1, 0)
        return SqlExecutionError(
            f"Uncaught exception of type '{self.name}' on line {line} at position {position} : {self.message}",
            self.code,
            self.state,
        )
