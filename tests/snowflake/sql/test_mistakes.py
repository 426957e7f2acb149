"""Statements that are wrong: each is refused with Snowflake's number, SQLSTATE and text, and nothing of it is done.

`mistakes.tsv` has one a line: the statement, the number, the SQLSTATE and the message (what follows the words "SQL compilation error:"
of an error in the text), separated by tabs, line ends as \\n.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embedded.snowflake.errors import SnowflakeError

TABLES = (
    "create table t (id int not null, name varchar(3), amt number(5,2), d date, b boolean, v variant)",
    "create table u (id int, x varchar)",
)


def _mistakes() -> list[tuple[str, int, str, str]]:
    lines = (Path(__file__).parent / "mistakes.tsv").read_text().splitlines()
    rows = (line.encode().decode("unicode_escape").split("\t") for line in lines)
    return [(text, int(errno), sqlstate, message) for text, errno, sqlstate, message in rows]


MISTAKES = _mistakes()


@pytest.fixture
def wrong(query: Any) -> Any:
    query(*TABLES, "insert into t (id, name) values (0, 'a')")
    return query


@pytest.mark.parametrize(("text", "errno", "sqlstate", "message"), MISTAKES, ids=[case[0][:70] for case in MISTAKES])
def test_mistake(wrong: Any, text: str, errno: int, sqlstate: str, message: str) -> None:
    with pytest.raises(SnowflakeError) as caught:
        wrong(text)
    found = caught.value
    assert (f"{found.errno:06d}", found.sqlstate, found.message.removeprefix("SQL compilation error:")) == (
        f"{errno:06d}",
        sqlstate,
        message,
    )


@pytest.mark.parametrize(
    "text",
    [
        "select upper(name) as x, id + 1, count(*) from t group by x, t.id + 1",
        "select name || 'x', date_trunc('month', d), sum(amt) from t group by name, date_trunc(month, d)",
        "select date_trunc('month', d) m, sum(amt), sum(sum(amt)) over (order by m) from t group by 1",
        "select v:a.b::int as q, count(*) from t group by q having q > 1 order by q",
        "select (select count(*) from u where u.id = t.id) as c, count(*) from t group by id",
        "select id, count(*) from t join u using (id) group by t.id",
        "select array_agg(name) within group (order by id) from t having count(*) > 0",
        "select filter([1, 2], x -> x > id), count(*) from t group by id",
        "select grouping(name), name, count(*) from t group by rollup (name)",
        "select * from t where id in (select max(id) from u having count(*) > 1)",
        "create view x (a, b) as select 1, id + 1 from t",
        "create view x as select *, 1 from t",
        "create table x as select $1 from values (1)",
        "create table x (a, b) as select 1, 2",
        "select count(*) over (), max(id) over (partition by name), row_number() over (order by null) from t",
        "select row_number() over (order by seq4()) from t",
        "insert into t (id, v) values (1, null), (2, 3)",
        "insert into t (id, v, d) select 1, null, null",
        "update t set v = null",
        "update t set v = to_variant('x')",
    ],
)
def test_what_is_near_a_mistake_is_done(wrong: Any, text: str) -> None:
    wrong(text)


@pytest.mark.parametrize("number", [0, 1, -8, 27, 64, 1000, 1e18, -3375])
def test_a_whole_cube_root_is_exact(query: Any, number: float) -> None:
    root = query(f"select cbrt({number})")[0][0]
    assert root**3 == number


def test_a_cube_root_of_no_cube_is_near(query: Any) -> None:
    assert query("select cbrt(2), cbrt(-2.5)") == [
        (pytest.approx(1.2599210498948732), pytest.approx(-1.3572088082974532))
    ]
