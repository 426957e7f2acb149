"""Whether a result's column may be NULL, as clients are told: by the columns' NOT NULL, and by what each expression makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.snowflake.errors import SnowflakeError

NEVER = """a | a + 1 | -a | a * 2.5 | a / 2 | s || 'x' | upper(s) | length(s) | trim(s) | substr(s, 1, 1) | split_part(s, 'x', 1) | a = 1
 | a in (1, 2) | a between 1 and 2 | s like 'x' | not a = 1 | a = 1 or s = 'x' | b is null | equal_null(a, b) | exists (select 1)
 | count(*) | count(b) | count_if(b = 1) | approx_count_distinct(b) | listagg(s, ',') | array_agg(b) | count(*) over ()
 | row_number() over (order by b) | rank() over (order by b) | coalesce(b, 0) | nvl(b, a) | zeroifnull(b) | iff(b = 1, 1, 2)
 | nvl2(b, 1, 2) | decode(b, 1, 2, 3) | case when b = 1 then 1 else 2 end | a::varchar | to_char(d) | dateadd(day, 1, d)
 | date_trunc('month', d) | datediff(day, d, d) | year(d) | current_date | current_timestamp | 'x' | 1 | array_construct(b)
 | object_construct('a', b) | md5(s) | concat(s, 'a') | greatest(a, 1) | sign(a) | mod(a, 2) | round(a) | identifier('a')"""
PERHAPS = """b | a + b | upper(null) | b = 1 | a = 1 and b = 1 | a in (1, b) | s like null | sum(a) | max(a) | min(s) | avg(a)
 | lag(a) over (order by a) | sum(a) over () | nullif(a, 1) | iff(a = 1, 1, null) | case when a = 1 then 1 end | decode(a, 1, 2)
 | coalesce(b, null) | try_cast(s as int) | (select 1) | parse_json('1') | v:a | null | regexp_substr(s, 'x') | greatest(a, b)"""


def _nullable(query: Any, text: str) -> list[bool]:
    return [column.nullable for column in query.session.execute(text).columns]


@pytest.fixture
def table(query: Any) -> Any:
    query("create table t (a int not null, b int, s varchar not null, d date not null, v variant)")
    query("insert into t select 1, null, 'x', '2024-01-01', null")
    return query


@pytest.mark.parametrize("expression", [text.strip() for text in NEVER.split("|") if text.strip()])
def test_never_null(table: Any, expression: str) -> None:
    assert _nullable(table, f"select {expression} as x from t") == [False]


@pytest.mark.parametrize("expression", [text.strip() for text in PERHAPS.split("|")])
def test_perhaps_null(table: Any, expression: str) -> None:
    assert _nullable(table, f"select {expression} as x from t") == [True]


@pytest.mark.parametrize(
    ("text", "nullable"),
    [
        ("select x.a, y.a from t x join t y on x.a = y.a", [False, False]),
        ("select x.a, y.a from t x left join t y on x.a = y.a + 1", [False, True]),
        ("select x.a, y.a from t x right join t y on x.a = y.a + 1", [True, False]),
        ("select x.a, y.a, z.a from t x full join t y on x.a = y.a cross join t z", [True, True, False]),
        ("select a from t x full join t y using (a)", [True]),
        ("select x.a, y.a from t x asof join t y match_condition (x.a > y.a)", [False, True]),
        ("select a, count(*) from t group by rollup (a)", [True, False]),
        ("select a, count(*) from t group by a", [False, False]),
        ("select a from t union all select b from t", [True]),
        ("select a from t union all select 1", [False]),
        ("with c as (select a, b from t) select * from c", [False, True]),
        ("select column1, column2 from values (1, null), (2, 3)", [False, True]),
    ],
)  # fmt: skip
def test_rows_of_several_sources(table: Any, text: str, nullable: list[bool]) -> None:
    assert _nullable(table, text) == nullable


def test_what_an_outer_join_lacks_is_not_stored_where_it_may_not_be(table: Any) -> None:
    table("create table u (a int not null)")
    with pytest.raises(SnowflakeError, match="failed on column A with error: NULL result in a non-nullable column"):
        table("insert into u select y.a from t x left join t y on y.a > x.a")
    assert table("select count(*) from u") == [(0,)]


def test_a_mask_may_give_null_for_a_column_that_has_none(table: Any) -> None:
    table(
        "create masking policy m as (v int) returns int -> null", "alter table t modify column a set masking policy m"
    )
    assert (_nullable(table, "select a from t"), table("select a from t")) == ([True], [(None,)])
