"""Statements as an analyst or engineer of the platform writes them, with the rows that Snowflake's documentation says they give.

`analyst.tsv` has one a line: the statement, a tab, and its rows: values as Python prints them, ` | ` between columns, ` ; ` between rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CASES = [line.split("\t") for line in (Path(__file__).parent / "analyst.tsv").read_text().splitlines()]
SHIPMENTS = """insert into shipments select column1, column2, column3, column4, parse_json(column5) from values
    (1, 'A', 10.5, '2024-01-15 10:20:30'::timestamp_ntz,
     '{"carrier": {"name": "DHL"}, "stops": [{"city": "Berlin", "eta": "2024-01-16"}, {"city": "Rome"}], "weight": 12, "note": null}'),
    (2, 'A', 20.25, '2024-01-16 08:00:00', '{"stops": []}'),
    (3, 'A', null, '2024-01-17 09:00:00', null),
    (4, 'B', 5, '2024-02-29 23:59:59', null),
    (5, 'B', 8, '2024-03-01 00:00:00', null)"""


@pytest.fixture(scope="module")
def shipments(shared_account: Any, runner_of: Any) -> Iterator[Any]:
    run = runner_of(shared_account)
    run("create table shipments (id int not null, lane varchar(1), kg number(10,2), sent timestamp_ntz, doc variant)")
    run(SHIPMENTS)
    yield run
    run.session.close()


@pytest.mark.parametrize(("text", "wanted"), CASES, ids=[case[0][:70] for case in CASES])
def test_statement(shipments: Any, text: str, wanted: str) -> None:
    rows = shipments(text.replace("\\n", "\n") if "\\\\" not in text else text)
    found = " ; ".join(" | ".join("NULL" if value is None else str(value) for value in row) for row in rows)
    assert found == wanted


WEEKS = (
    "date_trunc(week, {d})::date, last_day({d}, week), dayofweek({d}), week({d}), yearofweek({d}), weekiso({d}), "
    "datediff(week, {d}, {d} + 1)"
)


@pytest.mark.parametrize(
    ("start", "policy", "day", "wanted"),
    [
        (0, 0, "2024-02-11", ("2024-02-05", "2024-02-11", 0, 6, 2024, 6, 1)),
        (1, 0, "2024-02-11", ("2024-02-05", "2024-02-11", 7, 6, 2024, 6, 1)),
        (7, 0, "2024-02-10", ("2024-02-04", "2024-02-10", 7, 6, 2024, 6, 1)),
        (7, 0, "2024-01-07", ("2024-01-07", "2024-01-13", 1, 2, 2024, 1, 0)),
        (3, 0, "2024-02-11", ("2024-02-07", "2024-02-13", 5, 6, 2024, 6, 0)),
        (0, 0, "2017-01-01", ("2016-12-26", "2017-01-01", 0, 52, 2016, 52, 1)),
        (1, 1, "2017-01-01", ("2016-12-26", "2017-01-01", 7, 1, 2017, 52, 1)),
        (1, 1, "2017-01-02", ("2017-01-02", "2017-01-08", 1, 2, 2017, 1, 0)),
        (1, 1, "2016-12-31", ("2016-12-26", "2017-01-01", 6, 53, 2016, 52, 0)),
    ],
)
def test_weeks_are_what_the_session_says(
    query: Any, start: int, policy: int, day: str, wanted: tuple[Any, ...]
) -> None:
    query(f"alter session set week_start = {start}, week_of_year_policy = {policy}")
    found = query("select " + WEEKS.replace("{d}", f"'{day}'::date"))[0]
    assert tuple(str(value) for value in found) == tuple(str(value) for value in wanted)
