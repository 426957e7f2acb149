"""Snowflake's data types: parsing, printing, and the DuckDB type that stores each.

Printing follows Snowflake: `NUMBER(38,0)`, `VARCHAR(16777216)`, `TIMESTAMP_NTZ(9)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from embedded.snowflake.errors import SqlCompilationError

MAX_VARCHAR = 16_777_216
MAX_BINARY = 8_388_608

# Each name that may be written, and the type it means.
_ALIASES = {
    **dict.fromkeys(("NUMBER", "DECIMAL", "DEC", "NUMERIC"), "NUMBER"),
    **dict.fromkeys(("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT"), "INTEGER"),
    **dict.fromkeys(("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION", "REAL"), "FLOAT"),
    **dict.fromkeys(("VARCHAR", "STRING", "TEXT", "CHAR VARYING", "NVARCHAR", "NVARCHAR2"), "VARCHAR"),
    **dict.fromkeys(("CHAR", "CHARACTER", "NCHAR"), "CHAR"),
    **dict.fromkeys(("BINARY", "VARBINARY"), "BINARY"),
    **dict.fromkeys(("DATETIME", "TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMP_NTZ"), "TIMESTAMP_NTZ"),
    **dict.fromkeys(("TIMESTAMPLTZ", "TIMESTAMP_LTZ"), "TIMESTAMP_LTZ"),
    **dict.fromkeys(("TIMESTAMPTZ", "TIMESTAMP_TZ"), "TIMESTAMP_TZ"),
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH LOCAL TIME ZONE": "TIMESTAMP_LTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
    **{name: name for name in ("BOOLEAN", "DATE", "TIME", "VARIANT", "OBJECT", "ARRAY")},
}
_WRITTEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_ ]*?)\s*(?:\(\s*([0-9]+)\s*(?:,\s*([0-9]+)\s*)?\))?\s*\Z")


@dataclass(frozen=True)
class DataType:
    """A type: NUMBER has precision and scale (digits), VARCHAR and BINARY a length, times a precision (digits of a second).

    A VARCHAR may have a collation, told by COLLATE (`collation_explicit`) or by its column.
    """

    kind: str
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    collation: str | None = None
    collation_explicit: bool = False

    def __str__(self) -> str:
        if self.kind == "NUMBER":
            return f"NUMBER({self.precision},{self.scale})"
        if self.kind in ("VARCHAR", "BINARY"):
            return f"{self.kind}({self.length})"
        if self.precision is not None:
            return f"{self.kind}({self.precision})"
        return self.kind

    @property
    def bare(self) -> str:
        """The type's name without its numbers, as signatures print it."""
        return self.kind

    @property
    def is_semi_structured(self) -> bool:
        """Whether a value is JSON text inside DuckDB."""
        return self.kind in ("VARIANT", "OBJECT", "ARRAY")

    @property
    def has_key(self) -> bool:
        """Whether values that are equal may look different: they are told apart by a key (`equality_key`)."""
        return self.is_semi_structured or self.collation is not None

    def to_duckdb(self) -> str:
        """The DuckDB type that stores it. Fractions of a second are kept to microseconds; for TIMESTAMP_TZ see `zoned`."""
        if self.kind == "NUMBER":
            return f"DECIMAL({self.precision},{self.scale})"
        return _DUCKDB[self.kind]


_DUCKDB = {
    "FLOAT": "DOUBLE",
    "VARCHAR": "VARCHAR",
    "BINARY": "BLOB",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP_NTZ": "TIMESTAMP",
    "TIMESTAMP_LTZ": "TIMESTAMPTZ",
    "TIMESTAMP_TZ": "INTERVAL",
    "VARIANT": "JSON",
    "OBJECT": "JSON",
    "ARRAY": "JSON",
}

NUMBER = DataType("NUMBER", 38, 0)
FLOAT = DataType("FLOAT")
VARCHAR = DataType("VARCHAR", length=MAX_VARCHAR)
BINARY = DataType("BINARY", length=MAX_BINARY)
BOOLEAN = DataType("BOOLEAN")
DATE = DataType("DATE")
TIME = DataType("TIME", 9)
TIMESTAMP_NTZ = DataType("TIMESTAMP_NTZ", 9)
TIMESTAMP_LTZ = DataType("TIMESTAMP_LTZ", 9)
TIMESTAMP_TZ = DataType("TIMESTAMP_TZ", 9)
VARIANT = DataType("VARIANT")
OBJECT = DataType("OBJECT")
ARRAY = DataType("ARRAY")


def fixed_bytes(kind: DataType) -> int:
    """The bytes that Snowflake keeps a NUMBER in, by its digits."""
    return next(size for most, size in ((2, 1), (4, 2), (9, 4), (18, 8), (38, 16)) if (kind.precision or 38) <= most)


def parse_type(text: str) -> DataType:
    """Read a type as written in SQL.

    Raises:
        SqlCompilationError: the name is no type of Snowflake (002040) or its numbers are out of range.
    """
    match = _WRITTEN.match(text)
    kind = _ALIASES.get(re.sub(r"\s+", " ", match[1].upper())) if match else None
    if match is None or kind is None:
        raise SqlCompilationError(f"Unsupported data type '{text.strip()}'.", 2040, "42601")
    first = int(match[2]) if match[2] else None
    second = int(match[3]) if match[3] else None
    return _sized(kind, first, second, text)


def _sized(kind: str, first: int | None, second: int | None, text: str) -> DataType:
    if kind == "INTEGER":
        return NUMBER
    if kind == "NUMBER":
        precision, scale = 38 if first is None else first, second or 0
        if not 1 <= precision <= 38 or scale > precision:
            raise SqlCompilationError(f"Invalid precision or scale in data type '{text.strip()}'.", 2040, "42601")
        return DataType("NUMBER", precision, scale)
    if kind in ("VARCHAR", "CHAR"):
        return DataType("VARCHAR", length=first or (1 if kind == "CHAR" else MAX_VARCHAR))
    if kind == "BINARY":
        return DataType("BINARY", length=first or MAX_BINARY)
    if kind.startswith("TIME"):
        return DataType(kind, 9 if first is None else first)
    return DataType(kind)
