"""Statements that are wrong: each is refused with Snowflake's number, SQLSTATE and text, and nothing of it is done."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.snowflake.errors import SnowflakeError

TABLES = (
    "create table t (id int not null, name varchar(3), amt number(5,2), d date, b boolean, v variant)",
    "create table u (id int, x varchar)",
)
_NEEDS_ORDER = "Window function type [{}] requires ORDER BY in window specification."

# statement | number | SQLSTATE | the message's text after the statement's kind of error
MISTAKES: list[tuple[str, int, str, str]] = [
    *(
        (f"select {call} over ({partition}) from t", 2303, "42601", "\n" + _NEEDS_ORDER.format(call.partition("(")[0].upper()))
        for call, partition in [
            ("row_number()", ""),
            ("rank()", "partition by name"),
            ("dense_rank()", ""),
            ("percent_rank()", ""),
            ("cume_dist()", ""),
            ("ntile(4)", "partition by id"),
            ("lag(id)", ""),
            ("lead(id)", "partition by name"),
            ("first_value(id)", ""),
            ("last_value(id)", ""),
            ("nth_value(id, 2)", ""),
            ("conditional_true_event(b)", ""),
        ]
    ),
    ("create view x as select 1, 2", 2022, "42601", "\nMissing column specification"),
    ("create view x as select id, id + 1 from t", 2022, "42601", "\nMissing column specification"),
    ("create table x as select count(*) from t union all select 1 as n", 2022, "42601", "\nMissing column specification"),
]  # fmt: skip


@pytest.fixture
def wrong(query: Any) -> Any:
    query(*TABLES)
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
        "create view x (a, b) as select 1, id + 1 from t",
        "create view x as select *, 1 from t",
        "create table x as select $1 from values (1)",
        "create table x (a, b) as select 1, 2",
        "select count(*) over (), max(id) over (partition by name), row_number() over (order by null) from t",
        "select row_number() over (order by seq4()) from t",
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
