"""The analytics on rows few enough to compute by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

FACT = ("shipment_id", "customer_id", "shipment_date", "delivery_time_hours", "is_late", "revenue")


def ship(rows, *shipments):
    rows.put(
        "marts.tbl_fact_shipments",
        *((f"S{n}", *shipment) for n, shipment in enumerate(shipments)),
        columns=FACT,
    )


def test_rolling_metrics_count_days_back_not_rows(rows):
    ship(
        rows,
        ("A", "2026-01-01", 10, False, 100),
        ("A", "2026-01-01", 20, True, 50),
        ("A", "2026-01-07", 30, False, 10),  # the 1st is six days before: within seven days
        ("A", "2026-01-08", None, None, 1),  # not delivered yet; the 1st is seven days before: out
        ("A", "2026-01-31", 40, True, 7),  # within 30 days of the 2nd and later: the 1st is out
        ("A", "2026-04-01", 5, False, 3),  # 90 days back reach to the 2nd of January
        ("B", "2026-01-07", 99, True, 1000),
    )
    found = rows.view(
        "analytics.vw_rolling_delivery_metrics",
        "customer_id, shipment_date, shipments_7d, shipments_30d, shipments_90d, "
        "avg_delivery_time_hours_7d, avg_delivery_time_hours_30d, late_share_7d, revenue_7d, revenue_90d",
    )
    assert found == [
        ("A", date(2026, 1, 1), 2, 2, 2, 15, 15, Decimal("0.5"), 150, 150),
        ("A", date(2026, 1, 7), 3, 3, 3, 20, 20, Decimal("0.333333"), 160, 160),
        ("A", date(2026, 1, 8), 2, 4, 4, 30, 20, 0, 11, 161),
        ("A", date(2026, 1, 31), 1, 3, 5, 40, 35, 1, 7, 168),
        ("A", date(2026, 4, 1), 1, 1, 4, 5, 5, 0, 3, 21),
        ("B", date(2026, 1, 7), 1, 1, 1, 99, 99, 1, 1000, 1000),
    ]


def test_a_day_on_which_nothing_was_delivered_has_no_average(rows):
    ship(rows, ("A", "2026-01-01", None, None, 1))
    assert rows.view("analytics.vw_rolling_delivery_metrics", "avg_delivery_time_hours_7d, late_share_7d", "1") == [
        (None, 0)
    ]


def test_a_week_is_compared_with_the_calendar_week_before_it(rows):
    ship(
        rows,
        ("A", "2026-01-05", 10, False, 100),  # Monday
        ("A", "2026-01-11", 30, True, 0),  # Sunday of the same week
        ("B", "2026-01-12", 30, False, 50),
        ("B", "2026-01-26", 60, False, 0),  # the week between has no shipments
        ("B", "2026-02-02", 30, False, 9),  # after a week without revenue
    )
    found = rows.view(
        "analytics.vw_delivery_trend_weekly",
        "week_start, shipments, avg_delivery_time_hours, shipments_week_before, shipments_change, "
        "delivery_time_change_hours, delivery_time_change, late_share_change, revenue_change",
    )
    assert found == [
        (date(2026, 1, 5), 2, 20, None, None, None, None, None, None),
        (date(2026, 1, 12), 1, 30, 2, Decimal("-0.5"), 10, Decimal("0.5"), Decimal("-0.5"), Decimal("-0.5")),
        (date(2026, 1, 26), 1, 60, None, None, None, None, None, None),
        (date(2026, 2, 2), 1, 30, 1, 0, -30, Decimal("-0.5"), 0, None),
    ]


def test_seasons_count_days_without_shipments(rows):
    # Monday 29 December to Monday 12 January: three Mondays, two of every other weekday; 3 days of December, 12 of January.
    ship(
        rows,
        ("A", "2025-12-29", 10, False, 1),
        ("A", "2025-12-29", 20, True, 1),
        ("A", "2026-01-12", 60, False, 1),
    )
    found = {
        (season, number): rest
        for season, number, *rest in rows.view(
            "analytics.vw_delivery_seasonality",
            "season, season_number, season_name, days, shipments, shipments_a_day, volume_index, avg_delivery_time_hours, "
            "delivery_time_index, late_share",
        )
    }
    assert len(found) == 9
    assert found["WEEKDAY", 1] == ["Mon", 3, 3, 1, 5, 30, 1, Decimal("0.333333")]
    assert found["WEEKDAY", 2] == ["Tue", 2, 0, 0, 0, None, None, None]
    assert found["MONTH", 12][:3] == ["Dec", 3, 2]
    assert found["MONTH", 1] == ["Jan", 12, 1, Decimal("0.083333"), Decimal("0.416665"), 60, 2, 0]


VEHICLE = (
    "vehicle_id",
    "current_mileage",
    "last_maintenance_mileage",
    "last_maintenance_date",
    "days_since_last_maintenance",
    "maintenance_interval_miles",
    "maintenance_interval_days",
)


def test_maintenance_compares_days_with_days_and_miles_with_miles(rows):
    rows.put("marts.maintenance_risk_levels", ("HIGH", 0.9, "now"), ("MEDIUM", 0.7, "soon"), ("LOW", 0, "-"))
    start = "2026-01-01"
    rows.put(
        "marts.tbl_dim_vehicle",
        ("days_high", 1000, 0, start, 90, 10000, 100),  # 90 of 100 days
        ("days_below", 1000, 0, start, 89, 10000, 100),
        ("miles_medium", 7000, 0, start, 10, 10000, 100),  # 700 miles a day: 10,000 after 14.3 days
        ("miles_low", 6999, 0, start, 10, 10000, 100),
        ("overdue", 30000, 10000, start, 40, 10000, 365),  # 500 miles a day: due after 20 days
        ("no_miles_interval", 5000, 0, start, 50, 0, 100),
        ("no_interval", 5000, 0, start, 50, 0, None),
        ("standing", 0, 0, start, 0, 10000, 100),
        ("clock_set_back", 0, 500, start, 10, 10000, 100),
        columns=VEHICLE,
    )
    found = {
        name: rest
        for name, *rest in rows.view(
            "analytics.vw_predictive_maintenance",
            "vehicle_id, risk_level, miles_share, days_share, interval_share, predicted_maintenance_date",
            "1",
        )
    }
    share = Decimal
    assert found == {
        "days_high": ["HIGH", share("0.1"), share("0.9"), share("0.9"), date(2026, 4, 11)],
        "days_below": ["MEDIUM", share("0.1"), share("0.89"), share("0.89"), date(2026, 4, 11)],
        "miles_medium": ["MEDIUM", share("0.7"), share("0.1"), share("0.7"), date(2026, 1, 16)],
        "miles_low": ["LOW", share("0.6999"), share("0.1"), share("0.6999"), date(2026, 1, 16)],
        "overdue": ["HIGH", share(2), share("0.109589"), share(2), date(2026, 1, 21)],
        "no_miles_interval": ["LOW", None, share("0.5"), share("0.5"), date(2026, 4, 11)],
        "no_interval": ["UNKNOWN", None, None, None, None],
        "standing": ["LOW", 0, 0, 0, date(2026, 4, 11)],
        "clock_set_back": ["LOW", share("-0.05"), share("0.1"), share("0.1"), date(2026, 4, 11)],
    }
