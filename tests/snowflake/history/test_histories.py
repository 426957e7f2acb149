"""What ACCOUNT_USAGE and INFORMATION_SCHEMA tell of what was done."""

from __future__ import annotations

import orjson
import pytest


@pytest.fixture
def base(client):
    client.run(
        "create table t (a int, b varchar, c int)",
        "create table target (x int, y varchar)",
        "create view v as select a, b from t",
        "insert into t values (1, 'one', 10), (2, 'two', 20)",
    )
    return client


def access(client, tag):
    """ACCESS_HISTORY of the statements with a query tag: names of objects with their columns."""
    rows = client.dicts(
        "select a.* from snowflake.account_usage.access_history a join snowflake.account_usage.query_history q"
        f" on a.query_id = q.query_id where q.query_tag = '{tag}' order by a.query_start_time"
    )
    return [
        {
            key: {
                entry["objectName"].rpartition(".")[2]: sorted(column["columnName"] for column in entry["columns"])
                for entry in orjson.loads(row[key])
            }
            for key in ("direct_objects_accessed", "base_objects_accessed", "objects_modified")
        }
        for row in rows
    ]


CASES = {
    "table": ("select a from t where c > 1", {"T": ["A", "C"]}, {"T": ["A", "C"]}, {}),
    "view": ("select b from v", {"V": ["B"]}, {"T": ["A", "B"]}, {}),
    "insert": ("insert into target values (5, null)", {}, {}, {"TARGET": ["X", "Y"]}),
    "insert from": (
        "insert into target select a, b from t",
        {"T": ["A", "B"]},
        {"T": ["A", "B"]},
        {"TARGET": ["X", "Y"]},
    ),
    "update": ("update t set c = a + 1 where b = 'one'", None, None, {"T": ["C"]}),
    "delete": ("delete from t where b = 'one'", None, None, {"T": []}),
    "create": ("create table n as select a from t", {"T": ["A"]}, {"T": ["A"]}, {"N": ["A"]}),
}


@pytest.mark.parametrize(("text", "direct", "below", "modified"), CASES.values(), ids=CASES)
def test_access_history_tells_objects_and_columns(base, text, direct, below, modified):
    base.run("alter session set query_tag = 'watched'", text, "alter session unset query_tag")
    [found] = access(base, "watched")
    assert found["objects_modified"] == modified
    if direct is not None:
        assert (found["direct_objects_accessed"], found["base_objects_accessed"]) == (direct, below)


def test_query_history_tells_where_and_how_much(base):
    base.run("alter session set query_tag = 'here'", "select a from t", "alter session unset query_tag")
    [row] = base.dicts(
        "select * from table(information_schema.query_history()) where query_tag = 'here' and query_type = 'SELECT'"
    )
    assert (row["warehouse_name"], row["warehouse_size"], row["cluster_number"]) == ("W", "X-Small", 1)
    assert row["bytes_scanned"] > 0
    [row] = base.dicts(
        "select * from snowflake.account_usage.query_history where query_tag = 'here' and query_type = 'SELECT'"
    )
    assert (row["partitions_scanned"], row["partitions_total"]) == (1, 1)
    assert row["database_id"] is not None


def test_metering_agrees_in_all_its_views(base):
    base.advance(3, "hours")
    found = [
        base.run(f"select sum({column}) from snowflake.account_usage.{view}")[0][0]
        for view, column in (
            ("warehouse_metering_history", "credits_used"),
            ("metering_history", "credits_used"),
            ("metering_daily_history", "credits_used"),
        )
    ]
    assert found[0] > 0
    assert found == pytest.approx([found[0]] * 3)
    base.run("use database d")
    shown = base.run(
        "select sum(credits_used) from table(information_schema.warehouse_metering_history("
        "dateadd('day', -1, current_date()), warehouse_name => 'W'))"
    )
    assert shown[0][0] > 0


def test_load_is_told_by_five_minutes(base):
    rows = base.dicts("select * from snowflake.account_usage.warehouse_load_history where warehouse_name = 'W'")
    assert rows
    assert {(row["end_time"] - row["start_time"]).total_seconds() for row in rows} == {300.0}


def test_a_refresh_is_a_query_of_its_own(base):
    base.run("create dynamic table dt target_lag = '1 hour' warehouse = w as select a from t")
    [row] = base.dicts("select * from table(information_schema.dynamic_table_refresh_history(name => 'dt'))")
    [query] = base.dicts(f"select * from snowflake.account_usage.query_history where query_id = '{row['query_id']}'")
    assert query["user_name"] == "SYSTEM"
    [found] = base.dicts(f"select * from snowflake.account_usage.access_history where query_id = '{row['query_id']}'")
    assert orjson.loads(found["objects_modified"])[0]["objectName"] == "D.PUBLIC.DT"
    [graph] = base.dicts("select * from table(information_schema.dynamic_table_graph_history())")
    assert orjson.loads(graph["inputs"]) == [{"kind": "TABLE", "name": "D.PUBLIC.T"}]


SAME = {
    "literals that are compared": (
        "select a from t where a = 1 and b >= 'x'",
        "select a from t where a = 22 and b >= 'y'",
        True,
    ),
    "white space and comments": ("select a from t where 1 <= a", "select a\n  from t /* so */ where 5 <= a", True),
    "literals of a list": ("select a from t where a in (1)", "select a from t where a in (2)", False),
    "another column": ("select a from t where a = 1", "select a from t where c = 1", False),
}


@pytest.mark.parametrize(("one", "other", "same"), SAME.values(), ids=list(SAME))
def test_parameterized_hash_is_of_the_statement_without_its_compared_literals(base, one, other, same):
    base.run(one, other)
    rows = base.dicts(
        "select query_hash, query_parameterized_hash from snowflake.account_usage.query_history "
        "where query_type = 'SELECT' and query_text like 'select a%' order by start_time"
    )
    assert len({row["query_hash"] for row in rows}) == 2
    assert (len({row["query_parameterized_hash"] for row in rows}) == 1) is same


@pytest.mark.parametrize(
    ("text", "rows", "columns"),
    [
        ("select a, b from secret", ["ROWS_OF"], {"B": ["MASK_OF"]}),
        ("select a from secret", ["ROWS_OF"], {}),
        ("select b from over_secret", ["ROWS_OF"], {"B": ["MASK_OF"]}),
        ("select a from t", [], {}),
    ],
)
def test_access_history_tells_the_policies(base, text, rows, columns):
    base.run(
        "create masking policy mask_of as (v varchar) returns varchar -> '*'",
        "create row access policy rows_of as (n int) returns boolean -> n > 0",
        "create table secret (a int, b varchar masking policy mask_of) with row access policy rows_of on (a)",
        "create view over_secret as select a, b from secret",
        "alter session set query_tag = 'policed'",
        text,
        "alter session unset query_tag",
    )
    [row] = base.dicts(
        "select h.policies_referenced as told from snowflake.account_usage.access_history h join"
        " snowflake.account_usage.query_history q on h.query_id = q.query_id where q.query_tag = 'policed'"
    )
    told = orjson.loads(row["told"])
    found_rows = [policy["policyName"].rpartition(".")[2] for entry in told for policy in entry["policies"]]
    found_columns = {
        column["columnName"]: [policy["policyName"].rpartition(".")[2] for policy in column["policies"]]
        for entry in told
        for column in entry["columns"]
    }
    assert (found_rows, found_columns) == (rows, columns)
    assert {entry["objectName"] for entry in told} <= {"D.PUBLIC.SECRET"}
