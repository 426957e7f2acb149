"""DuckDB macros that the translated texts use: conversions whose way depends on the value.

An error that a macro raises begins with Snowflake's number in brackets; `run.py` makes Snowflake's error of it.
"""

from __future__ import annotations

import duckdb

from embedded.snowflake import zoned
from embedded.snowflake.sql import native
from embedded.snowflake.sql.json_numbers import SPECIAL

_NUMERIC = r"'^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$'"
_INTEGER = r"'^[+-]?\d+$'"
_DATE_FORMATS = "['%m/%d/%Y', '%d-%b-%Y', '%d-%B-%Y', '%d-%b-%y']"
_TIMESTAMP_FORMATS = (
    "['%a, %d %b %Y %H:%M:%S', '%a, %d %b %Y %I:%M:%S %p', '%m/%d/%Y %H:%M:%S', '%a %b %d %H:%M:%S %Y', '%Y-%m-%dT%H', '%Y-%m-%d %H', "
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
        "CASE json_type(x) WHEN 'BOOLEAN' THEN CAST(CAST(CAST(x AS BOOLEAN) AS INTEGER) AS VARCHAR) "
        "WHEN 'DOUBLE' THEN sf_json_shown(x) ELSE sf_number(x ->> '$') END"
    ),
    "sf_variant_boolean(x)": (
        "CASE WHEN json_type(x) IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE') THEN CAST(x AS DOUBLE) <> 0 "
        "ELSE sf_boolean(x ->> '$') END"
    ),
    "sf_is_double(x)": (
        "(json_type(x) = 'DOUBLE' AND regexp_matches(CAST(x AS VARCHAR), 'e|\\.0$|N|I') "
        "AND NOT ends_with(CAST(x AS VARCHAR), 'e+000'))"
    ),
    # A scalar's text: a double as FLOAT prints it, other numbers with all their digits.
    "sf_scalar_text(x)": (
        "CASE WHEN json_type(x) = 'DOUBLE' THEN CASE WHEN sf_is_double(x) THEN sf_float_text(try_cast(x AS DOUBLE)) "
        "ELSE sf_json_shown(x) END WHEN json_type(x) IN ('ARRAY', 'OBJECT') THEN sf_json_shown(x) ELSE x ->> '$' END"
    ),
    # The text of a VARIANT without the marks of exact numbers.
    "sf_json_shown(x)": (
        "CASE WHEN contains(x, 'e+000') THEN regexp_replace(CAST(x AS VARCHAR), '([0-9])e\\+000', '\\1', 'g') "
        "ELSE CAST(x AS VARCHAR) END"
    ),
    "sf_float_json(x)": (
        "CAST(CASE WHEN NOT isfinite(x) THEN CAST(to_json(x) AS VARCHAR) WHEN CAST(format('{:.15e}', x) AS DOUBLE) = x "
        "THEN format('{:.15e}', x) ELSE format('{:.16e}', x) END AS JSON)"
    ),
    # Whether DuckDB's functions would take doubles among the members for fixed-point numbers.
    "sf_has_doubles(x)": "(contains(x, 'e+0') OR contains(x, 'e-0') OR contains(x, 'e+1'))",
    "sf_get(x, path)": (
        "CASE WHEN sf_has_doubles(x) THEN CAST(py_json_get(CAST(x AS VARCHAR), path) AS JSON) ELSE json_extract(x, path) END"
    ),
    "sf_list(x)": (
        "CASE WHEN sf_has_doubles(x) THEN CAST(py_json_members(CAST(x AS VARCHAR)) AS JSON[]) ELSE CAST(x AS JSON[]) END"
    ),
    "sf_array(items)": (
        "CAST('[' || array_to_string(list_transform(items, lambda e: coalesce(CAST(e AS VARCHAR), 'null')), ',') || ']' AS JSON)"
    ),
    # What two VARIANT are compared by: numbers by their amount, whatever their kind.
    "sf_key(x)": (
        "CASE WHEN x IS NULL THEN NULL ELSE {'k': CASE json_type(x) WHEN 'BOOLEAN' THEN 1 WHEN 'VARCHAR' THEN 2 WHEN 'ARRAY' THEN 3 "
        "WHEN 'OBJECT' THEN 4 WHEN 'NULL' THEN 5 ELSE 0 END, "
        "'n': CASE WHEN json_type(x) IN ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE') THEN try_cast(x AS DOUBLE) ELSE 0 END, "
        "'t': CASE WHEN json_type(x) = 'VARCHAR' THEN x ->> '$' ELSE sf_canonical(x) END} END"
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
    "sf_has_zone(x)": "regexp_matches(x, ':\\d{2}(\\.\\d+)?(\\s[AP]M)?\\s*(Z|[+-]\\d{2}:?\\d{2}|[+-]\\d{2})$')",
    # The wall clock of a text, whatever zone it names.
    "sf_wall(x)": (
        "coalesce(try_cast(regexp_replace(x, '\\s*(Z|[+-]\\d{2}:?\\d{2}|[+-]\\d{2})$', '') AS TIMESTAMP), try_cast(x AS TIMESTAMP), "
        f"CASE WHEN regexp_matches(x, {_INTEGER}) THEN sf_epoch(try_cast(x AS HUGEINT)) END, "
        "try_strptime(CASE WHEN sf_has_zone(x) THEN regexp_replace(x, '\\s*(Z|[+-]\\d{2}:?\\d{2})$', '') "
        "ELSE regexp_replace(x, '\\s[+-]\\d{4}(\\s\\d{4})$', '\\1') END, "
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
        "try_strptime(x, ['%a, %d %b %Y %H:%M:%S %z', '%a, %d %b %Y %H:%M:%S.%f %z', '%a, %d %b %Y %I:%M:%S %p %z']), "
        "timezone('UTC', sf_not_timestamp(x))) "
        "WHEN regexp_matches(x, '\\s[+-]\\d{4}\\s\\d{4}$') THEN coalesce(try_strptime(x, '%a %b %d %H:%M:%S %z %Y'), "
        "timezone('UTC', sf_not_timestamp(x))) "
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
    # A double without an exponent, where it has a short form.
    "sf_plain(x)": (
        "CASE WHEN x = 0 OR abs(x) >= 0.0001 THEN CAST(x AS VARCHAR) ELSE CAST(CAST(x AS DECIMAL(38,30)) AS VARCHAR) END"
    ),
    "sf_exact(t)": "t || CASE WHEN length(t) > 16 AND contains(t, '.') THEN 'e+000' ELSE '' END",
    # Exact digits: to_json would write a decimal as a double.
    "sf_number_json(x)": (
        "CAST(CASE WHEN contains(CAST(x AS VARCHAR), '.') THEN sf_exact(rtrim(rtrim(CAST(x AS VARCHAR), '0'), '.')) "
        "ELSE CAST(x AS VARCHAR) END AS JSON)"
    ),
    "sf_unhex(x)": "unhex(x)",
    "sf_canonical(x)": (
        "CASE WHEN sf_is_double(x) THEN CASE WHEN abs(try_cast(x AS DOUBLE)) < 1e15 "
        "THEN regexp_replace(sf_plain(try_cast(x AS DOUBLE)), '\\.?0+$', '') ELSE sf_float_text(try_cast(x AS DOUBLE)) END "
        "WHEN sf_has_doubles(x) AND json_type(x) IN ('ARRAY', 'OBJECT') THEN py_json_canonical(CAST(x AS VARCHAR)) "
        "ELSE CAST(x AS VARCHAR) END"
    ),
    "sf_json_text(x)": (
        "CASE WHEN x IS NULL OR trim(x) = '' THEN NULL WHEN json_valid(x) THEN x "
        "ELSE sf_error('100069', 'Error parsing JSON: ' || left(x, 60)) END"
    ),
    # Keys in order: a text without an object in it has none.
    "sf_parse_json(x, duplicates)": (
        f"CASE WHEN contains(x, '{{') OR regexp_matches(x, '{SPECIAL}') THEN "
        "CAST(py_parse_json(sf_json_text(x), duplicates) AS JSON) "
        "ELSE json(sf_json_text(x)) END"
    ),
    # An object of lists of keys and JSON values; NULL keys are left out, keys come in order.
    "sf_object(keys, vals)": (
        "CAST('{' || coalesce(array_to_string(list_transform(list_sort(list_filter(list_zip(keys, vals), lambda p: p[1] IS NOT NULL)), "
        "lambda p: CAST(to_json(p[1]) AS VARCHAR) || ':' || coalesce(CAST(p[2] AS VARCHAR), 'null')), ','), '') || '}' AS JSON)"
    ),
    "sf_unique_object(keys, vals)": (
        "CASE WHEN len(list_distinct(keys)) = len(list_filter(keys, lambda k: k IS NOT NULL)) THEN sf_object(keys, vals) "
        "ELSE CAST(sf_error('100104', 'Duplicate field key ''' || list_filter(keys, lambda k: k IS NOT NULL AND "
        "len(list_filter(keys, lambda o: o = k)) > 1)[1] || '''') AS JSON) END"
    ),
    "sf_object_filter(x, wanted, keep)": (
        "sf_object(list_filter(json_keys(x), lambda k: list_contains(wanted, k) = keep), "
        "list_transform(list_filter(json_keys(x), lambda k: list_contains(wanted, k) = keep), "
        "lambda k: sf_get(x, '$.\"' || k || '\"')))"
    ),
    "sf_typeof(x)": (
        "CASE json_type(x) WHEN 'NULL' THEN 'NULL_VALUE' WHEN 'BIGINT' THEN 'INTEGER' WHEN 'UBIGINT' THEN 'INTEGER' "
        "WHEN 'HUGEINT' THEN 'INTEGER' WHEN 'DOUBLE' THEN CASE WHEN sf_is_double(x) THEN 'DOUBLE' "
        "WHEN contains(CAST(x AS VARCHAR), '.') THEN 'DECIMAL' ELSE 'INTEGER' END "
        "ELSE json_type(x) END"
    ),
    # The members of an array or object, as FLATTEN gives them; the path starts with a prefix. Each is taken from the value once
    # and holds nothing of the whole, so that the cost is the members' own.
    "sf_flatten(x, prefix)": (
        "CASE json_type(x) WHEN 'ARRAY' THEN list_transform(sf_list(x), lambda v, i: "
        "{'SEQ': 1, 'KEY': CAST(NULL AS VARCHAR), 'PATH': prefix || '[' || (i - 1) || ']', 'INDEX': i - 1, "
        "'VALUE': coalesce(v, 'null'::JSON)}) "
        "WHEN 'OBJECT' THEN list_transform(sf_entries(x), lambda e: "
        "{'SEQ': 1, 'KEY': e.key, 'PATH': CASE WHEN prefix = '' THEN e.key ELSE prefix || '.' || e.key END, "
        "'INDEX': CAST(NULL AS BIGINT), 'VALUE': coalesce(e.value, 'null'::JSON)}) END"
    ),
    "sf_entries(x)": (
        "CASE WHEN sf_has_doubles(x) THEN list_transform(list_zip(list_sort(json_keys(x)), py_json_values(CAST(x AS VARCHAR))), "
        "lambda p: {'key': p[1], 'value': CAST(p[2] AS JSON)}) ELSE list_sort(map_entries(CAST(x AS MAP(VARCHAR, JSON)))) END"
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
        "ELSE sf_array([x]) END"
    ),
}


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Define the macros in an account's database, over those of an earlier version."""
    native.install(connection)
    for signature, text in {**_MACROS, **zoned.MACROS}.items():
        connection.execute(f"create or replace macro {signature} as {text}")
