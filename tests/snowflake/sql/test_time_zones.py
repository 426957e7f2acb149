"""TIMESTAMP_TZ: a moment with an offset of its own, which it keeps; two of one moment are equal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.snowflake import zoned

A = "'2024-01-01 12:00:00 +0200'::timestamp_tz"
SAME = "'2024-01-01 04:30:00.000 -05:30'::timestamp_tz"
LATER = "'2024-01-01 11:00:00 +0000'::timestamp_tz"

TEXTS = {
    f"{A}": "2024-01-01 12:00:00.000 +0200",
    f"{SAME}": "2024-01-01 04:30:00.000 -0530",
    "'2024-01-01 10:00:00 Z'::timestamp_tz": "2024-01-01 10:00:00.000 +0000",
    "'2024-07-01T10:00:00.123+09:00'::timestamp_tz": "2024-07-01 10:00:00.123 +0900",
    "'2024-07-01 10:00:00'::timestamp_tz": "2024-07-01 10:00:00.000 -0700",
    "'2024-07-01'::date::timestamp_tz": "2024-07-01 00:00:00.000 -0700",
    "'2024-01-01 10:00:00'::timestamp_ntz::timestamp_tz": "2024-01-01 10:00:00.000 -0800",
    "'2024-01-01 10:00:00 +0000'::timestamp_ltz::timestamp_tz": "2024-01-01 02:00:00.000 -0800",
    "to_timestamp_tz(0)": "1969-12-31 16:00:00.000 -0800",
    "to_timestamp_tz(1700000000123, 3)": "2023-11-14 14:13:20.123 -0800",
    "to_timestamp_tz('04/05/2013 01:02:03 +05:30', 'mm/dd/yyyy hh24:mi:ss tzh:tzm')": "2013-04-05 01:02:03.000 +0530",
    "timestamp_tz_from_parts(2013, 4, 5, 12, 0, 0, 0, 'Europe/Berlin')": "2013-04-05 12:00:00.000 +0200",
    f"{A}::timestamp_ntz": "2024-01-01 12:00:00.000",
    f"{A}::timestamp_ltz": "2024-01-01 02:00:00.000 -0800",
    f"{SAME}::date": "2024-01-01",
    f"{SAME}::time": "04:30:00",
    f"dateadd(day, 1, {A})": "2024-01-02 12:00:00.000 +0200",
    f"dateadd(minute, -30, {A})": "2024-01-01 11:30:00.000 +0200",
    f"{A} + interval '1 month, 2 hours'": "2024-02-01 14:00:00.000 +0200",
    f"date_trunc('day', {A})": "2024-01-01 00:00:00.000 +0200",
    f"time_slice({A}, 5, 'hour')": "2024-01-01 08:00:00.000 +0200",
    f"convert_timezone('UTC', {A})": "2024-01-01 10:00:00.000 +0000",
    f"convert_timezone('UTC', {A}::timestamp_ltz)::timestamp_ntz": "2024-01-01 10:00:00.000",
    "convert_timezone('Asia/Kolkata', '2024-01-01 12:00:00 +02:00')": "2024-01-01 15:30:00.000 +0530",
    "convert_timezone('Asia/Tokyo', '2024-01-01 12:00:00'::timestamp_ntz)": "2024-01-02 05:00:00.000 +0900",
    "convert_timezone('America/Los_Angeles', 'America/New_York', '2024-01-01 14:00:00'::timestamp_ntz)": "2024-01-01 17:00:00.000",
    f"greatest({A}, {LATER})": "2024-01-01 11:00:00.000 +0000",
    f"coalesce(null, {A})": "2024-01-01 12:00:00.000 +0200",
    'parse_json(\'{"a": "2024-01-01 12:00:00 +0300"}\'):a::timestamp_tz': "2024-01-01 12:00:00.000 +0300",
    f"{A}::variant": "2024-01-01 12:00:00.000 +0200",
    f"to_char({A}, 'DD.MM.YYYY HH24:MI TZH:TZM')": "01.01.2024 12:00 +02:00",
    f"to_varchar({SAME}, 'TZHTZM')": "-0530",
}
VALUES = {
    f"{A} = {SAME}": True,
    f"{A} < {LATER}": True,
    f"{A} in ({SAME})": True,
    f"{A} = '2024-01-01 02:00:00'": True,
    f"{A} = '2024-01-01 02:00:00'::timestamp_ntz": True,
    f"{A} = '2024-01-01 10:00:00 +0000'::timestamp_ltz": True,
    f"equal_null({A}, {SAME})": True,
    f"nullif({A}, {SAME}) is null": True,
    f"date_part(timezone_hour, {SAME})": -5,
    f"date_part(timezone_minute, {SAME})": -30,
    f"hour({A})": 12,
    f"date_part(epoch_second, {A})": 1704103200,
    "datediff(hour, '2024-01-01 00:00 +0000'::timestamp_tz, '2024-01-01 00:00 -0500'::timestamp_tz)": 5,
    "try_to_timestamp_tz('never')": None,
}


@pytest.fixture
def west(query: Any) -> Any:
    query("alter session set timezone = 'America/Los_Angeles'")
    return query


@pytest.mark.parametrize(("expression", "text"), TEXTS.items(), ids=TEXTS)
def test_text(west: Any, expression: str, text: str) -> None:
    assert west(f"select ({expression})::varchar") == [(text,)]


@pytest.mark.parametrize(("expression", "value"), VALUES.items(), ids=VALUES)
def test_value(west: Any, expression: str, value: Any) -> None:
    assert west(f"select {expression}") == [(value,)]


ROWS = (
    "insert into t select column1, column2 from values (1, '2024-01-01 12:00 +0200'), (2, '2024-01-01 04:30 -0530'),"
    " (3, '2024-01-01 11:00 Z'), (4, null)"
)
QUERIES = {
    "select count(distinct at), count(at) from t": [(2, 3)],
    "select count(*) from t group by at order by 1": [(1,), (1,), (2,)],
    "select distinct at = '2024-01-01 10:00 Z' from t where at is not null order by 1": [(False,), (True,)],
    "select count(*) from (select at from t union select at from t)": [(3,)],
    "select a.id, b.id from t a join t b using (at) where a.id < b.id": [(1, 2)],
    "select id, rank() over (order by at) from t order by id": [(1, 1), (2, 1), (3, 3), (4, 4)],
    "select id, count(*) over (order by at range between interval '1 hour' preceding and current row) from t"
    " where at is not null order by id": [(1, 2), (2, 2), (3, 3)],
    "select min(at)::timestamp_ltz::varchar, max(at)::varchar from t": [
        ("2024-01-01 02:00:00.000 -0800", "2024-01-01 11:00:00.000 +0000")
    ],
    "select id from t order by at desc nulls last, id": [(3,), (1,), (2,), (4,)],
    "select at::varchar from t pivot (max(id) for id in (1)) order by 1 limit 1": [("2024-01-01 11:00:00.000 +0000",)],
}


@pytest.mark.parametrize("text", QUERIES)
def test_rows_are_grouped_joined_and_ordered_by_the_moment(west: Any, text: str) -> None:
    west("create table t (id int, at timestamp_tz)", ROWS)
    assert west(text) == QUERIES[text]


def test_offsets_stay_through_every_way_of_writing(west: Any) -> None:
    west("create table t (id int, at timestamp_tz)", ROWS, "create stream s on table t")
    west(
        "create table u as select * from t",
        "create table v clone u",
        "update v set at = dateadd(hour, 1, at) where id = 2",
    )
    west("merge into v using t on v.id = t.id + 2 when matched then update set at = t.at")
    west("insert into t select 9, at from u where id = 2")
    assert west("select id, at::varchar from v order by id") == [
        (1, "2024-01-01 12:00:00.000 +0200"),
        (2, "2024-01-01 05:30:00.000 -0530"),
        (3, "2024-01-01 12:00:00.000 +0200"),
        (4, "2024-01-01 04:30:00.000 -0530"),
    ]
    assert west("select at::varchar from s") == [("2024-01-01 04:30:00.000 -0530",)]
    assert west("select t.at::varchar from t at (offset => 0) where id = 9") == [("2024-01-01 04:30:00.000 -0530",)]


def test_formats_of_the_session(west: Any) -> None:
    west(
        "alter session set timestamp_tz_output_format = 'YYYY-MM-DD\"T\"HH24:MI TZH:TZM',"
        " timestamp_input_format = 'DD/MM/YYYY HH24:MI TZHTZM'"
    )
    assert west("select '01/02/2024 10:00 -0230'::timestamp_tz::varchar") == [("2024-02-01T10:00 -02:30",)]


def test_variables_blocks_and_functions_keep_it(west: Any) -> None:
    west(f"set v = (select {A})")
    assert west("select $v::varchar") == [("2024-01-01 12:00:00.000 +0200",)]
    west(
        "create function same(x timestamp_tz) returns timestamp_tz language python runtime_version = '3.11' handler = 'f'"
        " as 'import datetime\ndef f(x):\n    return x + datetime.timedelta(hours=1)'"
    )
    assert west(f"select same({A})::varchar") == [("2024-01-01 13:00:00.000 +0200",)]
    block = f"declare x timestamp_tz default {A}; begin let y varchar := x::varchar; return y; end"
    assert west(f"execute immediate $${block}$$") == [("2024-01-01 12:00:00.000 +0200",)]


def test_it_is_not_unloaded_to_parquet(west: Any) -> None:
    from embedded.snowflake.errors import SnowflakeError

    west("create stage st")
    with pytest.raises(SnowflakeError, match="not supported for unloading to Parquet"):
        west(f"copy into @st/x from (select {A} as a) file_format = (type = parquet)")
    west(
        f"copy into @st/x.csv from (select {A} as a, 'v' as b) file_format = (type = csv compression = none) single = true"
    )
    west("create table t (a timestamp_tz, b varchar)", "copy into t from @st/x.csv file_format = (type = csv)")
    assert west("select a::varchar from t") == [("2024-01-01 12:00:00.000 +0200",)]


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FIRST, LAST = datetime.fromisoformat("0001-01-03"), datetime.fromisoformat("9999-12-29")
MOMENTS = st.datetimes(FIRST, LAST, timezones=OFFSETS)


@given(st.lists(st.none() | MOMENTS))
def test_what_is_stored_is_what_was_given(moments: list[datetime | None]) -> None:
    column = pa.chunked_array(
        [[None if moment is None else zoned.to_interval(moment) for moment in moments]], zoned.ARROW_TYPE
    )
    found = zoned.values_of(column)
    assert found == moments
    assert [m and m.utcoffset() for m in found] == [m and m.utcoffset() for m in moments]
    micros, offsets = zoned.parts(column.chunk(0))
    for moment, count, offset in zip(moments, micros.tolist(), offsets.tolist(), strict=True):
        if moment is not None:
            assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=count) == moment
            assert timedelta(minutes=offset) == moment.utcoffset()
