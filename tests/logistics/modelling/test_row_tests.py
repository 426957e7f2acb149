"""The SQL tests find what is wrong and say which rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from logistics.errors import UsageError
from logistics.modelling.row_tests import failure_lines, load_row_tests, run_row_tests
from logistics.settings import load_stack

ROOT = Path(__file__).parents[3]
SETTINGS = load_stack(ROOT, "dev")


def failed(rows, *only):
    results = list(run_row_tests(rows.cursor, load_row_tests(ROOT, SETTINGS, only)))
    return {result.test.name: (result.failures, list(result.rows)) for result in results if result.failures}


def test_the_users_tests_are_there():
    names = {test.name for test in load_row_tests(ROOT, SETTINGS)}
    assert {"customer_tier_matches_lifetime_value", "fuel_efficiency_in_range", "shipment_has_customer"} <= names


def test_each_rule_says_which_rows_break_it(rows):
    tiers = [("A", 100000.01, "PREMIUM"), ("B", 100000, "PREMIUM"), ("C", 50000, "SILVER"), ("D", 10000, "SILVER")]
    rows.put("marts.tbl_dim_customer", *tiers, columns=("customer_id", "total_lifetime_value", "customer_tier"))
    mileages = [("V1", 5), ("V2", 4.99), ("V3", 50), ("V4", 50.01)]
    rows.put("marts.tbl_dim_vehicle", *mileages, columns=("vehicle_id", "fuel_efficiency_mpg"))
    shipments = [("S1", "A"), ("S2", "nobody"), ("S1", "A")]
    rows.put("marts.tbl_fact_shipments", *shipments, columns=("shipment_id", "customer_id"))
    tier = failed(rows, "customer_tier_matches_lifetime_value")["customer_tier_matches_lifetime_value"]
    assert sorted(row[0] for row in tier[1]) == ["B", "D"]
    fuel = failed(rows, "fuel_efficiency_in_range")["fuel_efficiency_in_range"]
    assert sorted(row[0] for row in fuel[1]) == ["V2", "V4"]
    facts = failed(rows, "tbl_fact_shipments", "shipment_has_customer")
    assert facts["shipment_has_customer"] == (1, [("S2", "nobody")])
    assert facts["marts.tbl_fact_shipments: key"] == (1, [("S1", 2)])
    assert facts["marts.tbl_fact_shipments: customer_id exists"][1] == [("S2", "nobody")]
    assert facts["marts.tbl_fact_shipments: not null"][0] == 3


def test_a_failure_is_one_line(rows):
    rows.put("marts.tbl_dim_vehicle", ("V1", 4), columns=("vehicle_id", "fuel_efficiency_mpg"))
    results = list(run_row_tests(rows.cursor, load_row_tests(ROOT, SETTINGS, ["fuel_efficiency_in_range"])))
    assert failure_lines(results) == [
        "fuel_efficiency_in_range: 1 rows, such as {'vehicle_id': 'V1', 'fuel_efficiency_mpg': '4.00'}"
    ]


def test_an_unknown_test_is_told():
    with pytest.raises(UsageError, match="no test is called nothing"):
        load_row_tests(ROOT, SETTINGS, ["nothing"])
