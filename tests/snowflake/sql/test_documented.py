"""Examples of Snowflake's function reference through the connector: an expression, and what the reference shows for it.

`documented.tsv` has one a line: the expression, a tab, the value as Python writes it (`NULL`; `!100038` is an error's number).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import DatabaseError

CASES = [line.split("\t") for line in (Path(__file__).parent / "documented.tsv").read_text().splitlines()]


@pytest.fixture(scope="module")
def cursor(server) -> Iterator[Any]:
    with server.connect(account="TEST-DOCUMENTED") as connection:
        cursor = connection.cursor()
        cursor.execute("alter session set timezone = 'UTC'")
        yield cursor


@pytest.mark.parametrize(("expression", "wanted"), CASES, ids=[case[0][:70] for case in CASES])
def test_documented_example(cursor, expression, wanted):
    if re.fullmatch(r"!\d+", wanted):
        with pytest.raises(DatabaseError) as caught:
            cursor.execute(f"select {expression}").fetchall()
        assert caught.value.errno == int(wanted[1:])
        return
    value = cursor.execute(f"select {expression}").fetchone()[0]
    found = "NULL" if value is None else str(value)
    assert found == wanted or (isinstance(value, float) and float(wanted) == pytest.approx(value, rel=1e-12))
