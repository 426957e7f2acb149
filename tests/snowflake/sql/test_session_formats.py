"""The session's input and output formats in casts, through the connector; examples of Snowflake's page on them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from snowflake.connector.errors import DatabaseError

from embedded.snowflake.errors import SnowflakeError

OUTPUT = [
    ("date_output_format = 'DD/MM/YYYY'", "'2024-07-01'::date::varchar", "01/07/2024"),
    ("time_output_format = 'HH12:MI AM'", "'15:04:05'::time::varchar", "03:04 PM"),
    ("timestamp_ntz_output_format = 'MON DD, YYYY'", "'2024-07-01 12:00:00'::timestamp_ntz::varchar", "Jul 01, 2024"),
    ("timestamp_output_format = 'YYYY TZH:TZM'", "'2024-07-01 12:00:00'::timestamp_ltz::varchar", "2024 +00:00"),
    ("timestamp_output_format = 'YYYY'", "'2024-07-01 12:00:00'::timestamp_ntz || ''", "2024-07-01 12:00:00.000"),
    ("timestamp_ltz_output_format = 'HH24'", "to_char('2024-07-01 12:00:00'::timestamp_ltz)", "12"),
    ("binary_output_format = 'BASE64'", "to_binary('534E4F57')::varchar", "U05PVw=="),
]
INPUT = [
    ("date_input_format = 'DD/MM/YYYY'", "'01/07/2024'::date", datetime.date(2024, 7, 1)),
    (
        "timestamp_input_format = 'DD.MM.YYYY HH24:MI'",
        "'01.07.2024 12:30'::timestamp_ntz",
        datetime.datetime(2024, 7, 1, 12, 30),  # noqa: DTZ001
    ),
    ("time_input_format = 'HH24.MI'", "'12.30'::time", datetime.time(12, 30)),
    ("date_input_format = 'DD/MM/YYYY'", "try_to_date('2024-07-01')", None),
]


@pytest.mark.parametrize(("setting", "expression", "wanted"), OUTPUT + INPUT, ids=lambda value: str(value)[:40])
def test_format(connect: Callable[..., Any], setting: str, expression: str, wanted: object) -> None:
    cursor = connect().cursor()
    cursor.execute("alter session set timezone = 'UTC'")
    cursor.execute(f"alter session set {setting}")
    assert cursor.execute(f"select {expression}").fetchone()[0] == wanted


def test_text_of_another_form_is_refused(connect: Callable[..., Any]) -> None:
    cursor = connect().cursor()
    cursor.execute("alter session set date_input_format = 'DD/MM/YYYY'")
    with pytest.raises(DatabaseError) as caught:
        cursor.execute("select '2024-07-01'::date").fetchall()
    assert caught.value.errno == 100040


@pytest.mark.parametrize(
    "setting",
    [
        "quoted_identifiers_ignore_case = true",
        "search_path = '$current, other'",
        "timestamp_day_is_always_24h = true",
        "two_digit_century_start = 1980",
    ],
)
def test_a_parameter_that_would_change_statements_is_refused_by_name(query, setting):
    with pytest.raises(SnowflakeError, match=f"(?i){setting.split()[0]}") as caught:
        query(f"alter session set {setting}")
    assert caught.value.errno == 2
    query(f"alter session unset {setting.split()[0]}")


def test_rows_of_a_result_and_type_of_a_timestamp_follow_the_session(query):
    query("alter session set rows_per_resultset = 2, timestamp_type_mapping = 'TIMESTAMP_LTZ'")
    assert query("select column1 from values (1), (2), (3) order by 1") == [(1,), (2,)]
    query(
        "create table t (a timestamp, b datetime, c timestamp without time zone)",
        "alter session unset rows_per_resultset",
    )
    assert [row[1] for row in query("describe table t")] == ["TIMESTAMP_LTZ(9)", "TIMESTAMP_NTZ(9)", "TIMESTAMP_NTZ(9)"]


def test_an_error_ends_the_transaction_if_the_session_says_so(query):
    query("create table t (a int)", "begin", "insert into t values (1)")
    with pytest.raises(SnowflakeError):
        query("select 1 / 0")
    assert query("select count(*) from t") == [(1,)]
    query("alter session set transaction_abort_on_error = true")
    with pytest.raises(SnowflakeError):
        query("select 1 / 0")
    assert query("select count(*), current_transaction() from t") == [(0, None)]


def test_unloading_to_a_stage_can_be_prevented(query):
    query("create stage s", "alter session set prevent_unload_to_internal_stages = true")
    with pytest.raises(SnowflakeError, match="PREVENT_UNLOAD"):
        query("copy into @s from (select 1)")
