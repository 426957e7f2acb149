"""Warehouses and resource monitors over time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from embedded.snowflake.errors import SnowflakeError


@pytest.fixture
def run(session):
    opened = session()
    clock = opened.account.clock
    # From a day's first hour, so that no test meets the midnight at which what was spent begins anew.
    clock.advance((clock.now().replace(hour=1, minute=0) + timedelta(days=1) - clock.now()).total_seconds())

    def execute(*texts):
        result = None
        for text in texts:
            result = opened.execute(text)
        assert result is not None
        return result

    # A kept result would need no warehouse.
    execute("alter account set use_cached_result = false", "create database d", "create table t (n int)")
    execute.session = opened
    return execute


@pytest.fixture
def forward(account):
    def move(seconds):
        account.clock.advance(seconds)
        account.scheduler.tick()

    return move


def shown(run, statement, name):
    result = run(statement)
    [row] = result.rows
    return row[[column.name for column in result.columns].index(name)]


def state(run):
    return shown(run, "show warehouses like 'w'", "state")


def refused(run, text):
    with pytest.raises(SnowflakeError) as caught:
        run(text)
    return caught.value.errno


def used(account):
    return sum(row["credits_used"] for row in account.history.rows("warehouse_metering_history"))


def test_a_query_resumes_and_idleness_suspends(run, forward):
    run("create warehouse w auto_suspend = 60 initially_suspended = true")
    assert state(run) == "SUSPENDED"
    run("select 1")
    assert state(run) == "SUSPENDED"
    run("select * from t")
    assert state(run) == "STARTED"
    forward(59)
    assert state(run) == "STARTED"
    forward(7)
    assert state(run) == "SUSPENDED"


@pytest.mark.parametrize("seconds", ["0", "null"])
def test_some_never_suspend(run, forward, seconds):
    run(f"create warehouse w auto_suspend = {seconds}")
    forward(100_000)
    assert state(run) == "STARTED"


def test_without_auto_resume_a_query_is_refused(run):
    run("create warehouse w auto_resume = false initially_suspended = true")
    assert refused(run, "select * from t") == 606
    run("alter warehouse w resume", "select * from t")


def test_a_dropped_warehouse_is_none(run):
    run("create warehouse w", "create warehouse other initially_suspended = true", "use warehouse w")
    run("drop warehouse w")
    assert run.session.warehouse is None


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [("xsmall", 1, 60 / 3600), ("xsmall", 3600, 1.0), ("medium", 1800, 2.0), ("'2X-LARGE'", 7200, 64.0)],
)
def test_credits_are_size_times_time_and_a_minute_at_least(run, forward, account, size, seconds, expected):
    run(f"create warehouse w warehouse_size = {size} auto_suspend = 0")
    forward(seconds)
    run("alter warehouse w suspend")
    account.scheduler.tick()
    account.warehouses.write()
    assert used(account) == pytest.approx(expected, rel=0.01)


def test_metering_has_a_row_an_hour(run, forward, account):
    run("create warehouse w auto_suspend = 0")
    for _ in range(6):
        forward(1800)
    rows = account.history.rows("warehouse_metering_history")
    assert len({row["start_time"] for row in rows}) == len(rows)
    assert len(rows) in (3, 4)


def test_a_new_size_counts_from_now_on(run, forward, account):
    run("create warehouse w auto_suspend = 0")
    forward(3600)
    run("alter warehouse w set warehouse_size = large")
    forward(3600)
    account.warehouses.write()
    assert used(account) == pytest.approx(9.0, rel=0.01)


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        ("create warehouse w2 warehouse_size = enormous", 1008),
        ("create warehouse w2 min_cluster_count = 3 max_cluster_count = 2", 1008),
        ("create warehouse w2 colour = red", 1420),
        ("create warehouse w2 resource_monitor = nobody", 2003),
        ("alter warehouse w set auto_suspend = -1", 1008),
        ("alter warehouse w resume", 90063),
        ("create resource monitor m with frequency = daily", 90078),
        ("create resource monitor m with start_timestamp = immediately", 90078),
        ("create resource monitor m with frequency = hourly start_timestamp = immediately", 1008),
        ("create resource monitor m with frequency = daily start_timestamp = 'soon'", 1008),
        ("create resource monitor m with credit_quota = 1 triggers on 80 percent do panic", 1003),
        ("create resource monitor m with triggers on 80 percent do suspend on 90 percent do suspend", 90076),
    ],
)
def test_refused(run, text, errno):
    run("create warehouse w")
    assert refused(run, text) == errno


@pytest.mark.parametrize("size", ["XSMALL", "'X-SMALL'", "x-small", "'xsmall'"])
def test_spellings_of_a_size(run, size):
    run(f"create warehouse w warehouse_size = {size} initially_suspended = true")
    assert shown(run, "show warehouses like 'w'", "size") == "X-Small"


@pytest.mark.parametrize("trigger", ["suspend", "suspend_immediate"])
def test_a_monitor_keeps_its_warehouse_suspended(run, forward, trigger):
    run(
        "create resource monitor m with credit_quota = 2 frequency = daily start_timestamp = immediately"
        f" triggers on 50 percent do notify on 100 percent do {trigger}",
        "create warehouse w auto_suspend = 0 resource_monitor = m",
    )
    assert shown(run, "show resource monitors", "level") == "WAREHOUSE"
    run("select * from t")
    forward(2 * 3600)
    assert state(run) == "SUSPENDED"
    assert refused(run, "select * from t") == 90073
    assert refused(run, "alter warehouse w resume") == 90073
    assert float(shown(run, "show resource monitors", "used_credits")) == pytest.approx(2, rel=0.01)
    # The next day has a quota of its own.
    forward(24 * 3600)
    run("select * from t")
    assert state(run) == "STARTED"


def test_a_monitor_notifies_once(run, forward, account):
    run(
        "create resource monitor m with credit_quota = 4 frequency = never start_timestamp = immediately"
        " triggers on 50 percent do notify",
        "create warehouse w auto_suspend = 0 resource_monitor = m",
    )
    for _ in range(4):
        forward(3600)
    assert [row["message_source"] for row in account.history.rows("notification_history")] == ["RESOURCE_MONITOR"]
    assert state(run) == "STARTED"


def test_a_raised_quota_lets_it_go_on(run, forward):
    run(
        "create resource monitor m with credit_quota = 1 frequency = never start_timestamp = immediately"
        " triggers on 100 percent do suspend",
        "create warehouse w auto_suspend = 0 resource_monitor = m",
    )
    forward(3700)
    assert refused(run, "select * from t") == 90073
    run("alter resource monitor m set credit_quota = 10", "select * from t")


def test_the_monitor_as_shown(run):
    run(
        "create user u",
        "create resource monitor m with credit_quota = 100 frequency = monthly start_timestamp = '2030-01-01 00:00'"
        " notify_users = (u) triggers on 50 percent do notify on 75 percent do notify on 90 percent do suspend",
    )
    result = run("show resource monitors")
    row = dict(zip([column.name for column in result.columns], result.rows[0], strict=True))
    assert (row["credit_quota"], row["used_credits"], row["remaining_credits"]) == ("100.00", "0.00", "100.00")
    assert (row["notify_at"], row["suspend_at"], row["suspend_immediately_at"]) == ("50%,75%", "90%", None)
    assert (row["frequency"], row["level"], row["notify_users"]) == ("MONTHLY", None, "U")


def test_only_accountadmin_makes_monitors(run, session):
    run("select 1")
    with pytest.raises(SnowflakeError) as caught:
        other = session(role="SYSADMIN")
        other.secondary_roles = False
        other.execute("create resource monitor m with credit_quota = 1")
    assert caught.value.errno == 3001
