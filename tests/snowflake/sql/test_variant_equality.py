"""A VARIANT's numbers are equal by their amount: 10, 10.0 and the DOUBLE 1e1 are one value wherever values are told apart."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def variants(query: Any) -> Any:
    query("create table v (x variant, n int)", "create table w (x variant)", "insert into w values (10), (null)")
    for row in (
        "10",
        "1e1::float",
        "10.00",
        "'10'::variant",
        "parse_json('{\"a\": 1e1}')",
        "parse_json('{\"a\": 10}')",
        "null",
    ):
        query(f"insert into v select {row}, (select count(*) + 1 from v)")
    return query


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("select count(*) from (select x from v group by x)", 4),
        ("select count(*) from (select x from v group by 1 having count(*) = 3 and x = 10::variant)", 1),
        ("select count(*) from (select x, max(n) from v group by all)", 4),
        ("select count(*) from (select x, grouping(x) g from v group by rollup (x) having g = 1 and x is null)", 1),
        ("select sum(n) from v group by x:a having x:a is not null", 11),
        ("select count(*) from (select distinct x from v)", 4),
        ("select count(*) from (select x from v union select x from v)", 4),
        ("select count(*) from (select x from v minus select x from w)", 2),
        ("select count(*) from (select x from v intersect select 1e1::float::variant)", 1),
        ("select count(distinct x) from v", 3),
        ("select count(distinct x, n) from v where n in (1, 2)", 2),
        ("select approx_count_distinct(x) from v", 3),
        ("select max(c) from (select count(*) over (partition by x) c from v)", 3),
        ("select count(*) from v join w using (x)", 3),
        ("select count(*) from v where x in (select x from w)", 3),
        ("select count(distinct hash(x)) from v where n < 4", 1),
        ("select mode(x)::int from v", 10),
        ("select array_size(array_unique_agg(x)) from v", 3),
        ("select array_size(array_agg(distinct x)) from v", 3),
        (
            "select array_union_agg(a)::varchar from (select [1, 1, 2] a union all select [1e0::float, 2, 3])",
            "[1,1,2,3]",
        ),
        ("select array_distinct(parse_json('[1, 1e0, 2]')::array)::varchar", "[1,2]"),
        ("select array_intersection([1, 2], [1e0::float])::varchar", "[1]"),
        ("select arrays_overlap([1e0::float], [1])", True),
        ("select (parse_json('[1e1]'))::varchar", "[1.000000000000000e+01]"),
    ],
)
def test_equal_amounts_are_one_value(variants: Any, text: str, wanted: Any) -> None:
    assert variants(text) == [(wanted,)]


def test_a_group_shows_one_of_its_values_and_aggregates_all(variants: Any) -> None:
    [(shown, kinds)] = variants(
        "select typeof(x), listagg(distinct typeof(x), ',') within group (order by typeof(x)) from v group by x having count(*) = 3"
    )
    assert shown in ("INTEGER", "DOUBLE")
    assert kinds == "DOUBLE,INTEGER"
