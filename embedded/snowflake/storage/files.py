"""Reading staged files: CSV, JSON and Parquet to Arrow, a row a record, as their file format says."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from embedded.snowflake.errors import SqlExecutionError, unsupported
from embedded.snowflake.storage.csv_text import CsvOptions, parse_csv
from embedded.snowflake.storage.stages import StagedFile

_MAGIC = ((b"\x1f\x8b", "GZIP"), (b"BZh", "BZ2"), (b"\x28\xb5\x2f\xfd", "ZSTD"))
_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "GZIP": gzip.decompress,
    "BZ2": bz2.decompress,
    "ZSTD": lambda data: pa.input_stream(io.BytesIO(data), compression="zstd").read(),
    "BROTLI": lambda data: pa.input_stream(io.BytesIO(data), compression="brotli").read(),
    "DEFLATE": zlib.decompress,
    "RAW_DEFLATE": lambda data: zlib.decompress(data, -zlib.MAX_WBITS),
    "NONE": bytes,
}


def content(file: StagedFile, compression: str) -> bytes:
    """A file's bytes, decompressed; AUTO looks at how they begin, and at the name for brotli and deflate.

    Raises:
        SqlExecutionError: they are not compressed that way (100081).
    """
    data, kind = file.file.read_bytes(), compression.upper()
    if kind == "AUTO":
        by_name = {".br": "BROTLI", ".deflate": "DEFLATE"}.get(file.file.suffix, "NONE")
        kind = next((name for magic, name in _MAGIC if data.startswith(magic)), by_name)
    if kind not in _DECOMPRESS:
        raise unsupported(f"COMPRESSION = {kind}")
    try:
        return _DECOMPRESS[kind](data)
    except (OSError, zlib.error, EOFError) as error:
        raise SqlExecutionError(f"Invalid compressed data in file '{file.path}' ({kind})", 100081, "22000") from error


def _text(data: bytes, options: dict[str, Any], path: str) -> str:
    encoding = str(options.get("ENCODING") or "UTF8")
    try:
        text = data.decode("utf-8" if encoding.upper().replace("-", "") == "UTF8" else encoding)
    except UnicodeDecodeError as error:
        if not options.get("REPLACE_INVALID_CHARACTERS") and not options.get("IGNORE_UTF8_ERRORS"):
            raise SqlExecutionError(f"Invalid UTF8 detected in file '{path}'", 100144, "22000") from error
        text = data.decode("utf-8", "replace")
    except LookupError as error:
        raise unsupported(f"ENCODING = {encoding}") from error
    return text.removeprefix("\ufeff") if options.get("SKIP_BYTE_ORDER_MARK", True) else text


def read_csv(file: StagedFile, options: dict[str, Any]) -> pa.Table:
    """A CSV file as texts in columns c1, c2 …; short rows end with NULL.

    With PARSE_HEADER the table's schema carries the names of the header as metadata `header`.
    """
    parsed = CsvOptions.of(options)
    data = content(file, str(options["COMPRESSION"]))
    table = _fast_csv(data, parsed, options) if parsed.is_plain and b"\\" not in data else None
    if table is None:
        table = _rows_table(parse_csv(_text(data, options, file.path), parsed))
    header: list[str] = []
    if options.get("PARSE_HEADER") and table.num_rows:
        header = [str(column[0].as_py() or "") for column in table.columns]
        table = table.slice(1)
    elif parsed.skip_header and table.num_rows:
        table = table.slice(0)
    return table.replace_schema_metadata({"header": json.dumps(header)})


def _fast_csv(data: bytes, parsed: CsvOptions, options: dict[str, Any]) -> pa.Table | None:
    """The file read by Arrow, or None where a row is not like the others."""
    if str(options.get("ENCODING") or "UTF8").upper().replace("-", "") != "UTF8":
        return None
    body = data.removeprefix(b"\xef\xbb\xbf")
    for _ in range(parsed.skip_header):
        body = body.partition(b"\n")[2]
    if not body.strip(b"\r\n"):
        return pa.table({})
    first = body.partition(b"\n")[0]
    width = None if parsed.quote and parsed.quote.encode() in first else first.count(parsed.field.encode()) + 1
    if width is None:
        width = len(parse_csv(body.decode("utf-8", "replace")[:100_000], parsed.without_header())[0])
    names = [f"c{i + 1}" for i in range(width)]
    try:
        return pyarrow.csv.read_csv(
            io.BytesIO(body),
            read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=parsed.field,
                quote_char=parsed.quote or False,
                newlines_in_values=True,
                ignore_empty_lines=False,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=parsed.empty_as_null,
                quoted_strings_can_be_null=False,
                null_values=[""] if parsed.empty_as_null else [],
            ),
        )
    except pa.ArrowInvalid:
        return None


def _rows_table(rows: list[list[str | None]]) -> pa.Table:
    width = max((len(row) for row in rows), default=0)
    columns = {
        f"c{i + 1}": pa.array([row[i] if i < len(row) else None for row in rows], pa.string()) for i in range(width)
    }
    columns["_width"] = pa.array([len(row) for row in rows], pa.int64())
    return pa.table(columns)


def read_json(file: StagedFile, options: dict[str, Any]) -> pa.Table:
    """A JSON file as one column c1 of JSON texts: a row a value, or with STRIP_OUTER_ARRAY a row a member.

    Raises:
        SqlExecutionError: it is no JSON (100069).
    """
    text = _text(content(file, str(options["COMPRESSION"])), options, file.path)
    decoder, values, index, size = json.JSONDecoder(), [], 0, len(text)
    in_array = False
    while True:
        while index < size and (text[index].isspace() or (in_array and text[index] == ",")):
            index += 1
        if index >= size:
            break
        if options.get("STRIP_OUTER_ARRAY") and text[index] in "[]" and in_array == (text[index] == "]"):
            in_array, index = not in_array, index + 1
            continue
        try:
            value, end = decoder.raw_decode(text, index)
        except json.JSONDecodeError as error:
            raise SqlExecutionError(
                f"Error parsing JSON: {error.msg}\n  File '{file.path}', line {error.lineno}, character {error.colno}",
                100069,
                "22P02",
            ) from error
        values.append(json.dumps(_without_nulls(value)) if options.get("STRIP_NULL_VALUES") else text[index:end])
        index = end
    return pa.table({"c1": pa.array(values, pa.string())})


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value if item is not None] if isinstance(value, list) else value


def read_parquet(file: StagedFile, options: dict[str, Any]) -> pa.Table:
    """A Parquet file's own columns; binary ones are texts with BINARY_AS_TEXT.

    Raises:
        SqlExecutionError: it is no Parquet file (100079).
    """
    try:
        table = pyarrow.parquet.read_table(file.file, partitioning=None)  # type: ignore[arg-type]  # None: no columns from the path
    except (pa.ArrowInvalid, OSError) as error:
        raise SqlExecutionError(f"File '{file.path}' is not a Parquet file", 100079, "22000") from error
    for place, field in enumerate(table.schema):
        if options.get("BINARY_AS_TEXT", True) and pa.types.is_binary(field.type):
            table = table.set_column(place, field.name, table[place].cast(pa.string()))
    return table
