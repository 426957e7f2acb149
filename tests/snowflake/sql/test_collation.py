"""Collations: texts are compared, ordered, grouped and joined as COLLATE says; what looks into them otherwise is refused by name.

`collation.tsv` has a statement a line, a tab, and its rows: `,` between columns, ` ; ` between rows; `!2` is an error's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.snowflake.errors import SnowflakeError

CASES = [line.split("\t") for line in (Path(__file__).parent / "collation.tsv").read_text().splitlines()]
TABLE = """create table c (id int, n varchar collate 'en-ci', u varchar, t varchar(20) collate 'upper-trim', g varchar collate 'de',
    f varchar collate 'fr')"""
ROWS = """insert into c values (1, 'Apple', 'x', ' a ', 'ä', 'e'), (2, 'APPLE', 'y', 'A', 'b', 'f'),
    (3, 'banana', 'z', 'b', 'z', 'g')"""


@pytest.fixture(scope="module")
def texts(shared_account: Any, runner_of: Any) -> Iterator[Any]:
    run = runner_of(shared_account)
    run(TABLE, ROWS)
    yield run
    run.session.close()


@pytest.mark.parametrize(("text", "wanted"), CASES, ids=[case[0][:70] for case in CASES])
def test_statement(texts: Any, text: str, wanted: str) -> None:
    if wanted.startswith("!"):
        with pytest.raises(SnowflakeError) as caught:
            texts(text)
        assert caught.value.errno == int(wanted[1:])
        return
    found = " ; ".join(",".join("NULL" if value is None else str(value) for value in row) for row in texts(text))
    assert found == wanted


def test_a_collation_goes_with_its_column(query: Any) -> None:
    query(
        TABLE,
        ROWS,
        "create table d as select id, n from c",
        "create view v as select n, id from c",
        "create table e clone c",
    )
    for name in ("d", "v", "e"):
        assert query(f"select id from {name} where n = 'apple' order by id") == [(1,), (2,)]
    query("update c set u = 'new' where n = 'APPLE'")
    query("merge into c using (select 'BANANA' k) s on c.n = s.k when matched then update set u = 'm'")
    assert query("select u from c order by id") == [("new",), ("new",), ("m",)]
    assert "COLLATE 'EN-CI'" in query("select upper(get_ddl('table', 'd'))")[0][0]
    query("delete from c where n = 'Banana'")
    assert query("select count(*) from c") == [(2,)]
