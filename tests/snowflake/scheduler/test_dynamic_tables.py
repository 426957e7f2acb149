"""Dynamic tables: stored rows, honest refresh actions, chains, lag, failures, time travel, streams."""

from __future__ import annotations

import pytest

BASE = (
    "create table t (id int, v varchar, n int)",
    "create table u (id int, w varchar)",
    "insert into t values (1, 'a', 1), (2, 'b', 2), (2, 'b', 2), (3, null, null)",
    "insert into u values (1, 'x'), (2, 'y'), (4, 'z')",
)
CHANGES = (
    "insert into t values (4, 'a', 7), (5, null, 3)",
    "delete from t where id = 1",
    "update t set n = 10 where id = 2",
    "update u set w = 'q' where id = 2",
    "insert into u values (5, 'v')",
)
INCREMENTAL = {
    "filter": "select id, upper(v) as v, n * 2 as m from t where n > 1",
    "join": "select t.id, v, w from t join u on t.id = u.id where n > 0",
    "comma join": "select t.id, w from t, u where t.id = u.id",
    "subquery": "select s.id, w from (select id, n from t where n is not null) s join u using (id)",
    "with": "with s as (select id, n from t where n > 1) select s.n, u.w from s join u on s.id = u.id",
    "union all": "select id, v from t union all select id, w from u",
    "group": "select v, sum(n) as s, count(*) as c from t group by v",
    "group of join": "select w, max(n) as m from t join u on t.id = u.id group by w",
    "having": "select v, count(*) as c from t group by all having count(*) > 1",
    "group by expression": "select n > 1 as big, avg(n) as a from t group by n > 1",
    "group by more": "select v, sum(n) as s from t group by v, id",
    "distinct": "select distinct v, n from t",
    "latest": "select id, v, n from t qualify row_number() over (partition by id order by n desc, v) = 1",
    "share": "select id, n, sum(n) over (partition by id) as whole from t",
    "view": "select id, w from vw",
}
FULL = {
    "outer join": "select t.id, w from t left join u on t.id = u.id",
    "scalar aggregate": "select count(*) as c from t",
    "subquery in a condition": "select id from t where id in (select id from u)",
    "self join": "select a.id from t a join t b on a.id = b.n",
    "union": "select id from t union select id from u",
    "limit": "select id from t order by id limit 2",
    "time": "select id, current_date() as d from t",
    "nested groups": "select count(*) as c from (select v from t group by v) group by 1 = 1",
}


def made(client, query, **options):
    client.run(*BASE, "create view vw as select t.id, w from t join u on t.id = u.id")
    mode = f"refresh_mode = {options['mode']}" if "mode" in options else ""
    client.run(f"create dynamic table dt target_lag = '10 minutes' {mode} warehouse = w as {query}")


def actions(client, name="DT"):
    rows = client.dicts("select * from table(information_schema.dynamic_table_refresh_history())")
    return [row["refresh_action"] for row in reversed(rows) if row["name"] == name]


def same(client, query):
    key = repr
    return sorted(client.run("select * from dt"), key=key) == sorted(client.run(query), key=key)


@pytest.mark.parametrize("query", INCREMENTAL.values(), ids=INCREMENTAL)
def test_changes_are_brought_in_incrementally(client, query):
    made(client, query, mode="INCREMENTAL")
    assert same(client, query)
    for text in CHANGES:
        client.run(text, "alter dynamic table dt refresh")
        assert same(client, query), text
    assert set(actions(client)[1:]) <= {"INCREMENTAL", "NO_DATA"}
    assert "INCREMENTAL" in actions(client)


@pytest.mark.parametrize("query", FULL.values(), ids=FULL)
def test_what_cannot_be_incremental_is_full_and_says_why(client, query):
    made(client, query)
    client.run(*CHANGES, "alter dynamic table dt refresh", "alter dynamic table dt refresh")
    assert same(client, query)
    assert actions(client)[1:] == ["FULL", "NO_DATA"]
    [shown] = client.dicts("show dynamic tables like 'dt'")
    assert shown["refresh_mode"] == "FULL"
    assert shown["refresh_mode_reason"]
    refused = (
        f"create or replace dynamic table dt target_lag = '1 hour' warehouse = w refresh_mode = incremental as {query}"
    )
    assert client.errno(refused) == 2714


def test_only_changed_rows_are_written(client):
    made(client, "select v, sum(n) as s from t group by v")
    client.run(
        "create stream s on dynamic table dt", "insert into t values (9, 'a', 1)", "alter dynamic table dt refresh"
    )
    found = client.run("select v, s, metadata$action from s order by 3")
    assert found == [("a", 1, "DELETE"), ("a", 2, "INSERT")]


def test_it_is_refreshed_within_its_lag_and_not_before(client):
    made(client, "select id from t")
    client.run("insert into t values (100, 'new', 1)")
    assert client.run("select count(*) from dt where id = 100") == [(0,)]
    client.advance(10, "minutes")
    assert client.run("select count(*) from dt where id = 100") == [(1,)]
    client.advance(30, "minutes")
    assert set(actions(client)[2:]) == {"NO_DATA"}


def test_a_chain_is_refreshed_to_one_time(client):
    client.run(*BASE)
    client.run(
        "create dynamic table low target_lag = downstream warehouse = w as select v, n from t",
        "create dynamic table high target_lag = '5 minutes' warehouse = w as select v, sum(n) as s from low group by v",
        "insert into t values (7, 'a', 41)",
    )
    client.advance(5, "minutes")
    assert client.run("select s from high where v = 'a'") == [(42,)]
    times = {row["name"]: row["data_timestamp"] for row in client.dicts("show dynamic tables")}
    assert times["LOW"] == times["HIGH"]


def test_downstream_without_anyone_below_is_never_scheduled(client):
    client.run(*BASE, "create dynamic table dt target_lag = downstream warehouse = w as select id from t")
    client.advance(2, "days")
    assert actions(client) == ["REINITIALIZE"]


def test_on_schedule_is_filled_by_the_schedule(client):
    client.run(*BASE)
    client.run(
        "create dynamic table dt target_lag = '1 minute' initialize = on_schedule warehouse = w as select id from t"
    )
    client.advance(1)
    assert client.run("select count(*) from dt") == [(4,)]
    [row] = client.dicts("select * from table(information_schema.dynamic_table_refresh_history())")
    assert row["refresh_trigger"] == "SCHEDULED"


def test_suspend_reaches_what_is_below_and_resume_too(client):
    client.run(
        *BASE,
        "create dynamic table low target_lag = '1 minute' warehouse = w as select id from t",
        "create dynamic table high target_lag = '1 minute' warehouse = w as select id from low",
        "alter dynamic table low suspend",
    )
    states = lambda: [row["scheduling_state"] for row in client.dicts("show dynamic tables")]  # noqa: E731
    assert states() == ["SUSPENDED", "SUSPENDED"]
    client.run("insert into t values (50, 'x', 1)")
    client.advance(10, "minutes")
    assert client.run("select count(*) from high") == [(4,)]
    client.run("alter dynamic table low resume")
    assert states() == ["RUNNING", "RUNNING"]
    client.advance(2, "minutes")
    assert client.run("select count(*) from high") == [(5,)]


def test_five_failures_suspend_it(client):
    made(client, "select id, 10 / n as q from t where n is not null")
    client.run("insert into t values (1, 'zero', 0)")
    client.advance(2, "hours")
    rows = client.dicts("select * from table(information_schema.dynamic_table_refresh_history(error_only => true))")
    assert [row["state"] for row in rows] == ["FAILED"] * 5
    assert rows[0]["state_code"] == "100051"
    [shown] = client.dicts("show dynamic tables like 'dt'")
    assert shown["scheduling_state"] == "SUSPENDED"
    client.run("delete from t where n = 0", "alter dynamic table dt resume", "alter dynamic table dt refresh")
    assert "INCREMENTAL" in actions(client)
    assert client.run("select count(*) from dt") == [(3,)]


def test_a_first_refresh_that_fails_leaves_nothing(client):
    client.run(*BASE)
    client.run("create dynamic table dt target_lag = '1 hour' warehouse = w as select id from t")
    failing = (
        "create or replace dynamic table dt target_lag = '1 hour' warehouse = w as select 1 / (id - 1) as q from t"
    )
    assert client.errno(failing) == 100051
    assert client.run("select count(*) from dt") == [(4,)]


def test_a_table_made_anew_reinitializes(client):
    made(client, "select id from t")
    client.run("create or replace table t (id int, v varchar, n int)", "alter dynamic table dt refresh")
    assert client.run("select count(*) from dt") == [(0,)]
    assert actions(client)[-1] == "REINITIALIZE"


def test_time_travel_clone_and_undrop(client):
    made(client, "select id from t")
    client.advance(1, "minute")
    client.run("insert into t values (60, 'x', 1)", "alter dynamic table dt refresh")
    assert client.run("select count(*) from dt at (offset => -30)") == [(4,)]
    client.run("create dynamic table copy_ clone dt")
    [shown] = client.dicts("show dynamic tables like 'copy_'")
    assert (shown["is_clone"], shown["scheduling_state"], shown["rows"]) == (True, "SUSPENDED", 5)
    client.run("insert into t values (61, 'x', 1)", "alter dynamic table copy_ refresh")
    assert actions(client, "COPY_") == ["INCREMENTAL"]
    client.run("drop dynamic table dt", "undrop dynamic table dt")
    assert client.run("select count(*) from dt") == [(5,)]


def test_policies_on_it_hold_and_its_refresh_is_the_owners(client):
    made(client, "select id, v from t")
    client.run(
        "create masking policy m as (x varchar) returns varchar -> case when current_role() = 'R' then '*' else x end",
        "create row access policy p as (x int) returns boolean -> current_role() <> 'R' or x = 2",
        "alter dynamic table dt modify column v set masking policy m",
        "alter dynamic table dt add row access policy p on (id)",
        "create role r",
        "grant usage on database d to role r",
        "grant usage on schema d.public to role r",
        "grant select on dynamic table dt to role r",
        "grant usage on warehouse w to role r",
        "grant role r to user admin",
        "use secondary roles none",
        "use role r",
    )
    assert client.run("select id, v from dt") == [(2, "*"), (2, "*")]
    client.run("use role accountadmin", "insert into t values (2, 'new', 1)", "alter dynamic table dt refresh")
    assert client.run("select count(*) from dt where v = 'new'") == [(1,)]


@pytest.mark.parametrize("lag", ["'30 seconds'", "'soon'", "'0 minutes'"])
def test_a_lag_is_a_minute_at_least(client, lag):
    client.run(*BASE)
    assert client.errno(f"create dynamic table x target_lag = {lag} warehouse = w as select id from t") == 1008


def test_rows_are_not_changed_by_hand(client):
    made(client, "select id from t")
    assert client.errno("insert into dt values (1)") == 2001
