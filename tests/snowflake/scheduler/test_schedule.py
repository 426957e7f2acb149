"""Schedules: what is one, and when it comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.scheduler.monitors import interval_start
from embedded.snowflake.scheduler.schedule import parse_schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("5 MINUTE", "2024-01-01 00:00:00", "2024-01-01 00:05:00"),
        ("5 minutes", "2024-01-01 00:07:00", "2024-01-01 00:10:00"),
        ("10 SECOND", "2024-01-01 00:00:00", "2024-01-01 00:00:10"),
        ("1 HOUR", "2024-01-01 00:59:59", "2024-01-01 01:00:00"),
        ("USING CRON 0 9 * * * UTC", "2024-01-01 09:00:00", "2024-01-02 09:00:00"),
        ("using cron 0 */5 * * * UTC", "2024-01-01 21:00:00", "2024-01-02 00:00:00"),
        ("USING CRON 0 9 * * MON-FRI America/New_York", "2024-01-05 15:00:00", "2024-01-08 14:00:00"),
        ("USING CRON 0 0 L * * UTC", "2024-02-10 00:00:00", "2024-02-29 00:00:00"),
        ("USING CRON 0 0 * * 5L UTC", "2024-02-10 00:00:00", "2024-02-23 00:00:00"),
        ("USING CRON 0 0 * * FRIL UTC", "2024-02-10 00:00:00", "2024-02-23 00:00:00"),
        ("USING CRON 0 0 * * 5#2 UTC", "2024-02-01 00:00:00", "2024-02-09 00:00:00"),
        ("USING CRON 30 2 * * * Europe/Berlin", "2024-10-27 02:00:00", "2024-10-28 01:30:00"),
    ],
)
def test_next(schedule, after, expected):
    assert parse_schedule(schedule).next(at(after), at("2024-01-01 00:00:00")) == at(expected)


@pytest.mark.parametrize(
    "text",
    ["", "5", "MINUTE", "0 MINUTE", "9 SECOND", "11521 MINUTE", "5 DAYS", "USING CRON * * * * *",
     "USING CRON 61 * * * * UTC", "USING CRON 0 * * * * Mars/Olympus", "0 * * * * UTC"],
)  # fmt: skip
def test_no_schedule(text):
    with pytest.raises(SqlCompilationError) as caught:
        parse_schedule(text)
    assert caught.value.errno == 1008


@given(
    st.sampled_from(
        ["10 SECONDS", "7 MINUTES", "USING CRON */7 3-5 * * * Asia/Kolkata", "USING CRON 0 2 * * SUN Europe/Berlin"]
    ),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
)
def test_the_next_time_is_later_and_nothing_lies_between(text, moment):
    schedule, after = parse_schedule(text), moment.replace(tzinfo=UTC)
    since = after - timedelta(days=3)
    found = schedule.next(after, since)
    assert found > after
    middle = after + (found - after) / 2
    assert schedule.next(middle, since) == found


@pytest.mark.parametrize(
    ("frequency", "start", "now", "expected"),
    [
        ("DAILY", "2024-01-01 09:30:00", "2024-01-05 12:00:00", "2024-01-05 00:00:00"),
        ("DAILY", "2024-01-05 09:30:00", "2024-01-05 12:00:00", "2024-01-05 09:30:00"),
        ("WEEKLY", "2024-01-03 00:00:00", "2024-01-16 12:00:00", "2024-01-10 00:00:00"),
        ("MONTHLY", "2024-01-31 00:00:00", "2024-03-01 00:00:00", "2024-02-29 00:00:00"),
        ("MONTHLY", "2024-01-01 00:00:00", "2024-03-15 00:00:00", "2024-03-01 00:00:00"),
        ("YEARLY", "2020-02-29 00:00:00", "2023-02-28 12:00:00", "2023-02-28 00:00:00"),
        ("NEVER", "2020-02-29 10:00:00", "2023-02-28 12:00:00", "2020-02-29 10:00:00"),
    ],
)
def test_interval_of_a_monitor(frequency, start, now, expected):
    assert interval_start(frequency, at(start), at(now)) == at(expected)
