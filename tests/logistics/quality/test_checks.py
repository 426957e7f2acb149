"""Each kind of check fails where its fault is planted, counts it by hand, and passes where it is not."""

# ruff: noqa: E501 (the table of faults reads by row)

from __future__ import annotations

import pytest

CUSTOMER = {
    "customer_id": "'C1'",
    "market_segment": "'BUILDING'",
    "customer_tier": "'BRONZE'",
    "total_lifetime_value": 5,
    "updated_at": "sysdate()",
}
VEHICLE = {
    "vehicle_id": "'V1'",
    "fuel_efficiency_mpg": 20,
    "current_mileage": 9,
    "last_maintenance_mileage": 5,
    "updated_at": "sysdate()",
}
SHIPMENT = {"shipment_id": "'S1'", "order_id": "'O1'", "customer_id": "'C1'", "vehicle_id": "'V1'", "shipment_date": "'2026-01-05'",
            "ship_mode": "'AIR'", "delivered_at": "'2026-01-06'", "delivery_time_hours": 24, "quantity": 1, "revenue": "10.50"}  # fmt: skip
TABLES = {
    "marts.tbl_dim_customer": CUSTOMER,
    "marts.tbl_dim_vehicle": VEHICLE,
    "marts.tbl_fact_shipments": SHIPMENT,
    "staging.stg_customers": {"customer_id": "'C1'"},
    "staging.stg_vehicles": {"vehicle_id": "'V1'"},
    "staging.stg_shipments": {"shipment_id": "'S1'", "revenue": "10.50"},
    "marts.snap_dim_customer": {"customer_id": "'C1'", "valid_from": "'2026-01-01'"},
}
FACT, CUSTOMERS, VEHICLES = "marts.tbl_fact_shipments", "marts.tbl_dim_customer", "marts.tbl_dim_vehicle"


def changed(row, **values):
    return {**row, **values}


FAULTS = {
    # check: (rows planted by table, failures, value)
    f"{FACT}: key": ({FACT: [SHIPMENT, SHIPMENT]}, 2, None),
    f"{FACT}: not null": ({FACT: [changed(SHIPMENT, order_id="null"), changed(SHIPMENT, vehicle_id="null")]}, 2, None),
    f"{FACT}: customer_id exists": ({FACT: [changed(SHIPMENT, customer_id="'C7'")]}, 1, None),
    f"{FACT}: vehicle_id exists": ({FACT: [changed(SHIPMENT, vehicle_id="'V7'"), changed(SHIPMENT, vehicle_id="null")]}, 1, None),
    f"{FACT}: ship mode complete": ({FACT: [changed(SHIPMENT, ship_mode="null")]}, 1, 0.5),
    f"{FACT}: delivered after shipping": ({FACT: [changed(SHIPMENT, delivered_at="'2026-01-04'")]}, 1, None),
    f"{FACT}: delivery time in range": ({FACT: [changed(SHIPMENT, delivery_time_hours=h) for h in (-0.5, 2160, 2160.5, "null")]}, 2, None),
    f"{FACT}: revenue as staged": ({FACT: [changed(SHIPMENT, revenue="0.02")]}, 1, 0.02),
    f"{CUSTOMERS}: customer_tier accepted": ({CUSTOMERS: [changed(CUSTOMER, customer_tier="'IRON'"), changed(CUSTOMER, customer_tier="null")]}, 1, None),
    f"{CUSTOMERS}: as many as staged": ({CUSTOMERS: [CUSTOMER, CUSTOMER]}, 1, 2),
    f"{VEHICLES}: mileage runs forward": ({VEHICLES: [changed(VEHICLE, current_mileage=4)]}, 1, None),
    "marts.snap_dim_customer: open versions": ({"marts.snap_dim_customer": [{"customer_id": "'C1'", "valid_from": "'2026-02-01'"}]}, 1, None),
    "customer_tier_matches_lifetime_value": ({CUSTOMERS: [changed(CUSTOMER, customer_tier="'GOLD'", total_lifetime_value="50000")]}, 1, None),
    "fuel_efficiency_in_range": ({VEHICLES: [changed(VEHICLE, fuel_efficiency_mpg=mpg) for mpg in (5, 50, 4.99, 50.01)]}, 2, None),
    "shipment_has_customer": ({FACT: [changed(SHIPMENT, customer_id="'C7'")]}, 1, None),
    "model_performance": ({"ml.model_metrics": [{"use_case": "'late'", "version": 2, "kind": "'live'", "metric": "'loss'", "value": 3, "passed": "false", "measured_at": "'2026-01-02'"}]}, 1, None),
    "model_drift": ({"ml.drift_results": [{"use_case": "'late'", "kind": "'data'", "feature": "'q'", "statistic": "'psi'", "is_drifted": "true", "checked_at": "'2026-01-02'"}]}, 1, None),
}  # fmt: skip


def fill(account):
    for table, row in TABLES.items():
        account.put(table, row)
    model = {"use_case": "'late'", "version": 1, "kind": "'live'", "metric": "'loss'", "value": 1, "passed": "true", "measured_at": "'2026-01-01'"}  # fmt: skip
    account.put("ml.model_metrics", model)
    drift = {"use_case": "'late'", "kind": "'data'", "feature": "'q'", "statistic": "'psi'", "is_drifted": "false", "checked_at": "'2026-01-01'"}  # fmt: skip
    account.put("ml.drift_results", drift)


def test_nothing_fails_without_a_fault(account):
    fill(account)
    found = account.check(*FAULTS, f"{CUSTOMERS}: fresh", f"{CUSTOMERS}: some rows")
    assert {name: result.result for name, result in found.items()} == dict.fromkeys(found, "passed")


@pytest.mark.parametrize("name", FAULTS, ids=lambda name: name.split(".")[-1])
def test_a_planted_fault_is_found_and_counted(account, name):
    fill(account)
    planted, failures, value = FAULTS[name]
    for table, rows in planted.items():
        account.put(table, *rows)
    result = account.check(name)[name]
    assert (result.result, result.failures) == ("failed", failures), result.message
    assert value is None or result.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("hours", "result"), [(0, "passed"), (25, "passed"), (27, "failed")], ids=["now", "in time", "late"]
)
def test_freshness_is_the_age_of_the_newest_row(account, hours, result):
    for older in (hours, 500):
        account.put(CUSTOMERS, changed(CUSTOMER, updated_at=f"dateadd('hour', -{older}, sysdate())"))
    found = account.check(f"{CUSTOMERS}: fresh")[f"{CUSTOMERS}: fresh"]
    assert found.result == result
    assert found.value == pytest.approx(hours, abs=0.1)


def test_an_empty_table_has_no_age_and_too_few_rows(account):
    found = account.check(f"{CUSTOMERS}: fresh", f"{CUSTOMERS}: some rows", f"{CUSTOMERS}: key", "model_drift")
    results = [found[name].result for name in (f"{CUSTOMERS}: fresh", f"{CUSTOMERS}: some rows", f"{CUSTOMERS}: key")]
    assert results == ["no_data", "failed", "passed"]
    assert found["model_drift"].result == "no_data"


def test_a_failure_says_which_rows_and_hides_personal_data(account):
    account.put(CUSTOMERS, changed(CUSTOMER, customer_tier="'IRON'", contact_email="'anna@one.example'"))
    name = f"{CUSTOMERS}: customer_tier accepted"
    sample = account.check(name)[name].samples[0]
    assert (sample.key, sample.offending) == ({"customer_id": "C1"}, {"customer_tier": "IRON"})
    assert account.ask("select customer_id, is_shown from logistics.monitoring.quality_failing_rows") == [("C1", True)]
    assert "anna" not in str(account.ask("select * from logistics.monitoring.quality_failing_rows"))


def test_vehicles_samples_lie_apart(account):
    account.put(VEHICLES, changed(VEHICLE, fuel_efficiency_mpg=60))
    account.check("fuel_efficiency_in_range")
    assert account.ask("select vehicle_id from logistics.monitoring.quality_failing_vehicle_rows") == [("V1",)]
    assert account.ask("select * from logistics.monitoring.quality_failing_rows") == []


def test_a_table_that_cannot_be_measured_does_not_stop_the_others(account):
    account.cursor.execute("alter table logistics.marts.tbl_dim_vehicle rename to logistics.marts.away")
    try:
        found = account.check(f"{VEHICLES}: key", f"{CUSTOMERS}: key")
    finally:
        account.cursor.execute("alter table logistics.marts.away rename to logistics.marts.tbl_dim_vehicle")
    assert found[f"{CUSTOMERS}: key"].result == "passed"
    assert found[f"{VEHICLES}: key"].result == "error"
    assert "TBL_DIM_VEHICLE" in found[f"{VEHICLES}: key"].message.upper()
