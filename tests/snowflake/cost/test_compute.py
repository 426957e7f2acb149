"""What needs a warehouse, waiting for it, its clusters, its credits and its monitors, over the wire."""

from __future__ import annotations

import email
from concurrent.futures import ThreadPoolExecutor

import pytest
from snowflake.connector.errors import Error


def state(client, name="w"):
    [row] = client.dicts(f"show warehouses like '{name}'")
    return row


def credits_used(client, name="W"):
    rows = client.run(
        f"select sum(credits_used) from snowflake.account_usage.warehouse_metering_history"
        f" where warehouse_name = '{name}'"
    )
    return float(rows[0][0] or 0)


@pytest.fixture
def base(client):
    # A kept result would need no warehouse.
    client.run("alter account set use_cached_result = false")
    client.run("create table t (n int)", "insert into t values (1), (2)", "alter warehouse w suspend")
    return client


@pytest.fixture
def without(base):
    """A session of the same account that has no warehouse."""
    base.run("alter user admin unset default_warehouse")
    return base.connect(warehouse=None, database="D", schema="PUBLIC").cursor()


@pytest.mark.parametrize(
    "text",
    [
        "select * from t",
        "insert into t values (1)",
        "create table u as select 1 as a",
        "merge into t using t as s on t.n = s.n when matched then delete",
    ],
)
def test_without_a_warehouse_nothing_is_computed(without, text):
    with pytest.raises(Error) as caught:
        without.execute(text)
    assert caught.value.errno == 606


@pytest.mark.parametrize(
    "text",
    ["select 1", "show tables", "describe table t", "create table u (n int)", "select current_user()", "drop table t"],
)
def test_metadata_needs_no_warehouse(without, text):
    without.execute(text)


def test_idleness_suspends_to_the_second_and_a_query_resumes(base):
    base.run("alter warehouse w set auto_suspend = 120", "select * from t")
    base.advance(119)
    assert state(base)["state"] == "STARTED"
    base.advance(1)
    assert state(base)["state"] == "SUSPENDED"
    base.run("select * from t")
    assert state(base)["state"] == "STARTED"
    events = base.dicts("select * from snowflake.account_usage.warehouse_events_history where warehouse_name = 'W'")
    assert [row["event_name"] for row in events][-3:] == ["RESUME_WAREHOUSE", "SUSPEND_WAREHOUSE", "RESUME_WAREHOUSE"]


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [("xsmall", 10, 60), ("xsmall", 90, 90), ("medium", 30, 240), ("medium", 3600, 14400)],
)
def test_credits_by_the_second_and_a_minute_at_least(base, size, seconds, expected):
    base.run(f"create warehouse m warehouse_size = {size} auto_suspend = {seconds}")
    base.advance(2, "hours")
    assert credits_used(base, "M") * 3600 == pytest.approx(expected, abs=0.01)


def run_waiting(client, number, seconds=0.6):
    """Run statements side by side on W, each for a moment, and give their errors (None for those that ended well)."""
    connections = [client.connect(warehouse="W") for _ in range(number)]

    def work(connection):
        try:
            connection.cursor().execute(f"select system$wait({seconds}), count(*) from d.public.t")
        except Error as error:
            return error.errno
        return None

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(work, connections))


def test_statements_wait_for_a_slot(base):
    base.run("alter warehouse w set max_concurrency_level = 1 auto_suspend = 0")
    assert run_waiting(base, 3, 0.2) == [None] * 3
    assert state(base)["started_clusters"] == 1


def test_a_standard_warehouse_starts_a_cluster_for_who_waits_and_stops_it_later(base):
    base.run("alter warehouse w set max_concurrency_level = 1 max_cluster_count = 3 auto_suspend = 0")
    assert run_waiting(base, 3) == [None] * 3
    assert state(base)["started_clusters"] == 3
    names = base.run("select event_name from snowflake.account_usage.warehouse_events_history where cluster_number > 1")
    assert names == [("RESUME_CLUSTER",)] * 2
    for _ in range(5):
        base.advance(61)
    assert state(base)["started_clusters"] == 1


def test_an_economical_one_lets_some_wait(base):
    base.run("alter warehouse w set max_concurrency_level = 2 max_cluster_count = 3 scaling_policy = economy")
    assert run_waiting(base, 3, 0.3) == [None] * 3
    assert state(base)["started_clusters"] == 1


def test_minimum_clusters_start_at_once_and_cost_each(base):
    base.run("create warehouse m min_cluster_count = 2 max_cluster_count = 4 auto_suspend = 60")
    assert state(base, "m")["started_clusters"] == 2
    base.advance(10, "minutes")
    assert credits_used(base, "M") * 3600 == pytest.approx(120, abs=0.01)


def test_a_statement_may_run_only_so_long(base):
    base.run("alter warehouse w set statement_timeout_in_seconds = 1")
    endless = "select count(*) from table(generator(rowcount => 3000000)) a, table(generator(rowcount => 3000000)) b"
    assert base.errno(endless) == 630


# -- resource monitors


@pytest.fixture
def watched(base):
    base.run(
        "alter user admin set email = 'finance@example.com'",
        "create resource monitor rm with credit_quota = 10 frequency = daily start_timestamp = immediately"
        " notify_users = (admin) triggers on 50 percent do notify on 80 percent do suspend on 100 percent do suspend_immediate",
        "alter warehouse w set resource_monitor = rm warehouse_size = xlarge auto_suspend = 0",
        "call system$local_set_clock(to_char(dateadd('day', 1, date_trunc('day', sysdate()))))",
        "select * from t",
    )
    return base


def monitor(client):
    [row] = client.dicts("show resource monitors")
    return row


def test_it_notifies_then_suspends_and_refuses(watched):
    watched.advance(20, "minutes")
    messages = [email.message_from_bytes(content) for _, content in watched.account.outbox.messages()]
    assert [(m["To"], "50 percent" in m["Subject"]) for m in messages] == [("finance@example.com", True)]
    watched.advance(15, "minutes")
    assert state(watched)["state"] == "SUSPENDED"
    assert watched.errno("select * from t") == 90073
    assert len(watched.account.outbox.messages()) == 2


def test_the_next_day_is_a_new_quota(watched):
    watched.advance(40, "minutes")
    assert watched.errno("select * from t") == 90073
    watched.advance(24, "hours")
    assert float(monitor(watched)["used_credits"]) == 0
    watched.run("select * from t")


def test_a_higher_quota_lets_it_go_on(watched):
    watched.advance(40, "minutes")
    watched.run("alter resource monitor rm set credit_quota = 1000", "select * from t")


def test_suspend_immediate_cancels_what_runs(watched):
    other = watched.connect(warehouse="W").cursor()
    with ThreadPoolExecutor(1) as pool:
        endless = (
            "select count(*) from table(generator(rowcount => 3000000)) a, table(generator(rowcount => 3000000)) b"
        )
        running = pool.submit(other.execute, endless)
        while not watched.account.warehouses.state(watched.account.catalog.find("WAREHOUSE", 0, "W").oid).queries:
            pass
        watched.run("alter session set query_tag = 'waits'")
        watched.advance(50, "minutes")
        with pytest.raises(Error) as caught:
            running.result(timeout=120)
    assert caught.value.errno == 604
