"""Names, literals, data types, and statements found inside texts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.provider import datatypes, literals, names
from embedded.provider.errors import StatementError, summary
from embedded.provider.kinds.columns import items, size
from embedded.provider.kinds.policies import read_signature
from embedded.provider.kinds.sqltext import body_of_view
from embedded.provider.kinds.tables import cluster_keys, read_column
from embedded.provider.kinds.targets import singular, split_id
from embedded.provider.ordering import set_order

PARTS = st.lists(st.text(min_size=1), min_size=1, max_size=3)


@settings(deadline=None, database=None)
@given(PARTS)
def test_a_full_name_reads_back(parts):
    assert names.parse(names.full(*parts)) == tuple(parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a.B.c", ("a", "B", "c")), ('"a.b".c', ("a.b", "c")), ('"say ""hi"""', ('say "hi"',)), ("x", ("x",))],
)
def test_reads_names(text, parts):
    assert names.parse(text) == parts


@pytest.mark.parametrize("text", ['"a', '"a"b', '"a""'])
def test_refuses_broken_names(text):
    with pytest.raises(ValueError, match="unable to read identifier"):
        names.parse(text)


@pytest.mark.parametrize(
    ("value", "sql"),
    [("it's", r"'it\'s'"), ("a\\b", r"'a\\b'"), ('"q"', r"'\"q\"'"), ("a\nb", r"'a\nb'"), ("é", "'é'")],
)
def test_writes_texts(value, sql):
    assert literals.text(value) == sql


def test_writes_dollar_bodies():
    assert literals.dollars("a $$ b") == "$$a \\$\\$ b$$"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("VARCHAR", "varchar(16777216)", True),
        ("STRING", "TEXT", True),
        ("CHAR", "VARCHAR(1)", True),
        ("INT", "NUMBER(38,0)", True),
        ("DECIMAL(10)", "NUMBER(10, 0)", True),
        ("NUMBER", "NUMBER(10,0)", False),
        ("TIMESTAMP", "TIMESTAMP_NTZ(9)", True),
        ("DATETIME", "TIMESTAMP_NTZ", True),
        ("TIMESTAMP_LTZ", "TIMESTAMP_TZ", False),
        ("DOUBLE PRECISION", "FLOAT", True),
        ("FLOAT", "NUMBER", False),
        ("VECTOR(INT, 3)", "vector(int,3)", True),
    ],
)
def test_compares_data_types(one, other, same):
    assert datatypes.same(one, other) is same


@pytest.mark.parametrize(
    ("given", "sql"),
    [("VARCHAR", "VARCHAR(16777216)"), ("number", "NUMBER(38, 0)"), ("INT", "NUMBER(38, 0)"), ("BOOLEAN", "BOOLEAN")],
)
def test_spells_data_types(given, sql):
    assert datatypes.sql(given) == sql


# Orders that were recorded from the official plugin.
@pytest.mark.parametrize("ordered", [["USAGE", "MONITOR"], ["INSERT", "SELECT"], ["a", "b"], ["a", "c"], [50, 75]])
def test_orders_sets_as_terraform(ordered):
    assert set_order(reversed(ordered)) == ordered


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("create view V as select 1", "select 1"),
        ('CREATE OR REPLACE SECURE VIEW "A"."S"."V" ("AS" COMMENT \'as\') COMMENT=\'x as y\' AS\nselect 1', "select 1"),
        (
            "create view V /* as */ (A) copy grants as with x as (select 1) select * from x",
            "with x as (select 1) select * from x",
        ),
        ("create view V row access policy P on (A) -- as\n as select 1", "select 1"),
    ],
)
def test_finds_the_query_of_a_view(text, query):
    assert body_of_view(text) == query


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("LINEAR(ID, X)", ["ID", "X"]),
        ("LINEAR(SUBSTRING(A, 1, 2), TO_DATE(B))", ["SUBSTRING(A, 1, 2)", "TO_DATE(B)"]),
        ("", []),
        ("(A)", ["A"]),
    ],
)
def test_reads_cluster_keys(text, keys):
    assert cluster_keys(text) == keys


@pytest.mark.parametrize(
    ("type_", "default", "read"),
    [
        ("NUMBER(38,0)", "IDENTITY START 5 INCREMENT 2 NOORDER", {"identity": {"start_num": 5, "step_num": 2}}),
        ("NUMBER(38,0)", "D.S.Q.NEXTVAL", {"default": {"sequence": "D.S.Q"}}),
        ("TIMESTAMP_LTZ(9)", "CURRENT_TIMESTAMP()", {"default": {"expression": "CURRENT_TIMESTAMP()"}}),
        ("VARCHAR(10)", "'it''s'", {"default": {"constant": "it's"}}),
        ("NUMBER(38,0)", "7", {"default": {"constant": "7"}}),
        ("NUMBER(38,0)", None, {}),
    ],
)
def test_reads_defaults_of_columns(type_, default, read):
    column = read_column({"name": "A", "type": type_, "default": default, "null?": "Y"})
    assert {key: column[key] for key in ("default", "identity") if key in column} == read


def test_reads_collations_of_columns():
    column = read_column({"name": "A", "type": "VARCHAR(16777216) COLLATE 'en-ci'", "null?": "N"})
    assert (column["type"], column["collate"], column["nullable"]) == ("VARCHAR(16777216)", "en-ci", False)


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ('["a","b"]', ["a", "b"]),
        ("[A, B]", ["A", "B"]),
        ("('a','b')", ["a", "b"]),
        ("a@b.c,d@e.f", ["a@b.c", "d@e.f"]),
        ("[]", []),
    ],
)
def test_reads_lists(text, listed):
    assert items(text) == listed


@pytest.mark.parametrize(
    ("shown", "known"), [("X-Small", "XSMALL"), ("2X-Large", "XXLARGE"), ("medium", "MEDIUM"), ("x4large", "X4LARGE")]
)
def test_reads_sizes(shown, known):
    assert size(shown) == known


def test_reads_signatures():
    assert read_signature("(VAL VARCHAR, N NUMBER)") == [
        {"name": "VAL", "type": "VARCHAR"},
        {"name": "N", "type": "NUMBER"},
    ]


@pytest.mark.parametrize(
    ("plural", "single"),
    [
        ("TABLES", "TABLE"),
        ("MASKING POLICIES", "MASKING POLICY"),
        ("GIT REPOSITORIES", "GIT REPOSITORY"),
        ("ALERTS", "ALERT"),
    ],
)
def test_finds_singulars(plural, single):
    assert singular(plural) == single


def test_splits_ids_outside_of_quotes():
    assert split_id('"A|B"|false|USAGE') == ['"A|B"', "false", "USAGE"]


@pytest.mark.parametrize(
    ("sql", "kind", "name"),
    [
        ("CREATE USER \"U\" PASSWORD = 'hush'", "CREATE USER", '"U"'),
        ("ALTER USER \"U\" SET PASSWORD = 'hush'", "ALTER USER", '"U"'),
        ('DROP TABLE IF EXISTS "D"."S"."T"', "DROP TABLE", '"D"."S"."T"'),
        ('GRANT USAGE ON DATABASE "D" TO ROLE "R"', "GRANT USAGE", 'ON DATABASE "D" TO ROLE "R"'),
        ("select 'hush'", "SELECT", ""),
        ("call p('hush')", "CALL", ""),
    ],
)
def test_errors_name_the_statement_and_no_value(sql, kind, name):
    assert summary(sql) == (kind, name)
    message = str(StatementError(2003, "02000", "no such thing", sql))
    assert message.startswith("002003 (02000): no such thing [")
    assert "hush" not in message
