"""Histories of work whose right answer is known: what is to be recommended, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

MONTH_CREDITS = 300


def _steady(work, **more):
    """A statement every minute, for 50 seconds of it: hardly any idle time."""
    work.statements(
        DAYS_OF_MINUTES,
        "select a from t where b = 1",
        every_seconds=60,
        seconds="50",
        warehouse="COMPUTE_WH_DEV",
        **more,
    )
    work.credits("10")


DAYS_OF_MINUTES = 7 * 1440


def idle_between(work):
    work.warehouse(auto_suspend=600)
    work.statements(2500, every_seconds=1000, seconds="5")
    work.credits("10")


def short_on_large(work):
    work.warehouse("LARGE")
    work.statements(2500, every_seconds=1000, seconds="0.5", size="Large")
    work.credits("40")


def spilling(work):
    work.warehouse("SMALL")
    _steady(work, size="Small", bytes_spilled_to_remote_storage="case when mod(N, 3) = 0 then 3e10 else 0 end")


def queueing(work):
    work.statements(
        DAYS_OF_MINUTES, every_seconds=60, seconds="50", queued_overload_time="15000", query_type="'INSERT'"
    )
    work.credits("10")
    work.load(8, 6, 400)


def slow_cross_join(work):
    _steady(work)
    work.statements(
        40, "select t.a, count(*) from t cross join u group by 1", seconds="300 + mod(N, 5)", every_seconds=14000
    )


def same_again(work):
    work.statements(DAYS_OF_MINUTES, "select sum(x) from t", every_seconds=60, seconds="50", query_hash="'same'")
    work.credits("10")


def whole_table(work):
    _steady(work, partitions_scanned="950", partitions_total="1000")


def failing(work):
    _steady(
        work,
        execution_status="case when mod(N, 2) = 0 then 'FAIL' else 'SUCCESS' end",
        error_message="'Division by zero'",
    )


def unread(work):
    _steady(work)
    for table in ("MARTS.READ", "MARTS.WRITTEN", "MARTS.BEHIND_A_VIEW"):
        work.table(table)
    work.table("MARTS.NEW", age_days=5)
    work.access(31, reads="MARTS.OTHER")
    work.access(29.5, reads="MARTS.OTHER")
    work.access(3, reads="MARTS.READ")
    work.access(3, reads="MARTS.BEHIND_A_VIEW", through="MARTS.VIEW")
    work.access(2, writes="MARTS.WRITTEN")


def near_quota(work):
    _steady(work)
    work.cursor.execute(f"delete from {work.schema}.WAREHOUSE_METERING_HISTORY")
    work.credits("85 + mod(D, 3)", attributed="1")


CASES = {
    "idles": (idle_between, {"auto_suspend"}),
    "too large": (short_on_large, {"warehouse_size_down"}),
    "spills": (spilling, {"spilling", "warehouse_size_up"}),
    "queues": (queueing, {"clusters"}),
    "cross join": (slow_cross_join, {"slow_query"}),
    "asked again": (same_again, {"repeated_query"}),
    "reads all": (whole_table, {"full_scan"}),
    "fails": (failing, {"failing_query"}),
    "nobody reads": (unread, {"unused_object"}),
    "near the quota": (near_quota, {"over_quota"}),
}


@pytest.mark.parametrize(("make", "kinds"), CASES.values(), ids=list(CASES))
def test_what_is_wrong_is_found_and_nothing_else(make: Callable[..., None], kinds: set[str], world, work):
    make(work)
    assert set(world.found(work)) == kinds


def steady(work):
    _steady(work)


def seldom_and_suspended(work):
    work.statements(800, every_seconds=3600, seconds="20")
    work.credits("1")


def large_and_busy(work):
    work.warehouse("LARGE")
    _steady(work, size="Large", bytes_scanned="2e10", partitions_scanned="20", partitions_total="1000")


def many_at_once_without_queue(work):
    work.statements(DAYS_OF_MINUTES, every_seconds=10, seconds="55 + mod(N, 4)")
    work.credits("20")
    work.load(6, 0, 500)


def a_little_of_everything(work):
    """One slow run, one failure, a few megabytes spilled, a short queue: none of it worth a word."""
    _steady(work)
    work.statements(1, "select x from t, u", seconds="90")
    work.statements(2, seconds="5", execution_status="'FAIL'")
    work.statements(2, seconds="5", bytes_spilled_to_local_storage="5000000")
    work.statements(5, seconds="9", queued_overload_time="900")
    work.load(1, 0.2, 1)


def everything_cached(work):
    """Answers of the result cache need no warehouse and read nothing."""
    work.statements(
        5000, "select sum(x) from t", seconds="0.05", query_hash="'same'", bytes_scanned="0", warehouse_size="null"
    )
    work.credits("0")


def whole_small_tables(work):
    _steady(work, partitions_scanned="40", partitions_total="40")


def whole_large_table_without_a_filter(work):
    work.statements(
        DAYS_OF_MINUTES,
        "select sum(x) from t",
        every_seconds=60,
        seconds="50",
        partitions_scanned="900",
        partitions_total="900",
    )
    work.credits("10")


FINE = (
    steady,
    seldom_and_suspended,
    large_and_busy,
    many_at_once_without_queue,
    a_little_of_everything,
    everything_cached,
    whole_small_tables,
    whole_large_table_without_a_filter,
)


@pytest.mark.parametrize("make", FINE, ids=lambda make: make.__name__)
def test_nothing_is_recommended_where_nothing_is_wrong(make, world, work):
    make(work)
    assert [(item.kind, item.title) for item in world.report(work).recommendations] == []


def test_auto_suspend_saves_what_the_idle_time_costs(world, work):
    idle_between(work)
    found = world.found(work)["auto_suspend"]
    # Every 1,000 s a statement of 5 s: 605 s were paid, 65 s are enough.
    assert found.change is not None and (found.change.before, found.change.after) == (600, 60)
    assert found.saving_credits == pytest.approx(MONTH_CREDITS * (1 - 65 / 605), rel=0.05)
    assert found.safe_to_apply and found.saving_usd == pytest.approx(3 * (found.saving_credits or 0))


def test_a_smaller_warehouse_is_reckoned_by_the_same_statements_on_it(world, work):
    work.warehouse("MEDIUM")
    same = work.statements(1500, every_seconds=1500, seconds="2", size="Medium")
    work.statements(
        200,
        every_seconds=2000,
        seconds="3",
        size="Small",
        warehouse="COMPUTE_WH_XS",
        query_parameterized_hash=f"'{same}'",
    )
    work.credits("40")
    found = world.found(work)["warehouse_size_down"]
    assert (
        found.evidence["slowdown_on_smaller"] == pytest.approx(1.5)
        and found.evidence["statements_compared_on_both_sizes"] == 1
    )
    assert found.confidence == 0.9 and "measured" in (found.saving_method or "")


LIMITED = {
    "size": (spilling, "warehouse_size_up", {"max_warehouse_size": "SMALL"}, "maxWarehouseSize is SMALL"),
    "clusters": (queueing, "clusters", {"max_clusters": 1}, "maxClusters is 1"),
    "quota": (queueing, "clusters", {"daily_credit_quota": 11}, "dailyCreditQuota 11"),
}


@pytest.mark.parametrize(("make", "kind", "settings", "said"), LIMITED.values(), ids=list(LIMITED))
def test_limits_of_the_environment_hold(make, kind, settings, said, world, work):
    make(work)
    found = world.found(work, **settings)[kind]
    assert not found.safe_to_apply and said in found.not_applied_because


def test_idle_seconds_stay_above_their_limit(world, work):
    idle_between(work)
    change = world.found(work, min_auto_suspend_seconds=200)["auto_suspend"].change
    assert change is not None and change.after == 300


def test_clusters_are_as_many_as_the_load_needs(world, work):
    queueing(work)
    found = world.found(work)["clusters"]
    assert found.change is not None and (found.change.key, found.change.after) == ("warehouseMaxClusters", 2)
    assert found.saving_credits is not None and found.saving_credits < 0


def test_reasons_name_what_the_text_does(world, work):
    slow_cross_join(work)
    found = world.found(work)["slow_query"]
    assert "joins tables without a condition" in found.reason and "give every join its condition" in found.mend
    assert found.evidence["runs"] == 40 and found.evidence["elapsed_seconds_p95"] == pytest.approx(304, abs=1)


def test_texts_carry_no_values(world, work):
    _steady(work)
    work.statements(
        40,
        "select * from t cross join u where mail = 'anna@one.example' and n = 4711",
        seconds="300",
        every_seconds=14000,
    )
    report = world.report(work)
    assert [item.kind for item in report.recommendations] == ["slow_query"]
    from logistics.optimizer.html import as_html
    from logistics.optimizer.output import as_json

    for text in (as_json(report), as_html(report)):
        assert "mail = ?" in text.replace("\\n", " ") and "anna" not in text and "4711" not in text


def test_unused_tables_are_told_with_what_writes_them_and_what_they_cost(world, work):
    unread(work)
    found = world.found(work)["unused_object"]
    assert (found.object_name, found.evidence["writing_statements"]) == ("LOGISTICS.MARTS.WRITTEN", 1)
    assert found.saving_usd == pytest.approx(23 * 1.073741824e-3, rel=0.01)


def test_a_short_history_is_said_and_not_judged(world, work):
    work.warehouse("LARGE", auto_suspend=3600)
    work.statements(500, every_seconds=60, seconds="1", size="Large")
    work.credits("40", days=1)
    report = world.report(work)
    assert report.recommendations == []
    said = " ".join(report.notes)
    assert (
        "warehouses are not judged" in said
        and "ACCESS_HISTORY does not reach back 30 days" in said
        and "forecast rests on 1 day" in said
    )


def test_an_empty_history_is_no_error(world, work):
    report = world.report(work)
    assert (report.statements, report.recommendations, report.forecasts, report.saving_usd) == (0, [], {}, 0)


def test_the_quota_is_warned_of_before_it_is_reached(world, work):
    near_quota(work)
    found = world.found(work)["over_quota"]
    assert found.severity == "warning" and "of the quota" in found.reason
    assert date.fromisoformat(found.evidence["first_day_expected_above_80_percent"])


def test_clustering_key_is_measured_on_the_rows(world, work):
    world.cursor.execute(
        "create or replace table LOGISTICS.MARTS.SCANS as select seq8() as id, mod(seq8() * 7919, 1000) as customer, "
        "'2024-01-01'::date + floor(seq8() / 100)::int as day from table(generator(rowcount => 36500))"
    )
    work.statements(
        3000,
        "select count(*) from marts.scans where customer between 10 and 19 and id > 0",
        every_seconds=600,
        seconds="2",
    )
    work.statements(300, "select * from marts.scans where day >= '2024-12-01'", every_seconds=6000, seconds="2")
    work.credits("10")
    found = world.found(work, partition_rows=500)["clustering_key"]
    assert "cluster by (customer)" in found.title
    shares = found.evidence["shares_of_keys_tried"]
    # By customers, ten of a thousand lie in one or two of 73 partitions; days are in order as they are.
    assert shares["customer"] < 0.15 < 0.8 < found.evidence["partitions_read_share_now"] <= 1
    assert shares["id"] == pytest.approx(found.evidence["partitions_read_share_now"])


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nowhere", "expected DATABASE.SCHEMA"),
        ("a.b; drop table x", "expected DATABASE.SCHEMA"),
        ("LOGISTICS.NONE", "may not be read"),
    ],
)
def test_a_history_that_is_none_is_one_error(named, said, world, work):
    from logistics.errors import UsageError

    work.schema = named
    with pytest.raises(UsageError, match=said):
        world.report(work)
