"""Graphs of tasks over the wire: what tasks tell each other, retries, failures, versions, histories."""

from __future__ import annotations

import time

import pytest


@pytest.fixture
def base(client):
    client.run("create table log (x varchar)")
    return client


def tasks(client, *texts):
    """Tasks given as `name clauses as body`, all resumed; the first is the root."""
    for text in texts:
        name, _, rest = text.partition(" ")
        client.run(f"create task {name} warehouse = w {rest}")
    client.run(f"select system$task_dependents_enable('{texts[0].split()[0]}')")


def history(client, where="state <> 'SCHEDULED'"):
    rows = client.dicts(f"select * from table(information_schema.task_history()) where {where}")
    return list(reversed(rows))


def lines(client):
    return [row[0] for row in client.run("select x from log order by x")]


def test_values_go_along_the_graph(base):
    tasks(
        base,
        "root schedule = '1 minute' as call system$set_return_value('seven')",
        "a after root as call system$set_return_value('eight')",
        "b after root, a as insert into log select system$get_predecessor_return_value('ROOT')"
        " || system$get_predecessor_return_value('a')",
        "last finalize = root as insert into log select system$current_user_task_name()",
    )
    base.advance(61)
    assert lines(base) == ["D.PUBLIC.LAST", "seveneight"]
    assert {row["return_value"] for row in history(base)} == {"seven", "eight", None}


@pytest.mark.parametrize(
    ("path", "value"),
    [("", '{"a": {"b": [1, "two"]}}'), ("'a.b[1]'", "two"), ("'$.a.b'", '[1,"two"]'), ("'a.nothing'", None)],
)
def test_configuration(base, path, value):
    tasks(
        base,
        'root schedule = \'1 hour\' config = $${"a": {"b": [1, "two"]}}$$'
        f" as insert into log select system$get_task_graph_config({path})",
    )
    base.advance(61, "minutes")
    assert lines(base) == [value]


def test_configuration_of_one_execution(base):
    base.run(
        "create task root warehouse = w as insert into log select system$get_task_graph_config('x')",
        """execute task root using config = '{"x": "here"}'""",
    )
    base.advance(1)
    assert lines(base) == ["here"]


@pytest.mark.parametrize(
    "call",
    ["system$set_return_value('x')", "system$task_runtime_info('CURRENT_TASK_NAME')", "system$get_task_graph_config()"],
)
def test_outside_of_a_task_there_is_nothing_to_tell(base, call):
    assert base.errno(f"select {call}") == 91098


def test_runtime_info_knows_the_last_success(base):
    info = "system$task_runtime_info('LAST_SUCCESSFUL_TASK_GRAPH_RUN_GROUP_ID')"
    tasks(base, f"root schedule = '1 minute' as insert into log select nvl({info}, 'none')")
    base.advance(121)
    first = history(base)[0]
    assert sorted(lines(base)) == sorted(["none", first["graph_run_group_id"]])


def test_a_failed_graph_is_tried_again_from_what_failed(base):
    tasks(
        base,
        "root schedule = '1 hour' task_auto_retry_attempts = 2 as insert into log values ('root')",
        "bad after root as select 1 / 0",
    )
    base.advance(61, "minutes")
    assert [(row["name"], row["state"], row["attempt_number"]) for row in history(base)] == [
        ("ROOT", "SUCCEEDED", 1),
        ("BAD", "FAILED", 1),
        ("BAD", "FAILED", 2),
        ("BAD", "FAILED", 3),
    ]
    assert len({row["graph_run_group_id"] for row in history(base)}) == 1


def test_retry_last_goes_on_where_it_failed(base):
    base.run("create table needed_later (n int)", "drop table needed_later")
    tasks(
        base,
        "root schedule = '1 hour' as insert into log values ('root')",
        "bad after root as insert into log select 'found' from needed_later",
        "after_bad after bad as insert into log values ('after')",
    )
    base.advance(61, "minutes")
    base.run("create table needed_later (n int)", "insert into needed_later values (1)", "execute task root retry last")
    base.advance(1)
    assert lines(base) == ["after", "found", "root"]
    assert base.errno("execute task root retry last") == 91107


def test_a_changed_graph_is_a_new_version_and_not_retried(base):
    tasks(base, "root schedule = '1 hour' as select 1 / 0")
    base.advance(61, "minutes")
    base.run("alter task root suspend", "alter task root modify as select 1", "alter task root resume")
    assert base.errno("execute task root retry last") == 91107
    found = base.dicts("select * from snowflake.account_usage.task_versions where name = 'ROOT' order by graph_version")
    assert [(row["graph_version"], row["definition"]) for row in found] == [(1, "select 1 / 0"), (2, "select 1")]


def test_failures_in_a_row_suspend_the_root(base):
    tasks(base, "root schedule = '1 minute' suspend_task_after_num_failures = 2 as select 1 / 0")
    base.advance(10, "minutes")
    assert [row["state"] for row in history(base)] == ["FAILED", "FAILED_AND_AUTO_SUSPENDED"]
    [shown] = base.dicts("show tasks like 'root'")
    assert (shown["state"], shown["last_suspended_reason"]) == ("suspended", "SUSPENDED_DUE_TO_ERRORS")


def test_a_run_that_takes_too_long_is_ended(base):
    tasks(
        base,
        "root schedule = '1 hour' user_task_timeout_ms = 300 as select count(*) from"
        " table(generator(rowcount => 3000000)) a, table(generator(rowcount => 3000000)) b",
    )
    base.advance(61, "minutes")
    [row] = history(base)
    assert (row["state"], row["error_code"]) == ("FAILED", "000630")


def test_a_skipped_root_has_no_children_and_no_finalizer(base):
    tasks(
        base,
        "root schedule = '1 hour' when 1 = 0 as select 1",
        "a after root as insert into log values ('a')",
        "last finalize = root as insert into log values ('last')",
    )
    base.advance(61, "minutes")
    [row] = history(base)
    assert (row["state"], row["error_message"]) == ("SKIPPED", "Conditional expression for task evaluated to false.")
    assert lines(base) == []


def test_graphs_are_told_as_a_whole(base):
    tasks(base, "root schedule = '1 hour' as select 1", "bad after root as select 1 / 0")
    base.advance(61, "minutes")
    [row] = base.dicts("select * from table(information_schema.complete_task_graphs(error_only => true))")
    assert (row["root_task_name"], row["state"], row["first_error_task_name"]) == ("ROOT", "FAILED", "BAD")
    [planned] = base.dicts("select * from table(information_schema.current_task_graphs(root_task_name => 'root'))")
    assert planned["state"] == "SCHEDULED"


def test_a_child_is_not_changed_while_its_root_is_started(base):
    tasks(base, "root schedule = '1 hour' as select 1", "a after root as select 2")
    for text in ("alter task a modify as select 3", "alter task a suspend", "create task b after root as select 4"):
        assert base.errno(text) == 91090
    base.run("alter task root suspend", "alter task a modify as select 3")


def test_a_trigger_starts_within_two_seconds_of_the_commit(connect):
    cursor = connect().cursor()
    for text in (
        "create database d",
        "create table src (n int)",
        "create table log (n int)",
        "create stream s on table src",
        "create stream other on table src",
        "create task t warehouse = compute_wh when system$stream_has_data('s') or system$stream_has_data('other')"
        " as insert into log select n from s",
        "alter task t resume",
        "insert into src values (1)",
    ):
        cursor.execute(text)
    deadline = time.monotonic() + 2
    while not (found := cursor.execute("select n from log").fetchall()) and time.monotonic() < deadline:
        pass
    assert found == [(1,)]


@pytest.mark.parametrize(
    ("zone", "start", "schedule", "expected"),
    [
        ("America/New_York", "2040-03-10 12:00:00", "30 2 * * *", ["2040-03-12", "2040-03-13"]),
        ("America/New_York", "2040-11-03 12:00:00", "30 1 * * *", ["2040-11-04", "2040-11-04", "2040-11-05"]),
        ("UTC", "2040-01-01 12:00:00", "0 12 * * 5L", ["2040-01-27", "2040-02-24"]),
        ("UTC", "2040-01-15 12:00:00", "0 0 L * *", ["2040-01-31", "2040-02-29"]),
    ],
    ids=["gap", "repeat", "last friday", "last day"],
)
def test_cron(zone, start, schedule, expected):
    from datetime import UTC, datetime

    from embedded.snowflake.scheduler.schedule import parse_schedule

    found, moment = [], datetime.fromisoformat(start).replace(tzinfo=UTC)
    made = parse_schedule(f"USING CRON {schedule} {zone}")
    for _ in expected:
        moment = made.next(moment, moment)
        found.append(moment.date().isoformat())
    assert found == expected
