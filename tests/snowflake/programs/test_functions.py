"""User-defined functions in SQL and Python, scalar and of tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector import ProgrammingError

Run = Callable[..., list[tuple[Any, ...]]]


def python(run: Run, code: str, signature: str = "f(x int) returns int", further: str = "") -> None:
    run(
        f"create or replace function {signature} language python runtime_version = '3.11' {further}"
        f" handler = 'main' as $$\n{code}\n$$"
    )


def test_sql_overloads_names_and_defaults(run: Run) -> None:
    run("create function o(a int) returns varchar as $$ 'int' $$")
    run("create function o(a varchar) returns varchar as $$ 'text' $$")
    run("create secure function o(a date, b int default 3) returns varchar as $$ 'date' || b $$")
    assert run("select o(1), o('a'), o('2024-01-01'::date), o(b => 4, a => current_date())") == [
        ("int", "text", "date3", "date4")
    ]


def test_sql_table_functions_in_lateral_joins(run: Run) -> None:
    run("create function named(n varchar) returns table (i int) as $$ select id from t where name = n $$")
    text = "select v.column1, f.i from values ('x'), ('y') v, table(named(v.column1)) f order by 1, 2"
    assert run(text) == [
        ("x", 1),
        ("x", 3),
        ("y", 2),
    ]


def test_recursion_is_refused(run: Run) -> None:
    run("create function loops(x int) returns int as $$ x $$")
    with pytest.raises(ProgrammingError):
        run("create or replace function loops(x int) returns int as $$ loops(x) + 1 $$")
        run("select loops(1)")


def test_sql_functions_read_with_their_owners_rights(run: Run, caller: Run) -> None:
    run("create function counted() returns int as $$ select count(*) from t $$")
    run("create row access policy only_x as (n varchar) returns boolean -> current_role() = 'ACCOUNTADMIN' or n = 'x'")
    run("grant usage on function counted() to role caller_role")
    assert caller("select counted()") == [(3,)]
    run("alter table t add row access policy only_x on (name)")
    assert caller("select counted()") == [(2,)]
    assert run("select counted()") == [(3,)]


VALUES = {
    "int": ("x int", "int", "return None if x is None else x + 1", "id", [2, 3, 4]),
    "text": ("x varchar", "varchar", "return x.upper()", "name", ["X", "Y", "X"]),
    "decimal": (
        "x number(10,2)",
        "number(12,3)",
        "return x / 4",
        "id",
        [Decimal("0.250"), Decimal("0.500"), Decimal("0.750")],
    ),
    "float": ("x float", "float", "return x / 4", "id", [0.25, 0.5, 0.75]),
    "boolean": ("x boolean", "boolean", "return not x", "id = 2", [True, False, True]),
    "null": ("x int", "varchar", "return None", "id", [None, None, None]),
    "binary": ("x binary", "binary", "return x + b'1'", "to_binary(name, 'utf-8')", [b"x1", b"y1", b"x1"]),
}


@pytest.mark.parametrize(("argument", "returns", "body", "value", "expected"), VALUES.values(), ids=VALUES)
def test_python_scalars(run: Run, argument: str, returns: str, body: str, value: str, expected: list[Any]) -> None:
    python(run, f"def main(x):\n    {body}", f"f({argument}) returns {returns}")
    assert [row for (row,) in run(f"select f({value}) from t order by id")] == expected


def test_python_times_and_variants(run: Run) -> None:
    code = """
import datetime
def main(d, t, v):
    return {'d': (d + datetime.timedelta(days=1)).isoformat(), 't': t.hour, 'v': v['k'][0]}
"""
    python(run, code, "f(d date, t timestamp_ntz, v variant) returns variant")
    [(found,)] = run("select f('2024-02-28'::date, '2024-01-01 10:00'::timestamp_ntz, parse_json('{\"k\": [7]}'))")
    assert json.loads(found) == {"d": "2024-02-29", "t": 10, "v": 7}


def test_python_in_every_clause(run: Run) -> None:
    python(run, "def main(x):\n    return x % 2")
    assert run("select f(id), count(*) from t where f(id) >= 0 group by f(id) having max(f(id)) < 2 order by 1") == [
        (0, 1),
        (1, 2),
    ]
    run("insert into t select f(id) + 10, 'made' from t")
    assert run("select id from t where name = 'made' order by id") == [(10,), (11,), (11,)]
    run("create view v as select f(id) as p from t where id < 4")
    assert run("select sum(p) from v") == [(2,)]


def test_python_over_many_rows(run: Run) -> None:
    python(run, "def main(x):\n    return x * 2")
    run("create table many as select seq4() + 1 as n from table(generator(rowcount => 20000))")
    assert run("select sum(f(n)) from many") == [(20000 * 20001,)]


def test_strict_functions_are_not_called_with_null(run: Run) -> None:
    python(run, "def main(x):\n    return x + 1", "f(x int) returns int", "strict")
    assert run("select f(null), f(1)") == [(None, 2)]


@pytest.mark.usefixtures("pandas")
def test_vectorized(run: Run) -> None:
    code = """
import pandas
from _snowflake import vectorized
@vectorized(input=pandas.DataFrame, max_batch_size=2)
def main(df):
    assert len(df) <= 2
    return df[0] + df[1]
"""
    python(run, code, "f(a int, b int) returns int", "packages = ('pandas')")
    assert run("select f(id, id) from t order by 1") == [(2,), (4,), (6,)]


TOTALS = """
class main:
    def __init__(self):
        self.total = 0
    def process(self, n, i):
        self.total += i
        yield (n, self.total)
    def end_partition(self):
        yield ('end', self.total)
"""


def test_python_table_functions_over_partitions(run: Run) -> None:
    python(run, TOTALS, "totals(n varchar, i int) returns table (n varchar, total int)")
    rows = run(
        "select t.name, t.id, f.n, f.total from t, table(totals(t.name, t.id) over (partition by t.name order by t.id desc)) f"
        " order by t.name, f.n desc, t.id desc"
    )
    assert rows == [("x", 3, "x", 3), ("x", 1, "x", 4), ("x", None, "end", 4), ("y", 2, "y", 2), ("y", None, "end", 2)]
    assert run("select total from table(totals('q', 4))") == [(4,), (4,)]
    assert run("select max(total) from (select * from t where id > 7) t, table(totals(name, id)) f") == [(None,)]


FAILING = {
    "raises": ("def main(x):\n    return 1 // (x - 2)", "line 3, in main\nZeroDivisionError"),
    "exits": ("import os\ndef main(x):\n    os._exit(3)", "process ended"),
    "is not there": ("def other(x):\n    return x", "Handler 'main' is not defined"),
    "does not compile": ("def main(x:\n    return x", "SyntaxError"),
    "wrong value": ("def main(x):\n    return 'abc'", "in function F with handler main"),
    "leaves the machine": (
        "import socket\ndef main(x):\n    socket.create_connection(('192.0.2.1', 80))",
        "this machine only",
    ),
}


@pytest.mark.parametrize(("code", "message"), FAILING.values(), ids=FAILING)
def test_python_that_fails(run: Run, code: str, message: str) -> None:
    python(run, code)
    with pytest.raises(ProgrammingError) as caught:
        run("select f(id) from t")
    assert caught.value.errno == 100357
    assert message in str(caught.value)
    assert run("select count(*) from t") == [(3,)]


def test_endless_python_ends_with_its_statement(run: Run) -> None:
    python(run, "def main(x):\n    while True: pass")
    run("alter session set statement_timeout_in_seconds = 2")
    try:
        with pytest.raises(ProgrammingError, match=r"timeout|canceled"):
            run("select f(id) from t")
    finally:
        run("alter session unset statement_timeout_in_seconds")


def test_packages_that_are_not_installed_are_refused(run: Run) -> None:
    with pytest.raises(ProgrammingError, match="Cannot create a Python function with the specified packages"):
        python(run, "def main(x): return x", further="packages = ('no-such-package')")


def test_handlers_from_stages(run: Run, admin: Any, tmp_path: Path) -> None:
    module = tmp_path / "shared_code.py"
    module.write_text("def twice(x):\n    return x * 2\n")
    run("create stage code")
    admin.cursor().execute(f"put file://{module} @code auto_compress = false")
    python(
        run,
        "import shared_code\ndef main(x):\n    return shared_code.twice(x)",
        further="imports = ('@code/shared_code.py')",
    )
    assert run("select f(4)") == [(8,)]
    run(
        "create function staged(x int) returns int language python runtime_version = '3.11' imports = ('@code/shared_code.py')"
        " handler = 'shared_code.twice'"
    )
    assert run("select staged(5)") == [(10,)]


def test_masks_hold_in_what_functions_are_given(run: Run, caller: Run) -> None:
    python(run, "def main(x):\n    return x", "f(x varchar) returns varchar")
    run(
        "create masking policy hide as (v varchar) returns varchar -> case when current_role() = 'ACCOUNTADMIN' then v else '***' end"
    )
    run("alter table t modify column name set masking policy hide")
    for text in (
        "grant select on table t to role caller_role",
        "grant usage on function f(varchar) to role caller_role",
    ):
        run(text)
    assert caller("select distinct f(name) from t") == [("***",)]
