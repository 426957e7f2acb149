"""Table functions over stages and loads: INFER_SCHEMA, DIRECTORY, VALIDATE."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import quote
from embedded.snowflake.result import Column, Result
from embedded.snowflake.sql.table_functions import Arguments, rows_relation
from embedded.snowflake.types import BOOLEAN, NUMBER, TIMESTAMP_LTZ, VARCHAR

if TYPE_CHECKING:
    from embedded.snowflake.sql.scope import Relation

_INFERRED = [
    Column("COLUMN_NAME", VARCHAR),
    Column("TYPE", VARCHAR),
    Column("NULLABLE", BOOLEAN),
    Column("EXPRESSION", VARCHAR),
    Column("FILENAMES", VARCHAR),
    Column("ORDER_ID", NUMBER),
]


def infer_schema(arguments: Arguments) -> Relation:
    """INFER_SCHEMA(LOCATION => '@stage/path', FILE_FORMAT => 'name' [, FILES, IGNORE_CASE, MAX_FILE_COUNT …]).

    Raises:
        SqlCompilationError: LOCATION or FILE_FORMAT is missing (000938).
    """
    from embedded.snowflake.storage.stage_scan import file_format
    from embedded.snowflake.storage.stages import location

    context = arguments.binder.context
    context.reads.volatile = True
    where, form = arguments.constant("LOCATION", place=0), arguments.constant("FILE_FORMAT", place=1)
    if not where or not form:
        raise SqlCompilationError("Missing argument LOCATION or FILE_FORMAT of function INFER_SCHEMA.", 938, "22023")
    place = location(context.session, str(where))
    options = file_format(context.session, {"FORMAT_NAME": form})
    found = place.files(None, _files(arguments))
    limit = arguments.constant("MAX_FILE_COUNT")
    fold = bool(arguments.constant("IGNORE_CASE", False))
    columns: dict[str, dict[str, Any]] = {}
    for file in found[: int(str(limit)) if limit else None]:
        for order, (name, kind, nullable, path) in enumerate(_file_columns(file, options)):
            key = name.upper() if fold else name
            known = columns.setdefault(
                key, {"type": kind, "nullable": nullable, "files": [], "order": order, "path": path}
            )
            known["type"] = _joined(known["type"], kind)
            known["nullable"] |= nullable
            known["files"].append(place.label + file.path)
    rows = [
        (name, it["type"], it["nullable"], f"{it['path']}::{it['type']}", ", ".join(it["files"]), it["order"])
        for name, it in columns.items()
    ]
    return rows_relation(context, Result(_INFERRED, rows))


def _files(arguments: Arguments) -> list[str] | None:
    node = arguments.node("FILES")
    if node is None:
        return None
    items = getattr(node, "expressions", None) or [getattr(node, "this", node)]
    return [str(arguments.binder.bind(item).value) for item in items]


def _file_columns(file: Any, options: dict[str, Any]) -> list[tuple[str, str, bool, str]]:
    """Name, type, nullability and place of each column of a file."""
    from embedded.snowflake.storage.files import read_csv, read_json, read_parquet

    kind = str(options["TYPE"])
    if kind == "PARQUET":
        schema = read_parquet(file, options).schema
        return [(f.name, _parquet_type(f.type), True, f"$1:{_key(f.name)}") for f in schema]
    if kind == "JSON":
        seen: dict[str, str] = {}
        for text in read_json(file, options)["c1"].to_pylist():
            value = orjson.loads(text) if isinstance(text, str) else text
            for key, item in (value if isinstance(value, dict) else {}).items():
                seen[key] = _joined(seen.get(key), _json_type(item))
        return [(name, found or "TEXT", True, f"$1:{_key(name)}") for name, found in seen.items()]
    table = read_csv(file, options)
    names = json.loads((table.schema.metadata or {}).get(b"header", b"[]"))
    texts = [column for column in table.column_names if column.startswith("c") and column[1:].isdigit()]
    return [
        (
            names[place] if place < len(names) else f"c{place + 1}",
            _text_type(table[column].to_pylist()),
            True,
            f"${place + 1}",
        )
        for place, column in enumerate(texts)
    ]


def _key(name: str) -> str:
    return name if name.isidentifier() else quote(name)


_ARROW = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_integer, "NUMBER(38, 0)"),
    (pa.types.is_floating, "REAL"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME"),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None, "TIMESTAMP_LTZ"),
    (pa.types.is_timestamp, "TIMESTAMP_NTZ"),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), "BINARY"),
    (lambda kind: pa.types.is_list(kind) or pa.types.is_large_list(kind), "ARRAY"),
    (lambda kind: pa.types.is_struct(kind) or pa.types.is_map(kind), "OBJECT"),
)


def _parquet_type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"NUMBER({kind.precision}, {kind.scale})"
    return next((name for test, name in _ARROW if test(kind)), "TEXT")


def _json_type(value: Any) -> str | None:
    if value is None:
        return None
    for kind, name in ((bool, "BOOLEAN"), (dict, "OBJECT"), (list, "ARRAY"), (float, "REAL"), (int, "NUMBER(38, 0)")):
        if isinstance(value, kind):
            return name
    return _text_type([value])


def _text_type(values: list[str | None]) -> str:
    """The narrowest type that all texts fit: a number, truth value, date or timestamp, else TEXT."""
    import duckdb

    texts = [value for value in values if value is not None and value != ""]
    if not texts:
        return "TEXT"
    if all(text.lower() in ("true", "false") for text in texts):
        return "BOOLEAN"
    if all(text.strip().lstrip("+-").replace(".", "", 1).isdigit() for text in texts):
        digits = [text.strip().lstrip("+-").partition(".") for text in texts]
        scale = max(len(fraction) for *_, fraction in digits)
        return f"NUMBER({min(38, max(len(whole) for whole, *_ in digits) + scale)}, {scale})"
    for kind, name in (("DATE", "DATE"), ("TIMESTAMP", "TIMESTAMP_NTZ")):
        test = f"try_cast(x as {kind}) is not null and (length(x) = 10 or '{kind}' <> 'DATE')"
        query = f"select bool_and({test}) from (select unnest(?) as x)"
        with duckdb.connect() as connection:
            row = connection.execute(query, [texts]).fetchall()
        if row[0][0]:
            return name
    return "TEXT"


def _joined(left: str | None, right: str | None) -> Any:
    """The type of a column that has two types in two places."""
    if left is None or right is None or left == right:
        return left or right
    numbers = [kind.startswith("NUMBER") for kind in (left, right)]
    if all(numbers):
        (p1, s1), (p2, s2) = ([int(n) for n in kind[7:-1].split(",")] for kind in (left, right))
        scale = max(s1, s2)
        return f"NUMBER({min(38, max(p1 - s1, p2 - s2) + scale)}, {scale})"
    if {left.partition("(")[0], right.partition("(")[0]} == {"NUMBER", "REAL"}:
        return "REAL"
    return "TEXT"


_DIRECTORY = [
    Column("RELATIVE_PATH", VARCHAR),
    Column("SIZE", NUMBER),
    Column("LAST_MODIFIED", TIMESTAMP_LTZ),
    Column("MD5", VARCHAR),
    Column("ETAG", VARCHAR),
    Column("FILE_URL", VARCHAR),
]


def directory(arguments: Arguments) -> Relation:
    """DIRECTORY(@stage): the stage's files; they are looked up as it is read.

    Raises:
        SqlCompilationError: the stage has no directory table.
    """
    from embedded.snowflake.storage.stages import location

    context = arguments.binder.context
    context.reads.volatile = True
    node = arguments.nodes[0]
    place = location(context.session, node.name if node.name.startswith("@") else f"@{node.name}")
    enabled = place.item is not None and (place.item.body.get("properties", {}).get("DIRECTORY") or {}).get("ENABLE")
    if not enabled:
        raise SqlCompilationError(
            "Stage does not have a directory table: set DIRECTORY = (ENABLE = TRUE).", 2003, "02000"
        )
    rows = [
        (file.path, file.size, file.modified, file.md5, file.md5, f"file://{place.label}{file.path}")
        for file in place.files()
    ]
    return rows_relation(context, Result(_DIRECTORY, rows))


_ERRORS = [
    Column("ERROR", VARCHAR),
    Column("FILE", VARCHAR),
    Column("LINE", NUMBER),
    Column("CHARACTER", NUMBER),
    Column("BYTE_OFFSET", NUMBER),
    Column("CATEGORY", VARCHAR),
    Column("CODE", NUMBER),
    Column("SQL_STATE", VARCHAR),
    Column("COLUMN_NAME", VARCHAR),
    Column("ROW_NUMBER", NUMBER),
    Column("ROW_START_LINE", NUMBER),
    Column("REJECTED_RECORD", VARCHAR),
]


def error_rows(loads: list[Any]) -> list[tuple[Any, ...]]:
    """The errors of files loaded, as VALIDATE and VALIDATION_MODE tell them."""
    return [
        (e.message, load.label, e.line, 1, None, "conversion", e.errno, e.sqlstate, e.column, e.row, e.line, None)
        for load in loads
        for e in load.errors
    ]


def error_columns() -> list[Column]:
    """The columns of `error_rows`."""
    return list(_ERRORS)


def validate(arguments: Arguments) -> Relation:
    """VALIDATE(table, JOB_ID => '_last' | query id): the errors of the files of one COPY into a table.

    Raises:
        SqlCompilationError: the table or JOB_ID is missing (000938).
    """
    from embedded.snowflake.names import ObjectName
    from embedded.snowflake.security.privileges import reach
    from embedded.snowflake.sql.scope import name_of

    context = arguments.binder.context
    context.reads.volatile = True
    job = arguments.constant("JOB_ID", place=1)
    if not arguments.nodes or not job:
        raise SqlCompilationError("Missing argument of function VALIDATE: table and JOB_ID.", 938, "22023")
    parts = getattr(arguments.nodes[0], "parts", [arguments.nodes[0]])
    table = reach(context.session, "TABLE", ObjectName.of([name_of(part) for part in parts]), None)
    kept = context.session.account.load_errors.get(table.oid, {})
    wanted = next(reversed(kept), "") if str(job).lower() == "_last" else str(job)
    return rows_relation(context, Result(_ERRORS, kept.get(wanted, [])))
