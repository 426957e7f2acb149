"""Queries: clauses, names of columns, table functions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.names import decode, encode

D = Decimal
T = "(values (1, 'a', 10), (2, 'b', 20), (2, 'c', null), (3, null, 5)) as t(x, y, z)"
# query | rows
CASES: list[tuple[str, list[tuple[Any, ...]]]] = [
    (f"select x from {T} order by z", [(3,), (1,), (2,), (2,)]),
    (f"select x from {T} order by z desc limit 1", [(2,)]),
    (f"select y from {T} where y is not null order by 1 desc limit 2 offset 1", [("b",), ("a",)]),
    (f"select top 1 x from {T} order by x desc", [(3,)]),
    (f"select distinct x from {T} order by x", [(1,), (2,), (3,)]),
    (f"select x, sum(z) s from {T} group by x having s > 5 order by s", [(1, 10), (2, 20)]),
    (f"select x + 1 as x1, count(*) from {T} group by x1 order by 1", [(2, 1), (3, 2), (4, 1)]),
    (f"select x as z from {T} where z = 5", [(3,)]),
    (f"select x * 2 as d from {T} where d > 4", [(6,)]),
    (f"select x as a, a + 1 as b, b * 2 as c from {T} where x = 1", [(1, 2, 4)]),
    (f"select x, count(*) from {T} group by all order by 1", [(1, 1), (2, 2), (3, 1)]),
    (f"select x from {T} qualify row_number() over (partition by x order by z) = 2", [(2,)]),
    (f"select x, row_number() over (order by x, y) as n from {T} qualify n = 1", [(1, 1)]),
    (f"select sum(z), avg(z), min(y), max(y), count(z), count(*) from {T}", [(35, D("11.666667"), "a", "c", 3, 4)]),
    (f"select listagg(y, '|') within group (order by y desc) from {T}", [("c|b|a",)]),
    (f"select count(distinct x), approx_count_distinct(x), median(x) from {T}", [(3, 3, D("2.000"))]),
    (f"select listagg(z) from {T} where x = 99", [("",)]),
    (
        f"select x, grouping(x), sum(z) from {T} group by rollup (x) order by 1",
        [(1, 0, 10), (2, 0, 20), (3, 0, 5), (None, 1, 35)],
    ),
    ("select * from (select 1 a, 2 b) l join (select 1 a, 3 c) r using (a)", [(1, 2, 3)]),
    ("select * from (select 1 a) l natural join (select 1 a, 3 c) r", [(1, 3)]),
    (
        "select a, l.b, r.c from (select 1 a, 2 b) l full join (select 5 a, 3 c) r using (a) order by a",
        [(1, 2, None), (5, None, 3)],
    ),
    ("select l.a, r.a from (select 1 a) l left join (select 2 a) r on l.a = r.a", [(1, None)]),
    ("select * exclude (b) rename (a as q) from (select 1 a, 2 b)", [(1,)]),
    ("select * replace (a + 1 as a) from (select 1 a, 2 b)", [(2, 2)]),
    ("select * ilike 'cust%' from (select 1 customer_id, 2 other)", [(1,)]),
    ("select 1 union select 1 union all select 2 order by 1", [(1,), (2,)]),
    ("select 1.5 as v union all select 2", [(D("1.5"),), (D("2.0"),)]),
    ("(select 1) except (select 1)", []),
    ("select 1 minus select 2", [(1,)]),
    ("with recursive r as (select 1 n union all select n + 1 from r where n < 5) select sum(n) from r", [(15,)]),
    ("with a as (select 1 x), b as (select x + 1 y from a) select * from a, b", [(1, 2)]),
    ("with t(p, q) as (select 1, 2) select q from t", [(2,)]),
    ("select (select max(v) from (values (1), (7)) s(v)) m, exists (select 1) e", [(7, True)]),
    (f"select count(*) from {T} where x in (select 2 union select 3)", [(3,)]),
    (f"select count(*) from {T} where (x, y) in (select 2, 'b')", [(1,)]),
    (f"select x from {T} where exists (select 1 from (select 3 k) i where i.k = t.x)", [(3,)]),
    ("select $1, $2 from (values (1, 'x'))", [(1, "x")]),
    ("select column2 from values (1, 'x') v", [("x",)]),
    ("values (1, 'x'), (2, 'y')", [(1, "x"), (2, "y")]),
    (
        "select f.index, f.value::int from (select parse_json('{\"a\":[5,6]}') v) t, lateral flatten(input => t.v:a) f",
        [(0, 5), (1, 6)],
    ),
    ('select key, value::int from table(flatten(parse_json(\'{"y":2,"x":1}\')))', [("x", 1), ("y", 2)]),
    (
        "select k, 2 * sum(x), 1.5 * max(x) * median(abs(p.x - 1)) from values ('a', 1), ('a', 3) as p (k, x) group by k "
        "having 1 * count(*) = 2 order by -1 * sum(x)",
        [("a", 8, Decimal("4.5"))],
    ),
    ("select f.key from (select parse_json('{}') v) t, lateral flatten(input => t.v, outer => true) f", [(None,)]),
    (
        "select t.n, f.path, is_null_value(f.value), f.this::varchar from (select 7 n, parse_json('{\"a\":[null]}') v) t, "
        "lateral flatten(input => t.v:a, path => '', outer => true) f",
        [(7, "[0]", True, "[null]")],
    ),
    (
        'select key, is_null_value(value), this:b::int from table(flatten(parse_json(\'{"b":1,"a":null}\')))',
        [("a", True, 1), ("b", False, 1)],
    ),
    ("select value from table(split_to_table('a.b', '.')) order by index", [("a",), ("b",)]),
    ("select seq4() from table(generator(rowcount => 3))", [(0,), (1,), (2,)]),
    (
        "select * from (values ('a','J',1),('a','F',2),('b','J',3)) t(k, m, v) pivot (sum(v) for m in ('J', 'F')) order by k",
        [("a", 1, 2), ("b", 3, None)],
    ),
    (
        "with t as (select 'a' k, 1 jan, null::int feb) select * from t unpivot (v for m in (jan, feb))",
        [("a", "JAN", 1)],
    ),
    (
        "select a.x, b.y from (select 1 x, '2024-01-05'::date d) a"
        " asof join (select '2024-01-01'::date d, 2 y) b match_condition (a.d >= b.d)",
        [(1, 2)],
    ),
    (
        "select d, sum(v) over (order by d range between interval '6 days' preceding and current row) from"
        " (values ('2024-01-01'::date, 1), ('2024-01-05'::date, 2), ('2024-01-20'::date, 4)) t(d, v) order by 1",
        [(date(2024, 1, 1), 1), (date(2024, 1, 5), 3), (date(2024, 1, 20), 4)],
    ),
    (
        "select date_trunc('week', d) as week, avg(v), lag(avg(v)) over (order by week) from"
        " (values ('2024-01-01'::date, 1), ('2024-01-09'::date, 3)) t(d, v) group by week order by week",
        [(date(2024, 1, 1), D("1.000000"), None), (date(2024, 1, 8), D("3.000000"), D("1.000000"))],
    ),
    (
        "select first_value(x) over (order by x), last_value(x) over (order by x) from (values (1), (2)) t(x) limit 1",
        [(1, 2)],
    ),
    ("select lag(x, 1, 0) over (order by x) from (values (1), (2)) t(x) order by x", [(0,), (1,)]),
    ("select ratio_to_report(x) over () from (values (1), (3)) t(x) order by 1", [(D("0.250000"),), (D("0.750000"),)]),
    ("with r as (select 1 n union all select n + 1 from r where n < 3) select sum(n) from r", [(6,)]),
    ('select "a", "A", a from (select 1 as "a", 2 as "A")', [(1, 2, 2)]),
    ("select count(*) from (select 1) sample (100)", [(1,)]),
    ("select array_agg(x) within group (order by x desc)[0]::int from (values (1), (2)) t(x)", [(2,)]),
]


@pytest.mark.parametrize(("text", "rows"), CASES, ids=[case[0][:70] for case in CASES])
def test_query(query: Any, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert query(text) == rows


NAMES = [
    (
        "select count(*) over (), 1 + 1, 'a' || 'b', $1, upper( 'x' ) from (values (1))",
        ["COUNT(*) OVER ()", "1 + 1", "'A' || 'B'", "$1", "UPPER( 'X' )"],
    ),
    ('select a, A as "Low", t.a from (select 1 a) t', ["A", "Low", "A"]),
    ("select parse_json('{}'):a.b::int", ["PARSE_JSON('{}'):A.B::INT"]),
    ("select * from (select 1, 1)", ["1", "1"]),
    ("select 1 as x union select 2 as y", ["X"]),
]


@pytest.mark.parametrize(("text", "names"), NAMES, ids=[case[0][:60] for case in NAMES])
def test_column_names(query: Any, text: str, names: list[str]) -> None:
    query(text)
    assert [name for name, _ in query.columns] == names


def test_binds(query: Any) -> None:
    assert query("select ?, ? || 'x', ?", binds=[1, "a", None]) == [(1, "ax", None)]
    assert query("select :2, :1", binds=["a", 5]) == [(5, "a")]


@pytest.mark.parametrize(
    ("text", "binds", "rows"),
    [
        ("select column1 from values (1), (2), (3) where column1 > ? order by 1 limit ?", [1, 1], [(2,)]),
        ("select column1 from values (1), (2), (3) where column1 < ? order by 1 limit ? offset ?", [3, 5, 1], [(2,)]),
        ("with a as (select ? as x) select x, ? from a where x = ? limit ?", [7, 8, 7, 1], [(7, 8)]),
        (
            "select x, count(*) from (select ? as x) where x = ? group by x having count(*) = ?",
            ["a", "a", 1],
            [("a", 1)],
        ),
        (
            "select ?, x from (select ? as x) qualify row_number() over (order by x) = ? order by ?",
            [1, 2, 1, 1],
            [(1, 2)],
        ),
        ("select ? union all (select ? limit ?) order by 1", [2, 1, 1], [(1,), (2,)]),
    ],
)
def test_binds_count_in_the_order_of_the_text(query: Any, text: str, binds: list[Any], rows: list[tuple]) -> None:
    assert query(text, binds=binds) == rows


def test_variables_and_identifier(query: Any) -> None:
    assert query("set v = 5", "select $v + 1") == [(6,)]
    assert query("create view w as select 1 as a", "select a from identifier('public.w')") == [(1,)]
    assert query("set n = 'W'", "select a from identifier($n)") == [(1,)]
    assert query("select a from table('w')") == [(1,)]


def test_result_scan(query: Any) -> None:
    assert query(
        "select 1 as a, 'x' as b union all select 2, 'y'", "select sum(a) from table(result_scan(last_query_id()))"
    ) == [(3,)]


def test_sql_functions(query: Any) -> None:
    assert query("create function area(x float, y float) returns float as 'x * y'", "select area(2, 3)") == [(6.0,)]
    assert query("create function area(x float) returns float as $$ x * x $$", "select area(3), public.area(2, 5)") == [
        (9.0, 10.0)
    ]
    made = "create function pairs(n int) returns table (a int, b varchar) as $$ select n, 'x' union all select n + 1, 'y' $$"
    assert query(made, "select a, b from table(pairs(1)) order by a") == [(1, "x"), (2, "y")]


def test_cached_translation_follows_the_clock(query: Any) -> None:
    first = query("select current_timestamp()")
    query.session.account.clock.advance(3600)
    assert (query("select current_timestamp()")[0][0] - first[0][0]).total_seconds() >= 3600


@given(st.lists(st.text(st.sampled_from('aAbB~0"é'), min_size=1, max_size=6), min_size=2, max_size=8, unique=True))
def test_encoded_names_never_meet(names: list[str]) -> None:
    assert [decode(encode(name)) for name in names] == names
    assert len({encode(name).lower() for name in names}) == len(names)


NUMBERS = "(select parse_json(column1) as v from values ('10'), ('9'), ('10.0'), ('1.5e0'), ('100'))"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"select distinct v from {NUMBERS} order by v", ["1.500000000000000e+00", "9", "10", "100"]),
        (f"select v from {NUMBERS} group by v order by 1 desc", ["100", "10", "9", "1.500000000000000e+00"]),
        (
            f"select v from {NUMBERS} where v < 50 union select 11 order by v",
            ["1.500000000000000e+00", "9", "10", "11"],
        ),
        (f"select max(v) from {NUMBERS}", ["100"]),
        (f"select v from {NUMBERS} qualify rank() over (order by v) = 2", ["9"]),
        (f"select max_by(v, v) from {NUMBERS}", ["100"]),
        (
            'select typeof(value) from table(flatten(parse_json(\'{"a":1.5e0,"b":[2.5e0]}\'), recursive => true)) f order by f.path',
            ["DOUBLE", "ARRAY", "DOUBLE"],
        ),
    ],
)
def test_numbers_in_a_variant_are_ordered_by_their_amount(query, text, wanted):
    assert [value for (value,) in query(text)] == wanted


def test_doubles_in_a_variant_stay_doubles_in_tables(query):
    query(
        "create table t (v variant, o object, a array)",
        "insert into t select 1.5::float, object_construct('x', 1.25::float), array_construct(1e3::float, 12345678901234567890.5)",
        "update t set o = object_insert(o, 'y', 2)",
    )
    assert query("select typeof(v), typeof(o:x), typeof(o:y), typeof(a[0]), a[1]::varchar, v::float from t") == [
        ("DOUBLE", "DOUBLE", "INTEGER", "DOUBLE", "12345678901234567890.5", 1.5)
    ]


def test_minhash_tells_about_how_much_sets_have_in_common(query):
    part = "select minhash(300, value) as x from table(flatten(array_generate_range({}, {})))"
    states = f"{part.format(0, 100)} union all {part.format(50, 150)}"
    ((alike,),) = query(f"select approximate_similarity(x) from ({states})")
    assert alike == pytest.approx(1 / 3, abs=0.1)
    combined = f"select minhash_combine(x) as x from ({states})"
    assert query(f"select approximate_jaccard_index(x) from ({combined} union all {part.format(0, 150)})") == [(1.0,)]


def test_asof_join_using_columns(query):
    query(
        "create table trades (at int, sym varchar)",
        "create table quotes (at int, sym varchar, price int)",
        "insert into trades values (5, 'a'), (9, 'b')",
        "insert into quotes values (1, 'a', 10), (3, 'a', 20), (8, 'a', 30)",
    )
    text = "select sym, price from trades t asof join quotes q match_condition (t.at >= q.at) using (sym) order by 1"
    assert query(text) == [("a", 20), ("b", None)]


def test_statistics_of_what_does_not_vary_are_null(query):
    values = "from values (1, 1), (2, 1)"
    assert query(
        f"select corr(column1, column2), regr_slope(column1, column2), regr_slope(column2, column1) {values}"
    ) == [(None, None, 0.0)]


@pytest.fixture
def three_tables(query):
    query(
        "create table a (x int, k int)",
        "create table b (x int, y int)",
        "create table c (y int, z int)",
        "insert into a values (1, 10), (2, 20), (3, 30)",
        "insert into b values (1, 100), (2, 200)",
        "insert into c values (100, 7)",
    )
    return query


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("select a.x, b.y from a, b where a.x = b.x(+) order by 1", [(1, 100), (2, 200), (3, None)]),
        (
            "select a.x, c.z from a, b, c where a.x = b.x(+) and b.y = c.y(+) and a.k < 30 order by 1",
            [(1, 7), (2, None)],
        ),
        (
            "select t.x, b.y from a t, b where t.x = b.x (+) and b.y(+) > 100 order by 1",
            [(1, None), (2, 200), (3, None)],
        ),
        ("select t.x from a t, b where b.x(+) = t.x and b.y is null", [(3,)]),
    ],
)
def test_outer_joins_written_with_marks(three_tables, text, wanted):
    assert three_tables(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "select a.x from a, b where a.x(+) = b.x",
        "select a.x from a, b where a.x = b.x(+) or a.x = 1",
        "select k from a, b where k = y(+)",
        "select a.x from a join b on a.x = b.x(+)",
        "select a.x, b.y(+) from a, b",
    ],
)
def test_marks_that_are_no_such_join_are_refused(three_tables, text):
    with pytest.raises(SnowflakeError, match=r"\(\+\)") as caught:
        three_tables(text)
    assert caught.value.errno == 2
