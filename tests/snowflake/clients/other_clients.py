"""What the older connector, pandas and Snowpark do with the local Snowflake; run in an environment of their own.

Usage: other_clients.py PORT PASSWORD. Prints one line for each thing done; a thing that does not work ends it with a traceback.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import snowflake.connector
from snowflake.connector.pandas_tools import write_pandas
from snowflake.snowpark import Session
from snowflake.snowpark import functions as f
from snowflake.snowpark.types import IntegerType, StringType, StructField, StructType

OPTIONS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": int(sys.argv[1]),
    "protocol": "http",
    "account": "TEST-CLIENTS",
    "user": "ADMIN",
    "password": sys.argv[2],
}


def cursors(connection: Any) -> None:
    """Cursors, binds, many rows, several statements, errors."""
    cursor = connection.cursor()
    for text in (
        "create or replace database c",
        "use schema c.public",
        "create table t (a int, b varchar, d date, n number(10,2))",
    ):
        cursor.execute(text)
    rows = [(i, f"v{i}", date(2024, 1, 1), Decimal("1.50")) for i in range(200)]
    cursor.executemany("insert into t values (%s, %s, %s, %s)", rows)
    assert cursor.execute("select count(*), sum(n) from t").fetchone() == (200, Decimal("300.00"))
    found = connection.execute_string("select 1; select 2")
    assert [item.fetchone()[0] for item in found] == [1, 2]
    cursor.execute("select 1; select 2", num_statements=2)
    assert cursor.fetchall() == [(1,)] and cursor.nextset() and cursor.fetchall() == [(2,)]
    try:
        cursor.execute("select * from nothing")
    except snowflake.connector.errors.ProgrammingError as error:
        assert error.errno == 2003, error.errno
    assert cursor.describe("select a, b from t")[1].name == "B"


def stage_binds(_: Any) -> None:
    """So many rows that the connector loads them through a stage."""
    with snowflake.connector.connect(**OPTIONS, paramstyle="qmark", database="C", schema="PUBLIC") as connection:
        cursor = connection.cursor()
        cursor.execute("create or replace table big (a int, b varchar)")
        cursor.executemany("insert into big values (?, ?)", [(i, f"v{i}") for i in range(70_000)])
        assert cursor.execute("select count(*), count(distinct b) from big").fetchone() == (70_000, 70_000)


def asynchronous(connection: Any) -> None:
    """Queries that are started, asked for and fetched by their ids."""
    cursor = connection.cursor()
    cursor.execute_async("select count(*) from table(generator(rowcount => 1000))")
    query_id = cursor.sfqid
    while connection.is_still_running(connection.get_query_status(query_id)):
        time.sleep(0.01)
    other = connection.cursor()
    other.get_results_from_sfqid(query_id)
    assert other.fetchone() == (1000,)


def frames(connection: Any) -> None:
    """Results as pandas and Arrow, large ones in parts, and a frame written."""
    cursor = connection.cursor()
    cursor.execute("select seq4() as n, 'x' as s from table(generator(rowcount => 120000))")
    assert len(cursor.fetch_pandas_all()) == 120_000
    cursor.execute("select seq4() as n from table(generator(rowcount => 120000))")
    assert sum(len(part) for part in cursor.fetch_pandas_batches()) == 120_000
    assert cursor.execute("select 1.5 as d, current_date as t").fetch_arrow_all().num_rows == 1
    cursor.execute("use schema c.public")
    frame = pd.DataFrame({"A": [1, 2, 3], "B": ["x", None, "z"], "F": [1.5, 2.5, None]})
    cursor.execute("create or replace table frame (a int, b varchar, f float)")
    done, _, count, _ = write_pandas(connection, frame, "FRAME")
    assert done and count == 3
    done, chunks, count, _ = write_pandas(connection, frame, "made", auto_create_table=True, chunk_size=2)
    assert (done, chunks, count) == (True, 2, 3)
    back = cursor.execute("select * from frame order by a").fetch_pandas_all()
    assert back["B"].tolist()[0] == "x" and back["A"].sum() == 6


def offsets(connection: Any) -> None:
    """Timestamps with offsets of their own, as Arrow and as JSON."""
    text = "select column1::timestamp_tz from values ('2024-01-01 12:00:00.5 +0530'), ('1969-12-31 23:59:59 -0330')"
    for form in ("ARROW", "JSON"):
        cursor = connection.cursor()
        cursor.execute(f"alter session set python_connector_query_result_format = '{form}'")
        found = [row[0].isoformat() for row in cursor.execute(text).fetchall()]
        assert found == ["2024-01-01T12:00:00.500000+05:30", "1969-12-31T23:59:59-03:30"], found
    connection.cursor().execute("alter session set python_connector_query_result_format = 'ARROW'")
    assert len(connection.cursor().execute(text).fetch_pandas_all()) == 2


def snowpark(_: Any) -> None:
    """DataFrames: made, transformed, joined, grouped, written, read, cached, turned to pandas."""
    session = Session.builder.configs({**OPTIONS, "database": "C", "schema": "PUBLIC"}).create()
    assert session.sql("select 1 as a").collect()[0]["A"] == 1
    frame = session.create_dataframe([(1, "a"), (2, "b"), (3, "b")], schema=["id", "g"])
    assert [tuple(row) for row in frame.group_by("g").agg(f.sum("id").alias("s")).sort("g").collect()] == [
        ("a", 1),
        ("b", 5),
    ]
    frame.write.save_as_table("written", mode="overwrite")
    table = session.table("written")
    assert table.filter(f.col("id") > 1).count() == 2
    joined = table.join(frame, table["id"] == frame["id"]).select(table["id"].alias("i"), frame["g"].alias("g"))
    assert joined.sort("i").first()["I"] == 1
    shaped = StructType([StructField("k", IntegerType()), StructField("v", StringType())])
    assert session.create_dataframe([[1, None]], shaped).collect()[0]["V"] is None
    assert frame.with_column("u", f.upper(f.col("g"))).to_pandas()["U"].tolist() == ["A", "B", "B"]
    table.update({"g": f.lit("z")}, table["id"] == 1)
    table.delete(table["id"] == 3)
    assert sorted(row["G"] for row in table.collect()) == ["b", "z"]
    source = session.create_dataframe([(2, "new"), (9, "nine")], schema=["id", "g"])
    clauses = [
        f.when_matched().update({"g": source["g"]}),
        f.when_not_matched().insert({"id": source["id"], "g": source["g"]}),
    ]
    table.merge(source, table["id"] == source["id"], clauses)
    assert sorted(row["G"] for row in table.collect()) == ["new", "nine", "z"]
    frame.create_or_replace_view("seen")
    assert session.table("seen").count() == 3
    assert session.range(5).select(f.sum("id")).collect()[0][0] == 10
    assert frame.cache_result().count() == 3
    job = frame.collect_nowait()
    assert len(job.result()) == 3
    assert frame.union_all(frame).distinct().count() == 3 and "SELECT" in frame.queries["queries"][-1].upper()
    pandas = pd.DataFrame(
        {"A": [1, 2], "D": [date(2024, 1, 1)] * 2, "T": pd.to_datetime(["2024-01-01 10:00:00.5"] * 2)}
    )
    assert session.write_pandas(pandas, "PANDAS", auto_create_table=True).count() == 2
    assert session.create_dataframe(pandas).first()["T"].microsecond == 500_000
    session.sql("create or replace stage st").collect()
    session.file.put_stream(io.BytesIO(b"a,b\n1,x\n"), "@st/f.csv", auto_compress=False)
    options = {"PARSE_HEADER": True, "INFER_SCHEMA": True}
    assert [tuple(row) for row in session.read.options(options).csv("@st/f.csv").collect()] == [(1, "x")]
    assert session.file.get_stream("@st/f.csv").read() == b"a,b\n1,x\n"
    pivoted = session.create_dataframe([("a", 1), ("b", 2)], schema=["k", "v"]).pivot("k").sum("v").collect()
    assert [tuple(row) for row in pivoted] == [(1, 2)]
    assert session.sql("select 1 a").union_all_by_name(session.sql("select 2 a")).count() == 2
    assert session.get_current_role() == '"ACCOUNTADMIN"' and session.get_current_database() == '"C"'
    session.close()


def main() -> None:
    """Do all, in order."""
    with snowflake.connector.connect(**OPTIONS) as connection:
        steps: list[Callable[[Any], None]] = [cursors, stage_binds, asynchronous, frames, offsets, snowpark]
        for step in steps:
            step(connection)
            sys.stdout.write(f"{step.__name__}\n")


if __name__ == "__main__":
    main()
