"""Procedures in Python: their handler has a real Snowpark session in the session of the CALL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from snowflake.connector import ProgrammingError

Run = Callable[..., list[tuple[Any, ...]]]
pytestmark = pytest.mark.usefixtures("snowpark")


def procedure(run: Run, code: str, signature: str = "p() returns varchar", rights: str = "owner") -> None:
    run(
        f"create or replace procedure {signature} language python runtime_version = '3.11'"
        f" packages = ('snowflake-snowpark-python') handler = 'main' execute as {rights} as $$\n{code}\n$$"
    )


def test_scalars_tables_and_writes(run: Run) -> None:
    code = """
def main(session, least, suffix):
    session.sql("insert into t values (4, 'w')").collect()
    rows = session.table("t").filter(f"id >= {least}").sort("id").collect()
    return ",".join(row["NAME"] for row in rows) + suffix
"""
    procedure(run, code, "p(least int, suffix varchar) returns varchar")
    assert run("call p(2, '!')") == [("y,x,w!",)]
    assert run("select count(*) from t") == [(4,)]
    procedure(
        run,
        "def main(session):\n    return session.table('t').select('NAME', 'ID').sort('ID')",
        "f() returns table (n varchar, i int)",
    )
    assert run("call f()")[:2] == [("x", 1), ("y", 2)]
    procedure(run, "def main(session, v):\n    return {'got': v, 'n': [1, 2.5, None]}", "v(v variant) returns variant")
    [(found,)] = run("call v(parse_json('{\"a\": [1]}'))")
    assert json.loads(found) == {"got": {"a": [1]}, "n": [1, 2.5, None]}


def test_it_works_in_the_callers_transaction(run: Run) -> None:
    procedure(
        run, "def main(session):\n    session.sql(\"insert into t values (5, 'q')\").collect()\n    return 'done'"
    )
    run("begin transaction")
    run("call p()")
    run("rollback")
    assert run("select count(*) from t") == [(3,)]


def test_files_of_stages_and_frames(run: Run) -> None:
    code = """
import io, pandas
def main(session):
    session.file.put_stream(io.BytesIO(b"hello"), "@made/one/two.txt", auto_compress=False, overwrite=True)
    session.write_pandas(pandas.DataFrame({"ID": [7], "NAME": ["frame"]}), "T", auto_create_table=False)
    return session.file.get_stream("@made/one/two.txt").read().decode()
"""
    run("create stage made")
    procedure(run, code)
    assert run("call p()") == [("hello",)]
    assert run("select name from t where id = 7") == [("frame",)]
    assert [row[0] for row in run("list @made")] == ["made/one/two.txt"]


def test_rights(run: Run, caller: Run) -> None:
    code = "def main(session):\n    return session.sql('select current_role() || count(*) from t').collect()[0][0]"
    procedure(run, code)
    run("grant usage on procedure p() to role caller_role")
    assert caller("call p()") == [("ACCOUNTADMIN3",)]
    run("alter procedure p() execute as caller")
    with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
        caller("call p()")


def test_errors_name_the_handler_and_its_line(run: Run) -> None:
    procedure(run, "def main(session):\n    raise ValueError('no good')")
    with pytest.raises(ProgrammingError) as caught:
        run("call p()")
    assert caught.value.errno == 100357
    for part in (
        "Python Interpreter Error:",
        'File "_udf_code.py", line 3, in main',
        "ValueError: no good in function P with handler main",
    ):
        assert part in str(caught.value)
    assert run("begin call p(); exception when statement_error then return sqlcode; end") == [(100357,)]


def test_no_secret_is_in_the_handlers_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_SNOWFLAKE_ADMIN_PASSWORD", "hidden")
    procedure(run, "import os\ndef main(session):\n    return ' '.join(os.environ)")
    [(names,)] = run("call p()")
    assert "PASSWORD" not in names
    assert "TOKEN" not in names


def test_a_call_is_cancelled_at_its_timeout(run: Run) -> None:
    procedure(run, "import time\ndef main(session):\n    time.sleep(60)")
    run("alter session set statement_timeout_in_seconds = 2")
    try:
        with pytest.raises(ProgrammingError, match="timeout"):
            run("call p()")
    finally:
        run("alter session unset statement_timeout_in_seconds")


def test_a_procedure_of_the_statement(run: Run) -> None:
    text = """with q as procedure (n int) returns int language python runtime_version = '3.11'
        packages = ('snowflake-snowpark-python') handler = 'main' as $$
def main(session, n):
    return session.create_dataframe([[i] for i in range(n)], schema=['a']).count()
$$ call q(4)"""
    assert run(text) == [(4,)]
