"""COPY INTO a table from staged files; COPY INTO a stage goes on to its own module."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.descriptions.loading import file_format as read_format
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.catalog.values import Property, boolean, integer, read_properties, text, word
from embedded.snowflake.errors import SnowflakeError, SqlCompilationError, SqlExecutionError
from embedded.snowflake.names import quote
from embedded.snowflake.result import Column, Result, StatementType
from embedded.snowflake.security.privileges import reach, require
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.statements.dml_target import listed_columns
from embedded.snowflake.storage.load_file import FileLoad, LoadOptions, load_file
from embedded.snowflake.storage.load_history import Load, loaded, write_loads
from embedded.snowflake.storage.stage_scan import file_format, stage_format
from embedded.snowflake.storage.stages import Location, StagedFile, location, read_written
from embedded.snowflake.storage.transactions import work
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import NUMBER, VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_OPTIONS = {
    "FILES": Property(lambda tokens: tokens.parenthesized(tokens.string)),
    "PATTERN": Property(text),
    "FILE_FORMAT": Property(read_format),
    "ON_ERROR": Property(lambda tokens: "?" if tokens.accept("?") else text(tokens), "ABORT_STATEMENT"),
    "SIZE_LIMIT": Property(integer),
    "PURGE": Property(boolean, False),
    "RETURN_FAILED_ONLY": Property(boolean, False),
    "MATCH_BY_COLUMN_NAME": Property(word("CASE_SENSITIVE", "CASE_INSENSITIVE", "NONE"), "NONE"),
    "ENFORCE_LENGTH": Property(boolean, True),
    "TRUNCATECOLUMNS": Property(boolean, False),
    "FORCE": Property(boolean, False),
    "LOAD_UNCERTAIN_FILES": Property(boolean, False),
    "VALIDATION_MODE": Property(text),
}
_COLUMNS = (
    ("file", VARCHAR), ("status", VARCHAR), ("rows_parsed", NUMBER), ("rows_loaded", NUMBER), ("error_limit", NUMBER),
    ("errors_seen", NUMBER), ("first_error", VARCHAR), ("first_error_line", NUMBER), ("first_error_character", NUMBER),
    ("first_error_column_name", VARCHAR),
)  # fmt: skip
_SKIP_FILE = re.compile(r"SKIP_FILE(?:_(\d+)(%?))?\Z")


@dataclass
class Source:
    """Where a COPY reads: a place, and the query over it if there is one."""

    place: Location
    query: str | None = None
    columns: list[str] = field(default_factory=list)


@handles("COPY")
def copy(session: Session, statement: Statement) -> Result:
    """COPY INTO table FROM stage, or COPY INTO stage FROM table."""
    tokens = statement.tokens
    tokens.expect("COPY", "INTO")
    following = tokens.peek()
    if following is not None and statement.text[following.start] in "@'":
        from embedded.snowflake.statements.copy_location import copy_into_location

        return copy_into_location(session, statement)
    table = reach(session, "TABLE", tokens.name(), None)
    require(session, "INSERT", table)
    if table.kind != "TABLE":
        raise SqlCompilationError(f"Object found is of type '{table.kind}', not specified type 'TABLE'.", 2203, "42710")
    names = tokens.parenthesized(tokens.identifier) if tokens.at("(") else []
    source = _read_source(session, statement, table)
    given = read_properties(tokens, _OPTIONS, "COPY")
    tokens.end()
    if given.get("ON_ERROR") == "?":
        # It comes last in the text of those who bind it.
        bound = statement.binds[-1] if statement.binds else ""
        given["ON_ERROR"] = str(getattr(bound, "value", bound))
    if statement.describe_only:
        return Result([Column(*column) for column in _COLUMNS], [], statement_type=StatementType.COPY)
    return _load(session, statement, table, names, source, given)


def _read_source(session: Session, statement: Statement, table: CatalogObject) -> Source:
    """What follows FROM; without it the table's own stage."""
    tokens = statement.tokens
    if not tokens.accept("FROM"):
        names = ".".join(quote(part) for part in _path_of(session, table))
        return Source(location(session, f"@%{names}"))
    if not tokens.at("("):
        return Source(location(session, read_stage(tokens)))
    query = tokens.skip_parenthesis().strip()
    match = re.search(r"\bfrom\s+('@|@)", query, re.IGNORECASE)
    if match is None:
        raise SqlCompilationError("COPY's query must read a stage: FROM @stage", 1003, "42000")
    written, _ = read_written(query, match.end() - len(match[1]))
    return Source(location(session, written), query)


def _path_of(session: Session, table: CatalogObject) -> tuple[str, str, str]:
    """The names of the table's database and schema, and its own."""
    catalog = session.account.catalog
    schema = catalog.get(table.container)
    return catalog.get(schema.container).name, schema.name, table.name


def read_stage(tokens: TokenStream) -> str:
    """Read a stage reference out of the tokens' source text, and step over it."""
    start = tokens.peek()
    written, end = read_written(tokens.text, start.start if start is not None else len(tokens.text))
    while (token := tokens.peek()) is not None and token.start < end:
        tokens.index += 1
    return written


def _load(
    session: Session,
    statement: Statement,
    table: CatalogObject,
    names: list[str],
    source: Source,
    given: dict[str, Any],
) -> Result:
    stage_options = (source.place.item.body.get("properties", {}) if source.place.item is not None else {}) or {}
    options = {key: item.default for key, item in _OPTIONS.items()}
    options.update({key: value for key, value in (stage_options.get("COPY_OPTIONS") or {}).items() if key in options})
    options.update(given)
    table_format = (table.body.get("properties") or {}).get("STAGE_FILE_FORMAT")
    wanted = LoadOptions(
        file_format(session, options["FILE_FORMAT"], stage_format(source.place), table_format),
        str(options["MATCH_BY_COLUMN_NAME"]).upper(),
        bool(options["TRUNCATECOLUMNS"]) or not options["ENFORCE_LENGTH"],
        source.query,
        str(options["ON_ERROR"]).upper().strip() == "ABORT_STATEMENT",
    )
    target = [_column(table, name) for name in names] if names else listed_columns(table, [])
    mode = str(options["VALIDATION_MODE"] or "").upper()
    if mode:
        wanted = replace(wanted, stop_at_error=False)
        # What was loaded before is looked at too.
        options["FORCE"] = True
    files = _wanted_files(session, table, source.place, options)
    loads = [
        load_file(session, statement, source.place, file, table, target, wanted, place)
        for place, file in enumerate(files)
    ]
    if mode:
        return _validated(session, mode, loads, target, source)
    _judge(loads, str(options["ON_ERROR"]).upper().strip())
    _keep_errors(session, statement, table, loads)
    _insert(session, statement, table, source.place, loads)
    if options["PURGE"]:
        for load in loads:
            if load.status != "LOAD_FAILED":
                load.file.file.unlink(missing_ok=True)
    return _answer(source.place, loads, bool(options["RETURN_FAILED_ONLY"]))


_RETURN_ROWS = re.compile(r"RETURN_(\d+)_ROWS\Z")


def _validated(session: Session, mode: str, loads: list[FileLoad], target: list[TableColumn], source: Source) -> Result:
    """What VALIDATION_MODE tells, with nothing loaded: the first rows, or the errors.

    Raises:
        SqlCompilationError: there is no such mode, or the COPY has a query (001008).
        SnowflakeError: a row of RETURN_n_ROWS does not fit.
    """
    from embedded.snowflake.sql.stage_functions import error_columns, error_rows

    rows = _RETURN_ROWS.match(mode)
    if source.query is not None or (rows is None and mode not in ("RETURN_ERRORS", "RETURN_ALL_ERRORS")):
        raise SqlCompilationError(f"invalid value [{mode}] for parameter 'VALIDATION_MODE'", 1008, "22023")
    try:
        if rows is None:
            return Result(error_columns(), error_rows(loads), statement_type=StatementType.COPY)
        found: list[Any] = []
        for load in loads:
            if load.errors and load.errors[0].row <= int(rows[1]) - len(found):
                raise _abort(load)
            loaded_ids = [column.id for column in target if load.values.get(column.id, "").startswith("q.")]
            names = ", ".join(f"g{column}" if column in loaded_ids else "NULL" for column in (c.id for c in target))
            left = int(rows[1]) - len(found)
            found += session.cursor.execute(f"select {names} from {load.temporary} limit {left}").fetchall()
        columns = [Column(column.name, column.type) for column in target]
        return Result(columns, found, statement_type=StatementType.COPY)
    finally:
        for load in loads:
            session.cursor.execute(f"drop table if exists {load.temporary}")


# COPY statements of a table whose errors are kept for VALIDATE.
_KEPT_COPIES = 20


def _keep_errors(session: Session, statement: Statement, table: CatalogObject, loads: list[FileLoad]) -> None:
    """Keep the errors of a COPY for VALIDATE."""
    from embedded.snowflake.sql.stage_functions import error_rows

    kept = session.account.load_errors.setdefault(table.oid, {})
    kept[statement.query_id] = error_rows(loads)
    while len(kept) > _KEPT_COPIES:
        kept.pop(next(iter(kept)))


def _column(table: CatalogObject, name: str) -> TableColumn:
    from embedded.snowflake.statements.dml_target import column_named

    return column_named(table, name)


def _wanted_files(session: Session, table: CatalogObject, place: Location, options: dict[str, Any]) -> list[StagedFile]:
    """The files to load: those not loaded before, up to SIZE_LIMIT."""
    files = place.files(options["PATTERN"], options["FILES"])
    if not options["FORCE"]:
        known = loaded(session, table.oid)
        files = [file for file in files if (_stage_id(place), file.path, file.md5) not in known]
    limit, total, found = options["SIZE_LIMIT"], 0, []
    for file in files:
        if limit and total >= limit:
            break
        total += file.size
        found.append(file)
    return found


def _stage_id(place: Location) -> int:
    return place.item.oid if place.item is not None else 0


def _judge(loads: list[FileLoad], on_error: str) -> None:
    """Decide by ON_ERROR what becomes of each file with errors.

    Raises:
        SnowflakeError: the first error, with ABORT_STATEMENT.
    """
    skip = _SKIP_FILE.match(on_error)
    if on_error not in ("CONTINUE", "ABORT_STATEMENT") and skip is None:
        raise SqlCompilationError(f"invalid value [{on_error}] for parameter 'ON_ERROR'", 1008, "22023")
    for load in loads:
        if not load.errors:
            continue
        if on_error == "ABORT_STATEMENT":
            raise _abort(load)
        load.status = "PARTIALLY_LOADED" if load.rows_good else "LOAD_FAILED"
        if skip is None:
            continue
        limit = int(skip[1] or 1)
        seen = len(load.errors) * 100 / max(load.rows_parsed, 1) if skip[2] else len(load.errors)
        load.error_limit = limit if not skip[2] else max(1, load.rows_parsed * limit // 100)
        if seen >= limit or load.rows_good == 0:
            load.status = "LOAD_FAILED"


def _abort(load: FileLoad) -> SnowflakeError:
    error = load.errors[0]
    where = f"\n  File '{load.label}', line {error.line}, character 1\n  Row {error.row}, column {error.column or '<unknown>'}"
    hint = (
        "\n  If you would like to continue loading when an error is encountered, use other values such as 'SKIP_FILE' or"
        " 'CONTINUE' for the ON_ERROR option."
    )
    return SqlExecutionError(f"{error.message}{where}{hint}", error.errno, error.sqlstate)


def _insert(
    session: Session, statement: Statement, table: CatalogObject, place: Location, loads: list[FileLoad]
) -> None:
    """Put the good rows of all files in the table, and remember the files."""
    records = [_record(session, statement, table, place, load) for load in loads]
    with work(session, statement, [table], exclusive=False) as doing, doing.apply() as rows:
        for load in loads:
            if load.status != "LOAD_FAILED":
                rows.insert(table, load.values, f"from {load.temporary}")
            rows.cursor.execute(f"drop table if exists {load.temporary}")
        if session.transaction is None:
            write_loads(rows.cursor, records)
        else:
            session.transaction.loads += records
    for load, record in zip(loads, records, strict=True):
        told = partial(_tell_history, session, table, place, load, record)
        if session.transaction is None:
            told()
        else:
            session.transaction.once_committed.append(told)


def _tell_history(session: Session, table: CatalogObject, place: Location, load: FileLoad, record: Load) -> None:
    """Write a file's load in COPY_HISTORY and LOAD_HISTORY."""
    database, schema, name = _path_of(session, table)
    session.account.history.add(
        "load_history",
        {
            "stage_location": f"@{place.label}".rstrip("/"),
            "file_name": load.file.path,
            "status": {"LOADED": "Loaded", "LOAD_FAILED": "Load failed"}.get(load.status, "Partially loaded"),
            "first_error_message": record.first_error,
            "first_error_column_name": record.first_error_column,
            "table_name": name,
            "table_schema_name": schema,
            "table_catalog_name": database,
            "file_hash": record.tag,
            "table_id": table.oid,
            "row_count": load.rows_loaded,
            "row_parsed": load.rows_parsed,
            "file_size": record.size,
            "first_error_line_number": record.first_error_line,
            "first_error_character_position": record.first_error_character,
            "error_count": record.errors,
            "error_limit": load.error_limit,
            "last_load_time": record.loaded_at,
        },
    )


def _record(session: Session, statement: Statement, table: CatalogObject, place: Location, load: FileLoad) -> Load:
    first = load.errors[0] if load.errors else None
    return Load(
        table.oid,
        _stage_id(place),
        load.file.path,
        load.file.md5,
        load.file.size,
        session.account.clock.now(),
        load.status,
        load.rows_parsed,
        load.rows_loaded,
        len(load.errors),
        first.message if first else None,
        first.line if first else None,
        1 if first else None,
        first.column if first else None,
        statement.query_id,
    )


def _answer(place: Location, loads: list[FileLoad], failed_only: bool) -> Result:
    shown = [load for load in loads if load.errors or not failed_only]
    if not shown:
        message = "Copy executed with 0 files processed."
        return Result([Column("status")], [(message,)], statement_type=StatementType.COPY)
    rows = []
    for load in shown:
        first = load.errors[0] if load.errors else None
        details = (first.message, first.line, 1, first.column) if first else (None, None, None, None)
        rows.append(
            (place.label + load.file.path, load.status, load.rows_parsed, load.rows_loaded, load.error_limit,
             len(load.errors), *details)
        )  # fmt: skip
    return Result([Column(*column) for column in _COLUMNS], rows, statement_type=StatementType.COPY)
