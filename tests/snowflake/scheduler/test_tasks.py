"""Tasks: graphs, schedules, triggers, rights, history."""

from __future__ import annotations

import threading

import pytest

from embedded.snowflake.errors import SnowflakeError


@pytest.fixture
def run(session):
    """Execute statements in a session with database D, and give the last one's rows."""
    opened = session()

    def execute(*texts):
        result = None
        for text in texts:
            result = opened.execute(text)
        assert result is not None
        return result.rows if result.rows is not None else [tuple(row.values()) for row in result.arrow.to_pylist()]

    execute("create database d", "create table log (line varchar)", "create warehouse w initially_suspended = true")
    execute.session = opened
    return execute


@pytest.fixture
def tick(account):
    """Move the clock forward and let all that is due run to its end."""

    def forward(seconds=0.0):
        account.clock.advance(seconds)
        account.scheduler.tick()
        account.scheduler.wait_idle()

    return forward


def states(account):
    return [(row["name"], row["state"]) for row in account.history.rows("task_history")]


def column(run, task, name):
    result = run.session.execute(f"show tasks like '{task}'")
    [row] = result.rows
    return row[[item.name for item in result.columns].index(name)]


def refused(run, text):
    with pytest.raises(SnowflakeError) as caught:
        run(text)
    return caught.value.errno


def test_a_scheduled_task_runs_when_it_is_due(run, tick, account):
    run("create task t warehouse = w schedule = '5 minutes' as insert into log values ('ran')", "alter task t resume")
    tick(1)
    assert run("select count(*) from log") == [(0,)]
    tick(300)
    tick(1)
    assert run("select count(*) from log") == [(1,)]
    assert states(account) == [("T", "SUCCEEDED")]


def test_a_suspended_task_does_not_run(run, tick):
    run("create task t schedule = '10 seconds' as insert into log values ('ran')")
    tick()
    tick(60)
    assert run("select * from log") == []
    assert column(run, "t", "state") == "suspended"


def test_execute_task_runs_it_though_suspended(run, tick):
    run("create task t schedule = '5 minutes' as insert into log values ('ran')", "execute task t")
    tick()
    assert run("select * from log") == [("ran",)]


def test_a_stream_triggers_and_is_consumed(run, tick, account):
    run(
        "create table src (n int)",
        "create stream s on table src",
        "create task t when system$stream_has_data('s') as insert into log select 'n ' || n from s",
        "alter task t resume",
    )
    tick()
    assert states(account) == []
    run("insert into src values (1)")
    tick()
    assert run("select * from log") == [("n 1",)]
    assert run("select count(*) from s") == [(0,)]
    # Not twice within the least interval of 30 seconds.
    run("insert into src values (2)")
    tick()
    assert run("select count(*) from log") == [(1,)]
    tick(30)
    assert run("select count(*) from log") == [(2,)]


def test_a_rolled_back_change_triggers_nothing(run, tick, account):
    run(
        "create table src (n int)",
        "create stream s on table src",
        "create task t when system$stream_has_data('s') as insert into log select 'n' from s",
        "alter task t resume",
        "begin",
        "insert into src values (1)",
        "rollback",
    )
    tick()
    assert states(account) == []


def test_when_false_is_a_skipped_run(run, tick, account):
    run("create task t schedule = '1 minute' when 1 = 0 as insert into log values ('ran')", "alter task t resume")
    tick()
    tick(60)
    assert states(account) == [("T", "SKIPPED")]
    assert run("select * from log") == []


def test_a_graph_runs_in_order_and_ends_with_its_finalizer(run, tick, account):
    run(
        "create task root schedule = '1 minute' as insert into log values ('root')",
        "create task a after root as insert into log values ('a')",
        "create task b after root as insert into log values ('b')",
        "create task joined after a, b as insert into log select 'joined ' || count(*) from log",
        "create task last finalize = root as insert into log values ('last')",
        *(f"alter task {name} resume" for name in ("a", "b", "joined", "last", "root")),
        "execute task root",
    )
    tick()
    assert sorted(run("select * from log")) == [("a",), ("b",), ("joined 3",), ("last",), ("root",)]
    names = [name for name, _ in states(account)]
    assert names[0] == "ROOT"
    assert names[-1] == "LAST"


def test_what_comes_after_a_failure_does_not_run(run, tick, account):
    run(
        "create task root schedule = '1 minute' as insert into log select 1 / 0",
        "create task a after root as insert into log values ('a')",
        "create task last finalize = root as insert into log values ('last')",
        *(f"alter task {name} resume" for name in ("a", "last", "root")),
        "execute task root",
    )
    tick()
    assert states(account) == [("ROOT", "FAILED"), ("LAST", "SUCCEEDED")]
    [row] = [row for row in account.history.rows("task_history") if row["name"] == "ROOT"]
    assert row["error_code"] == "100051"


def test_a_failed_graph_is_tried_again(run, tick, account):
    run(
        "create task root schedule = '1 minute' task_auto_retry_attempts = 2 as insert into log select 1 / 0",
        "alter task root resume",
        "execute task root",
    )
    tick()
    assert [row["attempt_number"] for row in account.history.rows("task_history")] == [1, 2, 3]


def test_suspended_after_failures_in_a_row(run, tick):
    run(
        "create task t schedule = '1 minute' suspend_task_after_num_failures = 2 as insert into log select 1 / 0",
        "alter task t resume",
    )
    tick()
    for _ in range(3):
        tick(60)
    assert column(run, "t", "state") == "suspended"
    assert column(run, "t", "last_suspended_reason") == "SUSPENDED_DUE_TO_ERRORS"


def test_a_suspended_child_is_passed_over(run, tick):
    run(
        "create task root schedule = '1 minute' as insert into log values ('root')",
        "create task middle after root as insert into log values ('middle')",
        "create task leaf after middle as insert into log values ('leaf')",
        "alter task leaf resume",
        "alter task root resume",
        "execute task root",
    )
    tick()
    assert sorted(run("select * from log")) == [("leaf",), ("root",)]


def test_a_task_has_its_owners_rights(run, tick, account):
    run(
        "create role r",
        "grant role r to role sysadmin",
        "grant usage on database d to role r",
        "grant usage on schema d.public to role r",
        "create task t schedule = '1 minute' as insert into log values ('not mine')",
        "grant execute task on account to role r",
        "grant execute managed task on account to role r",
        "grant ownership on task t to role r",
        "execute task t",
    )
    tick()
    assert states(account) == [("T", "FAILED")]
    run("grant insert on table log to role r", "execute task t")
    tick()
    assert states(account)[-1] == ("T", "SUCCEEDED")


def test_a_task_runs_as_system_in_its_owners_role(run, tick):
    run(
        "create table who (u varchar, r varchar, w varchar)",
        "create task t warehouse = w schedule = '1 minute' as"
        " insert into who select current_user(), current_role(), current_warehouse()",
        "execute task t",
    )
    tick()
    assert run("select * from who") == [("SYSTEM", "ACCOUNTADMIN", "W")]


@pytest.mark.parametrize(
    "text",
    [
        "create task child after root as select 1",
        "alter task child resume",
        "alter task root set schedule = '2 minutes'",
        "alter task root modify as select 2",
        "drop task child",
    ],
)
def test_a_graph_is_changed_only_while_its_root_is_suspended(run, text):
    run(
        "create task root schedule = '1 minute' as select 1",
        "create task child after root as select 1" if "create" not in text else "select 1",
        "alter task root resume",
    )
    assert refused(run, text) == 91090


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        ("create task t schedule = '5 parsecs' as select 1", 1008),
        ("create task t schedule = 'USING CRON 0 25 * * * UTC' as select 1", 1008),
        ("create task t schedule = '5 minutes' after root as select 1", 91107),
        ("create task t after nowhere as select 1", 2003),
        ("create task t schedule = '5 minutes'", 1003),
        ("create task t colour = 'red' as select 1", 1420),
        ("create task t config = 'no json' schedule = '5 minutes' as select 1", 1008),
        ("create task root as select 1", 2002),
        ("execute task child", 91107),
        ("alter task root add after child", 91107),
        ("alter task loose resume", 91107),
    ],
)
def test_refused(run, text, errno):
    run(
        "create task root as select 1",
        "create task child after root as select 1",
        "create task loose as select 1",
    )
    assert refused(run, text) == errno


def test_show_tells_what_was_said(run):
    run(
        "create task root warehouse = w schedule = 'USING CRON 0 */5 * * * UTC' config = '{\"a\": 1}'"
        " user_task_timeout_ms = 60000 comment = 'why' when 1 = 1 as select 'a;b' as x",
        "create task child after root as select 2",
        "create task last finalize = 'root' as select 3",
    )
    assert column(run, "root", "definition") == "select 'a;b' as x"
    assert column(run, "root", "condition") == "1 = 1"
    assert column(run, "root", "schedule") == "USING CRON 0 */5 * * * UTC"
    assert column(run, "root", "warehouse") == "W"
    assert column(run, "root", "comment") == "why"
    assert column(run, "root", "predecessors") == "[]"
    assert (
        column(run, "root", "task_relations") == '{"Predecessors":[],"FinalizerTask":"\\"D\\".\\"PUBLIC\\".\\"LAST\\""}'
    )
    assert column(run, "child", "task_relations") == '{"Predecessors":["\\"D\\".\\"PUBLIC\\".\\"ROOT\\""]}'
    assert "D.PUBLIC.ROOT" in column(run, "child", "predecessors")
    assert [row[1] for row in run("show tasks root only")] == ["ROOT"]


def test_alter(run):
    run(
        "create task t schedule = '5 minutes' comment = 'old' as select 1",
        "create task root schedule = '5 minutes' as select 1",
        "alter task t set schedule = '10 minutes', comment = 'new', user_task_timeout_ms = 1000",
        "alter task t modify as select 2",
        "alter task t modify when 1 = 1",
    )
    found = [column(run, "t", name) for name in ("schedule", "comment", "definition", "condition")]
    assert found == ["10 minutes", "new", "select 2", "1 = 1"]
    run("alter task t unset schedule, comment", "alter task t remove when", "alter task t add after root")
    found = [column(run, "t", name) for name in ("schedule", "comment", "condition")]
    assert found == [None, "", None]
    run("alter task t remove after root")
    assert column(run, "t", "predecessors") == "[]"


def test_no_overlap(run, account):
    started, go_on = threading.Event(), threading.Event()
    original = account.history.add

    def hold(table, row):
        if table == "task_history" and row["state"] != "SKIPPED":
            started.set()
            go_on.wait(10)
        original(table, row)

    run("create task t schedule = '1 minute' as select 1", "alter task t resume")
    account.scheduler.tick()
    account.history.add = hold
    account.clock.advance(60)
    account.scheduler.tick()
    assert started.wait(10)
    account.clock.advance(60)
    account.scheduler.tick()
    go_on.set()
    account.scheduler.wait_idle()
    assert sorted(states(account)) == [("T", "SKIPPED"), ("T", "SUCCEEDED")]
