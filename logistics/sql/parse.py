"""Reads one CREATE statement of a SQL file by Snowflake's tokens; bodies go through sqlglot."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from logistics.errors import SqlFileError
from logistics.sql.header import header
from logistics.sql.objects import PolicyFile, SqlObject, StreamFile, TaskFile, ViewFile

_COMMA = re.compile(r",(?![^()]*\))")
"""A comma outside of parentheses."""

_HEADER_KEYS = frozenset({"comment", "readers", "query_tag"})


class Statement:
    """The tokens of a file, read from left to right."""

    def __init__(self, text: str, file: Path) -> None:
        self.text = text
        self.file = file
        self.tokens = _tokens(text, file)
        self.position = 0

    @property
    def current(self) -> Token | None:
        """The next token, or None at the end."""
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def accept(self, *words: str) -> bool:
        """Steps over the words if they come next."""
        ahead = self.tokens[self.position : self.position + len(words)]
        if [token.text.upper() for token in ahead] != [word.upper() for word in words]:
            return False
        self.position += len(words)
        return True

    def ahead(self, *words: str) -> bool:
        """Says whether one of the words comes next."""
        return self.current is not None and self.current.text.upper() in {word.upper() for word in words}

    def expect(self, *words: str) -> None:
        """Steps over the words, which must come next."""
        if not self.accept(*words):
            raise self.error(f"expected {' '.join(words).upper()}")

    def take(self) -> str:
        """Steps over one token and returns its text."""
        token = self.current
        if token is None:
            raise self.error("the statement ends too early")
        self.position += 1
        return token.text

    def name(self) -> str:
        """Reads `schema.name`, or `database.schema.name` whose database is dropped; returns it in lower case."""
        parts = [self.take()]
        while self.accept("."):
            parts.append(self.take())
        if len(parts) not in (2, 3):
            raise self.error(f"{'.'.join(parts)} must be named schema.name")
        return ".".join(parts[-2:]).lower()

    def until(self, word: str) -> str:
        """Steps to the next `word` outside of parentheses and returns the text before it; the word is stepped over."""
        start, depth = self.current, 0
        while (token := self.current) is not None:
            if depth == 0 and token.text.upper() == word:
                self.position += 1
                return self.text[start.start : token.start].strip() if start else ""
            depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
            self.position += 1
        raise self.error(f"expected {word}")

    def rest(self) -> str:
        """Returns the text from here to the end, without a closing semicolon."""
        if self.current is None:
            raise self.error("the statement has no body")
        return self.text[self.current.start :].rstrip().removesuffix(";").rstrip()

    def error(self, problem: str) -> SqlFileError:
        """Returns an error that points at the current token."""
        token = self.current or (self.tokens[-1] if self.tokens else None)
        found = f", found {self.current.text!r}" if self.current else ""
        return SqlFileError(self.file, token.line if token else 1, problem + found)


def parse_object(text: str, file: Path, kind: str) -> SqlObject:
    """Reads the file's object.

    Args:
        text: the file's text, placeholders filled.
        file: path under the project, for errors.
        kind: `view`, `masking policy`, `row access policy`, `task` or `stream`.

    Raises:
        SqlFileError: names the file and the line.
    """
    statement = Statement(text, file)
    statement.expect("create")
    head = _header(text, file)
    if kind != "task" and head.pop("query_tag"):
        raise SqlFileError(file, 1, "query_tag is for tasks")
    return _READERS[kind](statement, head)


def _view(statement: Statement, header: dict) -> ViewFile:
    secure = statement.accept("secure")
    statement.expect("view")
    name = statement.name()
    statement.expect("as")
    body, reads = _body(statement)
    return ViewFile(file=statement.file, name=name, body=body, reads=reads, secure=secure, **header)


def _policy(kind: str) -> Callable[[Statement, dict], PolicyFile]:
    def read(statement: Statement, header: dict) -> PolicyFile:
        statement.expect(*kind.split())
        name = statement.name()
        statement.expect("as", "(")
        arguments = _arguments(statement)
        statement.expect("returns")
        returns = statement.until("->")
        body, reads = _body(statement, "select ")
        return PolicyFile(
            file=statement.file,
            name=name,
            body=body,
            reads=reads,
            arguments=arguments,
            returns=returns.upper(),
            **header,
        )

    return read


def _task(statement: Statement, header: dict) -> TaskFile:
    query_tag = header.pop("query_tag")
    statement.expect("task")
    name = statement.name()
    statement.expect("warehouse", "=")
    warehouse = statement.take().upper()
    schedule = statement.take() if statement.accept("schedule") and statement.accept("=") else ""
    if schedule and not statement.ahead("when", "as"):
        raise statement.error("expected WHEN or AS")
    if not schedule or statement.ahead("when"):
        statement.expect("when")
    when = statement.until("AS")
    body, reads = _body(statement)
    return TaskFile(
        file=statement.file,
        name=name,
        body=body,
        reads=reads,
        warehouse=warehouse,
        when=when,
        schedule=schedule,
        query_tag=query_tag,
        **header,
    )


def _stream(statement: Statement, header: dict) -> StreamFile:
    statement.expect("stream")
    name = statement.name()
    statement.expect("on", "table")
    table = statement.name()
    statement.accept(";")
    if statement.current is not None:
        raise statement.error("unexpected text after the table")
    return StreamFile(file=statement.file, name=name, body="", reads=frozenset({table}), table=table, **header)


_READERS: dict[str, Callable[[Statement, dict], SqlObject]] = {
    "view": _view,
    "masking policy": _policy("masking policy"),
    "row access policy": _policy("row access policy"),
    "task": _task,
    "stream": _stream,
}


def _tokens(text: str, file: Path) -> list[Token]:
    try:
        return sqlglot.tokenize(text, read="snowflake")
    except TokenError as error:
        raise SqlFileError(file, None, str(error)) from None


def _header(text: str, file: Path) -> dict:
    found = header(text, file, _HEADER_KEYS)
    return {
        "comment": found["comment"],
        "readers": tuple(found.get("readers") or ()),
        "query_tag": str(found.get("query_tag") or ""),
    }


def _arguments(statement: Statement) -> tuple[tuple[str, str], ...]:
    """Reads `name type, …)`."""
    arguments = []
    for part in _COMMA.split(statement.until(")")):
        name, _, data_type = part.strip().partition(" ")
        if not data_type:
            raise statement.error(f"argument {part.strip()!r} has no type")
        arguments.append((name.upper(), data_type.strip().upper()))
    return tuple(arguments)


def _body(statement: Statement, prefix: str = "") -> tuple[str, frozenset[str]]:
    """Returns the rest of the statement and the tables that it reads or writes."""
    first_line = statement.current.line if statement.current else 1
    body = statement.rest()
    if statement.ahead("call"):  # sqlglot knows no CALL; as a function's it checks the name and the arguments
        return body, table_names(parse_sql("select " + body[len("call") :], statement.file, first_line))
    return body, table_names(parse_sql(prefix + body, statement.file, first_line))


def parse_sql(text: str, file: Path, first_line: int = 1) -> exp.Expr:
    """Parses one statement with sqlglot.

    Raises:
        SqlFileError: names the file and the line.
    """
    try:
        return sqlglot.parse_one(text, dialect="snowflake")
    except ParseError as error:
        details = error.errors[0] if error.errors else {}
        line = first_line + int(details.get("line") or 1) - 1
        raise SqlFileError(file, line, f"broken SQL: {details.get('description') or error}") from None
    except TokenError as error:
        raise SqlFileError(file, first_line, f"broken SQL: {error}") from None


def table_names(parsed: exp.Expr) -> frozenset[str]:
    """Returns the tables and views that a statement names, without its own CTEs, dotted and in lower case."""
    own = {cte.alias.lower() for cte in parsed.find_all(exp.CTE)}
    names = set()
    for table in parsed.find_all(exp.Table):
        parts = [part.name.lower() for part in table.parts if isinstance(part, exp.Identifier)]
        if parts and not (len(parts) == 1 and parts[0] in own):
            names.add(".".join(parts))
    return frozenset(names)
