"""What the account can still give back comes back, on a real local Snowflake; the state takes it up."""

from __future__ import annotations

import pytest
from local_server import local_server

from logistics.deployment import restore
from logistics.deployment.restore import Restorer, adopted
from logistics.deployment.safety import Safety
from logistics.deployment.state import Checkpoint
from logistics.deployment.steps import Step

PROVIDER = "urn:pulumi:dev::p::pulumi:providers:snowflake::default_2_17_0"
TABLE, STREAM, SCHEMA = (
    f"snowflake:index/{word}" for word in ("table:Table", "streamOnTable:StreamOnTable", "schema:Schema")
)


def urn(token, name):
    return f"urn:pulumi:dev::p::{token}::{name}"


def resource(token, name, inputs, *needs):
    return {
        "urn": urn(token, name),
        "type": token,
        "custom": True,
        "id": name,
        "inputs": {"name": name.upper(), "database": "D", **inputs},
        "provider": f"{PROVIDER}::old",
        "dependencies": list(needs),
    }


T = resource(TABLE, "t", {"schema": "S"})
STATE_PROVIDER = {"urn": PROVIDER, "type": "pulumi:providers:snowflake", "custom": True, "id": "new"}
S = resource(STREAM, "s", {"schema": "S", "table": '"D"."S"."T"'}, T["urn"])


@pytest.fixture(scope="module")
def server():
    with local_server() as running:
        yield running


@pytest.fixture
def run(server, request):
    """Sends statements in an account of the test's own; database D with schema S and the kept things' tables."""
    account = f"LOCAL-{request.node.name.upper().replace('[', '_').replace(']', '')[:40]}"
    with server.connect(account, role="ACCOUNTADMIN") as connection:
        cursor = connection.cursor()

        def send(*texts):
            for text in texts:
                cursor.execute(text)
            return cursor.fetchall()

        send("create warehouse w", "create database d", "create schema d.s", "create table d.s.t (k int, v int)")
        send("insert into d.s.t values (1, 1), (2, 2)")
        Safety(cursor, "D").prepare()
        send.cursor = cursor
        yield send


def plan(run, past, now, *steps):
    restorer = Restorer(run.cursor, "D", Safety(run.cursor, "D").kept(), 1)
    return restorer.plan(Checkpoint.of({"resources": past}), Checkpoint.of({"resources": now}), steps)


def bring_back(run, past, now, *steps):
    returns = plan(run, past, now, *steps)
    for item in returns:
        restore.bring_back(run.cursor, item)
    return returns


def test_a_dropped_table_comes_back(run):
    run("drop table d.s.t")
    [back] = bring_back(run, [T], [])
    assert not back.lost and run("select count(*) from d.s.t") == [(2,)]
    [again] = bring_back(run, [T], [])
    assert "taken up again" in again.said


def test_a_table_of_a_dropped_schema_comes_back_with_it(run):
    run("drop schema d.s")
    schema = resource(SCHEMA, "s", {})
    returns = bring_back(run, [schema, T], [])
    assert run("select count(*) from d.s.t") == [(2,)]
    assert [item.resource.name for item in returns if item.adopt] == ["s", "t"]


def test_a_replaced_table_gives_way_to_the_one_before(run):
    run("drop table d.s.t", "create table d.s.t (k int, other int)", "insert into d.s.t values (3, 3)")
    step = Step(op="replace", urn=T["urn"], type=TABLE)
    [back] = bring_back(run, [T], [T], step)
    assert run("select k, v from d.s.t order by k") == [(1, 1), (2, 2)]
    [(aside,)] = run("select table_name from d.information_schema.tables where table_name like 'T__PUT_ASIDE%'")
    assert aside in back.said and run(f"select other from d.deployments.{aside}") == [(3,)]


def test_a_table_without_retention_comes_from_its_clone(run):
    run("alter table d.s.t set data_retention_time_in_days = 0")
    Safety(run.cursor, "D").keep(1, Checkpoint.of({"resources": [T]}), [Step(op="delete", urn=T["urn"], type=TABLE)])
    run("drop table d.s.t")
    bring_back(run, [T], [])
    assert run("select count(*) from d.s.t") == [(2,)]


def test_what_nobody_kept_is_said_to_be_lost(run):
    run("alter table d.s.t set data_retention_time_in_days = 0", "drop table d.s.t")
    [gone] = plan(run, [T], [])
    assert gone.lost and "comes back empty" in gone.said


def test_a_stream_comes_back_at_its_offset(run):
    run("create stream d.s.s on table d.s.t", "insert into d.s.t values (3, 3)")
    past = Checkpoint.of({"resources": [T, S]})
    Safety(run.cursor, "D").keep(1, past, [Step(op="delete", urn=S["urn"], type=STREAM)])
    run("drop stream d.s.s", "insert into d.s.t values (4, 4)")
    bring_back(run, [T, S], [T])
    assert run("select k from d.s.s order by k") == [(3,), (4,)]


def test_kept_things_expire(run):
    safety = Safety(run.cursor, "D")
    safety.keep(1, Checkpoint.of({"resources": [T]}), [Step(op="delete", urn=T["urn"], type=TABLE)])
    [kept] = safety.kept()
    run("update d.deployments.kept set expires_at = dateadd(day, -1, current_timestamp())")
    assert safety.kept() == [] and safety.clear_expired() == 1
    assert run("show tables like 'S__T__V1' in schema d.deployments") == [] and kept.clone


def test_the_state_takes_up_what_came_back_behind_what_it_needs(run):
    run("drop table d.s.t")
    now = [STATE_PROVIDER, resource(SCHEMA, "s", {}), resource(TABLE, "u", {"schema": "S"})]
    needing = {**T, "dependencies": [urn(SCHEMA, "s"), urn(TABLE, "gone")], "parent": urn("x:y:Z", "gone")}
    returns = plan(run, [needing], now)
    state = adopted(Checkpoint.of({"resources": now}), returns)
    assert [item.name for item in state.resources] == ["default_2_17_0", "s", "t", "u"]
    taken = state.by_urn[T["urn"]].raw
    assert (taken["provider"], taken["dependencies"]) == (f"{PROVIDER}::new", [urn(SCHEMA, "s")])
    assert "parent" not in taken
