"""Sessions over the connector, against the local Snowflake."""

from __future__ import annotations


def test_a_session_whose_warehouse_was_dropped_goes_on_with_the_users(stack):
    stack.provider.run("CREATE WAREHOUSE GOES")
    stack.provider.run("DROP WAREHOUSE GOES")
    assert stack.provider.run("SELECT COUNT(*) AS N FROM SNOWFLAKE.ACCOUNT_USAGE.ROLES")[0]["N"] >= 0
