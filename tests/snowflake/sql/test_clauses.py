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
    f"select c, a from {T} order by all": (["C", "A"], [("x", 1), ("x", 3), ("y", 2), (None, 4)]),
    f"select c, a from {T} order by all desc nulls last": (["C", "A"], [("y", 2), ("x", 3), ("x", 1), (None, 4)]),
    f'select a as "ALL", b from {T} order by all desc limit 1': (["ALL", "B"], [(4, 40)]),
    f"select a, conditional_change_event(c) over (order by a) as n from {T} order by a": (
        ["A", "N"],
        [(1, 0), (2, 1), (3, 2), (4, 2)],
    ),
    f"select to_json({{'k': 0, *, 'l': c}}) as o from {T} where a = 2": (
        ["O"],
        [('{"A":2,"B":20,"C":"y","k":0,"l":"y"}',)],
    ),
    "select system$typeof(1) as a, system$typeof(1.25) as b, system$typeof(123456::number(9,0)) as c": (
        ["A", "B", "C"],
        [("NUMBER(1,0)[SB1]", "NUMBER(3,2)[SB2]", "NUMBER(9,0)[SB4]")],
    ),
}


EMPLOYEES = """(select * from values ('Pres', 1, null), ('VP eng', 10, 1), ('Prog', 100, 10), ('QA', 101, 10), ('VP HR', 20, 1),
    ('Analyst', 200, 20) as v(name, id, mgr)) as e"""
HIERARCHIES: dict[str, list[tuple[Any, ...]]] = {
    f"select name, level from {EMPLOYEES} start with mgr is null connect by mgr = prior id order by id": [
        *(("Pres", 1), ("VP eng", 2), ("VP HR", 2), ("Prog", 3), ("QA", 3), ("Analyst", 3)),
    ],
    f"select sys_connect_by_path(name, ' -> ') as p from {EMPLOYEES} start with id = 20 connect by prior id = mgr order by id": [
        (" -> VP HR",),
        (" -> VP HR -> Analyst",),
    ],
    f"""select e.name, connect_by_root e.name as root, prior e.name as boss from {EMPLOYEES} start with e.mgr = 1
    connect by prior e.id = e.mgr order by e.id""": [
        *(
            ("VP eng", "VP eng", None),
            ("VP HR", "VP HR", None),
            ("Prog", "VP eng", "VP eng"),
            ("QA", "VP eng", "VP eng"),
        ),
        ("Analyst", "VP HR", "VP HR"),
    ],
    f"select * from {EMPLOYEES} start with mgr is null connect by mgr = prior id and level <= 2 order by all": [
        *(("Pres", 1, None), ("VP HR", 20, 1), ("VP eng", 10, 1)),
    ],
    # WHERE takes rows out of what is found; the rows below them stay.
    f"select level, count(*) from {EMPLOYEES} where id <> 10 start with mgr is null connect by mgr = prior id group by 1 order by 1": [
        *((1, 1), (2, 1), (3, 3)),
    ],
    f"with w as (select * from {EMPLOYEES}) select connect_by_root(name) || level from w start with id = 10 connect by prior id = mgr": [
        *(("VP eng1",), ("VP eng2",), ("VP eng2",)),
    ],
    "select level from (select 1) connect by level <= 3": [(1,), (2,), (3,)],
}


@pytest.mark.parametrize("text", HIERARCHIES)
def test_a_hierarchy_is_followed_downward(query: Any, text: str) -> None:
    assert query(text) == HIERARCHIES[text]


def test_a_hierarchy_is_of_the_rows_that_the_policies_leave(query: Any) -> None:
    query(
        "create table t (id int, mgr int)",
        "insert into t values (1, null), (2, 1), (3, 2), (4, 1)",
        "create row access policy p as (v int) returns boolean -> v <> 2",
        "alter table t add row access policy p on (id)",
    )
    assert query("select id from t start with mgr is null connect by mgr = prior id order by id") == [(1,), (4,)]


JSON = (
    '(select parse_json(column1) as v from values (\'{"a":[1,[2]],"b":{"c":3}}\'), (\'[1,{"x":[5]}]\'), (\'[]\')) as j'
)


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ("", ["a", "a[0]", "a[1]", "a[1][0]", "b", "b.c", "[0]", "[1]", "[1].x", "[1].x[0]"]),
        (", mode => 'ARRAY'", ["[0]", "[1]"]),
        (", mode => 'OBJECT'", ["a", "b", "b.c"]),
        (", outer => true, mode => 'object'", ["a", "b", "b.c", "", ""]),
        (", outer => true, path => 'b'", ["b.c", "b", "b"]),
    ],
)
def test_flatten_goes_down_recursively(query: Any, options: str, paths: list[str]) -> None:
    rows = query(f"select f.path, f.seq from {JSON}, lateral flatten(v, recursive => true{options}) f")
    assert [path for path, _ in rows] == paths
    assert [seq for _, seq in rows] == sorted(seq for _, seq in rows)


def test_getnextval_takes_a_value_for_each_row(query: Any) -> None:
    query("create sequence s start 5 increment 5", "create table t (a int)", "insert into t values (1), (2), (3)")
    assert sorted(query("select n.nextval from t, table(getnextval(s)) n")) == [(5,), (10,), (15,)]
    assert query("select nextval from table(getnextval(s))") == [(20,)]


def test_default_may_stand_in_some_rows_only(query: Any) -> None:
    query("create table t (a int default 7, b varchar default upper('x'), c int)")
    query("insert into t values (1, default, default), (default, 'b', 2), (3, 'c', default)")
    assert query("select * from t order by a") == [(1, "X", None), (3, "c", None), (7, "b", 2)]


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


STAFF = """(select * from values (1, null, 'a', 1), (2, 1, 'b', 2), (3, 2, 'c', 1), (4, 1, 'd', 9) as v(id, mgr, name, team)) e
    {} (select * from values (1, 'x', 'n1'), (2, 'y', 'n2') as v(team, title, name)) d"""


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            f"""select e.id, title, d.name as dn, level from {STAFF.format("join")} on e.team = d.team
                start with e.mgr is null connect by e.mgr = prior e.id order by e.id""",
            [(1, "x", "n1", 1), (2, "y", "n2", 2), (3, "x", "n1", 3)],
        ),
        (
            f"""select e.name, sys_connect_by_path(e.name, '/') as p, connect_by_root e.name as r, prior e.name, level + 1
                from {STAFF.format("left join")} using (team) where team < 5 or e.id = 4
                start with mgr is null connect by mgr = prior id order by p""",
            [
                ("a", "/a", "a", None, 2),
                ("b", "/a/b", "a", "a", 3),
                ("c", "/a/b/c", "a", "b", 4),
                ("d", "/a/d", "a", "a", 3),
            ],
        ),
        (
            f"""select d.title as x, sum(e.id) as s from {STAFF.format("join")} on e.team = d.team
                start with mgr is null connect by prior id = mgr group by x having s > 0 order by x desc""",
            [("y", 2), ("x", 4)],
        ),
    ],
)
def test_a_hierarchy_over_a_join(query: Any, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert query(text) == rows


REFUSED = {
    "select sum(1) from (select 1 a) pivot (sum(a), count(a) for a in (1))": "PIVOT with more than one aggregate",
    "select 1 a from (select 1 a) x, (select 1 b) start with a = 1 connect by prior a = b": "CONNECT BY over a join without ON",
    "select * from (select 1 a) x join (select 1 b) on true connect by prior a = b": "CONNECT BY over a join with *",
    "select a from (select 1 a) x join (select 1 b) on true connect by prior a = (select 1)": "with a subquery beside it",
    "select 1 a order siblings by a": "ORDER SIBLINGS BY",
    "create table t (a varchar collate 'en-ci-pi')": "COLLATE 'en-ci-pi'",
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


def test_change_events_of_many_rows_are_counted_beside_the_rows(query: Any) -> None:
    """A list of the values so far would be as long as the table, in each of its rows."""
    query("create table many as select seq4() as i, i % 3 as x, 'ab' as k from table(generator(rowcount => 100000))")
    counted = """select conditional_change_event(m.x) over (partition by k order by i) as c, l, k
        from many as m join (select 'ab' as l) as o on o.l = m.k where m.i > 9"""
    assert query(f"select max(c), min(c), count(distinct l), count(k) from ({counted})") == [(99989, 0, 1, 99990)]
