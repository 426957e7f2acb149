"""A query's result answers it again until anything that it was made of has changed; then it never does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.session.session import Session

SETUP = (
    "create database d",
    "use schema d.public",
    "create table t (a int, b varchar, at timestamp_ltz)",
    "insert into t values (1, 'x', '2024-01-01 12:00:00 +0000'), (2, 'y', '2024-01-02 12:00:00 +0000')",
    "create table other (a int)",
    "insert into other values (7)",
    "create table allowed (a int)",
    "insert into allowed values (1), (2), (7)",
    "create row access policy rows_ as (v int) returns boolean -> exists (select 1 from allowed where allowed.a = v)",
    "alter table t add row access policy rows_ on (a)",
    "create masking policy mask as (v varchar) returns varchar -> v",
    "alter table t modify column b set masking policy mask",
    "create function twice(v int) returns int as 'v * 2'",
    "create view v as select a, b, twice(a) as c from t",
    "set x = 1",
)
QUERY = "select a, b, c from v where a >= $x order by a"


class Asker:
    """One session, and whether its statements are answered from kept results."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def run(self, text: str) -> list[tuple[Any, ...]]:
        result = self.session.execute(text)
        if result.arrow is None:
            return [tuple(row) for row in result.rows or []]
        return [tuple(row.values()) for row in result.arrow.to_pylist()]

    def reused(self, text: str) -> bool:
        """Run a query, and say whether its record shows that nothing was read for it."""
        self.session.execute(text)
        record = self.session.account.queries.get(self.session.query_ids[-1])
        assert record is not None
        return record.values.get("bytes_scanned") == 0


@pytest.fixture
def asker(session: Callable[..., Session]) -> Asker:
    """A session over the tables above."""
    made = Asker(session())
    for text in SETUP:
        made.run(text)
    return made


def test_the_second_time_is_answered_from_the_first(asker: Asker) -> None:
    first = asker.run(QUERY)
    assert asker.reused(QUERY)
    assert asker.run(QUERY + " ;") == first
    assert asker.run("select count(*) from table(result_scan(last_query_id()))") == [(2,)]
    assert not asker.reused(QUERY.upper())


CHANGES = {
    "a row": "insert into t values (3, 'z', null)",
    "a value": "update t set b = 'w' where a = 1",
    "no rows left": "truncate table t",
    "the rows that a policy reads": "delete from allowed where a = 2",
    "a row policy": "alter row access policy rows_ set body -> v = 1",
    "no row policy": "alter table t drop all row access policies",
    "a mask": "alter masking policy mask set body -> '***'",
    "a function": "create or replace function twice(v int) returns int as 'v * 3'",
    "a view": "create or replace view v as select a, b, a as c from t",
    "a variable": "set x = 2",
    "a table in its place": "create or replace table t as select 7::int as a, 'q' as b, null::timestamp_ltz as at",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_what_it_was_made_of_is_seen(asker: Asker, change: str) -> None:
    asker.run(QUERY)
    asker.run(CHANGES[change])
    assert not asker.reused(QUERY)


UNRELATED = ("create table further (a int)", "insert into other values (8)", "alter session set query_tag = 'x'")


@pytest.mark.parametrize("change", UNRELATED)
def test_what_has_nothing_to_do_with_it_leaves_it(asker: Asker, change: str) -> None:
    asker.run(QUERY)
    asker.run(change)
    assert asker.reused(QUERY)


def test_a_parameter_that_shows_in_values_counts(asker: Asker) -> None:
    query = "select at::varchar from t order by 1"
    asker.run("alter session set timezone = 'UTC'")
    before = asker.run(query)
    asker.run("alter session set timezone = 'Asia/Tokyo'")
    assert asker.run(query) != before


ONCE = (
    "select a, random() from t",
    "select a, uuid_string() from t",
    "select a, randstr(3, random()) from t",
    "select a, current_timestamp() from t",
    "select a, seq.nextval from t",
    "select a, current_session() from t",
    "select * from t sample (50)",
    "select * from v as once, (select current_time()) as inside",
    "select count(*) from information_schema.tables",
    "select count(*) from t at (offset => 0)",
)


@pytest.mark.parametrize("text", ONCE)
def test_what_differs_from_run_to_run_is_never_kept(asker: Asker, text: str) -> None:
    asker.run("create sequence seq")
    asker.run(text)
    assert not asker.reused(text)


def test_it_can_be_switched_off_for_session_user_and_account(asker: Asker) -> None:
    asker.run(QUERY)
    for off, on in (
        ("alter session set use_cached_result = false", "alter session unset use_cached_result"),
        ("alter user admin set use_cached_result = false", "alter user admin unset use_cached_result"),
        ("alter account set use_cached_result = false", "alter account unset use_cached_result"),
    ):
        asker.run(off)
        assert not asker.reused(QUERY)
        asker.run(on)
        assert asker.reused(QUERY)


def test_a_role_gets_its_own_rows_and_none_once_its_privilege_is_gone(asker: Asker) -> None:
    asker.run("alter row access policy rows_ set body -> current_role() = 'ACCOUNTADMIN' or v = 1")
    for text in (
        "create role r",
        "grant role r to user admin",
        "grant usage on database d to role r",
        "grant usage on schema d.public to role r",
        "grant select on table t to role r",
        "use secondary roles none",
    ):
        asker.run(text)
    query = "select a from t order by a"
    assert asker.run(query) == [(1,), (2,)]
    asker.run("use role r")
    assert asker.run(query) == [(1,)]
    assert asker.reused(query)
    for text in ("use role accountadmin", "revoke select on table t from role r", "use role r"):
        asker.run(text)
    with pytest.raises(SnowflakeError) as caught:
        asker.run(query)
    assert caught.value.errno == 2003


def test_sessions_share_it_but_not_temporary_tables(asker: Asker, session: Callable[..., Session]) -> None:
    other = Asker(session())
    other.run("use schema d.public")
    other.run("set x = 1")
    asker.run("select a from other")
    assert other.reused("select a from other")
    asker.run("create temporary table passing as select 1 as a")
    asker.run("select a from passing")
    with pytest.raises(SnowflakeError):
        other.run("select a from passing")


def test_inside_a_transaction_its_own_changes_are_read(asker: Asker) -> None:
    query = "select count(*) from other"
    assert asker.run(query) == [(1,)]
    asker.run("begin")
    asker.run("insert into other values (9)")
    assert asker.run(query) == [(2,)]
    asker.run("rollback")
    assert asker.run(query) == [(1,)]


def test_no_warehouse_runs_for_it_and_it_ends_after_a_day(client: Any) -> None:
    client.run("create table d.public.t (a int)", "insert into d.public.t values (1)", "use warehouse w")
    query = "select a from d.public.t"
    client.run(query)
    client.run("alter warehouse w suspend")
    assert client.run(query) == [(1,)]
    assert client.dicts("show warehouses like 'W'")[0]["state"] == "SUSPENDED"
    found = client.dicts(
        "select bytes_scanned, partitions_total, warehouse_size from table(d.information_schema.query_history())"
        f" where query_text = '{query}' order by start_time desc limit 1"
    )
    assert found == [{"bytes_scanned": 0, "partitions_total": 0, "warehouse_size": None}]
    client.advance(25, "hours")
    client.run(query)
    assert client.dicts("show warehouses like 'W'")[0]["state"] == "STARTED"
