"""Clauses of queries that are rarely written: dynamic PIVOT, UNION BY NAME, values from a frame's end; and those refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embedded.snowflake.errors import SnowflakeError

T = "(select * from values (1, 10, 'x'), (2, 20, 'y'), (3, 30, 'x'), (4, 40, null) as v(a, b, c))"
QUERIES: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = {
    f"select * from (select b, c from {T}) pivot (sum(b) for c in (any order by c desc))": (
        ["NULL", "'y'", "'x'"],
        [(40, 20, 40)],
    ),
    f"select * from (select b, c from {T}) pivot (sum(b) for c in (select distinct c from {T} where c < 'z' order by c))": (
        ["'x'", "'y'"],
        [(40, 20)],
    ),
    f"with q as (select a, b from {T}) select * from q pivot (max(b) for a in (any)) as p (m, n, o, p)": (
        ["M", "N", "O", "P"],
        [(10, 20, 30, 40)],
    ),
    f"select * from (select b, c from {T}) pivot (sum(b) as total for c in ('x', 'q' as q) default on null (0))": (
        ["'x'_TOTAL", "Q_TOTAL"],
        [(40, 0)],
    ),
    "select 1 as a, 2 as b union all by name select 3 as c, 4 as a order by a": (
        ["A", "B", "C"],
        [(1, 2, None), (4, None, 3)],
    ),
    "select 1 as a, 'x' as b union by name select 'x' as b, 1.0 as a union by name select 2 as a order by a": (
        ["A", "B"],
        [(1, "x"), (2, None)],
    ),
    f"select a, nth_value(b, 2) from first over (order by a) as n from {T} where a < 3": (
        ["A", "N"],
        [(1, 20), (2, 20)],
    ),
    f"select a, nth_value(c, 2) from last ignore nulls over (order by a) as n from {T} where a > 2": (
        ["A", "N"],
        [(3, None), (4, None)],
    ),
    f"select a, nth_value(b, 1) from last over (order by a rows between 1 preceding and current row) as n from {T} where a < 3": (
        ["A", "N"],
        [(1, 10), (2, 20)],
    ),
    "select count(*) as n from table(generator())": (["N"], [(0,)]),
}


@pytest.mark.parametrize("text", QUERIES)
def test_query(query: Any, text: str) -> None:
    names, rows = QUERIES[text]
    assert query(text) == rows
    assert [name for name, _ in query.columns] == names


def test_the_columns_of_a_pivot_follow_the_rows_and_their_policies(query: Any) -> None:
    query("create table t (c varchar, b int)", "insert into t values ('x', 1)")
    text = "select * from t pivot (sum(b) for c in (any))"
    query(text)
    query("insert into t values ('y', 2)", text)
    assert [name for name, _ in query.columns] == ["'x'", "'y'"]
    query(
        "create row access policy p as (v varchar) returns boolean -> v = 'y'",
        "alter table t add row access policy p on (c)",
    )
    assert query(text) == [(2,)]
    assert [name for name, _ in query.columns] == ["'y'"]


REFUSED = {
    "select sum(1) from (select 1 a) pivot (sum(a), count(a) for a in (1))": "PIVOT with more than one aggregate",
    "select 1 a from (select 1 a) start with a = 1 connect by prior a = a": "CONNECT BY",
    "select 1 a order siblings by a": "ORDER SIBLINGS BY",
    "select * from (select 1 a) match_recognize (order by a pattern (x+) define x as a > 1)": "MATCH_RECOGNIZE",
    "select * from table(getnextval(s))": "GETNEXTVAL",
    "select collate('a', 'en-ci')": "COLLATE",
    "create table t (a varchar collate 'en-ci')": "COLLATE 'en-ci'",
    "select * from table(generator(timelimit => 1))": "GENERATOR with TIMELIMIT only",
}


def test_a_procedure_in_a_from_is_refused_by_name(query: Any) -> None:
    body = "declare r resultset default (select 1 as a); begin return table(r); end"
    query(f"create procedure p() returns table (a int) language sql as '{body}'")
    with pytest.raises(SnowflakeError, match="a procedure in FROM"):
        query("select * from table(p())")


@pytest.mark.parametrize(("text", "name"), REFUSED.items(), ids=REFUSED.values())
def test_refused_by_name(query: Any, text: str, name: str) -> None:
    with pytest.raises(SnowflakeError) as caught:
        query(text)
    assert (caught.value.errno, caught.value.sqlstate) == (2, "0A000")
    assert name in caught.value.message


def test_a_collation_by_code_points_is_what_there_is(query: Any) -> None:
    query("create table t (a varchar collate 'utf8', b varchar collate '')", "insert into t values ('a', 'B')")
    assert query("select a < 'B', b < 'a' from t") == [(False, True)]


@pytest.mark.parametrize(
    ("indent", "text"), [(0, '{"a":[1]}'), (1, '{\n "a": [\n  1\n ]\n}'), (2, '{\n  "a": [\n    1\n  ]\n}')]
)
def test_json_is_printed_as_the_session_says(query: Any, indent: int, text: str) -> None:
    query(f"alter session set json_indent = {indent}")
    assert query("select parse_json('{\"a\":[1]}'), to_json(parse_json('{\"a\":[1]}'))") == [(text, '{"a":[1]}')]


def test_clustering_is_told_by_partitions(query: Any) -> None:
    query("create table t (a int, b int) cluster by (a)")
    query("insert into t select seq4(), mod(seq4(), 10) from table(generator(rowcount => 250000))")
    found = json.loads(query("select system$clustering_information('t')")[0][0])
    assert (found["cluster_by_keys"], found["total_partition_count"], found["average_overlaps"]) == ("LINEAR(a)", 3, 0)
    assert found["partition_depth_histogram"]["00001"] == 3
    assert query("select system$clustering_depth('t', '(b)'), system$clustering_depth('t')") == [(3.0, 1.0)]
    found = json.loads(query("select system$clustering_information('t', '(floor(b / 100))')")[0][0])
    assert found["total_constant_partition_count"] == 3
    query("create table u (a int)")
    with pytest.raises(SnowflakeError, match="not clustered"):
        query("select system$clustering_information('u')")
