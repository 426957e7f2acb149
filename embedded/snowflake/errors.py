"""Snowflake's errors: each named kind with its error number, SQLSTATE and message.

The tree:

    SnowflakeError
        SqlCompilationError     the statement could not be compiled
        SqlExecutionError       it failed while it ran
        AuthenticationError     a login was refused
        SessionError            the session is gone or its token is not valid

Source: numbers, states and texts as the clients and the provider match them (`002003 (02000)`, `does not exist or not
authorized`); the texts of numbers not recorded follow Snowflake's documentation.
"""

from __future__ import annotations


class SnowflakeError(Exception):
    """An error as Snowflake reports it; `errno` is the number without leading zeros."""

    errno = 1003
    sqlstate = "42000"

    def __init__(self, message: str, errno: int | None = None, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if errno is not None:
            self.errno = errno
        if sqlstate is not None:
            self.sqlstate = sqlstate

    @property
    def code(self) -> str:
        """The number as the wire carries it: six digits."""
        return f"{self.errno:06d}"


class SqlCompilationError(SnowflakeError):
    """The statement could not be compiled; the message starts with Snowflake's own prefix, which a place follows on its line."""

    def __init__(self, message: str, errno: int | None = None, sqlstate: str | None = None) -> None:
        between = " " if message.startswith("error line ") else "\n"
        super().__init__(f"SQL compilation error:{between}{message}", errno, sqlstate)


class SqlExecutionError(SnowflakeError):
    """The statement failed while it ran."""

    errno = 100000
    sqlstate = "22000"


class AuthenticationError(SnowflakeError):
    """A login was refused."""

    errno = 390100
    sqlstate = "08001"


class SessionError(SnowflakeError):
    """The session is gone, or its token is not valid."""

    errno = 390104
    sqlstate = "08001"


def does_not_exist(kind: str, name: str) -> SqlCompilationError:
    """The error for an object that is absent or that the role may not see (002003)."""
    state = "42S02" if kind.upper() in ("OBJECT", "TABLE", "VIEW") else "02000"
    return SqlCompilationError(f"{kind.capitalize()} '{name}' does not exist or not authorized.", 2003, state)


def operation_cannot_be_performed() -> SqlCompilationError:
    """The error for an object reached through a container that is absent (002043)."""
    return SqlCompilationError("Object does not exist, or operation cannot be performed.", 2043, "02000")


def already_exists(name: str) -> SqlCompilationError:
    """The error for a name that is taken (002002)."""
    return SqlCompilationError(f"Object '{name}' already exists.", 2002, "42710")


def insufficient_privileges(kind: str, name: str) -> SnowflakeError:
    """The error for a role without the privilege needed (003001)."""
    return SnowflakeError(
        f"SQL access control error:\nInsufficient privileges to operate on {kind.lower()} '{name}'.", 3001, "42501"
    )


def syntax_error(near: str, line: int = 1, position: int = 0) -> SqlCompilationError:
    """The error for a text that does not parse (001003)."""
    return SqlCompilationError(f"syntax error line {line} at position {position} unexpected '{near}'.", 1003, "42000")


def invalid_identifier(name: str, line: int | None = None, position: int | None = None) -> SqlCompilationError:
    """The error for a column that no source of the query has (000904)."""
    where = f"error line {line} at position {position}\n" if line is not None else ""
    return SqlCompilationError(f"{where}invalid identifier '{name}'", 904, "42000")


def parse_error(text: str) -> SqlCompilationError:
    """The error for a text that ends inside a string, a comment or a quoted name (001003)."""
    line, position = text.count("\n") + 1, len(text) - text.rfind("\n") - 1
    return SqlCompilationError(f"parse error line {line} at position {position} near '<EOF>'.", 1003, "42000")


def unsupported(what: str) -> SnowflakeError:
    """The error for what the local Snowflake does not do: named, never ignored (000002)."""
    return SnowflakeError(f"Unsupported feature '{what}'. (The local Snowflake does not do this.)", 2, "0A000")
