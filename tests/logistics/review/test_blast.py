"""What hangs on a change, by the platform's own lineage."""

from __future__ import annotations

import pytest

from logistics.review.blast import radius_of, tiles

TIER = "analytics.mv_customer_summary.customer_tier"


def test_a_loosened_mask_reaches_the_columns_that_carry_it(base_side, head_of):
    radius = radius_of(base_side, head_of("loosens_the_mask"))
    assert [(each.kind, each.name) for each in radius.changed] == [("masking policy", "governance.email_mask")]
    assert "marts.tbl_dim_customer.contact_email" in radius.columns
    assert "streams" not in radius.reached


def test_a_renamed_column_reaches_what_is_computed_from_it_and_nothing_else(base_side, head_of):
    radius = radius_of(base_side, head_of("renames_a_column"))
    assert [each.what for each in radius.changed] == ["last_order_at is renamed to newest_order_at"]
    assert "ml_features.tbl_ml_consolidated_feature_store.feature_date" in radius.columns
    assert "marts.customer_stream" in radius.reached["streams"]
    assert "marts.update_customer_segments" in radius.reached["tasks"]


def test_a_dropped_table_takes_along_its_stream_its_views_and_its_checks(base_side, head_of):
    radius = radius_of(base_side, head_of("drops_a_table_with_a_stream"))
    dropped = {each.name for each in radius.changed if each.what == "is dropped"}
    assert {"marts.tbl_dim_vehicle", "marts.vehicle_stream", "analytics.vw_predictive_maintenance"} <= dropped
    assert "fuel_efficiency_in_range" in radius.reached["checks"]


def test_a_setting_alone_reaches_nothing(base_side, head_of):
    radius = radius_of(base_side, head_of("doubles_the_prod_warehouse"))
    assert (radius.changed, radius.columns, radius.reached) == ((), (), {})


@pytest.mark.parametrize(
    ("old", "new", "what", "column"),
    [
        (
            "'PREMIUM'\n        when",
            "'GOLD'\n        when",
            "customer_tier: computed otherwise",
            "analytics.mv_customer_summary.customer_tier",
        ),
        (
            "left join totals",
            "inner join totals",
            "its query gives other rows or values",
            "marts.snap_dim_customer.country",
        ),
        ("case\n", "-- by lifetime\n    case\n", "its query is written otherwise, and says the same", None),
    ],
    ids=["one column", "rows", "a comment"],
)
def test_a_changed_query_is_told_by_what_of_it_differs(base_side, head_of, old, new, what, column):
    from logistics.review.plans import check_side

    head = head_of("doubles_the_prod_warehouse")
    file = head.root / "sql/models/marts/dimensions/tbl_dim_customer.sql"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    changed = check_side(head.root, "dev", "the change")
    assert changed is not None
    radius = radius_of(base_side, changed)
    said = {each.name: each.what for each in radius.changed if each.kind == "model"}
    assert said["marts.tbl_dim_customer"] == what
    assert column is None or column in radius.columns


def test_tiles_are_the_named_queries_of_any_file(tmp_path):
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "queries.py").write_text(
        'Q = {"late": Query(text="select 1 from marts.x"), "no": Query("y")}\n'
    )
    (tmp_path / "dashboard" / "broken.py").write_text("def (")
    assert list(tiles(tmp_path)) == ["late"]
