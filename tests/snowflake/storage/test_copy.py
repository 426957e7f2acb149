"""Stages and COPY through the connector: PUT, LIST, COPY in its forms, GET, REMOVE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

Run = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def run(connect: Callable[..., Any]) -> Iterator[Run]:
    cursor = connect().cursor()

    def execute(text: str) -> list[tuple[Any, ...]]:
        return cursor.execute(text).fetchall()

    for text in ("create database d", "create stage st", "create table t (a int not null, b varchar(3))"):
        execute(text)
    yield execute


def put(run: Run, folder: Path, name: str, content: str, options: str = "") -> None:
    path = folder / name
    path.write_text(content)
    run(f"put 'file://{path}' @st {options}")


def test_put_list_get_remove(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "x.csv", "1,x\n", "auto_compress = false")
    put(run, tmp_path, "y.csv", "2,y\n")
    assert [row[0] for row in run("list @st")] == ["st/x.csv", "st/y.csv.gz"]
    assert [row[0] for row in run("ls @st pattern = '.*gz'")] == ["st/y.csv.gz"]
    got = tmp_path / "got"
    got.mkdir()
    run(f"get @st file://{got}/")
    assert (got / "x.csv").read_text() == "1,x\n"
    assert run("remove @st/x") == [("st/x.csv", "removed")]
    assert len(run("list @st")) == 1


def test_copy_loads_each_file_once(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "x.csv", "a,b\n1,x\n2,\n")
    copy = "copy into t from @st file_format = (type = csv skip_header = 1)"
    assert run(copy)[0][:4] == ("st/x.csv.gz", "LOADED", 2, 2)
    assert run(copy) == [("Copy executed with 0 files processed.",)]
    assert run("select * from t order by a") == [(1, "x"), (2, None)]
    run(f"{copy} force = true")
    assert run("select count(*) from t") == [(4,)]


def test_rolled_back_copy_may_load_again(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "x.csv", "1,x\n")
    run("begin")
    run("copy into t from @st")
    run("rollback")
    assert run("copy into t from @st")[0][1] == "LOADED"


ERRORS = [
    pytest.param("continue", ("PARTIALLY_LOADED", 4, 2), 2, id="continue"),
    pytest.param("skip_file", ("LOAD_FAILED", 4, 0), 0, id="skip-file"),
    pytest.param("skip_file_3", ("PARTIALLY_LOADED", 4, 2), 2, id="skip-file-from-3"),
    pytest.param("'skip_file_50%'", ("LOAD_FAILED", 4, 0), 0, id="skip-file-from-half"),
]


@pytest.mark.parametrize(("on_error", "expected", "rows"), ERRORS)
def test_on_error(run: Run, tmp_path: Path, on_error: str, expected: tuple[Any, ...], rows: int) -> None:
    put(run, tmp_path, "x.csv", "1,x\nno,y\n3,long\n4,u\n")
    answer = run(f"copy into t from @st on_error = {on_error}")[0]
    assert answer[1:4] == expected
    assert answer[5:8] == (2, "Numeric value 'no' is not recognized", 2)
    assert answer[9] == '"A":1'
    assert run("select count(*) from t") == [(rows,)]


def test_abort_tells_file_line_and_column(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "x.csv", "1,x\nno,y\n")
    with pytest.raises(
        Exception, match=r"Numeric value 'no' is not recognized\n.*x\.csv.*line 2.*\n.*\"A\":1"
    ) as caught:
        run("copy into t from @st")
    assert getattr(caught.value, "errno", None) == 100038
    assert run("select count(*) from t") == [(0,)]


CSV = [
    pytest.param(
        "1|'x|''y'", "field_delimiter = '|' field_optionally_enclosed_by = ''''", [("1", "x|'y")], id="quoted"
    ),
    pytest.param("1,\\N\n2,NULL", "null_if = ('\\\\N', 'NULL')", [("1", None), ("2", None)], id="null-if"),
    pytest.param("1, x ", "trim_space = true", [("1", "x")], id="trim"),
    pytest.param(
        "1;;x##2;;y##", "field_delimiter = ';;' record_delimiter = '##'", [("1", "x"), ("2", "y")], id="delimiters"
    ),
    pytest.param("1,a\\,b", "", [("1", "a,b")], id="escaped-unenclosed"),
    pytest.param("1,", "empty_field_as_null = false", [("1", "")], id="empty-is-text"),
    pytest.param("1,x\r\n2,y\r\n", "", [("1", "x"), ("2", "y")], id="carriage-returns"),
]


@pytest.mark.parametrize(("content", "options", "rows"), CSV)
def test_csv(run: Run, tmp_path: Path, content: str, options: str, rows: list[tuple[Any, ...]]) -> None:
    put(run, tmp_path, "x.csv", content)
    run(f"create file format f type = csv {options}")
    assert run("select $1, $2 from @st (file_format => 'f') order by 1") == rows


def test_copy_with_a_query_over_the_file(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "x.csv", "1,x\n2,y\n")
    run("create table u (f varchar, n int, b varchar)")
    run("copy into u from (select metadata$filename, s.$1 * 10, upper($2) from @st s)")
    assert run("select * from u order by n") == [("st/x.csv.gz", 10, "X"), ("st/x.csv.gz", 20, "Y")]


def test_json(run: Run, tmp_path: Path) -> None:
    put(run, tmp_path, "x.json", '[{"a": 1, "b": "x"}, {"a": 2, "b": null}]')
    form = "file_format = (type = json strip_outer_array = true)"
    run("create table v (j variant)")
    run(f"copy into v from @st {form}")
    assert run("select j:a::int, j:b::varchar from v order by 1") == [(1, "x"), (2, None)]
    run(f"copy into t from @st {form} match_by_column_name = case_insensitive")
    assert run("select * from t order by a") == [(1, "x"), (2, None)]


def test_parquet(run: Run, tmp_path: Path) -> None:
    table = pa.table({"A": [1, 2], "b": ["x", None], "n": [Decimal("1.50"), Decimal("2.25")]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    run(f"put 'file://{tmp_path}/x.parquet' @st")
    run("create table p (a int, b varchar, n number(10,2))")
    form = "file_format = (type = parquet)"
    run(f"copy into p from @st {form} match_by_column_name = case_insensitive")
    run(f"copy into p from (select $1:A::int + 10, $1:b, $1:n::number(10,2) from @st) {form} force = true")
    assert run("select * from p order by a") == [
        (1, "x", Decimal("1.50")),
        (2, None, Decimal("2.25")),
        (11, "x", Decimal("1.50")),
        (12, None, Decimal("2.25")),
    ]


@pytest.mark.parametrize("form", ["type = csv field_optionally_enclosed_by = '\"'", "type = parquet"])
def test_what_is_unloaded_can_be_loaded(run: Run, form: str) -> None:
    run("""insert into t values (1, 'a,"'), (2, null)""")
    run(f"copy into @st/out/ from t file_format = ({form}) header = true")
    run("create table u like t")
    by_name = "match_by_column_name = case_insensitive" if "parquet" in form else ""
    skip = "" if by_name else "skip_header = 1"
    run(f"copy into u from @st/out file_format = ({form} {skip}) {by_name}")
    assert run("select * from u order by a") == [(1, 'a,"'), (2, None)]


def test_stage_needs_a_privilege(run: Run, tmp_path: Path) -> None:
    run("create role outsider")
    run("grant role outsider to user admin")
    run("grant usage on database d to role outsider")
    run("grant usage on schema d.public to role outsider")
    run("use secondary roles none")
    run("use role outsider")
    with pytest.raises(Exception, match="does not exist or not authorized"):
        put(run, tmp_path, "x.csv", "1,x\n")


def test_a_load_that_is_rolled_back_is_in_no_history(run: Run, tmp_path: Path) -> None:
    history = (
        "select row_count from table(information_schema.copy_history(table_name => 't',"
        " start_time => dateadd(day, -1, current_timestamp())))"
    )
    put(run, tmp_path, "x.csv", "1,x\n")
    for end, rows in (("rollback", []), ("commit", [(1,)])):
        run("begin")
        run("copy into t from @st file_format = (type = csv)")
        run(end)
        assert run(history) == rows
        assert run("select count(*) from t") == [(len(rows),)]
