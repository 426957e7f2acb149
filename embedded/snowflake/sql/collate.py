"""COLLATE in expressions: the collation that a value has, which calls keep it, and which are refused over it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from embedded.snowflake.collation import is_plain, merged, template
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.typed import Typed, text_literal
from embedded.snowflake.types import VARCHAR, DataType

if TYPE_CHECKING:
    from sqlglot import exp

    from embedded.snowflake.sql.expressions import Expressions

# Calls that read a text as it is, or compare it by its collation's key.
_KEEPING_NAMES = """
ANY_VALUE APPROX_COUNT_DISTINCT ARRAY_AGG ARRAY_CONSTRUCT ASCII BIT_LENGTH CHARACTER_LENGTH CHAR_LENGTH COALESCE COLLATE COLLATION
CONCAT CONCAT_WS COUNT COUNT_IF CUME_DIST DECODE DENSE_RANK EQUAL_NULL FIRST_VALUE GROUPING GROUPING_ID HEX_ENCODE IFF IFNULL LAG
LAST_VALUE LEAD LEFT LEN LENGTH LISTAGG LOWER LPAD MAX MAX_BY MD5 MIN MIN_BY NTH_VALUE NTILE NULLIF NVL NVL2 OBJECT_AGG
OBJECT_CONSTRUCT OBJECT_CONSTRUCT_KEEP_NULL OCTET_LENGTH PERCENT_RANK RANK REPEAT REVERSE RIGHT ROW_NUMBER RPAD SHA1 SHA2
STRING_AGG SUBSTR SUBSTRING SUM TO_CHAR TO_DATE TO_NUMBER TO_TIMESTAMP TO_VARCHAR TO_VARIANT TRY_TO_DATE TRY_TO_NUMBER TYPEOF
UNICODE UPPER
"""
_KEEPING = frozenset(_KEEPING_NAMES.split())
# Those of one argument: with more they look for texts in it.
_KEEPING_ALONE = frozenset({"TRIM", "LTRIM", "RTRIM"})
_DISTINCT = frozenset({"COUNT", "MIN", "MAX", "APPROX_COUNT_DISTINCT"})


def with_collation(kind: DataType, spec: str | None, explicit: bool) -> DataType:
    """A text's type with a collation."""
    return replace(kind, collation=spec, collation_explicit=explicit)


def collated(made: Typed, call: Call) -> Typed:
    """A call's result with the collation that its arguments have.

    Raises:
        SnowflakeError: the call looks into texts with a collation in a way that is not done here (000002).
    """
    kinds = [value.type for value in call.bound.values() if not is_plain(value.type)]
    if not kinds or call.name in ("COLLATE", "COLLATION"):
        return made
    alone = call.name in _KEEPING_ALONE and len(call) == 1
    if not (alone or call.name in _KEEPING) or (call.distinct and call.name not in _DISTINCT):
        raise unsupported(f"{call.name} of a text with collation '{kinds[0].collation}'")
    if made.type.kind != "VARCHAR":
        return made
    return made.typed(with_collation(made.type, *merged(kinds)), made.exact)


def refuse_pattern(word: str, *sides: Typed) -> None:
    """Refuse LIKE and its kin over texts with a collation.

    Raises:
        SnowflakeError: a side has one that is not by code points (000002).
    """
    for side in sides:
        if not is_plain(side.type):
            raise unsupported(f"{word} of a text with collation '{side.type.collation}'")


def bind_collate(binder: Expressions, node: exp.Expr) -> Typed:
    """`text COLLATE 'spec'`."""
    return _with_spec(binder.bind(node.this), binder.bind(node.expression).value, binder.context.zone)


@function("COLLATE", args=2)
def collate(call: Call) -> Typed:
    """The text with a collation.

    Raises:
        SqlCompilationError: the specification is no literal (001015), or none that there is.
    """
    return _with_spec(call.arg(0), call.constant(1), call.zone)


def _with_spec(value: Typed, spec: Any, zone: str) -> Typed:
    if not isinstance(spec, str):
        raise SqlCompilationError("argument 2 to function COLLATE needs to be constant", 1015, "42601")
    if value.type.kind not in ("VARCHAR", "NULL"):
        raise SqlCompilationError(
            f"Invalid argument types for function 'COLLATE': ({value.type}, VARCHAR)", 1044, "42P13"
        )
    template(spec)
    text = cast(value, VARCHAR, zone) if value.is_null else value
    return Typed(text.sql, with_collation(text.type, spec, True), text.nullable, text.exact)


@function("COLLATION", args=1)
def collation(call: Call) -> Typed:
    """The collation that a text has; NULL if none."""
    spec = call.arg(0).type.collation
    return text_literal(spec) if spec else Typed("CAST(NULL AS VARCHAR)", VARCHAR)
