"""The SQL objects that the program declares, as their files say them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class SqlObject:
    """An object of a SQL file.

    Attributes:
        file: path under the project, for errors.
        name: schema and name, dotted, lower case.
        comment: the object's comment, from the file's header.
        readers: roles that may read it, from the file's header.
        body: the query, expression or statement, verbatim, without a closing semicolon.
        reads: tables and views in the body, as dotted lower-case names (`schema.name`, or longer for another database).
    """

    file: Path
    name: str
    comment: str
    readers: tuple[str, ...]
    body: str
    reads: frozenset[str]

    @property
    def schema(self) -> str:
        """The schema's name, upper case."""
        return self.name.split(".")[0].upper()

    @property
    def object_name(self) -> str:
        """The object's own name, upper case."""
        return self.name.split(".")[1].upper()


@dataclass(frozen=True, kw_only=True)
class ViewFile(SqlObject):
    """`create [secure] view … as <body>`."""

    secure: bool


@dataclass(frozen=True, kw_only=True)
class PolicyFile(SqlObject):
    """`create masking policy …` or `create row access policy … as (arguments) returns … -> <body>`."""

    arguments: tuple[tuple[str, str], ...]
    returns: str


@dataclass(frozen=True, kw_only=True)
class TaskFile(SqlObject):
    """`create task … warehouse = … [schedule = '…'] [when <condition>] as <body>`.

    Attributes:
        warehouse: where it runs, upper case, without the stack's suffix.
        when: the condition, or empty.
        schedule: `USING CRON …` or `<n> MINUTES`, or empty for a task that its condition triggers.
        query_tag: of the session that it runs in, from the file's header.
    """

    warehouse: str
    when: str
    schedule: str = ""
    query_tag: str = ""


@dataclass(frozen=True, kw_only=True)
class StreamFile(SqlObject):
    """`create stream … on table <table>`; `reads` holds the table, whose rows of before may show as inserted."""

    table: str
    show_initial_rows: bool = False


@dataclass(frozen=True, kw_only=True)
class SqlFiles:
    """All SQL objects, each kind by `schema.name`, sorted."""

    views: dict[str, ViewFile]
    masking_policies: dict[str, PolicyFile]
    row_access_policies: dict[str, PolicyFile]
    streams: dict[str, StreamFile]
    tasks: dict[str, TaskFile]
