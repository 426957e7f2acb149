"""The tree of a scripting block. Places are offsets in the block's text, from which errors tell line and position."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedded.snowflake.types import DataType


@dataclass(frozen=True)
class Node:
    """Something of a block, and the offset where it begins."""

    start: int


@dataclass(frozen=True)
class Query:
    """What a cursor or RESULTSET runs: SQL text, or EXECUTE IMMEDIATE of an expression, with the values of USING."""

    text: str
    dynamic: bool = False
    using: tuple[str, ...] = ()
    asynchronous: bool = False


@dataclass(frozen=True)
class Variable(Node):
    """A variable: its type (None: that of its first value) and the text of its first value."""

    name: str
    type: DataType | None = None
    value: str | None = None


@dataclass(frozen=True)
class CursorDeclaration(Node):
    """A cursor for a query, or for a RESULTSET by its name."""

    name: str
    query: Query | None = None
    resultset: str | None = None


@dataclass(frozen=True)
class ResultSetDeclaration(Node):
    """A RESULTSET, with the query that fills it or None."""

    name: str
    query: Query | None = None


@dataclass(frozen=True)
class ExceptionDeclaration(Node):
    """An exception of the block's own: its number and message."""

    name: str
    number: int = -20000
    message: str = ""


@dataclass(frozen=True)
class Assign(Node):
    """`name := expression`, or of a query to a RESULTSET."""

    name: str
    value: str = ""
    query: Query | None = None


@dataclass(frozen=True)
class Branch:
    """A condition or value with the statements that it leads to."""

    condition: str
    body: tuple[Node, ...]


@dataclass(frozen=True)
class If(Node):
    """IF, ELSEIF and CASE without a subject."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Case(Node):
    """CASE of a subject."""

    subject: str
    branches: tuple[Branch, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True)
class CountedFor(Node):
    """FOR over whole numbers, both ends included."""

    name: str
    first: str
    last: str
    reverse: bool
    body: tuple[Node, ...]
    label: str = ""


@dataclass(frozen=True)
class RowFor(Node):
    """FOR over the rows of a cursor or RESULTSET."""

    name: str
    source: str
    body: tuple[Node, ...]
    label: str = ""


@dataclass(frozen=True)
class Loop(Node):
    """LOOP, WHILE (a condition before) and REPEAT (a condition after, that ends it)."""

    body: tuple[Node, ...]
    condition: str = ""
    until: str = ""
    label: str = ""


@dataclass(frozen=True)
class Leave(Node):
    """BREAK, or CONTINUE if `again`, of the innermost loop or the one of that label."""

    again: bool
    label: str = ""


@dataclass(frozen=True)
class Open(Node):
    """OPEN cursor, with the values of USING."""

    name: str
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fetch(Node):
    """FETCH cursor INTO variables."""

    name: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Close(Node):
    """CLOSE cursor."""

    name: str


@dataclass(frozen=True)
class Await(Node):
    """AWAIT of a RESULTSET or ALL; CANCEL if `cancel`."""

    name: str
    cancel: bool = False


@dataclass(frozen=True)
class Raise(Node):
    """RAISE of an exception by name; without one the error being handled goes on."""

    name: str = ""


@dataclass(frozen=True)
class Return(Node):
    """RETURN of an expression, or of a TABLE: a RESULTSET, cursor or query."""

    value: str = ""
    table: str = ""
    query: Query | None = None


@dataclass(frozen=True)
class Sql(Node):
    """A statement of SQL; `into` are the variables that take its one row."""

    text: str
    into: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExecuteImmediate(Node):
    """EXECUTE IMMEDIATE of the text that an expression gives."""

    query: Query
    into: tuple[str, ...] = ()


@dataclass(frozen=True)
class Null(Node):
    """NULL: nothing."""


@dataclass(frozen=True)
class Handler:
    """What is done about exceptions of these names (OTHER: all); with `goes_on` the block continues afterwards."""

    names: tuple[str, ...]
    body: tuple[Node, ...]
    goes_on: bool = False


@dataclass(frozen=True)
class Block(Node):
    """DECLARE … BEGIN … EXCEPTION … END; `end` is the offset after END."""

    text: str = ""
    declarations: tuple[Node, ...] = ()
    body: tuple[Node, ...] = ()
    handlers: tuple[Handler, ...] = ()
    label: str = ""
    end: int = 0
    names: frozenset[str] = field(default_factory=frozenset)
