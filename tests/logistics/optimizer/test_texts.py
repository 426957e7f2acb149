"""What is read from the texts of statements."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics.optimizer.filters import conditions, schema_of
from logistics.optimizer.texts import reasons, without_values

SLOW = {
    "select a from t, u": "without a condition",
    "select a from t cross join u where t.b = 1": "without a condition",
    "select a from t join u on t.a = u.a or t.b = u.b": "alternatives (OR)",
    "select a from t where upper(b) = 'X'": "function of a column",
    "select a from t where b like '%x' limit 3": "leading %",
    "select a from t where b not in (select c from u)": "NOT IN",
    "select a from t union select a from u": "UNION",
    "select * from t": "every column",
    "select t.* from t join u on t.a = u.a": "every column",
    "create table x as select a from t, u": "without a condition",
    "select a from t order by a": "sorts its whole result",
}
FINE = (
    "select a from t, u where t.a = u.b",
    "select a from t join u using (a)",
    "select a from t natural join u",
    "select f.value from t, lateral flatten(input => t.v) as f",
    "select f.value from t, table(flatten(t.v)) as f",
    "select a from t where to_date(at) = current_date() and d::date > '2024-01-01'",
    "select a from t where b like 'x%' order by a limit 10",
    "select a from t union all select a from u",
    "select count(*) from t",
    "merge into t using u on t.a = u.a when matched then update set b = 1",
    "call p(1)",
    "not sql at all ((",
)


@pytest.mark.parametrize(("text", "reason"), SLOW.items(), ids=list(SLOW))
def test_slow_parts_are_named(text, reason):
    assert any(reason in said for said, _ in reasons(text))


@pytest.mark.parametrize("text", FINE)
def test_fine_parts_are_left_alone(text):
    assert reasons(text) == []


@given(st.from_regex(r"[A-Za-z]{3,12}secret[0-9]{1,5}", fullmatch=True), st.integers(10**6, 10**9))
def test_no_value_is_shown(word, number):
    for text in (
        f"select a from t where b = '{word}' and c in ({number}, 1) -- {word}",
        f"insert into t select $${word}$$, {number}",
        f"call p('{word}')",
        f"/* {word} */ merge into t using (select '{word}' as k) u on t.k = u.k when matched then update set n = {number}",
        f"broken '{word} {number}",
    ):
        shown = without_values(text)
        assert word not in shown and str(number) not in shown


F, C = ("L", "M", "F"), ("L", "M", "C")
TYPES = {
    F: {"ID": "VARCHAR", "DAY": "DATE", "AT": "TIMESTAMP_NTZ", "N": "NUMBER"},
    C: {"ID": "VARCHAR", "TIER": "VARCHAR"},
}
SCHEMA = schema_of((table, column, kind) for table, columns in TYPES.items() for column, kind in columns.items())
VIEWS = {("L", "A", "V"): "select f.day as d, f.n, c.tier from l.m.f as f join l.m.c as c on f.id = c.id where f.n > 0"}
BEGAN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
READ = {
    "equal": ("select n from f where n = 3", {F: ["N"]}),
    "turned": ("select n from f where 3 < n", {F: ["N"]}),
    "between and in": ("select n from f where n between 1 and 2 and id in ('a', 'b')", {F: ["N", "ID"]}),
    "prefix": ("select n from f where id like 'ab%'", {F: ["ID"]}),
    "through a cte": ("with x as (select at as t from f) select * from x where to_date(t) = '2024-05-05'", {F: ["AT"]}),
    "through a view": (
        "select d from a.v where d >= '2024-01-01' and tier = 'GOLD'",
        {F: ["N", "ID", "DAY"], C: ["ID", "TIER"]},
    ),
    "of a delete": ("delete from f where n < 5", {F: ["N"]}),
    "of an update": ("update m.f set n = 1 where at > dateadd(hour, -3, current_timestamp())", {F: ["AT"]}),
    "of a merge": ("merge into f using c on f.id = c.id when matched then update set n = 1", {F: ["ID"], C: ["ID"]}),
    "of an insert": ("insert into c select id, 'x' from f where n = 3", {F: ["N"]}),
    "only one of two": ("select n from f where n = 1 or id = 'x'", {}),
    "below a limit": ("select n from (select n from f limit 5) where n = 1", {}),
    "of another's function": ("select n from f where n = my_function(3)", {}),
    "of a query": ("select n from f where n > (select max(n) from f)", {}),
    "of a join that keeps all": ("select f.n from f left join c on f.id = c.id and f.n = 3", {}),
    "of the computed": ("select m from (select n + 1 as m from f) where m = 3", {}),
    "quoted": ('select 1 from "F" where "N" = 3', {F: ["N"]}),
}


@pytest.mark.parametrize(("text", "expected"), READ.values(), ids=list(READ))
def test_conditions_are_those_that_can_leave_partitions_out(text, expected):
    found = conditions(text, ("L", "M"), SCHEMA, VIEWS, BEGAN)
    assert {table: [item.column for item in items] for table, items in found} == expected


def test_each_reading_of_a_table_has_its_own_conditions():
    found = conditions(
        "select 1 from f as a join f as b on a.id = b.id where a.n = 1 and b.n = 2", ("L", "M"), SCHEMA, VIEWS, BEGAN
    )
    assert [table for table, _ in found] == [F, F]
    assert [[item.test for item in items if item.test] for _, items in found] == [
        ["({low} <= (1) AND {high} >= (1))"],
        ["({low} <= (2) AND {high} >= (2))"],
    ]


def test_now_is_when_the_statement_ran():
    ((_, (item,)),) = conditions("select 1 from f where day >= current_date() - 7", ("L", "M"), SCHEMA, VIEWS, BEGAN)
    assert "'2026-03-04'" in item.test and "CURRENT" not in item.test
