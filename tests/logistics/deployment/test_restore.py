"""What the account can still give back comes back, on a real local Snowflake; the state takes it up."""

from __future__ import annotations

import re

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
    account = "LOCAL-T" + re.sub("[^A-Z0-9]+", "_", request.node.name.upper())[-60:]
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
    return Restorer(run.cursor, "D", 1, 9).plan(
        Checkpoint.of({"resources": past}), Checkpoint.of({"resources": now}), steps
    )


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


# -- renamed columns: past version 1 has K and V; what follows is done with it since ------------------------------------

PAST = {**T, "inputs": {**T["inputs"], "columns": [{"name": "K", "type": "INT"}, {"name": "V", "type": "INT"}]}}
KEY = {
    **resource("snowflake:index/tableConstraint:TableConstraint", "pk", {}),
    "inputs": {"tableId": '"D"."S"."T"', "type": "PRIMARY KEY", "columns": ["K"]},
}


class Versions:
    """Changes of D.S.T as `logistics columns` and `logistics deploy` make and record them."""

    def __init__(self, run):
        self.run, self.safety, self.version, self.names = run, Safety(run.cursor, "D"), 1, ["K", "V"]

    @property
    def state(self):
        return {**PAST, "inputs": {**PAST["inputs"], "columns": [{"name": name, "type": "INT"} for name in self.names]}}

    def rename(self, old, new):
        self.run(self.safety.column_note(self.version, '"D"."S"."T"', old, new))
        self.run(f"alter table d.s.t rename column {old} to {new}")
        self.names[self.names.index(old)] = new
        self.version += 1

    def drop(self, name):
        before, after = self.state, [column for column in self.state["inputs"]["columns"] if column["name"] != name]
        step = Step(op="update", urn=T["urn"], type=TABLE, old=before["inputs"], new={"columns": after})
        self.safety.keep(self.version, Checkpoint.of({"resources": [before]}), [step])
        self.run(f"alter table d.s.t drop column {name}")
        self.names.remove(name)
        self.version += 1

    def add(self, name, value):
        self.run(f"alter table d.s.t add column {name} int", f"update d.s.t set {name} = {value}")
        self.names.append(name)
        self.version += 1

    def back(self):
        """Goes back to version 1 as a rollback does, the replay's own ALTER TABLE included."""
        step = Step(op="update", urn=T["urn"], type=TABLE, old=self.state["inputs"], new=PAST["inputs"])
        returns = bring_back(self.run, [PAST, KEY], [self.state, KEY], step)
        state = adopted(Checkpoint.of({"resources": [self.state]}), returns).by_urn[T["urn"]]
        left = [column["name"] for column in state.inputs["columns"]]
        for name in left:
            if name not in ("K", "V"):
                self.run(f"alter table d.s.t drop column {name}")
        for name in ("K", "V"):
            if name not in left:
                self.run(f"alter table d.s.t add column {name} int")
        for item in returns:
            self.run(*item.after)
        assert not any(item.lost for item in returns)
        return returns


CHANGES = {
    "renamed": [("rename", "V", "W")],
    "renamed twice": [("rename", "V", "W"), ("rename", "W", "X")],
    "renamed there and back": [("rename", "V", "W"), ("rename", "W", "V")],
    "renamed, then dropped": [("rename", "V", "W"), ("drop", "W")],
    "renamed, then another added under its old name": [("rename", "V", "W"), ("add", "V", 9)],
    "renamed, dropped, another added under its new name": [("rename", "V", "W"), ("drop", "W"), ("add", "W", 9)],
    "dropped, then the other renamed": [("drop", "V"), ("rename", "K", "L")],
    "the two names exchanged": [("rename", "V", "W"), ("rename", "K", "V"), ("rename", "W", "K")],
    "dropped, then another column dropped": [("add", "N", 9), ("drop", "V"), ("drop", "N")],
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_columns_come_back_by_their_past_names_with_their_values(run, changes):
    versions = Versions(run)
    for verb, *arguments in changes:
        getattr(versions, verb)(*arguments)
    versions.back()
    assert run("select k, v from d.s.t order by k") == [(1, 1), (2, 2)]
    assert [row[2] for row in run("show columns in table d.s.t")] == ["K", "V"] or changes[0][0] == "drop"


def test_the_way_back_of_a_rename_goes_on_after_a_kill(run):
    versions = Versions(run)
    versions.rename("V", "W")
    [rename, _] = plan(run, [PAST], [versions.state])[0].statements
    run(rename)  # killed here: renamed, not recorded, and the state does not know
    [again] = versions.back()
    assert again.renames == {"W": "V"} and not [text for text in again.statements if text.startswith("ALTER")]
    versions.names = ["K", "V"]
    assert versions.back() == []


@pytest.mark.parametrize("retention", [0, 1], ids=["from its clone", "by UNDROP"])
def test_a_table_that_was_dropped_after_a_rename_has_its_past_columns(run, retention):
    versions = Versions(run)
    versions.rename("V", "W")
    run(f"alter table d.s.t set data_retention_time_in_days = {retention}")
    gone = Step(op="delete", urn=T["urn"], type=TABLE)
    versions.safety.keep(2, Checkpoint.of({"resources": [versions.state]}), [gone])
    run("drop table d.s.t")
    bring_back(run, [PAST], [])
    assert run("select v from d.s.t order by k") == [(1,), (2,)]
    assert plan(run, [PAST], [PAST]) == []


# -- protected tables: what is kept has policies of its own, so that the stack's can go ---------------------------------

KEEP = Step(op="delete", urn=T["urn"], type=TABLE)


def protect(run):
    """Put a row access policy and a mask on D.S.T, both of the stack's own."""
    run(
        "create row access policy d.s.rows_of as (k int) returns boolean -> k = 1",
        "create masking policy d.s.hidden as (v int) returns int -> -1",
        "alter table d.s.t add row access policy d.s.rows_of on (k)",
        "alter table d.s.t modify column v set masking policy d.s.hidden",
    )


def bare(run, table="d.s.t"):
    """Take both off a table and drop them, as a deployment of a version without them does."""
    run(f"drop table {table}", "drop row access policy d.s.rows_of", "drop masking policy d.s.hidden")


def test_a_kept_clone_holds_back_no_policy_and_is_protected_all_the_same(run):
    protect(run)
    safety = Safety(run.cursor, "D")
    safety.keep(1, Checkpoint.of({"resources": [T]}), [KEEP])
    bare(run)
    [clone] = [kept.clone for kept in safety.kept() if kept.kind == "table"]
    assert run(f"select k, v from {clone}") == [(1, -1)]


def test_the_policies_of_a_clone_expire_with_it(run):
    protect(run)
    safety = Safety(run.cursor, "D")
    safety.keep(1, Checkpoint.of({"resources": [T]}), [KEEP])
    assert len(run("show masking policies in schema d.deployments")) == 1
    run("update d.deployments.kept set expires_at = dateadd(day, -1, current_timestamp())")
    assert safety.clear_expired() == 1
    for kind in ("masking", "row access"):
        assert run(f"show {kind} policies in schema d.deployments") == []


def test_a_table_back_from_its_clone_is_masked_and_takes_a_row_access_policy(run):
    protect(run)
    run("alter table d.s.t set data_retention_time_in_days = 0")
    Safety(run.cursor, "D").keep(1, Checkpoint.of({"resources": [T]}), [KEEP])
    bare(run)
    bring_back(run, [T], [])
    assert run("select distinct v from d.s.t") == [(-1,)]
    run("create row access policy d.s.rows_of as (k int) returns boolean -> k = 2")
    run("alter table d.s.t add row access policy d.s.rows_of on (k)")
    assert run("select k from d.s.t") == [(2,)]


def test_a_protected_table_that_is_put_aside_holds_back_no_policy(run):
    run("drop table d.s.t", "create table d.s.t (k int, v int)", "insert into d.s.t values (1, 3), (2, 4)")
    protect(run)
    bring_back(run, [T], [T], Step(op="replace", urn=T["urn"], type=TABLE))
    run("drop row access policy d.s.rows_of", "drop masking policy d.s.hidden")
    [(aside,)] = run("select table_name from d.information_schema.tables where table_name like 'T__PUT_ASIDE%'")
    assert run(f"select k, v from d.deployments.{aside}") == [(1, -1)]


# -- tables that were dropped and made again since, under the same name ---------------------------------------------------


def made(day):
    """D.S.T as a state has it whose engine created it on a day."""
    return {**T, "created": f"2026-11-{day:02}T00:00:00Z"}


def test_a_table_made_again_since_gives_way_to_the_one_before(run):
    run("drop table d.s.t", "create table d.s.t (k int, v int)", "insert into d.s.t values (3, 3)")
    [back] = bring_back(run, [made(1)], [made(2)])
    assert run("select k from d.s.t order by k") == [(1,), (2,)] and "put aside" not in back.said
    assert back.replaces == '"D"."S"."T"'
    [(aside,)] = run("select table_name from d.information_schema.tables where table_name like 'T__PUT_ASIDE%'")
    assert run(f"select k from d.deployments.{aside}") == [(3,)]


def test_a_table_made_again_since_stays_if_nothing_can_come_back(run):
    run("alter table d.s.t set data_retention_time_in_days = 0", "create or replace table d.s.t (k int, v int)")
    run(
        "alter table d.s.t set data_retention_time_in_days = 0", "drop table d.s.t", "create table d.s.t (k int, v int)"
    )
    assert plan(run, [made(1)], [made(2)]) == []


def test_each_table_of_a_name_has_clones_of_its_own(run):
    states = {1: made(1), 2: made(2)}
    safety = Safety(run.cursor, "D")
    safety.keep(1, Checkpoint.of({"resources": [states[1]]}), [KEEP])
    run("drop table d.s.t", "create table d.s.t (k int, v int)", "insert into d.s.t values (3, 3)")
    safety.keep(2, Checkpoint.of({"resources": [states[2]]}), [KEEP])
    run("drop table d.s.t", "create table d.s.t (k int, v int)")

    def back_to(version, today):
        restorer = Restorer(run.cursor, "D", version, 9, lambda number, _: states[number]["created"])
        past, now = (Checkpoint.of({"resources": [state]}) for state in (states[version], today))
        for item in restorer.plan(past, now, []):
            restore.bring_back(run.cursor, item)
        return [row[0] for row in run("select k from d.s.t order by k")]

    assert back_to(1, made(3)) == [1, 2]
    assert back_to(2, states[1]) == [3]
