"""Staged files as rows: the columns $1, $2 … and METADATA$ columns, for queries and for COPY."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from embedded.snowflake.catalog.file_formats import all_options
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import unsupported
from embedded.snowflake.names import encode, literal, quote
from embedded.snowflake.security.privileges import reach
from embedded.snowflake.storage.files import read_csv, read_json, read_parquet
from embedded.snowflake.storage.stages import Location, StagedFile, location
from embedded.snowflake.tokens import TokenStream
from embedded.snowflake.types import NUMBER, TIMESTAMP_LTZ, TIMESTAMP_NTZ, VARCHAR, VARIANT, DataType

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

ScanColumn = tuple[str, DataType, str]
_numbers = count(1)
_METADATA: tuple[tuple[str, DataType], ...] = (
    ("METADATA$FILENAME", VARCHAR),
    ("METADATA$FILE_ROW_NUMBER", NUMBER),
    ("METADATA$FILE_CONTENT_KEY", VARCHAR),
    ("METADATA$FILE_LAST_MODIFIED", TIMESTAMP_NTZ),
    ("METADATA$START_SCAN_TIME", TIMESTAMP_LTZ),
)


@dataclass
class FileRows:
    """The rows of a file, before DuckDB under a name.

    Attributes:
        name: what it is registered as on the session's cursor.
        table: the rows.
        width: how many columns $1, $2 … there are.
        query: a DuckDB query of the columns "$1", "$2" … and METADATA$ ones.
        kinds: the types of "$1", "$2" …
        header: the names of the columns, where the file has them.
    """

    name: str
    table: pa.Table
    width: int
    query: str
    kinds: list[DataType]
    header: list[str]

    @property
    def columns(self) -> list[ScanColumn]:
        """Its columns for the translator."""
        own = [(f"${place + 1}", kind, f"${place + 1}") for place, kind in enumerate(self.kinds)]
        return own + [(name, kind, encode(name)) for name, kind in _METADATA]


def file_format(session: Session, *given: dict[str, Any] | None) -> dict[str, Any]:
    """A file format's options with defaults, of the first that is given; a name stands for a named format.

    Raises:
        SnowflakeError: there is no such format (002003).
    """
    found = next((item for item in given if item), {})
    if "FORMAT_NAME" in found:
        item = reach(session, "FILE FORMAT", TokenStream(str(found["FORMAT_NAME"])).name(), "USAGE")
        found = {**item.body.get("properties", {}), **{k: v for k, v in found.items() if k != "FORMAT_NAME"}}
    return all_options(found)


def stage_format(place: Location) -> dict[str, Any] | None:
    """The file format that a stage was given."""
    return place.item.body.get("properties", {}).get("FILE_FORMAT") if place.item is not None else None


def read_rows(
    session: Session, place: Location, file: StagedFile, options: dict[str, Any], least: int = 1, name: str = ""
) -> FileRows:
    """Read a file and put its rows before DuckDB.

    Args:
        session: whose cursor.
        place: the stage, for the file's name.
        file: the file.
        options: its format.
        least: columns that there are at least; those that the file lacks are NULL.
        name: what to register it as; a new name by default.

    Raises:
        SqlExecutionError: the file is not what its format says.
    """
    name = name or f"_rows_file_{next(_numbers)}"
    kind = str(options["TYPE"])
    if kind == "CSV":
        table = read_csv(file, options)
        width = sum(1 for column in table.column_names if column.startswith("c"))
        texts = [
            _csv_value(f"c{i + 1}", options) if i < width else "CAST(NULL AS VARCHAR)" for i in range(max(least, width))
        ]
        kinds, header = [VARCHAR] * len(texts), json.loads((table.schema.metadata or {}).get(b"header", b"[]"))
    elif kind == "JSON":
        table, header = read_json(file, options), []
        texts, kinds = [f"sf_parse_json(c1, {'true' if options.get('ALLOW_DUPLICATE') else 'false'})"], [VARIANT]
    elif kind == "PARQUET":
        table = read_parquet(file, options)
        header = list(table.column_names)
        texts, kinds = [_parquet_value(table)], [VARIANT]
    else:
        raise unsupported(f"FILE_FORMAT TYPE = {kind}")
    table = table.append_column("_row", pa.array(range(1, table.num_rows + 1), pa.int64()))
    session.cursor.register(name, table)
    metadata = (
        literal(place.label + file.path), "_row", literal(file.md5), f"TIMESTAMP '{file.modified:%Y-%m-%d %H:%M:%S}'",
        f"TIMESTAMPTZ '{session.account.clock.now():%Y-%m-%d %H:%M:%S.%f}+00'",
    )  # fmt: skip
    parts = [f'{text} AS "${place + 1}"' for place, text in enumerate(texts)]
    parts += [f"{text} AS {quote(encode(item[0]))}" for text, item in zip(metadata, _METADATA, strict=True)]
    return FileRows(name, table, len(texts), f"SELECT {', '.join(parts)} FROM {name}", kinds, header)


def _csv_value(column: str, options: dict[str, Any]) -> str:
    null_if = options.get("NULL_IF") or []
    if not null_if:
        return column
    return f"CASE WHEN {column} NOT IN ({', '.join(literal(str(item)) for item in null_if)}) THEN {column} END"


def _parquet_value(table: pa.Table) -> str:
    """A row's columns as one JSON object; NULLs are left out, as Snowflake's reader does."""
    keys = ", ".join(literal(name) for name in table.column_names)
    values = ", ".join(f"{_to_json(field.type)}({quote(field.name)})" for field in table.schema)
    return f"sf_object([{keys}], [{values}])"


def _to_json(kind: pa.DataType) -> str:
    """The DuckDB function that makes a VARIANT of a Parquet value."""
    if pa.types.is_decimal(kind):
        return "sf_number_json"
    return "sf_float_json" if pa.types.is_floating(kind) else "to_json"


# What the file of a FROM is while COPY translates its query.
_loading: ContextVar[FileRows | None] = ContextVar("loading", default=None)


@contextmanager
def loading(rows: FileRows) -> Iterator[None]:
    """Let a stage in a FROM mean one file's rows, in translations inside the block."""
    token = _loading.set(rows)
    try:
        yield
    finally:
        _loading.reset(token)


def stage_scan(session: Session, node: exp.Expr) -> tuple[str, list[ScanColumn]]:
    """A DuckDB query of the rows of a stage's files, and its columns.

    Args:
        session: who reads.
        node: the stage in a FROM, with its FILE_FORMAT and PATTERN.
    """
    current = _loading.get()
    if current is not None:
        return current.query, current.columns
    written = node.this.name if not isinstance(node.this, exp.Literal) else str(node.this.this)
    place = location(session, written)
    named = node.args.get("format")
    options = file_format(session, {"FORMAT_NAME": named.name} if named is not None else None, stage_format(place))
    pattern = node.args.get("pattern")
    found = place.files(pattern.name if pattern is not None else None)
    least = highest_place(node.find_ancestor(exp.Select))
    read = [read_rows(session, place, file, options, least) for file in found]
    if not read:
        kinds = [VARCHAR if options["TYPE"] == "CSV" else VARIANT] * least
        return _nothing(kinds)
    widest = max(read, key=lambda rows: rows.width)
    queries = " UNION ALL BY NAME ".join(f"({rows.query})" for rows in read)
    names = ", ".join(quote(column[2]) for column in widest.columns)
    return f"SELECT {names} FROM ({queries})", widest.columns


def _nothing(kinds: list[DataType]) -> tuple[str, list[ScanColumn]]:
    rows = FileRows("", pa.table({}), len(kinds), "", kinds, [])
    parts = [f"CAST(NULL AS {kind.to_duckdb()}) AS {quote(name)}" for _, kind, name in rows.columns]
    return f"SELECT {', '.join(parts)} WHERE false", rows.columns


def highest_place(tree: exp.Expr | None) -> int:
    """The highest $n that a query reads."""
    if tree is None:
        return 1
    places = [int(item.name) for item in tree.find_all(exp.Parameter) if item.name.isdigit()]
    return max(places, default=1)


def release(session: Session, rows: FileRows) -> None:
    """Take a file's rows away from DuckDB."""
    try:
        session.cursor.unregister(rows.name)
    except duckdb.Error:
        return


__all__ = [
    "CatalogObject",
    "FileRows",
    "file_format",
    "highest_place",
    "loading",
    "read_rows",
    "release",
    "stage_format",
    "stage_scan",
]
