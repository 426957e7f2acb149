"""Expressions of blocks: translated with the block's variables as columns, and computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.scripting.values import Frame, Record, Slot, Value, plain
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.context import NOW, Context
from embedded.snowflake.sql.run import run_query, snowflake_errors
from embedded.snowflake.sql.scope import Scope, Source, SourceColumn
from embedded.snowflake.sql.translate import now, query_in
from embedded.snowflake.types import VARCHAR, DataType

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session


def scope_of(frame: Frame | None) -> Scope:
    """The names of a block as the translator looks them up: variables, and records by qualifier."""
    visible = frame.visible() if frame is not None else {}
    variables, outer = [], []
    for name, named in visible.items():
        if isinstance(named, Slot):
            variables.append(SourceColumn(name, named.value.typed()))
        elif isinstance(named, Record):
            columns = [SourceColumn(key, value.typed()) for key, value in named.values.items()]
            outer.append(_Qualified(name, columns))
    parent = Scope(outer) if outer else None
    return Scope([Source("", variables)], parent=parent)


class _Qualified(Source):
    """A record: its columns are found only by `record.column`."""

    def __init__(self, name: str, columns: list[SourceColumn]) -> None:
        super().__init__(name, columns)
        self._asked = False

    def answers_to(self, qualifier: tuple[str, ...]) -> bool:
        self._asked = super().answers_to(qualifier)
        return self._asked

    def find(self, name: str) -> Any:
        asked, self._asked = self._asked, False
        return super().find(name) if asked else None


def evaluate(
    session: Session, text: str, frame: Frame | None = None, binds: list[Any] | None = None, query_id: str = ""
) -> list[Value]:
    """Compute a list of expressions `a, b, …` in one query.

    Raises:
        SnowflakeError: one cannot be computed.
    """
    translated = query_in(session, f"select {text}", scope_of(frame), binds or [], query_id)
    table = run_query(session, translated)
    return [
        Value(column.type, plain(table.column(place)[0].as_py(), column.type))
        for place, column in enumerate(translated.columns)
    ]


def converted(session: Session, value: Value, kind: DataType) -> Value:
    """A value as another type, as a cast does it.

    Raises:
        SnowflakeError: it cannot be converted.
    """
    if value.type == kind or value.value is None:
        return Value(kind, value.value)
    if value.type.kind == kind.kind and (kind.kind not in ("NUMBER", "VARCHAR", "BINARY")):
        return Value(kind, value.value)
    if kind == VARCHAR and value.type.kind == "VARCHAR":
        return Value(kind, value.value)
    made = cast(value.typed(), kind, Context.of(session, [], "").zone)
    text = made.stored.replace(NOW, now(session).isoformat(sep=" "))
    with snowflake_errors():
        found = session.cursor.sql(f"SELECT {text} AS v").to_arrow_table()
    return Value(kind, plain(found.column(0)[0].as_py(), kind))
