# pyright: reportAttributeAccessIssue=false
# (pyarrow.compute makes its functions as it is imported.)
"""COPY INTO a stage: a table's or a query's rows to files."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from embedded.snowflake.catalog.descriptions.loading import file_format as read_format
from embedded.snowflake.catalog.parameters import session_setting
from embedded.snowflake.catalog.values import Property, boolean, integer, read_properties, text, word
from embedded.snowflake.errors import SqlCompilationError, SqlExecutionError, unsupported
from embedded.snowflake.names import quote
from embedded.snowflake.result import Column, Result, StatementType
from embedded.snowflake.session.dispatch import Statement
from embedded.snowflake.sql.parse import parse_query
from embedded.snowflake.sql.run import run_query
from embedded.snowflake.sql.translate import query as translate
from embedded.snowflake.statements.copy import read_stage
from embedded.snowflake.storage.stage_scan import file_format, stage_format
from embedded.snowflake.storage.stages import Location, location
from embedded.snowflake.types import NUMBER
from embedded.snowflake.zoned import values_of

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

_OPTIONS = {
    "FILE_FORMAT": Property(read_format),
    "OVERWRITE": Property(boolean, False),
    "SINGLE": Property(boolean, False),
    "MAX_FILE_SIZE": Property(integer, 16_777_216),
    "HEADER": Property(boolean, False),
    "INCLUDE_QUERY_ID": Property(boolean, False),
    "DETAILED_OUTPUT": Property(boolean, False),
    "VALIDATION_MODE": Property(word("RETURN_ROWS")),
    "PARTITION": Property(text),
}
_SUFFIX = {"CSV": "csv", "JSON": "json", "PARQUET": "parquet"}
# Rows of one file by default: about MAX_FILE_SIZE of usual rows.
_ROWS_A_FILE = 200_000


def copy_into_location(session: Session, statement: Statement) -> Result:
    """COPY INTO @stage[/path] FROM table | (query) [FILE_FORMAT = …] [OVERWRITE, SINGLE, HEADER …]."""
    tokens = statement.tokens
    place = location(session, read_stage(tokens), write=True)
    if session_setting(session, "PREVENT_UNLOAD_TO_INTERNAL_STAGES").value == "true":
        raise SqlCompilationError(
            "Unload to internal stages is prevented by PREVENT_UNLOAD_TO_INTERNAL_STAGES.", 3001, "42501"
        )
    tokens.expect("FROM")
    query = tokens.skip_parenthesis() if tokens.at("(") else f"select * from {_table(statement)}"
    partition = tokens.skip_parenthesis() if tokens.accept("PARTITION", "BY") else None
    options = {key: item.default for key, item in _OPTIONS.items()}
    options.update(read_properties(tokens, _OPTIONS, "COPY"))
    tokens.end()
    names = ("rows_unloaded", "input_bytes", "output_bytes")
    if statement.describe_only:
        return Result([Column(name, NUMBER) for name in names], [], statement_type=StatementType.COPY)
    found = file_format(session, options["FILE_FORMAT"], stage_format(place))
    if partition is not None:
        _check_partition(options)
        query = f"select *, ({partition})::varchar as {quote(_PARTITION)} from ({query})"
    translated = translate(session, parse_query(query), statement=statement)
    if found["TYPE"] == "PARQUET":
        _check_parquet(translated.columns)
    table = run_query(session, translated)
    table = table.rename_columns(_unique([column.name for column in translated.columns]))
    if options["VALIDATION_MODE"]:
        return Result(translated.columns, arrow=table)
    if partition is None:
        written = _write(place, table, found, options, statement.query_id)
    else:
        written = _write_partitions(place, table, found, options, statement.query_id)
    if options["DETAILED_OUTPUT"]:
        columns = [Column("file_name"), Column("file_size", NUMBER), Column("row_count", NUMBER)]
        return Result(columns, written, statement_type=StatementType.COPY)
    size = sum(row[1] for row in written)
    return Result(
        [Column(name, NUMBER) for name in names],
        [(table.num_rows, max(table.nbytes, 0), size)],
        statement_type=StatementType.COPY,
    )


def _check_parquet(columns: list[Column]) -> None:
    """Make sure that Parquet can hold the columns.

    Raises:
        SqlExecutionError: one is a timestamp with a time zone, which Snowflake does not unload to Parquet.
    """
    for column in columns:
        if column.type.kind in ("TIMESTAMP_TZ", "TIMESTAMP_LTZ"):
            raise SqlExecutionError(
                "Error encountered when unloading to PARQUET: TIMESTAMP_TZ and LTZ types are not supported for unloading"
                f" to Parquet. Column '{column.name}'.",
                100016,
                "22000",
            )


# The name of the column of the partitions' paths while a query with PARTITION BY runs.
_PARTITION = "$PARTITION"


def _check_partition(options: dict[str, Any]) -> None:
    """Make sure that nothing is asked that PARTITION BY does not go with.

    Raises:
        SqlCompilationError: SINGLE or OVERWRITE is set (001008).
    """
    for key in ("SINGLE", "OVERWRITE"):
        if options[key]:
            raise SqlCompilationError(f"{key} = TRUE is not supported with PARTITION BY.", 1008, "22023")


def _write_partitions(
    place: Location, table: pa.Table, options: dict[str, Any], given: dict[str, Any], query_id: str
) -> list[tuple[str, int, int]]:
    """Write each partition's rows below its path; rows without one go below `__NULL__`, as in Snowflake."""
    paths = pc.fill_null(table[_PARTITION], "__NULL__")
    rows = table.drop_columns([_PARTITION])
    base = place.prefix if not place.prefix or place.prefix.endswith("/") else f"{place.prefix}/"
    written = []
    for path in pc.unique(paths).to_pylist():
        part = replace(place, prefix=f"{base}{str(path).strip('/')}/")
        chosen = rows.filter(pc.equal(paths, path))
        written += _write(part, chosen, options, {**given, "INCLUDE_QUERY_ID": True}, query_id)
    return written


def _table(statement: Statement) -> str:
    name = statement.tokens.name()
    return ".".join(quote(part) for part in name if part is not None)


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _write(
    place: Location, table: pa.Table, options: dict[str, Any], given: dict[str, Any], query_id: str
) -> list[tuple[str, int, int]]:
    """Write the files and give name, size and rows of each.

    Raises:
        SqlExecutionError: a file is there already and OVERWRITE is off (001030).
    """
    kind = str(options["TYPE"])
    writer = _WRITERS.get(kind)
    if writer is None:
        raise unsupported(f"COPY INTO <location> with FILE_FORMAT TYPE = {kind}")
    compress = _compression(options)
    step = max(table.num_rows, 1) if given["SINGLE"] else _ROWS_A_FILE
    if table.num_rows and not given["SINGLE"]:
        step = max(1, min(step, int(table.num_rows * (given["MAX_FILE_SIZE"] or 1) / max(table.nbytes, 1)) or 1))
    written = []
    for number, start in enumerate(range(0, table.num_rows, step)):
        part = table.slice(start, step)
        path = _path(place, number, options, given, query_id)
        data = compress(writer(part, options, bool(given["HEADER"])))
        target = place.target(path)
        if target.exists() and not given["OVERWRITE"]:
            raise SqlExecutionError(
                "Files already existing at the unload destination: "
                f"{place.label}{path}. Use overwrite option to force unloading.",
                1030,
                "22000",
            )
        target.write_bytes(data)
        written.append((path, len(data), part.num_rows))
    return written


def _path(place: Location, number: int, options: dict[str, Any], given: dict[str, Any], query_id: str) -> str:
    if given["SINGLE"] and place.prefix and not place.prefix.endswith("/"):
        return place.prefix
    base = place.prefix
    if not base or base.endswith("/"):
        base += "data"
    if given["INCLUDE_QUERY_ID"]:
        base += f"_{query_id}"
    suffix = str(options.get("FILE_EXTENSION") or _SUFFIX[options["TYPE"]]).lstrip(".")
    if options["TYPE"] == "PARQUET":
        suffix = f"snappy.{suffix}" if str(options["COMPRESSION"]) in ("AUTO", "SNAPPY") else suffix
    elif str(options["COMPRESSION"]) in ("AUTO", "GZIP"):
        suffix += ".gz"
    return base if given["SINGLE"] else f"{base}_0_{number}_0.{suffix}"


def _compression(options: dict[str, Any]) -> Callable[[bytes], bytes]:
    kind = str(options["COMPRESSION"])
    if options["TYPE"] == "PARQUET" or kind == "NONE":
        return bytes
    if kind in ("AUTO", "GZIP"):
        return lambda data: gzip.compress(data, mtime=0)
    raise unsupported(f"COPY INTO <location> with COMPRESSION = {kind}")


def _csv(table: pa.Table, options: dict[str, Any], header: bool) -> bytes:
    enclosed = str(options["FIELD_OPTIONALLY_ENCLOSED_BY"])
    delimiter, record = str(options["FIELD_DELIMITER"]), str(options["RECORD_DELIMITER"]).replace("\\n", "\n")
    delimiter = {"\\t": "\t"}.get(delimiter, delimiter)
    if len(delimiter) != 1:
        raise unsupported(f"COPY INTO <location> with FIELD_DELIMITER = '{delimiter}'")
    null = str((options["NULL_IF"] or ["\\N"])[0])
    out = io.StringIO()
    quoted = enclosed not in ("NONE", "")
    writer = csv.writer(
        out,
        delimiter=delimiter,
        lineterminator=record,
        quotechar=enclosed if quoted else None,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        escapechar=None if quoted else "\\",
    )
    if header:
        writer.writerow(table.column_names)
    columns = [[_shown(value, null) for value in values_of(column)] for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue().encode()


def _shown(value: Any, null: str) -> str:
    if value is None:
        return null
    if isinstance(value, bool):
        return str(value).lower()
    return value.hex().upper() if isinstance(value, bytes) else str(value)


def _json(table: pa.Table, options: dict[str, Any], header: bool) -> bytes:
    del options, header
    if table.num_columns != 1:
        raise SqlCompilationError("JSON file format supports unloading of a single OBJECT or VARIANT column", 2019)
    lines = [orjson.dumps(orjson.loads(value)) for value in table[0].to_pylist() if value is not None]
    return b"\n".join(lines) + b"\n"


def _parquet(table: pa.Table, options: dict[str, Any], header: bool) -> bytes:
    # Without HEADER the columns have no names of their own, as in Snowflake.
    named = table if header else table.rename_columns([f"_COL_{i}" for i in range(table.num_columns)])
    out = io.BytesIO()
    kind = str(options["COMPRESSION"])
    pyarrow.parquet.write_table(named, out, compression="snappy" if kind == "AUTO" else kind.lower())
    return out.getvalue()


_WRITERS: dict[str, Callable[[pa.Table, dict[str, Any], bool], bytes]] = {
    "CSV": _csv,
    "JSON": _json,
    "PARQUET": _parquet,
}
