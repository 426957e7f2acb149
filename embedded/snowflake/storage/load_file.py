"""Loading one file: its rows turned to what the table stores, the bad ones found and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError
from embedded.snowflake.names import literal, quote
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.sql.run import snowflake_errors
from embedded.snowflake.sql.typed import Typed
from embedded.snowflake.storage.assign import default, stored
from embedded.snowflake.storage.rows import stored_columns
from embedded.snowflake.storage.stage_scan import FileRows, highest_place, loading, read_rows, release
from embedded.snowflake.storage.stages import Location, StagedFile
from embedded.snowflake.types import VARCHAR, VARIANT

if TYPE_CHECKING:
    from embedded.snowflake.session.dispatch import Statement
    from embedded.snowflake.session.session import Session


@dataclass(frozen=True)
class LoadOptions:
    """How files are loaded: their format, by names or places, whether texts are cut, the query over them."""

    file_format: dict[str, Any]
    match: str
    truncate: bool
    query: str | None
    stop_at_error: bool


@dataclass(frozen=True)
class RowError:
    """A row that does not fit: its number in the file's rows, its line, and what Snowflake says."""

    row: int
    line: int
    column: str | None
    message: str
    errno: int
    sqlstate: str


@dataclass
class FileLoad:
    """A file on its way into a table.

    Attributes:
        file: the file.
        label: its name with the stage.
        temporary: the DuckDB table of its good rows.
        values: for each column id of the table, an expression over `temporary` (called `q`).
        status: what COPY reports: LOADED, PARTIALLY_LOADED or LOAD_FAILED.
        expected: fields that a row must have, where that is checked.
    """

    file: StagedFile
    label: str
    temporary: str
    values: dict[int, str] = field(default_factory=dict)
    rows_parsed: int = 0
    rows_good: int = 0
    errors: list[RowError] = field(default_factory=list)
    status: str = "LOADED"
    error_limit: int = 1
    expected: int = 0

    @property
    def rows_loaded(self) -> int:
        """Rows that go in the table."""
        return 0 if self.status == "LOAD_FAILED" else self.rows_good


def load_file(
    session: Session,
    statement: Statement,
    place: Location,
    file: StagedFile,
    table: CatalogObject,
    target: list[TableColumn],
    options: LoadOptions,
    number: int,
) -> FileLoad:
    """Read a file and keep its good rows in a temporary table; nothing is written to the table yet.

    Raises:
        SnowflakeError: the statement cannot be compiled for this file, or the file cannot be read.
    """
    load = FileLoad(file, place.label + file.path, f"_load_{number}")
    tree = parse_query(options.query) if options.query is not None else None
    try:
        rows = read_rows(session, place, file, options.file_format, highest_place(tree))
    except SnowflakeError as error:
        if isinstance(error, SqlCompilationError) or error.errno == 2:
            raise
        load.errors.append(RowError(1, 1, None, error.message, error.errno, error.sqlstate))
        return load
    try:
        given, query = _values(session, statement, rows, target, options, tree)
        zone = session_setting(session, "TIMEZONE").value
        texts = {
            column.id: stored(_loadable(value, column, zone), column, zone, truncate=options.truncate)
            for column, value in given
        }
        load.expected = len(target)
        _keep(session, load, rows, query, texts, [column for column, _ in given], options)
    finally:
        release(session, rows)
    load.values = {
        column.id: f"q.g{column.id}" if column.id in texts else stored(default(session, table, column), column, zone)
        for column in stored_columns(table)
    }
    return load


def _loadable(value: Typed, column: TableColumn, zone: str) -> Typed:
    """A value as it is loaded: a file's text goes into a VARIANT as it is, which INSERT refuses."""
    return cast(value, VARIANT, zone) if value.type == VARCHAR and column.type == VARIANT else value


def _values(
    session: Session,
    statement: Statement,
    rows: FileRows,
    target: list[TableColumn],
    options: LoadOptions,
    tree: Any,
) -> tuple[list[tuple[TableColumn, Typed]], str]:
    """The columns that get values, each with an expression over the query that comes with them (called `q`)."""
    if tree is not None:
        from embedded.snowflake.sql.translate import query

        with loading(rows):
            found = query(session, tree.copy(), statement=statement)
        _check_width(len(target), len(found.columns))
        values = [
            Typed(f"q.{quote(name)}", column.type, column.nullable)
            for name, column in zip(found.duckdb_names, found.columns, strict=True)
        ]
        return list(zip(target, values, strict=True)), found.duckdb_sql
    if options.match != "NONE":
        return _by_name(session, rows, target, options), rows.query
    kind = options.file_format["TYPE"]
    if kind != "CSV":
        if len(target) != 1 or not target[0].type.is_semi_structured:
            raise SqlCompilationError(
                f"{kind} file format can produce one and only one column of data type VARIANT, OBJECT, or ARRAY. "
                "Load data into separate columns using the MATCH_BY_COLUMN_NAME copy option or copy with transformation.",
                2019,
                "0A000",
            )
        return [(target[0], Typed('q."$1"', VARIANT))], rows.query
    places = min(len(target), rows.width)
    values = [Typed(f'q."${place + 1}"', VARCHAR) for place in range(places)]
    return list(zip(target[:places], values, strict=True)), rows.query


def _check_width(expected: int, got: int) -> None:
    if expected != got:
        raise SqlCompilationError(
            f"Insert value list does not match column list expecting {expected} but got {got}", 2020, "21S01"
        )


def _by_name(
    session: Session, rows: FileRows, target: list[TableColumn], options: LoadOptions
) -> list[tuple[TableColumn, Typed]]:
    """Columns of the file to the table's columns of the same name; others are left out.

    Raises:
        SqlCompilationError: a CSV file without PARSE_HEADER has no names.
    """
    kind, header = options.file_format["TYPE"], rows.header
    if kind == "JSON":
        found = session.cursor.execute(
            f"select distinct unnest(json_keys(CAST(c1 AS JSON))) from {rows.name}"
        ).fetchall()
        header = sorted(str(row[0]) for row in found)
    if kind == "CSV" and not header and rows.table.num_rows:
        raise SqlCompilationError("MATCH_BY_COLUMN_NAME needs the file format option PARSE_HEADER = TRUE for CSV", 1003)
    fold = (lambda name: name) if options.match == "CASE_SENSITIVE" else str.upper
    places = {fold(name): place for place, name in enumerate(header)}
    values = []
    for column in target:
        place = places.get(fold(column.name))
        if place is None:
            continue
        if kind == "CSV":
            values.append((column, Typed(f'q."${place + 1}"', VARCHAR)))
        else:
            path = literal(f'$."{header[place]}"')
            text = f'sf_get(q."$1", {path})'
            values.append((column, Typed(f"nullif({text}, 'null'::JSON)" if kind == "JSON" else text, VARIANT)))
    return values


def _keep(
    session: Session,
    load: FileLoad,
    rows: FileRows,
    query: str,
    texts: dict[int, str],
    columns: list[TableColumn],
    options: LoadOptions,
) -> None:
    """Put the rows that fit in the load's temporary table, and note the errors of those that do not."""
    parts = ", ".join(f"{text} AS g{column}" for column, text in texts.items()) or "0 AS none"
    kinds = ", ".join(f"g{column.id} {column.type.to_duckdb()}" for column in columns) or "none integer"
    session.cursor.execute(f"create or replace temp table {load.temporary} ({kinds})")
    insert = f"insert into {load.temporary} select {parts} from ({query}) as q"
    load.rows_parsed = rows.table.num_rows
    bad = _wrong_width(load, rows, options)
    pieces = [rows.table] if not bad else list(_without(rows.table, bad))
    for piece in pieces:
        _insert_or_split(session, load, rows, piece, insert, texts, columns, query, options)
        if options.stop_at_error and load.errors:
            break
    load.errors.sort(key=lambda error: error.row)
    session.cursor.register(rows.name, rows.table)


def _wrong_width(load: FileLoad, rows: FileRows, options: LoadOptions) -> set[int]:
    """Rows (from 1) of a CSV file whose number of fields is not the table's, noted as errors."""
    checks = options.file_format.get("ERROR_ON_COLUMN_COUNT_MISMATCH") and options.query is None
    if options.file_format["TYPE"] != "CSV" or not checks or options.match != "NONE":
        return set()
    expected = load.expected
    widths = (
        rows.table["_width"].to_pylist() if "_width" in rows.table.column_names else [rows.width] * rows.table.num_rows
    )
    bad = set()
    for row, width in enumerate(widths, 1):
        if width != expected:
            bad.add(row)
            message = (
                f"Number of columns in file ({width}) does not match that of the corresponding table ({expected}), "
                "use file format option error_on_column_count_mismatch=false to ignore this error"
            )
            load.errors.append(RowError(row, _line(row, options), None, message, 100080, "22000"))
    return bad


def _without(table: Any, bad: set[int]) -> Iterator[Any]:
    """The runs of rows between bad ones."""
    start = 0
    for row in sorted(bad):
        if row - 1 > start:
            yield table.slice(start, row - 1 - start)
        start = row
    if start < table.num_rows:
        yield table.slice(start)


def _line(row: int, options: LoadOptions) -> int:
    return row + int(options.file_format.get("SKIP_HEADER") or 0)


def _insert_or_split(
    session: Session,
    load: FileLoad,
    rows: FileRows,
    piece: Any,
    insert: str,
    texts: dict[int, str],
    columns: list[TableColumn],
    query: str,
    options: LoadOptions,
) -> None:
    """Insert a run of rows; if one of them does not fit, each half by itself, down to the row."""
    todo = [piece]
    while todo:
        part = todo.pop()
        session.cursor.register(rows.name, part)
        try:
            with snowflake_errors():
                row = session.cursor.execute(insert).fetchone()
            load.rows_good += int(row[0]) if row else 0
        except SnowflakeError as error:
            if error.errno == 604:
                raise
            if part.num_rows > 1:
                half = part.num_rows // 2
                todo += [part.slice(half), part.slice(0, half)]
                continue
            number = int(part["_row"][0].as_py())
            column = _guilty(session, texts, columns, query)
            load.errors.append(
                RowError(number, _line(number, options), column, error.message, error.errno, error.sqlstate)
            )
            if options.stop_at_error:
                return


def _guilty(session: Session, texts: dict[int, str], columns: list[TableColumn], query: str) -> str | None:
    """The column whose value the one row before DuckDB fails for, as Snowflake names it."""
    for place, column in enumerate(columns, 1):
        try:
            with snowflake_errors():
                session.cursor.execute(f"select {texts[column.id]} from ({query}) as q").fetchall()
        except SnowflakeError:
            return f'"{column.name}":{place}'
    return None
