"""Streams and Time Travel as the clock goes on: what is kept, what goes stale, and what an offset of time may ask for."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def table(client: Any) -> Any:
    """A table of a day's retention with a stream whose change is unread."""
    client.run(
        "use schema d.public",
        "create table t (k int) data_retention_time_in_days = 1 max_data_extension_time_in_days = 3",
    )
    client.run("create stream s on table t", "insert into t values (1)")
    return client


def shown(client: Any) -> dict[str, Any]:
    return client.dicts("show streams like 'S'")[0]


def test_unread_changes_are_kept_for_a_stream_beyond_retention(table: Any) -> None:
    table.advance(2, "days")
    table.run("delete from t")
    assert str(shown(table)["stale"]).lower() == "false"
    assert table.run("select k from s") == []
    table.run("insert into t values (2)")
    assert table.run("select k, metadata$action from s") == [(2, "INSERT")]


def test_stale_after_moves_with_each_consumption(table: Any) -> None:
    first = shown(table)["stale_after"]
    table.run("create table sink (k int)", "insert into sink select k from s")
    table.advance(1, "days")
    assert shown(table)["stale_after"] > first
    assert table.run("select k from sink") == [(1,)]


def test_a_stream_that_nobody_reads_goes_stale(table: Any) -> None:
    from embedded.snowflake.storage.cleanup import clean

    table.advance(5, "days")
    table.run("update t set k = 2")
    table.advance(5, "days")
    assert str(shown(table)["stale"]).lower() == "true"
    clean(table.account)
    assert str(shown(table)["stale"]).lower() == "true"
    assert table.errno("select * from s") == 91913
    table.run("create or replace stream s on table t")
    assert table.run("select * from s") == []


def test_time_travel_ends_where_retention_does(table: Any) -> None:
    table.advance(1, "hours")
    table.run("delete from t")
    assert table.run("select k from t at (offset => -60)") == [(1,)]
    assert table.errno("select k from t at (offset => -7200)") == 707
    table.advance(3, "days")
    assert table.errno("select k from t at (offset => -259000)") == 707
