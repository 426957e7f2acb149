"""Expressions: values and types as Snowflake gives them."""

# ruff: noqa: DTZ001 - TIMESTAMP_NTZ values have no zone.

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedded.snowflake.errors import SnowflakeError

# expression | value | type (empty: not looked at)
CASES: list[tuple[str, Any, str]] = [
    # numbers: precision and scale of each result
    ("1/3", Decimal("0.333333"), "NUMBER(7,6)"),
    ("2/3", Decimal("0.666667"), ""),
    ("-2/3", Decimal("-0.666667"), ""),
    ("10::number(38,2)/3::number(10,0)", Decimal("3.33333333"), "NUMBER(38,8)"),
    ("1.5 * 2.25", Decimal("3.375"), "NUMBER(5,3)"),
    ("1.2345678::number(20,7) * 1.2345678::number(20,7)", Decimal("1.524157652797"), "NUMBER(38,12)"),
    ("0.1 + 0.2", Decimal("0.3"), "NUMBER(3,1)"),
    ("12345678901234567890 + 1", Decimal("12345678901234567891"), "NUMBER(21,0)"),
    ("7 % 3", Decimal(1), ""),
    ("-7 % 3", Decimal(-1), ""),
    ("round(2.5)", Decimal(3), ""),
    ("round(-2.5)", Decimal(-3), ""),
    ("round(2.555, 2)", Decimal("2.56"), "NUMBER(4,2)"),
    ("round(1234.5, -2)", Decimal(1200), ""),
    ("trunc(2.567, 1)", Decimal("2.5"), ""),
    ("trunc(-2.567)", Decimal(-2), ""),
    ("ceil(2.1)", Decimal(3), ""),
    ("floor(-2.1)", Decimal(-3), ""),
    ("ceil(2.15, 1)", Decimal("2.2"), ""),
    ("2.5::number(38,0)", Decimal(3), "NUMBER(38,0)"),
    ("1e2", 100.0, "FLOAT"),
    ("1::float / 4", 0.25, "FLOAT"),
    ("div0(1, 0)", Decimal(0), ""),
    ("div0null(1, null)", Decimal(0), ""),
    ("zeroifnull(null)", Decimal(0), ""),
    ("nullifzero(0)", None, ""),
    ("greatest(1, 2.5)", Decimal("2.5"), ""),
    ("greatest(1, null)", None, ""),
    ("width_bucket(5, 0, 10, 5)", 3, ""),
    ("bitand(12, 10)", 8, ""),
    ("power(2, 10)", 1024.0, "FLOAT"),
    ("log(2, 8)", 3.0, "FLOAT"),
    # casts and coercions
    ("'12.5' + 1", Decimal("13.50000"), ""),
    ("'1.5' > 1", True, "BOOLEAN"),
    ("1 = '1'", True, ""),
    ("'abc'::varchar(2)", "ab", "VARCHAR(2)"),
    ("1.50::varchar", "1.50", ""),
    ("1.0::float::varchar", "1", ""),
    ("true::varchar", "true", ""),
    ("'yes'::boolean", True, ""),
    ("5::boolean", True, ""),
    ("try_cast('x' as number)", None, "NUMBER(38,0)"),
    ("try_to_number('12.7', 10, 1)", Decimal("12.7"), ""),
    ("to_number('$1,234.5', '$9,999.9', 10, 1)", Decimal("1234.5"), "NUMBER(10,1)"),
    ("iff(true, 1, 2.5)", Decimal("1.0"), "NUMBER(2,1)"),
    ("case when false then 1 end", None, ""),
    ("coalesce(null, 'x')", "x", ""),
    ("nvl2(null, 'y', 'z')", "z", ""),
    ("decode(null, null, 'same', 'other')", "same", ""),
    ("decode(2, 1, 'a', 2, 'b')", "b", ""),
    ("equal_null(null, null)", True, ""),
    ("null is not distinct from null", True, ""),
    ("1 not in (2, null)", None, ""),
    ("not (1 between 2 and 3)", True, ""),
    # text
    ("'a' || 1 || true", "a1true", ""),
    ("upper('abc') || lower('DEF')", "ABCdef", ""),
    ("length('abc')", 3, ""),
    ("substr('hello', 2, 3)", "ell", ""),
    ("substr('hello', -3)", "llo", ""),
    ("left('hello', 2) || right('hello', 2)", "helo", ""),
    ("split_part('a.b.c', '.', -1)", "c", ""),
    ("split_part('a.b.c', '.', 5)", "", ""),
    ("charindex('l', 'hello')", 3, ""),
    ("position('l' in 'hello')", 3, ""),
    ("lpad('x', 3, '0') || rpad('x', 3)", "00xx  ", ""),
    ("initcap('hELLO wORLD')", "Hello World", ""),
    ("concat('a', null)", None, ""),
    ("concat_ws('-', 'a', 'b')", "a-b", ""),
    ("replace('abcabc', 'b')", "acac", ""),
    ("insert('abcdef', 2, 3, 'X')", "aXef", ""),
    ("translate('abc', 'ab', 'xy')", "xyc", ""),
    ("strtok('a,b;c', ',;', 3)", "c", ""),
    ("'a_c' like 'a^_c' escape '^'", True, ""),
    ("'abc' ilike any ('x%', 'A%')", True, ""),
    ("'abc' like ('a%') and ('abc' rlike ('a.c')) or (false)", True, ""),
    ("'abc' not ilike ('A') and like('abc', 'a%')", True, ""),
    ("startswith('abc', 'ab')", True, ""),
    ("sha2('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", ""),
    # regular expressions
    ("regexp_replace('a@b.com', '(.*)@(.*)', '***@\\\\2')", "***@b.com", ""),
    ("regexp_substr('abc123def456', '[0-9]+', 1, 2)", "456", ""),
    ("regexp_substr('key=val', 'key=(.*)', 1, 1, 'e')", "val", ""),
    ("regexp_like('abc', 'ab')", False, ""),
    ("regexp_like('ABC', 'a.c', 'i')", True, ""),
    ("regexp_count('aXbXc', 'X')", 2, ""),
    ("regexp_instr('abcabc', 'b', 1, 2)", 5, ""),
    ("regexp_replace('aaa', 'a', 'b', 1, 2)", "aba", ""),
    # dates
    ("dateadd(month, 1, '2024-01-31'::date)", date(2024, 2, 29), "DATE"),
    ("dateadd(hour, 5, '2024-01-31'::date)", datetime(2024, 1, 31, 5), "TIMESTAMP_NTZ(9)"),
    ("datediff(year, '2023-12-31'::date, '2024-01-01'::date)", 1, ""),
    ("datediff('week', '2024-01-07'::date, '2024-01-08'::date)", 1, ""),
    ("add_months('2024-02-29'::date, 1)", date(2024, 3, 31), ""),
    ("'2024-01-31'::date + 1", date(2024, 2, 1), "DATE"),
    ("'2024-02-01'::date - '2024-01-01'::date", 31, ""),
    ("'2024-01-31'::date + interval '1 month, 1 day'", date(2024, 3, 1), ""),
    ("date_trunc('quarter', '2024-05-05'::date)", date(2024, 4, 1), "DATE"),
    ("date_trunc(week, '2024-01-10'::timestamp)", datetime(2024, 1, 8), ""),
    ("last_day('2024-02-03'::date)", date(2024, 2, 29), ""),
    ("next_day('2024-01-05'::date, 'fr')", date(2024, 1, 12), ""),
    ("previous_day('2024-01-05'::date, 'fr')", date(2023, 12, 29), ""),
    ("dayofweek('2024-01-05'::date)", 5, ""),
    ("dayofweekiso('2024-01-07'::date)", 7, ""),
    ("dayname('2024-01-05'::date) || monthname('2024-01-05'::date)", "FriJan", ""),
    ("date_part(epoch_second, '1970-01-02'::timestamp)", 86400, ""),
    ("extract(year from '2024-01-05'::date)", 2024, ""),
    ("to_char('2024-01-05 07:08:09.123'::timestamp_ntz, 'YYYY-MM-DD HH24:MI:SS.FF3')", "2024-01-05 07:08:09.123", ""),
    ("to_char('2024-01-05'::date, 'DY, DD MON YY')", "Fri, 05 Jan 24", ""),
    ("to_date('31/01/2024', 'DD/MM/YYYY')", date(2024, 1, 31), ""),
    ("to_date('05-JAN-2024')", date(2024, 1, 5), ""),
    ("to_timestamp(1700000000)", datetime(2023, 11, 14, 22, 13, 20), ""),
    ("to_timestamp(1700000000123, 3)", datetime(2023, 11, 14, 22, 13, 20, 123000), ""),
    ("'10:11'::time", time(10, 11), "TIME(9)"),
    ("time_slice('2024-01-01 10:29:59'::timestamp_ntz, 15, 'minute')", datetime(2024, 1, 1, 10, 15), ""),
    ("convert_timezone('UTC', 'America/New_York', '2024-01-01 12:00:00'::timestamp_ntz)", datetime(2024, 1, 1, 7), ""),
    ("'2024-01-01 12:00:00 +02:00'::timestamp_tz::timestamp_ntz", datetime(2024, 1, 1, 12), ""),
    ("'2024-01-05 07:08:09'::timestamp_ntz::varchar", "2024-01-05 07:08:09.000", ""),
    ("months_between('2024-03-31'::date, '2024-02-29'::date)", 1.0, ""),
    ("date_from_parts(2024, 14, 0)", date(2025, 1, 31), ""),
    ("to_char(1234.5, '999,999.00')", "   1,234.50", ""),
    ("to_char(-5, 'FM999')", "-5", ""),
    # semi-structured
    ('parse_json(\'{"a":{"b":[1,2,{"c":"x"}]}}\'):a.b[2].c::string', "x", ""),
    ("parse_json('{\"A\":1}'):a", None, "VARIANT"),
    ("parse_json('1.5') + 1", 2.5, ""),
    ("object_construct('b', 1, 'a', null)['b']::int", Decimal(1), ""),
    ("typeof(parse_json('[1]'))", "ARRAY", ""),
    ("typeof(to_variant(1.5))", "DECIMAL", ""),
    ("array_size(array_construct(1, null))", 2, ""),
    ("array_contains('a'::variant, array_construct('a', 'b'))", True, ""),
    ("array_to_string(array_construct(1, 'a'), ',')", "1,a", ""),
    ("is_null_value(parse_json('{\"a\":null}'):a)", True, ""),
    ("parse_json('null')::varchar", None, ""),
    ("to_json(to_variant('x'))", '"x"', ""),
    ("get_path(parse_json('{\"x\":{\"y\":1}}'), 'x.y')::int", Decimal(1), ""),
    ("try_parse_json('{')", None, ""),
    ("{'k': 1}:k::int", Decimal(1), ""),
    # context
    ("current_role()", "ACCOUNTADMIN", "VARCHAR(16777216)"),
    ("current_user", "ADMIN", ""),
    ("is_role_in_session('PUBLIC')", True, ""),
    ("is_role_in_session('NOBODY')", False, ""),
    ("current_schema()", "PUBLIC", ""),
]


@pytest.mark.parametrize(("expression", "value", "kind"), CASES, ids=[case[0][:60] for case in CASES])
def test_expression(query: Any, expression: str, value: Any, kind: str) -> None:
    assert query(f"select {expression}") == [(value,)]
    assert not kind or query.columns[0][1] == kind


JSON_CASES = [
    ("object_construct('a', 1, 'b', null, 'c', array_construct(1, 2))", {"a": 1, "c": [1, 2]}),
    ("object_construct_keep_null('a', null)", {"a": None}),
    ("object_delete(object_construct('a', 1, 'b', 2), 'a')", {"b": 2}),
    ("object_insert(object_construct('a', 1), 'b', 'x')", {"a": 1, "b": "x"}),
    ("object_pick(object_construct('a', 1, 'b', 2), 'a')", {"a": 1}),
    ('object_keys(parse_json(\'{"b":1,"a":2}\'))', ["a", "b"]),
    ("array_slice(array_construct(1, 2, 3), 0, -1)", [1, 2]),
    ("array_sort(array_construct(10, 9, 1))", [1, 9, 10]),
    ("array_cat(array_construct(1), array_construct('x'))", [1, "x"]),
    ("array_append(array_construct(), 1)", [1]),
    ("array_compact(array_construct(1, null, 2))", [1, 2]),
    ("split('a,b', ',')", ["a", "b"]),
    ("to_array('x')", ["x"]),
    ("[1, 'a', null]", [1, "a", None]),
    ("to_variant(12345678901234567890)", 12345678901234567890),
]


@pytest.mark.parametrize(("expression", "value"), JSON_CASES, ids=[case[0][:60] for case in JSON_CASES])
def test_semi_structured_value(query: Any, expression: str, value: Any) -> None:
    assert orjson.loads(query(f"select {expression}")[0][0]) == value


ERRORS = [
    ("select 1/0", 100051, "Division by zero"),
    ("select 'abc'::int", 100038, "Numeric value 'abc' is not recognized"),
    ("select 'abc'::date", 100040, "Date 'abc' is not recognized"),
    ("select 'abc'::timestamp", 100035, "Timestamp 'abc' is not recognized"),
    ("select 'abc'::boolean", 100037, "Boolean value 'abc' is not recognized"),
    ("select parse_json('{')", 100069, "Error parsing JSON"),
    ("select array_construct(1)::int", 1065, "invalid type"),
    ("select no_such(1)", 2140, "Unknown function NO_SUCH"),
    ("select list_sort([1])", 2140, "Unknown function LIST_SORT"),
    ("select nothing from (select 1 as a)", 904, "error line 1 at position 7\ninvalid identifier 'NOTHING'"),
    ("select a from (select 1 a) x, (select 2 a) y", 2028, "ambiguous column name 'A'"),
    ("select a from (select 1 a, 2 a)", 2028, "ambiguous column name 'A'"),
    ("select 1 +", 1003, "syntax error line 1"),
    ("select upper()", 938, "not enough arguments for function"),
    ("select upper('a', 'b')", 939, "too many arguments for function"),
    ("select row_number()", 2302, "OVER"),
    ("select * from nothing", 2003, "Object 'NOTHING' does not exist or not authorized."),
    ("select * from no_db.s.t", 2003, "Database 'NO_DB' does not exist or not authorized."),
    ("select (select 1 union all select 2)", 100150, "Single-row subquery returns more than one row."),
    ("select $nothing", 2211, "Session variable '$NOTHING' does not exist"),
    ("select 1 union all select 1, 2", 2057, "invalid number of result columns"),
    ("select datediff(nothing, current_date, current_date)", 1007, "not a valid date/time component"),
]


@pytest.mark.parametrize(("text", "errno", "message"), ERRORS, ids=[case[0][:60] for case in ERRORS])
def test_error(query: Any, text: str, errno: int, message: str) -> None:
    with pytest.raises(SnowflakeError) as raised:
        query(text)
    assert (raised.value.errno, message in raised.value.message) == (errno, True), raised.value.message


NUMBERS = st.decimals(min_value=-(10**11), max_value=10**11, places=2)


def _half_away(value: Decimal, scale: int) -> Decimal:
    from decimal import ROUND_HALF_UP, localcontext

    with localcontext() as context:
        context.prec = 80
        return value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(a=NUMBERS, b=NUMBERS.filter(bool))
def test_arithmetic_is_exact(query: Any, a: Decimal, b: Decimal) -> None:
    from decimal import localcontext

    got = query(f"select x + y, x - y, x * y, x / y from (select {a:f}::number(15,2) x, {b:f}::number(15,2) y)")[0]
    with localcontext() as context:
        context.prec = 80
        assert got == (a + b, a - b, a * b, _half_away(a / b, 8))
