"""What a block tells of its last statement, and its ways out of where it is."""

from __future__ import annotations

from typing import Any

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.result import Result, StatementType
from embedded.snowflake.scripting import nodes
from embedded.snowflake.scripting.values import Frame, Named, Slot, Value
from embedded.snowflake.types import BOOLEAN, NUMBER, VARCHAR, DataType


class Left(Exception):
    """BREAK or CONTINUE under way."""

    def __init__(self, node: nodes.Leave) -> None:
        super().__init__()
        self.node = node


class Returned(Exception):
    """RETURN under way, with what is given back."""

    def __init__(self, given: Value | Result) -> None:
        super().__init__()
        self.given = given


def unknown(name: str) -> SqlCompilationError:
    """The error for a name that means nothing here (000904)."""
    return SqlCompilationError(f"error line 1 at position 0\ninvalid identifier '{name}'", 904, "42000")


def slot(kind: DataType, value: Any) -> Slot:
    """A variable of a type with its value."""
    return Slot(kind, Value(kind, value))


def status(result: Result | None, query_id: str | None, before: Frame | None = None) -> dict[str, Named]:
    """SQLROWCOUNT, SQLFOUND and SQLNOTFOUND of the last DML, and SQLID of the last statement."""
    given: dict[str, Named] = {"SQLID": slot(VARCHAR, query_id)}
    is_dml = result is not None and result.statement_type & 0xF000 == StatementType.DML and bool(result.rows)
    if is_dml and result is not None and result.rows:
        count = sum(
            int(value)
            for column, value in zip(result.columns, result.rows[0], strict=True)
            if isinstance(value, int) and column.name.startswith("number of")
        )
        known: tuple[Any, Any, Any] = (count, count > 0, count == 0)
    elif before is not None:
        return given
    else:
        known = (None, None, None)
    kinds = zip(("SQLROWCOUNT", "SQLFOUND", "SQLNOTFOUND"), (NUMBER, BOOLEAN, BOOLEAN), known, strict=True)
    return {**given, **{name: slot(kind, value) for name, kind, value in kinds}}
