"""The driven clock: what is due happens on the way, at its own time; a real clock is left alone."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from snowflake.connector.errors import ProgrammingError


def test_time_stands_until_it_is_moved(client):
    [(first,)] = client.run("select current_timestamp()")
    [(second,)] = client.run("select current_timestamp()")
    client.advance(90, "minutes")
    [(third,)] = client.run("select current_timestamp()")
    assert (second - first, third - first) == (timedelta(), timedelta(minutes=90))


def test_each_run_on_the_way_has_its_own_time(client):
    client.run(
        "create table log (at timestamp_ltz)",
        "create task t warehouse = w schedule = '10 minutes' as insert into log values (current_timestamp())",
        "alter task t resume",
    )
    client.advance(35, "minutes")
    times = [row[0] for row in client.run("select at from log order by at")]
    assert [b - a for a, b in pairwise(times)] == [timedelta(minutes=10)] * 2
    assert len(times) == 3


def test_a_clock_goes_to_a_given_time_and_never_back(client):
    client.run("call system$local_set_clock('2040-01-31 10:00:00')")
    assert client.run("select to_char(current_date())") == [("2040-01-31",)]
    assert client.errno("call system$local_set_clock('2039-01-01')") == 1015
    assert client.errno("call system$local_advance_clock(-1)") == 1015


def test_time_travel_follows_the_clock(client):
    client.run("create table t (n int)", "insert into t values (1)")
    client.advance(1, "hour")
    client.run("insert into t values (2)")
    assert client.run("select count(*) from t at (offset => -60)") == [(1,)]


def test_a_real_clock_is_not_moved(connect):
    with pytest.raises(ProgrammingError) as caught:
        connect().cursor().execute("call system$local_advance_clock(5)")
    assert "--clock manual" in str(caught.value)
