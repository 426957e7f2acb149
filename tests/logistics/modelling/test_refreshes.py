"""What keeps the rows: late, repeated, changed and deleted rows arrive in any order."""

from __future__ import annotations

import random

SHIPMENT = ("shipment_id", "order_id", "customer_id", "vehicle_id", "shipped_at", "revenue", "sent_at")
STAGE, FACT, COPY = (
    "staging.refresh_stg_shipments",
    "marts.refresh_tbl_fact_shipments",
    "marts.refresh_tbl_fact_shipments_partitioned",
)


def send(rows, *shipments):
    rows.put(
        "raw.raw_shipments",
        *((key, "O1", "C1", "V1", "2026-01-01", revenue, sent_at) for key, revenue, sent_at in shipments),
        columns=SHIPMENT,
    )


def facts(rows, table="marts.tbl_fact_shipments"):
    return rows.ask(f"select shipment_id, revenue from {table} order by 1")


def pass_on(rows):
    for task in (STAGE, FACT, COPY):
        rows.run(task)


def test_repeated_and_late_rows_do_no_harm(rows):
    send(rows, ("S1", 1, "2026-01-01"), ("S1", 1, "2026-01-01"), ("S2", 5, "2026-01-03"))
    pass_on(rows)
    send(rows, ("S1", 2, "2026-01-02"), ("S2", 4, "2026-01-02"))  # S2's older word comes later
    pass_on(rows)
    assert facts(rows) == [("S1", 2), ("S2", 5)]
    assert facts(rows, "marts.tbl_fact_shipments_partitioned") == [("S1", 2), ("S2", 5)]


def test_rows_in_any_order_and_any_portions_end_the_same(rows):
    words = [(f"S{n % 5}", n, f"2026-01-{n + 1:02}") for n in range(20)]
    words += words[3:9]
    chance = random.Random(7)
    chance.shuffle(words)
    while words:
        portion = [words.pop() for _ in range(min(len(words), chance.randint(1, 6)))]
        send(rows, *portion)
        if chance.random() < 0.5:
            pass_on(rows)
    pass_on(rows)
    assert facts(rows) == [(f"S{n}", 15 + n) for n in range(5)]


def test_a_deleted_row_goes_from_all_tables(rows):
    send(rows, ("S1", 1, "2026-01-01"), ("S2", 2, "2026-01-01"))
    pass_on(rows)
    rows.ask("delete from raw.raw_shipments where shipment_id = 'S1'")
    pass_on(rows)
    assert facts(rows, "marts.tbl_fact_shipments_partitioned") == [("S2", 2)]


def test_a_row_that_stays_the_same_wakes_nobody(rows, waiting):
    send(rows, ("S1", 1, "2026-01-01"))
    pass_on(rows)
    send(rows, ("S1", 1, "2026-01-02"))
    rows.run(STAGE)
    rows.run(FACT)
    assert waiting("marts.shipment_stream") == 0
    assert waiting("staging.stg_shipments_on_raw_shipments") == 0


def test_a_full_refresh_takes_up_what_waits(rows, waiting):
    send(rows, ("S1", 1, "2026-01-01"))
    assert waiting("staging.stg_shipments_on_raw_shipments") == 1
    rows.ask(rows.models.refreshes["staging.stg_shipments"])
    assert waiting("staging.stg_shipments_on_raw_shipments") == 0
    assert waiting("marts.tbl_fact_shipments_on_stg_shipments") == 1


def customers(rows, *orders):
    rows.put("marts.tbl_dim_customer", *orders, columns=("customer_id", "order_frequency_30d", "customer_tier"))


def test_segments_follow_their_bounds(rows):
    customers(rows, ("A", 11, "GOLD"), ("B", 10, "GOLD"), ("C", 6, "GOLD"), ("D", 5, "GOLD"), ("E", None, "GOLD"))
    rows.run("marts.update_customer_segments")
    assert rows.ask(
        "select customer_id, behavior_segment from ml_features.tbl_ml_customer_behavior_segments order by 1"
    ) == [
        ("A", "HIGH_FREQUENCY"),
        ("B", "MEDIUM_FREQUENCY"),
        ("C", "MEDIUM_FREQUENCY"),
        ("D", "LOW_FREQUENCY"),
        ("E", "LOW_FREQUENCY"),
    ]


def versions(rows):
    return rows.ask(
        "select customer_id, customer_tier, valid_to is null as holds from marts.snap_dim_customer order by 1, valid_from, 3"
    )


def test_a_snapshot_keeps_each_version(rows):
    refresh = "marts.refresh_snap_dim_customer"
    customers(rows, ("A", 1, "GOLD"), ("B", 1, "BRONZE"))
    rows.run(refresh)
    rows.ask("update marts.tbl_dim_customer set customer_tier = 'SILVER' where customer_id = 'A'")
    rows.run(refresh)
    rows.ask("update marts.tbl_dim_customer set order_frequency_30d = 7")  # nothing that the snapshot keeps
    rows.run(refresh)
    rows.ask("delete from marts.tbl_dim_customer where customer_id = 'B'")
    rows.run(refresh)
    assert versions(rows) == [("A", "GOLD", False), ("A", "SILVER", True), ("B", "BRONZE", False)]
    customers(rows, ("B", 1, "BRONZE"))
    rows.run(refresh)
    rows.ask(rows.models.refreshes["marts.snap_dim_customer"])  # the whole again changes nothing
    assert versions(rows)[2:] == [("B", "BRONZE", False), ("B", "BRONZE", True)]
    gaps = "select count(*) from marts.snap_dim_customer where valid_to < valid_from"
    assert rows.ask(gaps) == [(0,)]


def test_features_of_earlier_days_stay(rows):
    refresh = "ml_features.refresh_tbl_ml_consolidated_feature_store"
    rows.put("marts.tbl_dim_customer", ("A", "2026-01-01"), columns=("customer_id", "last_order_at"))
    rows.run(refresh)
    rows.ask("update marts.tbl_dim_customer set last_order_at = '2026-01-02'")
    rows.run(refresh)
    assert rows.ask("select feature_date::varchar from ml_features.tbl_ml_consolidated_feature_store order by 1") == [
        ("2026-01-01",),
        ("2026-01-02",),
    ]
