"""Materialized views: reads are always right, rows are stored, Snowflake's refusals."""

from __future__ import annotations

import pytest


@pytest.fixture
def base(client):
    client.run("create table t (v varchar, n int)", "insert into t values ('a', 1), ('b', 2)")
    client.run("create materialized view mv as select v, sum(n) as s from t group by v")
    return client


def rows(client):
    return client.run("select v, s from mv order by v")


def shown(client):
    [row] = client.dicts("show materialized views like 'mv'")
    return row


def test_a_read_is_right_after_each_change(base):
    for text in ("insert into t values ('a', 4)", "update t set n = 7 where v = 'b'", "delete from t where v = 'a'"):
        base.run(text)
        assert rows(base) == base.run("select v, sum(n) from t group by v order by v")


def test_a_read_in_a_transaction_sees_its_changes(base):
    base.run("begin", "insert into t values ('c', 9)")
    assert rows(base)[-1] == ("c", 9)
    base.run("rollback")
    assert rows(base)[-1] == ("b", 2)


def test_rows_are_stored_in_the_background(base):
    base.advance(1)
    assert (shown(base)["rows"], shown(base)["behind_by"]) == (2, "0s")
    base.run("insert into t values ('c', 9)")
    base.advance(1)
    assert shown(base)["rows"] == 3
    history = base.dicts("select * from table(information_schema.materialized_view_refresh_history())")
    assert {row["table_name"] for row in history} == {"MV"}


def test_a_suspended_one_is_not_read(base):
    base.run("alter materialized view mv suspend")
    assert base.errno("select * from mv") == 2037
    assert shown(base)["invalid"] is True
    base.run("alter materialized view mv resume", "alter materialized view mv cluster by (v)")
    assert rows(base) == [("a", 1), ("b", 2)]
    assert shown(base)["cluster_by"] == "LINEAR(v)"


@pytest.mark.parametrize(
    ("query", "errno"),
    [
        ("select t.v from t join u on t.n = u.n", 2212),
        ("select 1 as one", 2212),
        ("select v from vw", 2212),
        ("select v, sum(n) as s from t group by v having sum(n) > 1", 2212),
        ("select v from t order by v", 2212),
        ("select v from t limit 1", 2212),
        ("select v, row_number() over (order by n) as r from t", 2212),
        ("select m from masked", 2),
        ("select m from filtered", 2),
    ],
)
def test_refusals(base, query, errno):
    base.run(
        "create table u (n int)",
        "create view vw as select v from t",
        "create masking policy mp as (x varchar) returns varchar -> '*'",
        "create row access policy rp as (x varchar) returns boolean -> true",
        "create table masked (m varchar masking policy mp)",
        "create table filtered (m varchar) with row access policy rp on (m)",
    )
    assert base.errno(f"create materialized view bad as {query}") == errno


def test_a_drop_of_the_table_makes_it_invalid(base):
    base.run("drop table t")
    assert base.errno("select * from mv") in (2003, 2037)
    assert "dropped" in shown(base)["invalid_reason"]
