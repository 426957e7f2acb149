"""What a statement gives back: columns with Snowflake types, and rows.

A value is a plain Python one: None, bool, int, Decimal, float, str, bytes, date, time, datetime (naive for TIMESTAMP_NTZ, aware
for TIMESTAMP_LTZ and TIMESTAMP_TZ); VARIANT, OBJECT and ARRAY are their JSON text. A query's rows stay an Arrow table with
the same columns until the wire needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import pyarrow as pa

from embedded.snowflake.types import BOOLEAN, NUMBER, TIMESTAMP_LTZ, VARCHAR, DataType


class StatementType(IntEnum):
    """The `statementTypeId` of an answer, from which clients tell queries from DML and DDL."""

    UNKNOWN = 0x0000
    SELECT = 0x1000
    DML = 0x3000
    INSERT = 0x3100
    UPDATE = 0x3200
    DELETE = 0x3300
    MERGE = 0x3400
    MULTI_TABLE_INSERT = 0x3500
    COPY = 0x3600
    SCL = 0x4000
    ALTER_SESSION = 0x4100
    USE = 0x4300
    TCL = 0x5000
    DDL = 0x6000
    SHOW = 0x6000 + 0x100
    DESCRIBE = 0x6000 + 0x200
    MULTI_STATEMENT = 0xA000


@dataclass(frozen=True)
class Column:
    """A result column: its canonical name, type and whether it may hold NULL."""

    name: str
    type: DataType = VARCHAR
    nullable: bool = True


@dataclass
class Result:
    """A statement's answer: `rows` for small ones, `arrow` for a query's (columns in the same order)."""

    columns: Sequence[Column]
    rows: list[tuple[Any, ...]] | None = None
    arrow: pa.Table | None = None
    statement_type: StatementType = StatementType.SELECT
    # What the wire adds for statements that need the client's help (PUT and GET): merged into the answer's data.
    wire_data: dict[str, Any] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """The number of rows in the answer."""
        return self.arrow.num_rows if self.arrow is not None else len(self.rows or [])


def status(message: str, statement_type: StatementType = StatementType.DDL) -> Result:
    """The one-row answer of DDL and session statements."""
    return Result([Column("status", VARCHAR)], [(message,)], statement_type=statement_type)


def affected(statement_type: StatementType, **counts: int) -> Result:
    """The answer of a DML statement: `number of rows inserted` and the like, in the order given.

    Args:
        statement_type: INSERT, UPDATE, DELETE or MERGE.
        counts: the column's name with underscores for spaces, and the number of rows.
    """
    columns = [Column(name.replace("_", " "), NUMBER) for name in counts]
    return Result(columns, [tuple(counts.values())], statement_type=statement_type)


def listing(names: Sequence[tuple[str, DataType] | str], rows: Iterable[Sequence[Any]]) -> Result:
    """A SHOW or DESCRIBE answer; a column given by name only is text."""
    columns = [Column(name) if isinstance(name, str) else Column(name[0], name[1]) for name in names]
    return Result(columns, [tuple(row) for row in rows], statement_type=StatementType.SHOW)


__all__ = ["BOOLEAN", "TIMESTAMP_LTZ", "Column", "Result", "StatementType", "affected", "listing", "status"]
