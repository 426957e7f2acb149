"""A changed customer reaches its segment by itself, within a minute; a change undone leaves no trace."""

from __future__ import annotations

SEGMENTS = "select behavior_segment from ml_features.tbl_ml_customer_behavior_segments order by customer_id"
WAITING = "select count(*) from marts.customer_stream"


def test_changed_customers_get_their_segments_by_themselves(platform, wait_for):
    # The bounds themselves: more than 10 orders are HIGH, more than 5 MEDIUM.
    platform.run(
        "update marts.tbl_dim_customer set order_frequency_30d = "
        "case customer_id when 'C000000001' then 11 when 'C000000002' then 10 else 5 end"
    )
    assert wait_for(lambda: platform.rows(WAITING) == [(0,)])
    assert platform.rows(SEGMENTS) == [("HIGH_FREQUENCY",), ("MEDIUM_FREQUENCY",), ("LOW_FREQUENCY",)]


def test_a_change_rolled_back_leaves_stream_and_segment_alone(platform, wait_for):
    assert wait_for(lambda: platform.rows(WAITING) == [(0,)])
    before = platform.rows(SEGMENTS)
    with platform.server.connect(role="DATA_ENGINEER", database="LOGISTICS", warehouse="COMPUTE_WH_DEV") as connection:
        cursor = connection.cursor()
        cursor.execute("begin")
        cursor.execute("update marts.tbl_dim_customer set order_frequency_30d = 99 where customer_id = 'C000000003'")
        assert cursor.execute(
            "select order_frequency_30d from marts.tbl_dim_customer where customer_id = 'C000000003'"
        ).fetchone() == (99,)
        cursor.execute("rollback")
    assert platform.rows(WAITING) == [(0,)]
    assert platform.rows(SEGMENTS) == before


def test_a_segment_is_merged_not_repeated(platform, wait_for):
    for orders in (20, 1):
        platform.run(
            f"update marts.tbl_dim_customer set order_frequency_30d = {orders} where customer_id = 'C000000002'"
        )
        assert wait_for(lambda: platform.rows(WAITING) == [(0,)])
    found = (
        "select behavior_segment, updated_at > created_at from ml_features.tbl_ml_customer_behavior_segments "
        "where customer_id = 'C000000002'"
    )
    assert wait_for(lambda: platform.rows(found) == [("LOW_FREQUENCY", True)])
