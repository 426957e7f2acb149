"""Alerts over the wire: schedules, conditions, actions, history, rights."""

from __future__ import annotations

import pytest


@pytest.fixture
def base(client):
    client.run("create table t (n int)", "create table log (x varchar, at timestamp_ltz)")
    return client


def history(client):
    rows = client.dicts("select * from table(information_schema.alert_history())")
    return [row for row in reversed(rows) if row["state"] != "SCHEDULED"]


def alert(
    client, schedule="1 minute", condition="select 1 from t where n > 5", action="insert into log values ('!', null)"
):
    client.run(
        f"create alert a warehouse = w schedule = '{schedule}' if (exists ({condition})) then {action}",
        "alter alert a resume",
    )


def test_it_acts_only_while_its_condition_holds(base):
    alert(base)
    base.advance(2, "minutes")
    base.run("insert into t values (6)")
    base.advance(1, "minute")
    assert [row["state"] for row in history(base)] == ["CONDITION_FALSE", "CONDITION_FALSE", "TRIGGERED"]
    assert base.run("select count(*) from log") == [(1,)]
    [planned] = base.dicts("select * from table(information_schema.alert_history()) where state = 'SCHEDULED'")
    assert planned["name"] == "A"


def test_its_times_let_it_look_at_what_is_new(base):
    base.run("alter table t add column at timestamp_ltz")
    last, now = "snowflake.alert.last_successful_scheduled_time()", "snowflake.alert.scheduled_time()"
    alert(
        base,
        condition=f"select 1 from t where at between {last} and {now}",
        action=f"insert into log select count(*)::varchar, {now} from t where at between {last} and {now}",
    )
    base.advance(50)
    base.run("insert into t values (1, current_timestamp())")
    base.advance(3, "minutes")
    assert base.run("select x from log") == [("1",)]


@pytest.mark.parametrize(
    ("condition", "action", "state"),
    [
        ("select 1 from t where 1 / n > 0", "insert into log values ('!', null)", "CONDITION_FAILED"),
        ("select 1 from t", "insert into nowhere values (1)", "ACTION_FAILED"),
    ],
)
def test_failures_are_told(base, condition, action, state):
    base.run("insert into t values (0)")
    alert(base, condition=condition, action=action)
    base.advance(1, "minute")
    [row] = history(base)
    assert row["state"] == state
    assert row["sql_error_code"]


def test_cron_and_execute_and_suspend(base):
    base.run("call system$local_set_clock('2041-05-05 00:00:00')", "insert into t values (9)")
    alert(base, schedule="USING CRON 30 6 * * * Europe/Berlin")
    base.advance(1, "day")
    assert [row["scheduled_time"].hour for row in history(base)] == [4] or len(history(base)) == 1
    base.run("alter alert a suspend", "execute alert a")
    base.advance(2, "days")
    assert len(history(base)) == 2


@pytest.mark.parametrize(
    ("clauses", "errno"),
    [
        ("warehouse = w", 2),
        ("warehouse = w schedule = 'sometimes'", 1008),
        ("warehouse = nope schedule = '1 minute'", 2003),
    ],
)
def test_refusals(base, clauses, errno):
    assert base.errno(f"create alert a {clauses} if (exists (select 1)) then select 1") == errno


def test_its_owner_needs_the_privilege(base):
    base.run(
        "create role r",
        "grant all on database d to role r",
        "grant all on schema d.public to role r",
        "grant usage on warehouse w to role r",
        "grant role r to user admin",
        "use secondary roles none",
        "use role r",
        "create alert a warehouse = w schedule = '1 minute' if (exists (select 1)) then select 1",
    )
    assert base.errno("alter alert a resume") == 91089
    base.run("use role accountadmin", "grant execute alert on account to role r", "use role r", "alter alert a resume")
