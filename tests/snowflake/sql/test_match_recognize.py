"""MATCH_RECOGNIZE: the documentation's example, the forms of its clauses, and the matcher beside Python's regular expressions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.snowflake.errors import SnowflakeError
from embedded.snowflake.sql.row_pattern import compile_pattern, match_rows

ABCD = [50, 36, 39, 42, 30, 47, 71, 80, 75, 63]
XYZ = [89, 24, 37, 63, 65, 56, 50, 54, 30, 32]
P = "price match_recognize (partition by company order by day"
UP = "define up as price > lag(price), down as down.price < lag(price)"
CASES = {
    f"""select * from {P} measures match_number() as m, first(day) as s, last(day) as e, count(*) as n, count(down.*) as d,
        count(up.*) as u one row per match after match skip to last up pattern (b down+ up+) {UP}) order by company, m""": [
        ("ABCD", 1, 1, 4, 4, 1, 2),
        ("ABCD", 2, 4, 8, 5, 1, 3),
        ("XYZ", 1, 1, 5, 5, 1, 3),
        ("XYZ", 2, 5, 8, 4, 2, 1),
        ("XYZ", 3, 8, 10, 3, 1, 1),
    ],
    f"""select day, m, o, price, c from {P} measures match_number() as m, match_sequence_number() as o, classifier() as c
        all rows per match pattern (any_row up+) {UP}) where company = 'ABCD' order by m, o""": [
        (2, 1, 1, 36, "ANY_ROW"),
        (3, 1, 2, 39, "UP"),
        (4, 1, 3, 42, "UP"),
        (5, 2, 1, 30, "ANY_ROW"),
        (6, 2, 2, 47, "UP"),
        (7, 2, 3, 71, "UP"),
        (8, 2, 4, 80, "UP"),
    ],
    f"""select m, day, r, f, d, before from {P} measures match_number() m, sum(up.price) as r, final sum(up.price) as f,
        price - first(a.price) as d, last(price, 1) as before all rows per match pattern ({{- a -}} up{{2,}}?) {UP})
        where company = 'ABCD' order by 1, 2""": [
        (1, 3, 39, 81, 3, 36),
        (1, 4, 81, 81, 6, 39),
        (2, 6, 47, 118, 17, 30),
        (2, 7, 118, 118, 41, 47),
    ],
    f"select max(n), count(*) from {P} measures count(*) as n after match skip to next row pattern (x y z) {UP})": [
        (3, 16)
    ],
    f"select day, c, n from {P} measures classifier() as c, count(*) as n all rows per match with unmatched rows"
    f" pattern (permute(up, down)) {UP}) where company = 'ABCD' and day > 7 order by day": [
        (8, "UP", 1),
        (9, "DOWN", 2),
        (10, None, 0),
    ],
    f"select day from {P} all rows per match pattern (up down $ | ^ x) {UP}) order by 1": [(1,), (1,)],
    f"select count(*), count(c), sum(n) from {P} measures classifier() c, count(*) n all rows per match pattern (up*) {UP})": [
        (20, 10, 17)
    ],
    f"select count(*) from {P} all rows per match omit empty matches pattern (up*) {UP})": [(10,)],
    f"with q as (select * from {P} measures max(price) as top pattern (a+)) as m) select m.company, top from q as m order by 1": [
        ("ABCD", 80),
        ("XYZ", 89),
    ],
    """select x, d, l from price match_recognize (order by company, day measures sum(price) as x, count(distinct a.company) as d,
        listagg(b.day, ',') as l pattern (a{2} b{,2} $ | a{3} b)) order by x""": [
        (50 + 54 + 30 + 32, 1, "9,10"),
        (50 + 36 + 39 + 42, 1, "4"),
        (37 + 63 + 65 + 56, 1, "6"),
        (30 + 47 + 71 + 80, 1, "8"),
        (75 + 63 + 89 + 24, 2, "2"),
    ],
    f"""select n, f, l, total from {P} measures count(moves.*) as n, first(moves.day) as f, last("w".price) as l, sum(moves.price) as total
        pattern (b down+ up+) subset moves = (down, up), "w" = (b) {UP}) where company = 'ABCD' order by f""": [
        (3, 2, 50, 117),
    ],
    f"select count(*) from {P} measures 1 as one pattern (b up) define up as lag(price) < price)": [(7,)],
    "select * from price match_recognize (order by day measures first(price) as f pattern (up down)"
    " define up as company = 'nobody')": [],
}


@pytest.fixture(scope="module")
def prices(shared_account: Any, runner_of: Any) -> Iterator[Any]:
    run = runner_of(shared_account)
    run("create table price (company varchar, day int, price int)")
    rows = [(name, day, price) for name, one in (("ABCD", ABCD), ("XYZ", XYZ)) for day, price in enumerate(one, 1)]
    run(f"insert into price values {', '.join(map(str, rows))}")
    yield run
    run.session.close()


@pytest.mark.parametrize(("text", "wanted"), CASES.items(), ids=range(len(CASES)))
def test_matches(prices: Any, text: str, wanted: list[tuple[Any, ...]]) -> None:
    assert prices(text) == wanted


@pytest.mark.parametrize(
    ("clause", "errno"),
    [
        ("order by day measures a.nope as x pattern (a)", 904),
        ("order by day measures z.price as x pattern (a)", 904),
        ("order by day measures sum(a.price + b.price) as x pattern (a b)", 1003),
        ("order by day measures price pattern (a b)", 1003),
        ("order by day measures 1 as x pattern (a +* b)", 1003),
        ("order by day measures 1 as x pattern (a (b)", 1003),
        ("order by day measures 1 as x after match skip to first a pattern (a b)", 100000),
        ("order by day measures 1 as x pattern (a b) define b as price > last(a.price)", 2),
        ("order by day measures 1 as x pattern (a b) define b as price > a.price", 2),
        ("order by day measures 1 as x pattern (a b) define b as sum(price) > 3", 2),
        ("order by day measures 1 as x pattern (a b) define b as first(price) > 3", 2),
        ("order by day measures 1 as x pattern (a b) subset s = (a, c)", 904),
        ("order by day measures 1 as x after match skip to last s pattern (a b) subset s = (a, b)", 2),
        ("measures 1 as x pattern (a b) define b as price > lag(price)", 2303),
    ],
)
def test_what_is_wrong_is_told(prices: Any, clause: str, errno: int) -> None:
    with pytest.raises(SnowflakeError) as caught:
        prices(f"select * from price match_recognize ({clause})")
    assert caught.value.errno == errno


def test_beside_a_join_is_refused_by_name(prices: Any) -> None:
    with pytest.raises(SnowflakeError, match="MATCH_RECOGNIZE beside a join"):
        prices("select * from price p match_recognize (order by day pattern (a)) join price q on true")


def _repeated(pair: tuple[str, str]) -> str:
    """A pattern some times, unless it matches no rows too: engines differ in how they go on from that."""
    return pair[0] if _regular(pair[0]).fullmatch("") else f"({pair[0]}){pair[1]}"


def _regular(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace(" ", "").replace("{,", "{0,"))


_ATOMS = st.sampled_from(["a", "b", "c"])
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" ".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} | {pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}?"])).map(_repeated),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(pattern=_PATTERNS, text=st.text("abc", max_size=12))
def test_rows_match_as_a_regular_expression_does(pattern: str, text: str) -> None:
    steps, symbols = compile_pattern(pattern)
    masks = [1 << symbols.index(letter) if letter in symbols else 0 for letter in text.upper()]
    given_ = {"steps": steps, "skip": "PAST", "symbol": None, "empty": False, "unmatched": False}
    found = "".join(
        text[entry["r"] - 1] + ("|" if entry["l"] else "") for entry in match_rows(masks, json.dumps(given_))
    )
    regular = _regular(pattern)
    wanted, place = "", 0
    while place < len(text):
        match = regular.match(text, place)
        wanted += f"{match[0]}|" if match and match[0] else ""
        place += max(len(match[0]), 1) if match else 1
    assert found == wanted


def test_a_dynamic_table_of_matches_is_made_whole(query: Any) -> None:
    query(
        "create table seen (id int, k int)",
        "insert into seen values (1, 1), (2, 2)",
        "create dynamic table runs target_lag = '1 day' warehouse = compute_wh as select * from seen"
        " match_recognize (partition by k order by id measures count(*) as n pattern (a+))",
        "insert into seen values (3, 2)",
        "alter dynamic table runs refresh",
    )
    assert query("select * from runs order by 1") == [(1, 1), (2, 2)]
