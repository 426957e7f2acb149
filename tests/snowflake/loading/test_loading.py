"""Loading through the connector: schemas inferred, COPY checked without loading, partitions written, directory tables, history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from snowflake.connector.errors import DatabaseError

Run = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def run(connect: Callable[..., Any]) -> Iterator[Run]:
    cursor = connect().cursor()

    def execute(text: str) -> list[tuple[Any, ...]]:
        return cursor.execute(text).fetchall()

    for text in (
        "create database d",
        "create stage st directory = (enable = true)",
        "create table t (a int, b varchar)",
        "create file format pq type = parquet",
    ):
        execute(text)
    yield execute


def put(run: Run, folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.write_text(content)
    run(f"put 'file://{path}' @st auto_compress = false")


def put_parquet(run: Run, folder: Path) -> None:
    table = pa.table(
        {"Id": pa.array([1, 2]), "price": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)), "name": ["a", None]}
    )
    pyarrow.parquet.write_table(table, folder / "f.parquet")
    run(f"put 'file://{folder}/f.parquet' @st auto_compress = false")


INFER = "table(infer_schema(location => '@st', file_format => 'pq'))"


def test_infer_schema_of_parquet(run: Run, tmp_path: Path) -> None:
    put_parquet(run, tmp_path)
    found = run(f"select column_name, type, nullable, expression, filenames, order_id from {INFER} order by order_id")
    assert found == [
        ("Id", "NUMBER(38, 0)", True, "$1:Id::NUMBER(38, 0)", "st/f.parquet", 0),
        ("price", "NUMBER(9, 2)", True, "$1:price::NUMBER(9, 2)", "st/f.parquet", 1),
        ("name", "TEXT", True, "$1:name::TEXT", "st/f.parquet", 2),
    ]


def test_table_of_an_inferred_schema_takes_the_files(run: Run, tmp_path: Path) -> None:
    put_parquet(run, tmp_path)
    run(f"create table made using template (select array_agg(object_construct(*)) from {INFER})")
    run("copy into made from @st file_format = (format_name = pq) match_by_column_name = case_sensitive")
    assert run("select * from made order by 1") == [(1, Decimal("1.50"), "a"), (2, None, None)]


BAD = "1|x\nbad|y\n3|z|more\n"
COPY = "copy into t from @st file_format = (type = csv field_delimiter = '|')"


@pytest.mark.parametrize("mode", ["return_errors", "return_all_errors"])
def test_validation_mode_tells_errors_and_loads_nothing(run: Run, tmp_path: Path, mode: str) -> None:
    put(run, tmp_path, "bad.csv", BAD)
    found = run(f"{COPY} validation_mode = {mode}")
    assert [(row[1], row[2], row[6]) for row in found] == [("st/bad.csv", 2, 100038), ("st/bad.csv", 3, 100080)]
    assert run("select count(*) from t") == [(0,)]


def test_validation_mode_gives_the_first_rows(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "bad.csv", BAD)
    assert run(f"{COPY} validation_mode = return_1_rows") == [(1, "x")]
    with pytest.raises(DatabaseError, match="Numeric value 'bad' is not recognized"):
        run(f"{COPY} validation_mode = return_2_rows")


def test_validate_tells_the_errors_of_the_last_copy(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "bad.csv", BAD)
    run(f"{COPY} on_error = continue")
    assert [row[:3] for row in run("select error, file, line from table(validate(t, job_id => '_last')) limit 1")] == [
        ("Numeric value 'bad' is not recognized", "st/bad.csv", 2)
    ]


def test_copy_without_from_reads_the_tables_stage(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,x\n")
    run(f"put 'file://{tmp_path}/x.csv' @%t")
    assert run("copy into t")[0][1] == "LOADED"


def test_copy_history_and_load_history(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "bad.csv", BAD)
    run(f"{COPY} on_error = continue")
    since = "start_time => dateadd(hour, -1, current_timestamp())"
    history = f"table(information_schema.copy_history(table_name => 'T', {since}))"
    assert run(f"select file_name, status, row_count, error_count from {history}") == [
        ("bad.csv", "Partially loaded", 1, 2)
    ]
    assert run("select table_name, row_parsed from information_schema.load_history") == [("T", 3)]


def test_partitions_are_written_below_their_paths(run: Run) -> None:
    rows = "select column1 as k, column2 as v from values ('a', 1), ('b', 2), (null, 3)"
    done = run(f"copy into @st/out from ({rows}) partition by ('k=' || k) file_format = (type = parquet) header = true")
    assert done[0][0] == 3
    assert sorted({row[0].rpartition("/")[0] for row in run("list @st/out")}) == [
        "st/out/__NULL__",
        "st/out/k=a",
        "st/out/k=b",
    ]
    read = "select $1:V::int from @st/out (file_format => 'pq') where metadata$filename like '%k=b%'"
    assert run(read) == [(2,)]


def test_partitions_do_not_overwrite(run: Run) -> None:
    with pytest.raises(DatabaseError, match="OVERWRITE = TRUE is not supported with PARTITION BY"):
        run("copy into @st/out from (select 1 as a) partition by ('x') overwrite = true")


def test_directory_table(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "x.csv", "1,x\n")
    run("alter stage st refresh")
    assert run("select relative_path, size from directory(@st)") == [("x.csv", 4)]
