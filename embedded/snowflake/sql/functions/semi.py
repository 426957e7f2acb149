"""VARIANT, OBJECT and ARRAY functions. Values are JSON text inside DuckDB."""

from __future__ import annotations

import re

from sqlglot import exp

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import literal
from embedded.snowflake.sql.coerce import cast
from embedded.snowflake.sql.functions.registry import Call, function
from embedded.snowflake.sql.paths import element, extract, semi_structured
from embedded.snowflake.sql.typed import Typed, boolean
from embedded.snowflake.types import (
    ARRAY,
    BOOLEAN,
    DATE,
    FLOAT,
    NUMBER,
    OBJECT,
    TIMESTAMP_NTZ,
    VARCHAR,
    VARIANT,
    DataType,
)


def variant(call: Call, index: int) -> str:
    """An argument as JSON; SQL NULL stays NULL."""
    return cast(call.arg(index), VARIANT, call.zone).sql


@function("PARSE_JSON", args=(1, 2))
def parse_json(call: Call) -> Typed:
    """The VARIANT that a JSON text describes."""
    return Typed(f"sf_parse_json({call.text(0)}, {_duplicates(call)})", VARIANT)


def _duplicates(call: Call) -> str:
    """Whether an object may have a key twice: with the parameter 'd', not with 's' or without one.

    Raises:
        SqlCompilationError: the parameter is another (001015).
    """
    given = str(call.constant(1, "s")).lower()
    if given not in ("d", "s"):
        raise SqlCompilationError(
            f"Invalid parameter '{given}' for function {call.name}: it is 'd' or 's'", 1015, "22023"
        )
    return "true" if given == "d" else "false"


@function("TRY_PARSE_JSON", args=(1, 2))
def try_parse_json(call: Call) -> Typed:
    """The VARIANT that a JSON text describes, or NULL if it is none."""
    text = call.text(0)
    return Typed(f"(CASE WHEN json_valid({text}) THEN TRY(sf_parse_json({text}, {_duplicates(call)})) END)", VARIANT)


@function("CHECK_JSON", args=1)
def check_json(call: Call) -> Typed:
    """NULL if a text is JSON, else what is wrong."""
    text = call.text(0)
    return Typed(f"(CASE WHEN {text} IS NULL OR json_valid({text}) THEN NULL ELSE 'Invalid JSON' END)", VARCHAR)


@function("TO_JSON", args=1)
def to_json(call: Call) -> Typed:
    """The JSON text of a VARIANT."""
    return Typed(f"sf_json_shown({variant(call, 0)})", VARCHAR)


@function("TO_VARIANT", args=1)
def to_variant(call: Call) -> Typed:
    """The value as VARIANT."""
    return Typed(variant(call, 0), VARIANT)


@function("TO_OBJECT", "TO_ARRAY", args=1)
def to_container(call: Call) -> Typed:
    """The value as OBJECT, or as ARRAY (a scalar becomes an array of one)."""
    kind = OBJECT if call.name == "TO_OBJECT" else ARRAY
    value = Typed(variant(call, 0), VARIANT)
    return cast(value, kind, call.zone)


def _pairs(call: Call) -> list[tuple[str, str]]:
    """Keys and values of an object; a `*` gives those of each column."""
    found: list[tuple[str, str]] = []
    nodes = list(call.nodes)
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            from embedded.snowflake.sql.select import expand_star

            columns = expand_star(node, call.binder)
            found += [(literal(name), cast(value, VARIANT, call.zone).sql) for name, value in columns]
            continue
        if not nodes:
            count = len(call.nodes)
            raise SqlCompilationError(
                f"not enough arguments for function [{call.name}], expected {count + 1}, got {count}", 938, "22023"
            )
        key, value = call.binder.bind(node), call.binder.bind(nodes.pop(0))
        found.append((cast(key, VARCHAR, call.zone).sql, cast(value, VARIANT, call.zone).sql))
    return found


@function("OBJECT_CONSTRUCT", args=(0, None))
def object_construct(call: Call) -> Typed:
    """An object of keys and values; pairs with a NULL in them are left out."""
    pairs = _pairs(call)
    if not pairs:
        return Typed("CAST('{}' AS JSON)", OBJECT, False)
    keys = ", ".join(f"CASE WHEN {value} IS NULL THEN NULL ELSE {key} END" for key, value in pairs)
    values = ", ".join(value for _, value in pairs)
    return Typed(f"{_maker(pairs)}([{keys}], [{values}])", OBJECT, False)


def _maker(pairs: list[tuple[str, str]]) -> str:
    """The macro that makes an object of pairs: that which looks for a key that comes twice only where one may."""
    keys = [key for key, _ in pairs]
    are_literals = all(re.fullmatch(r"'(?:[^']|'')*'", key) for key in keys)
    return "sf_object" if are_literals and len(set(keys)) == len(keys) else "sf_unique_object"


@function("OBJECT_CONSTRUCT_KEEP_NULL", args=(0, None))
def object_construct_keep_null(call: Call) -> Typed:
    """An object of keys and values; NULL values are JSON null, NULL keys left out."""
    pairs = _pairs(call)
    if not pairs:
        return Typed("CAST('{}' AS JSON)", OBJECT, False)
    keys, values = (
        ", ".join(items) for items in zip(*((k, f"coalesce({v}, CAST('null' AS JSON))") for k, v in pairs), strict=True)
    )
    return Typed(f"{_maker(pairs)}([{keys}], [{values}])", OBJECT, False)


@function("OBJECT_INSERT", args=(3, 4))
def object_insert(call: Call) -> Typed:
    """The object with one more key; one that is there is an error unless the last argument is true.

    Raises:
        SnowflakeError: the key is there (100065), when it runs.
    """
    base, key, value = variant(call, 0), call.text(1), variant(call, 2)
    allowed = call.cast(3, BOOLEAN).sql if len(call) > 3 else "false"
    taken = f"list_contains(json_keys({base}), {key}) AND NOT {allowed}"
    error = f"CAST(sf_error('100065', 'Failed to insert key ' || {key}) AS JSON)"
    others = f"list_filter(json_keys({base}), lambda k: k <> {key})"
    members = f"list_transform({others}, lambda k: sf_get({base}, '$.\"' || k || '\"'))"
    added = f"sf_object(list_append({others}, {key}), list_append({members}, {value}))"
    return Typed(f"(CASE WHEN {taken} THEN {error} WHEN {value} IS NULL THEN {base} ELSE {added} END)", OBJECT)


@function("OBJECT_DELETE", args=(2, None))
def object_delete(call: Call) -> Typed:
    """The object without some keys."""
    keys = ", ".join(call.text(index) for index in range(1, len(call)))
    return Typed(f"sf_object_filter({variant(call, 0)}, [{keys}], false)", OBJECT)


@function("OBJECT_PICK", args=(2, None))
def object_pick(call: Call) -> Typed:
    """The object with some keys only."""
    if len(call) == 2 and call.arg(1).type.is_semi_structured:
        keys = f"CAST({variant(call, 1)} AS VARCHAR[])"
    else:
        keys = f"[{', '.join(call.text(index) for index in range(1, len(call)))}]"
    return Typed(f"sf_object_filter({variant(call, 0)}, {keys}, true)", OBJECT)


@function("OBJECT_KEYS", args=1)
def object_keys(call: Call) -> Typed:
    """The object's keys, in order."""
    return Typed(f"to_json(list_sort(json_keys({variant(call, 0)})))", ARRAY)


@function("GET", args=2)
def get(call: Call) -> Typed:
    """The element under a key or at a place."""
    return element(semi_structured(call.arg(0)), call.arg(1), call.zone)


@function("GET_IGNORE_CASE", args=2)
def get_ignore_case(call: Call) -> Typed:
    """The element under a key, whatever its case."""
    value = variant(call, 0)
    key = f"list_filter(json_keys({value}), lambda k: lower(k) = lower({call.text(1)}))[1]"
    return Typed(f"sf_get({value}, '$.\"' || {key} || '\"')", VARIANT)


@function("GET_PATH", "JSON_EXTRACT_PATH_TEXT", args=2)
def get_path(call: Call) -> Typed:
    """The element that a path leads to; JSON_EXTRACT_PATH_TEXT gives it as text, of a JSON text."""
    is_text = call.name != "GET_PATH"
    value = Typed(f"json({call.text(0)})", VARIANT) if is_text else semi_structured(call.arg(0))
    found = extract(value, path_keys(str(call.constant(1))))
    return Typed(f"({found.sql} ->> '$')", VARCHAR) if is_text else found


def path_keys(path: str) -> list[str | int]:
    """The keys and places of a path written as text: `a.b[0]."c d"`."""
    keys: list[str | int] = []
    for match in re.finditer(r'"((?:[^"]|"")*)"|\[\s*(\d+)\s*\]|\[\s*\'([^\']*)\'\s*\]|([^.\[\]"]+)', path):
        quoted, place, bracketed, plain = match.groups()
        if place is not None:
            keys.append(int(place))
        else:
            keys.append(
                quoted.replace('""', '"') if quoted is not None else bracketed if bracketed is not None else plain
            )
    return keys


@function("TYPEOF", args=1)
def type_of(call: Call) -> Typed:
    """The type of what a VARIANT holds."""
    return Typed(f"sf_typeof({variant(call, 0)})", VARCHAR)


_CHECKS = {
    "IS_ARRAY": "json_type({x}) = 'ARRAY'",
    "IS_OBJECT": "json_type({x}) = 'OBJECT'",
    "IS_BOOLEAN": "json_type({x}) = 'BOOLEAN'",
    "IS_VARCHAR": "json_type({x}) = 'VARCHAR'",
    "IS_CHAR": "json_type({x}) = 'VARCHAR'",
    "IS_INTEGER": "sf_typeof({x}) = 'INTEGER'",
    "IS_DECIMAL": "sf_typeof({x}) IN ('INTEGER', 'DECIMAL')",
    "IS_DOUBLE": "sf_typeof({x}) IN ('INTEGER', 'DECIMAL', 'DOUBLE')",
    "IS_REAL": "sf_typeof({x}) IN ('INTEGER', 'DECIMAL', 'DOUBLE')",
    # A VARIANT is JSON: dates, times and bytes in it are text.
    **dict.fromkeys(
        ("IS_DATE", "IS_DATE_VALUE", "IS_TIME", "IS_BINARY", "IS_TIMESTAMP_LTZ", "IS_TIMESTAMP_NTZ", "IS_TIMESTAMP_TZ"),
        "({x} IS NULL AND NULL)",
    ),
}


@function(*_CHECKS, args=1)
def is_type(call: Call) -> Typed:
    """Whether a VARIANT holds a value of a type."""
    return boolean(f"({_CHECKS[call.name].format(x=variant(call, 0))})")


_AS: dict[str, tuple[DataType, str]] = {
    "AS_ARRAY": (ARRAY, "IS_ARRAY"),
    "AS_OBJECT": (OBJECT, "IS_OBJECT"),
    "AS_BOOLEAN": (BOOLEAN, "IS_BOOLEAN"),
    "AS_VARCHAR": (VARCHAR, "IS_VARCHAR"),
    "AS_CHAR": (VARCHAR, "IS_VARCHAR"),
    "AS_INTEGER": (NUMBER, "IS_INTEGER"),
    "AS_DECIMAL": (NUMBER, "IS_DECIMAL"),
    "AS_NUMBER": (NUMBER, "IS_DECIMAL"),
    "AS_DOUBLE": (FLOAT, "IS_DOUBLE"),
    "AS_REAL": (FLOAT, "IS_REAL"),
    "AS_DATE": (DATE, "IS_VARCHAR"),
    "AS_TIMESTAMP_NTZ": (TIMESTAMP_NTZ, "IS_VARCHAR"),
}


@function(*_AS, args=(1, 3))
def as_type(call: Call) -> Typed:
    """What a VARIANT holds if it is of a type, else NULL."""
    kind, check = _AS[call.name]
    if call.name in ("AS_DECIMAL", "AS_NUMBER") and len(call) > 1:
        kind = DataType("NUMBER", int(str(call.constant(1))), int(str(call.constant(2, 0))))
    value = variant(call, 0)
    made = cast(Typed(value, VARIANT), kind, call.zone)
    return Typed(f"(CASE WHEN {_CHECKS[check].format(x=value)} THEN {made.sql} END)", kind)


@function("STRIP_NULL_VALUE", args=1)
def strip_null_value(call: Call) -> Typed:
    """SQL NULL for JSON null."""
    value = variant(call, 0)
    return Typed(f"(CASE WHEN json_type({value}) <> 'NULL' THEN {value} END)", VARIANT)
