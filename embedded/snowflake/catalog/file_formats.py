"""File formats: the options of each type with their defaults, as CREATE FILE FORMAT, stages and COPY INTO take them."""

from __future__ import annotations

from typing import Any

from embedded.snowflake.catalog.values import Property, Reader, boolean, integer, list_of, text, word
from embedded.snowflake.errors import SqlCompilationError

texts = list_of(text)


def _character(tokens: Any) -> str:
    """A delimiter, or NONE; numbers as `0x01` and words stand for themselves."""
    value = text(tokens)
    return value.upper() if value.upper() in ("NONE", "AUTO") else value


_COMPRESSION = word("AUTO", "GZIP", "BZ2", "BROTLI", "ZSTD", "DEFLATE", "RAW_DEFLATE", "LZO", "SNAPPY", "NONE")
# For each type: option, reader, default.
_OPTIONS: dict[str, tuple[tuple[str, Reader, Any], ...]] = {
    "CSV": (
        ("RECORD_DELIMITER", _character, "\n"),
        ("FIELD_DELIMITER", _character, ","),
        ("FILE_EXTENSION", text, None),
        ("SKIP_HEADER", integer, 0),
        ("PARSE_HEADER", boolean, False),
        ("DATE_FORMAT", text, "AUTO"),
        ("TIME_FORMAT", text, "AUTO"),
        ("TIMESTAMP_FORMAT", text, "AUTO"),
        ("BINARY_FORMAT", word("HEX", "BASE64", "UTF8", "UTF-8"), "HEX"),
        ("ESCAPE", _character, "NONE"),
        ("ESCAPE_UNENCLOSED_FIELD", _character, "\\"),
        ("TRIM_SPACE", boolean, False),
        ("FIELD_OPTIONALLY_ENCLOSED_BY", _character, "NONE"),
        ("NULL_IF", texts, ["\\N"]),
        ("COMPRESSION", _COMPRESSION, "AUTO"),
        ("ERROR_ON_COLUMN_COUNT_MISMATCH", boolean, True),
        ("VALIDATE_UTF8", boolean, True),
        ("SKIP_BLANK_LINES", boolean, False),
        ("REPLACE_INVALID_CHARACTERS", boolean, False),
        ("EMPTY_FIELD_AS_NULL", boolean, True),
        ("SKIP_BYTE_ORDER_MARK", boolean, True),
        ("ENCODING", text, "UTF8"),
        ("MULTI_LINE", boolean, True),
    ),
    "JSON": (
        ("FILE_EXTENSION", text, None),
        ("DATE_FORMAT", text, "AUTO"),
        ("TIME_FORMAT", text, "AUTO"),
        ("TIMESTAMP_FORMAT", text, "AUTO"),
        ("BINARY_FORMAT", word("HEX", "BASE64", "UTF8", "UTF-8"), "HEX"),
        ("TRIM_SPACE", boolean, False),
        ("NULL_IF", texts, []),
        ("COMPRESSION", _COMPRESSION, "AUTO"),
        ("MULTI_LINE", boolean, True),
        ("ENABLE_OCTAL", boolean, False),
        ("ALLOW_DUPLICATE", boolean, False),
        ("STRIP_OUTER_ARRAY", boolean, False),
        ("STRIP_NULL_VALUES", boolean, False),
        ("IGNORE_UTF8_ERRORS", boolean, False),
        ("REPLACE_INVALID_CHARACTERS", boolean, False),
        ("SKIP_BYTE_ORDER_MARK", boolean, True),
    ),
    "AVRO": (
        ("TRIM_SPACE", boolean, False),
        ("NULL_IF", texts, []),
        ("COMPRESSION", _COMPRESSION, "AUTO"),
        ("REPLACE_INVALID_CHARACTERS", boolean, False),
    ),
    "ORC": (("TRIM_SPACE", boolean, False), ("NULL_IF", texts, []), ("REPLACE_INVALID_CHARACTERS", boolean, False)),
    "PARQUET": (
        ("TRIM_SPACE", boolean, False),
        ("NULL_IF", texts, []),
        ("COMPRESSION", _COMPRESSION, "AUTO"),
        ("SNAPPY_COMPRESSION", boolean, True),
        ("BINARY_AS_TEXT", boolean, True),
        ("USE_LOGICAL_TYPE", boolean, False),
        ("USE_VECTORIZED_SCANNER", boolean, False),
        ("REPLACE_INVALID_CHARACTERS", boolean, False),
    ),
    "XML": (
        ("COMPRESSION", _COMPRESSION, "AUTO"),
        ("IGNORE_UTF8_ERRORS", boolean, False),
        ("PRESERVE_SPACE", boolean, False),
        ("STRIP_OUTER_ELEMENT", boolean, False),
        ("DISABLE_SNOWFLAKE_DATA", boolean, False),
        ("DISABLE_AUTO_CONVERT", boolean, False),
        ("REPLACE_INVALID_CHARACTERS", boolean, False),
        ("SKIP_BYTE_ORDER_MARK", boolean, True),
    ),
}
TYPES = tuple(_OPTIONS)
# The options of any type, to read a format before its type is known.
PROPERTIES: dict[str, Property] = {
    "TYPE": Property(word(*TYPES), "CSV"),
    **{name: Property(reader) for options in _OPTIONS.values() for name, reader, _ in options},
}


def check_options(given: dict[str, Any]) -> None:
    """Make sure that a format has only options of its type.

    Raises:
        SqlCompilationError: another type's option (001420).
    """
    kind = given.get("TYPE", "CSV")
    known = {name for name, _, _ in _OPTIONS[kind]} | {"TYPE"}
    for name in given:
        if name not in known:
            raise SqlCompilationError(f"invalid property '{name}' for 'FILE FORMAT' of type '{kind}'", 1420, "22023")


def all_options(given: dict[str, Any]) -> dict[str, Any]:
    """A format's options, those not given at their defaults; `TYPE` first."""
    kind = given.get("TYPE", "CSV")
    defaults = {name: (list(value) if isinstance(value, list) else value) for name, _, value in _OPTIONS[kind]}
    return {"TYPE": kind, **defaults, **{name: value for name, value in given.items() if name != "TYPE"}}


def property_type(value: Any) -> str:
    """The type of an option's value as DESCRIBE STAGE and DESCRIBE FILE FORMAT name it."""
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int):
        return "Integer"
    return "List" if isinstance(value, list) else "String"


def printed_value(value: Any) -> str:
    """An option's value as DESCRIBE prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(f'"{_escaped(item)}"' for item in value) + "]"
    return "" if value is None else _escaped(str(value))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
