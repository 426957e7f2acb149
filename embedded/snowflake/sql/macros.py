"""DuckDB macros that the translated texts use: conversions whose way depends on the value.

An error that a macro raises begins with Snowflake's number in brackets; `run.py` makes Snowflake's error of it.
"""

from __future__ import annotations

import duckdb

from embedded.snowflake import zoned
from embedded.snowflake.sql import native

_NUMERIC = r"'^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$'"
_INTEGER = r"'^[+-]?\d+$'"
_DATE_FORMATS = "['%m/%d/%Y', '%d-%b-%Y', '%d-%B-%Y', '%d-%b-%y']"
_TIMESTAMP_FORMATS = (
    "['%a, %d %b %Y %H:%M:%S', '%m/%d/%Y %H:%M:%S', '%a %b %d %H:%M:%S %Y', '%Y-%m-%dT%H', '%Y-%m-%d %H', "
    "'%Y-%m-%dT%H:%M', '%Y-%m-%d %H:%M', '%m/%d/%Y', '%d-%b-%Y']"
)

# name(arguments): text
_MACROS = {
    # A cast that fails, and not `error()`: that one is volatile, which DuckDB keeps out of TRY and of filters pushed down.
    "sf_error(code, message)": "CAST(CAST('[' || code || '] ' || message AS INTEGER) AS VARCHAR)",
    "sf_number(x)": (
        f"CASE WHEN x IS NULL OR regexp_matches(x, {_NUMERIC}) THEN trim(x) "
        "ELSE sf_error('100038', 'Numeric value ''' || x || ''' is not recognized') END"
    ),
    "sf_float(x)": (
        "CASE WHEN x IS NULL OR try_cast(x AS DOUBLE) IS NOT NULL THEN try_cast(x AS DOUBLE) "
        "ELSE CAST(sf_error('100038', 'Numeric value ''' || x || ''' is not recognized') AS DOUBLE) END"
    ),
    "sf_variant_number(x)": (
        "CASE json_type(x) WHEN 'BOOLEAN' THEN CAST(CAST(CAST(x AS BOOLEAN) AS INTEGER) AS VARCHAR) ELSE sf_number(x ->> '$') END"
    ),
    "sf_variant_boolean(x)": (
        "CASE WHEN json_type(x) IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE') THEN CAST(x AS DOUBLE) <> 0 "
        "ELSE sf_boolean(x ->> '$') END"
    ),
    "sf_boolean(x)": (
        "CASE WHEN x IS NULL THEN NULL WHEN lower(x) IN ('true', 't', 'yes', 'y', 'on', '1') THEN true "
        "WHEN lower(x) IN ('false', 'f', 'no', 'n', 'off', '0') THEN false "
        "ELSE CAST(sf_error('100037', 'Boolean value ''' || x || ''' is not recognized') AS BOOLEAN) END"
    ),
    "sf_epoch(x)": (
        "CASE WHEN abs(x) < 31536000000 THEN make_timestamp(CAST(CAST(x AS DECIMAL(38,6)) * 1000000 AS BIGINT)) "
        "WHEN abs(x) < 31536000000000 THEN make_timestamp(CAST(CAST(x AS DECIMAL(38,6)) * 1000 AS BIGINT)) "
        "WHEN abs(x) < 31536000000000000 THEN make_timestamp(CAST(x AS BIGINT)) "
        "ELSE make_timestamp(CAST(CAST(x AS HUGEINT) // 1000 AS BIGINT)) END"
    ),
    "sf_date_or_null(x)": (
        "coalesce(try_cast(x AS DATE), CAST(try_cast(x AS TIMESTAMP) AS DATE), "
        f"CASE WHEN regexp_matches(x, {_INTEGER}) THEN CAST(sf_epoch(try_cast(x AS HUGEINT)) AS DATE) END, "
        f"CAST(try_strptime(x, {_DATE_FORMATS}) AS DATE))"
    ),
    "sf_date(x)": (
        "CASE WHEN x IS NULL THEN NULL ELSE coalesce(sf_date_or_null(trim(x)), "
        "CAST(sf_error('100040', 'Date ''' || x || ''' is not recognized') AS DATE)) END"
    ),
    "sf_time(x)": (
        "CASE WHEN x IS NULL THEN NULL ELSE coalesce(try_cast(x AS TIME), CAST(try_strptime(x, "
        "['%H:%M', '%I:%M:%S %p', '%I:%M %p', '%H:%M:%S.%f']) AS TIME), "
        "CAST(sf_error('100108', 'Time ''' || x || ''' is not recognized') AS TIME)) END"
    ),
    "sf_has_zone(x)": "regexp_matches(x, ':\\d{2}(\\.\\d+)?\\s*(Z|[+-]\\d{2}:?\\d{2}|[+-]\\d{2})$')",
    # The wall clock of a text, whatever zone it names.
    "sf_wall(x)": (
        "coalesce(try_cast(regexp_replace(x, '\\s*(Z|[+-]\\d{2}:?\\d{2}|[+-]\\d{2})$', '') AS TIMESTAMP), try_cast(x AS TIMESTAMP), "
        f"CASE WHEN regexp_matches(x, {_INTEGER}) THEN sf_epoch(try_cast(x AS HUGEINT)) END, "
        "try_strptime(CASE WHEN sf_has_zone(x) THEN regexp_replace(x, '\\s*(Z|[+-]\\d{2}:?\\d{2})$', '') ELSE x END, "
        f"{_TIMESTAMP_FORMATS}))"
    ),
    "sf_timestamp(x)": (
        "CASE WHEN x IS NULL THEN NULL WHEN sf_has_zone(x) THEN coalesce(sf_wall(x), sf_not_timestamp(x)) "
        "ELSE coalesce(try_cast(x AS TIMESTAMP), sf_wall(x), sf_not_timestamp(x)) END"
    ),
    "sf_not_timestamp(x)": "CAST(sf_error('100035', 'Timestamp ''' || x || ''' is not recognized') AS TIMESTAMP)",
    "sf_timestamptz(x, zone)": (
        "CASE WHEN x IS NULL THEN NULL WHEN sf_has_zone(x) THEN coalesce("
        "try_cast(regexp_replace(regexp_replace(x, '\\s+(Z|[+-]\\d{2}:?(?:\\d{2})?)$', '\\1'), '([+-]\\d{2})(\\d{2})$', '\\1:\\2') "
        "AS TIMESTAMPTZ), "
        "try_strptime(x, ['%a, %d %b %Y %H:%M:%S %z', '%a, %d %b %Y %H:%M:%S.%f %z']), timezone('UTC', sf_not_timestamp(x))) "
        "WHEN regexp_matches(x, '^[+-]?\\d+$') THEN timezone('UTC', sf_epoch(try_cast(x AS HUGEINT))) "
        "ELSE timezone(zone, sf_timestamp(x)) END"
    ),
    "sf_timestamp_text(x)": "strftime(x, '%Y-%m-%d %H:%M:%S.%g')",
    "sf_offset_minutes(x, zone)": "CAST((epoch_us(timezone(zone, x)) - epoch_us(timezone('UTC', x))) // 60000000 AS INTEGER)",
    "sf_offset_text(m)": (
        "(CASE WHEN m < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(m) // 60 AS VARCHAR), 2, '0') "
        "|| lpad(CAST(abs(m) % 60 AS VARCHAR), 2, '0'))"
    ),
    "sf_timestamptz_text(x, zone)": (
        "strftime(timezone(zone, x), '%Y-%m-%d %H:%M:%S.%g') || ' ' || sf_offset_text(sf_offset_minutes(x, zone))"
    ),
    "sf_float_text(x)": (
        "CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'inf' ELSE '-inf' END "
        "ELSE regexp_replace(CAST(x AS VARCHAR), '\\.0$', '') END"
    ),
    # Exact digits: to_json would write a decimal as a double.
    "sf_number_json(x)": (
        "CAST(CASE WHEN contains(CAST(x AS VARCHAR), '.') THEN rtrim(rtrim(CAST(x AS VARCHAR), '0'), '.') "
        "ELSE CAST(x AS VARCHAR) END AS JSON)"
    ),
    "sf_unhex(x)": "unhex(x)",
    "sf_canonical(x)": "CAST(x AS VARCHAR)",
    "sf_json_text(x)": (
        "CASE WHEN x IS NULL OR trim(x) = '' THEN NULL WHEN json_valid(x) THEN x "
        "ELSE sf_error('100069', 'Error parsing JSON: ' || left(x, 60)) END"
    ),
    # Keys in order: a text without an object in it has none.
    "sf_parse_json(x)": (
        "CASE WHEN contains(x, '{') THEN CAST(py_sort_keys(sf_json_text(x)) AS JSON) ELSE json(sf_json_text(x)) END"
    ),
    # An object of lists of keys and JSON values; NULL keys are left out, keys come in order.
    "sf_object(keys, vals)": (
        "CAST('{' || coalesce(array_to_string(list_transform(list_sort(list_filter(list_zip(keys, vals), lambda p: p[1] IS NOT NULL)), "
        "lambda p: CAST(to_json(p[1]) AS VARCHAR) || ':' || coalesce(CAST(p[2] AS VARCHAR), 'null')), ','), '') || '}' AS JSON)"
    ),
    "sf_object_filter(x, wanted, keep)": (
        "sf_object(list_filter(json_keys(x), lambda k: list_contains(wanted, k) = keep), "
        "list_transform(list_filter(json_keys(x), lambda k: list_contains(wanted, k) = keep), "
        "lambda k: json_extract(x, '$.\"' || k || '\"')))"
    ),
    "sf_typeof(x)": (
        "CASE json_type(x) WHEN 'NULL' THEN 'NULL_VALUE' WHEN 'BIGINT' THEN 'INTEGER' WHEN 'UBIGINT' THEN 'INTEGER' "
        "WHEN 'HUGEINT' THEN 'INTEGER' WHEN 'DOUBLE' THEN "
        "CASE WHEN contains(lower(CAST(x AS VARCHAR)), 'e') THEN 'DOUBLE' "
        "WHEN contains(CAST(x AS VARCHAR), '.') THEN 'DECIMAL' ELSE 'INTEGER' END "
        "ELSE json_type(x) END"
    ),
    # The members of an array or object, as FLATTEN gives them; the path starts with a prefix. Each is taken from the value once
    # and holds nothing of the whole, so that the cost is the members' own.
    "sf_flatten(x, prefix)": (
        "CASE json_type(x) WHEN 'ARRAY' THEN list_transform(CAST(x AS JSON[]), lambda v, i: "
        "{'SEQ': 1, 'KEY': CAST(NULL AS VARCHAR), 'PATH': prefix || '[' || (i - 1) || ']', 'INDEX': i - 1, "
        "'VALUE': coalesce(v, 'null'::JSON)}) "
        "WHEN 'OBJECT' THEN list_transform(list_sort(map_entries(CAST(x AS MAP(VARCHAR, JSON)))), lambda e: "
        "{'SEQ': 1, 'KEY': e.key, 'PATH': CASE WHEN prefix = '' THEN e.key ELSE prefix || '.' || e.key END, "
        "'INDEX': CAST(NULL AS BIGINT), 'VALUE': coalesce(e.value, 'null'::JSON)}) END"
    ),
    "sf_flatten_none(prefix)": (
        "[{'SEQ': 1, 'KEY': CAST(NULL AS VARCHAR), 'PATH': prefix, 'INDEX': CAST(NULL AS BIGINT), 'VALUE': CAST(NULL AS JSON)}]"
    ),
    "sf_as_object(x)": (
        "CASE WHEN x IS NULL OR json_type(x) IN ('OBJECT', 'NULL') THEN nullif(CAST(x AS VARCHAR), 'null')::JSON "
        "ELSE CAST(sf_error('100071', 'Failed to cast variant value ' || CAST(x AS VARCHAR) || ' to OBJECT') AS JSON) END"
    ),
    "sf_as_array(x)": (
        "CASE WHEN x IS NULL OR json_type(x) = 'ARRAY' THEN x WHEN json_type(x) = 'NULL' THEN NULL "
        "ELSE json_array(x) END"
    ),
}


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the macros in an account's database, over those of an earlier version."""
    native.install(connection)
    for signature, text in {**_MACROS, **zoned.MACROS}.items():
        connection.execute(f"create or replace macro {signature} as {text}")
