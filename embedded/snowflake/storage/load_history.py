"""Which files were loaded into which table: so that COPY does not load one twice, and for COPY_HISTORY."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

# Days for which COPY remembers a file.
REMEMBERED_DAYS = 64


@dataclass(frozen=True)
class Load:
    """One file loaded, or tried, by a COPY: `tag` is the file's checksum, `status` as COPY reports it."""

    table_id: int
    stage_id: int
    path: str
    tag: str
    size: int
    loaded_at: datetime
    status: str
    rows_parsed: int
    rows_loaded: int
    errors: int
    first_error: str | None
    first_error_line: int | None
    first_error_character: int | None
    first_error_column: str | None
    query_id: str


def loaded(session: Session, table: int) -> set[tuple[int, str, str]]:
    """What was loaded into a table and is remembered (by the session's transaction too): stage, path and checksum of each file."""
    rows = session.cursor.execute(
        "select stage_id, path, tag from _data.loads where table_id = ? and rows_loaded > 0 "
        f"and loaded_at > ? - interval {REMEMBERED_DAYS} days",
        [table, session.account.clock.now()],
    ).fetchall()
    own = session.transaction.loads if session.transaction is not None else []
    done = {(load.stage_id, load.path, load.tag) for load in own if load.table_id == table and load.rows_loaded}
    return done | {(row[0], row[1], row[2]) for row in rows}


def write_loads(cursor: duckdb.DuckDBPyConnection, loads: list[Load]) -> None:
    """Write what was loaded, in the open DuckDB transaction."""
    marks = ", ".join("?" * len(Load.__dataclass_fields__))
    for load in loads:
        cursor.execute(f"insert into _data.loads values ({marks})", list(astuple(load)))


def history(session: Session, table: int | None = None) -> list[Load]:
    """The loads of a table, or of all tables, oldest first."""
    where, values = ("where table_id = ?", [table]) if table is not None else ("", [])
    rows = session.cursor.cursor().execute(f"from _data.loads {where} order by loaded_at", values).fetchall()
    return [Load(*row) for row in rows]


def forget_loads(session: Session, table: int) -> None:
    """Forget what was loaded into a table, so that the same files may be loaded again."""
    session.cursor.execute("delete from _data.loads where table_id = ?", [table])
