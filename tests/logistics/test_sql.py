from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from logistics.sql import Identifier, Literal, full_name, identifier, literal
from logistics.sql.parse import parse_object, parse_sql, table_names
from logistics.sql.placeholders import fill

FILE = Path("sql/test.sql")
HEAD = "-- comment: c\n"


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("LOGISTICS", "LOGISTICS"),
        ("TRUE", '"TRUE"'),
        ("lower", '"lower"'),
        ("1A", '"1A"'),
        ('A"B', '"A""B"'),
        ("", '""'),
        ("A$1", "A$1"),
    ],
)
def test_identifiers_are_quoted_where_they_must(name, sql):
    assert identifier(name) == sql


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_any_name_survives_as_an_identifier(name):
    parsed = sqlglot.parse_one(f"select {identifier(name)}", dialect="snowflake")
    assert parsed.selects[0].name == name


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_any_text_survives_as_a_literal(text):
    parsed = sqlglot.parse_one(f"select {literal(text)}", dialect="snowflake")
    assert parsed.selects[0].this == text


@pytest.mark.parametrize(
    ("value", "sql"), [(3, "3"), (Decimal("3.00"), "3.00"), (True, "true"), ("it's", "'it''s'"), ("a\\b", "'a\\\\b'")]
)
def test_literals(value, sql):
    assert literal(value) == sql


def test_full_names_are_quoted_as_the_plugin_quotes_them():
    assert full_name("DB", "S", 'a"b') == '"DB"."S"."a""b"'


def test_placeholders_are_filled_by_kind():
    values = {
        "database": Identifier(name="my db"),
        "price": Literal(value=Decimal("3.00")),
        "role": Literal(value="O'Neil"),
    }
    assert (
        fill("from {{ database }}.x where {{price}} = {{ role }}", values, FILE)
        == "from \"my db\".x where 3.00 = 'O''Neil'"
    )


def test_a_view_is_read():
    view = parse_object(HEAD + "-- readers: [a, b]\ncreate secure view s.v as\nselect 1 as x;\n", FILE, "view")
    assert (view.name, view.secure, view.readers, view.body) == ("s.v", True, ("a", "b"), "select 1 as x")


def test_a_policy_is_read():
    text = "create row access policy s.p as (a varchar, b number(38, 0)) returns boolean -> a in (select x from s.t)"
    policy = parse_object(HEAD + text, FILE, "row access policy")
    assert policy.arguments == (("A", "VARCHAR"), ("B", "NUMBER(38, 0)"))
    assert (policy.returns, policy.body, policy.reads) == ("BOOLEAN", "a in (select x from s.t)", {"s.t"})


def test_a_task_is_read():
    text = "create task s.t warehouse = compute_wh_xs when system$stream_has_data('S.X') as\ninsert into s.a select b as c from s.x;"
    task = parse_object(HEAD + text, FILE, "task")
    assert (task.warehouse, task.when) == ("COMPUTE_WH_XS", "system$stream_has_data('S.X')")
    assert (task.body, task.reads) == ("insert into s.a select b as c from s.x", {"s.a", "s.x"})


def test_a_stream_is_read():
    stream = parse_object(HEAD + "create stream s.c on table s.t;", FILE, "stream")
    assert (stream.name, stream.table) == ("s.c", "s.t")


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("select * from a.b", {"a.b"}),
        ("with x as (select * from a.b) select * from x", {"a.b"}),
        ("select * from d.a.b join c.d using (k)", {"d.a.b", "c.d"}),
        ("select 1 where exists (select 1 from a.b)", {"a.b"}),
        ("merge into a.t using a.s on t.k = s.k when matched then delete", {"a.t", "a.s"}),
    ],
)
def test_the_tables_of_a_statement_are_found(query, tables):
    assert table_names(parse_sql(query, FILE)) == tables
