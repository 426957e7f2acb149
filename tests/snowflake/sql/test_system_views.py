"""INFORMATION_SCHEMA and ACCOUNT_USAGE: every view answers, and tells what is there."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.sql.system_views import ACCOUNT_USAGE, INFORMATION_SCHEMA


@pytest.fixture
def filled(query: Any) -> Any:
    query(
        "create table t (a int not null, b varchar(10) default 'x', c number(10,2), constraint pk primary key (a))",
        "create view v as select a, upper(b) as ub from t",
        "insert into t (a) values (1), (2)",
        "create sequence s start 5 increment 5",
        "create stage st",
        "create function f(x float) returns float as 'x'",
    )
    return query


@pytest.mark.parametrize("name", sorted(INFORMATION_SCHEMA))
def test_information_schema_view(filled: Any, name: str) -> None:
    filled(f"select * from information_schema.{name} order by 1")
    assert [column for column, _ in filled.columns] == [column for column, _ in INFORMATION_SCHEMA[name].columns]


@pytest.mark.parametrize("name", sorted(ACCOUNT_USAGE))
def test_account_usage_view(filled: Any, name: str) -> None:
    filled(f"select * from snowflake.account_usage.{name} limit 20")
    assert [column for column, _ in filled.columns] == [column for column, _ in ACCOUNT_USAGE[name].columns]


CASES = [
    (
        "select table_name, table_type, row_count from information_schema.tables order by 1",
        [("T", "BASE TABLE", 2), ("V", "VIEW", None)],
    ),
    (
        "select column_name, ordinal_position, is_nullable, data_type, character_maximum_length, numeric_scale"
        " from information_schema.columns where table_name = 'T' order by 2",
        [("A", 1, "NO", "NUMBER", None, 0), ("B", 2, "YES", "TEXT", 10, None), ("C", 3, "YES", "NUMBER", None, 2)],
    ),
    ("select table_name, is_secure from information_schema.views", [("V", "NO")]),
    ("select constraint_name, constraint_type from information_schema.table_constraints", [("PK", "PRIMARY KEY")]),
    ("select sequence_name, start_value from information_schema.sequences", [("S", "5")]),
    ("select function_name, argument_signature from information_schema.functions", [("F", "(X FLOAT)")]),
    (
        "select privilege_type, grantee from information_schema.object_privileges where object_name = 'T'",
        [("OWNERSHIP", "ACCOUNTADMIN")],
    ),
]


@pytest.mark.parametrize(("text", "rows"), CASES, ids=[case[0][:70] for case in CASES])
def test_contents(filled: Any, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert filled(text) == rows


def test_histories(filled: Any) -> None:
    text = "select count(*) as n from t"
    filled(text)
    wanted = f"where query_text = '{text}' and database_name = '{filled.database}'"
    assert filled(f"select execution_status, query_type from snowflake.account_usage.query_history {wanted}") == [
        ("SUCCESS", "SELECT")
    ]
    assert filled(f"select count(*) from table(information_schema.query_history_by_session()) {wanted}") == [(1,)]
    read = "select base_objects_accessed[0]:objectName::varchar from snowflake.account_usage.access_history a"
    read += f" join snowflake.account_usage.query_history q using (query_id) {wanted}"
    assert filled(read) == [(f"{filled.database}.PUBLIC.T",)]


def test_dependencies(filled: Any) -> None:
    text = "select referenced_object_name from snowflake.account_usage.object_dependencies"
    text += f" where referencing_object_name = 'V' and referencing_database = '{filled.database}'"
    assert filled(text) == [("T",)]


def test_what_is_not_there_is_refused(filled: Any) -> None:
    for name in ("information_schema.nothing", "snowflake.account_usage.nothing"):
        with pytest.raises(SnowflakeError) as refused:
            filled(f"select * from {name}")
        assert refused.value.errno == 2003


def test_account_usage_needs_a_grant(filled: Any) -> None:
    filled(
        "create role if not exists plain",
        "grant role plain to user admin",
        "use role plain",
        "use secondary roles none",
    )
    with pytest.raises(SnowflakeError) as refused:
        filled("select * from snowflake.account_usage.tables")
    assert refused.value.errno == 2003


def test_a_view_of_snowflake_that_is_not_here_is_refused_by_name(query):
    with pytest.raises(SnowflakeError, match="QUERY_ATTRIBUTION_HISTORY") as caught:
        query("select * from snowflake.account_usage.query_attribution_history")
    assert caught.value.errno == 2
    with pytest.raises(SnowflakeError) as caught:
        query("select * from snowflake.account_usage.nobody_knows_it")
    assert caught.value.errno == 2003
    query(f"create role reader_{query.database}", f"grant role reader_{query.database} to user admin")
    query("use secondary roles none", f"use role reader_{query.database}")
    with pytest.raises(SnowflakeError) as caught:
        query("select * from snowflake.account_usage.query_attribution_history")
    assert caught.value.errno == 2003
