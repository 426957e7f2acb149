"""The errors of the platform, one tree, each with the exit code of the command that meets it.

LogisticsError                1  something failed
├── UsageError                2  the command, a stack file or a contract says something impossible
│   ├── SettingsError            the stack file
│   ├── ContractError            a YAML contract in sql/
│   └── SqlFileError             a SQL file in sql/
├── ConnectionFailed          3  Snowflake cannot be reached or refuses the login
└── Locked                    4  somebody else is at work on the same thing
"""

from __future__ import annotations

from pathlib import Path


class LogisticsError(Exception):
    """Something failed; the message says what, for which object, and what to do next."""

    exit_code = 1


class UsageError(LogisticsError):
    """What was asked or written cannot be meant; nothing was changed."""

    exit_code = 2


class SettingsError(UsageError):
    """A stack file is wrong: names the file, the key, the value and what is allowed."""


class FileError(UsageError):
    """A file of the platform is wrong: names the file and the line."""

    def __init__(self, file: Path | str, line: int | None, problem: str) -> None:
        self.file = str(file)
        self.line = line
        self.problem = problem
        where = f"{file}:{line}" if line else f"{file}"
        super().__init__(f"{where}: {problem}")


class ContractError(FileError):
    """A YAML contract is wrong."""


class SqlFileError(FileError):
    """A SQL file is wrong."""


class ConnectionFailed(LogisticsError):
    """Snowflake cannot be reached or refuses the login."""

    exit_code = 3


class Locked(LogisticsError):
    """Another process holds what this one needs; says who."""

    exit_code = 4
