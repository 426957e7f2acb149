"""Statements about the session itself."""

from __future__ import annotations

import pytest

from embedded.snowflake.errors import SnowflakeError


@pytest.fixture
def run(session):
    opened = session()

    def execute(*texts):
        result = None
        for text in texts:
            result = opened.execute(text)
        assert result is not None
        return result.rows if result.rows is not None else [tuple(row.values()) for row in result.arrow.to_pylist()]

    execute.session = opened
    return execute


def refused(run, text):
    with pytest.raises(SnowflakeError) as caught:
        run(text)
    return caught.value.errno


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["use database d"], ("D", "PUBLIC")),
        (["use d"], ("D", "PUBLIC")),
        (["use schema d.s"], ("D", "S")),
        (["use d.s"], ("D", "S")),
        (["use database d", "use schema s"], ("D", "S")),
        (["use database identifier('d')"], ("D", "PUBLIC")),
        (["set x = 'd.s'", "use schema identifier($x)"], ("D", "S")),
        (['use database "mixed"'], ("mixed", None)),
    ],
)
def test_use(run, texts, expected):
    run(
        "create database d",
        "create schema d.s",
        'create database "mixed"',
        'drop schema "mixed".public',
        "use database d",
    )
    run(*texts)
    assert run("select current_database(), current_schema()") == [expected]


@pytest.mark.parametrize(
    "text", ["use database nowhere", "use schema nowhere", "use warehouse nowhere", "use role nowhere", "use d.nowhere"]
)
def test_use_of_what_is_not_there(run, text):
    run("create database d")
    assert refused(run, text) == 2043


def test_use_role_needs_the_grant(run, session):
    run("create role r", "create user u", "grant role r to user u")
    other = session("U", "R")
    with pytest.raises(SnowflakeError) as caught:
        other.execute("use role accountadmin")
    assert caught.value.errno == 3013
    other.execute("use role public")
    other.execute("use role r")


def test_secondary_roles(run, session):
    run("create database d", "create role a", "create role b", "create user u", "grant role a to user u")
    run("grant role b to user u", "grant usage on database d to role b")
    other = session("U", "A")
    other.execute("use secondary roles all")
    other.execute("use database d")
    other.execute("use secondary roles none")
    with pytest.raises(SnowflakeError):
        other.execute("use database d")


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("alter session set query_tag = 'AUDIT_QUERY'", "QUERY_TAG", "AUDIT_QUERY"),
        ("alter session set timezone = 'europe/berlin'", "TIMEZONE", "Europe/Berlin"),
        ("alter session set autocommit = false, query_tag = 'x'", "AUTOCOMMIT", "false"),
        ("alter session set week_start = 1 query_tag = 'x'", "WEEK_START", "1"),
    ],
)
def test_alter_session(run, text, key, expected):
    run(text)
    [row] = run(f"show parameters like '{key}' in session")
    assert (row[1], row[3]) == (expected, "SESSION")
    run(f"alter session unset {key.lower()}")
    [row] = run(f"show parameters like '{key}' in session")
    assert row[3] == ""


@pytest.mark.parametrize(
    ("text", "errno"),
    [
        ("alter session set colour = 'red'", 1420),
        ("alter session set timezone = 'Mars/Olympus'", 1008),
        ("alter session set autocommit = maybe", 1008),
        ("alter session set week_start = 9", 1008),
        ("alter session", 1003),
        ("set x", 1003),
        ("set (a, b) = (1)", 1789),
        (f"set x = '{'long' * 100}'", 1788),
        ("select $never_set", 2211),
    ],
)
def test_refused(run, text, errno):
    if "never_set" in text:
        assert refused(run, text) > 0
    else:
        assert refused(run, text) == errno


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set x = 5", 5),
        ("set x = 'it''s'", "it's"),
        ("set x = (select 2 + 3)", 5),
        ("set x = 2 * 3 + 1", 7),
        ("set (y, x) = (1, 'b')", "b"),
        ("set (y, x) = (select 1, 'c')", "c"),
    ],
)
def test_variables(run, text, expected):
    run(text)
    assert run("select $x") == [(expected,)]
    assert "X" in [row[3] for row in run("show variables")]
    run("unset x")
    assert "X" not in run.session.variables


@pytest.fixture
def table(run):
    run("create database d", "create table t (n int)")
    return lambda: [row[0] for row in run("select n from t order by n")]


@pytest.mark.parametrize("start", ["begin", "begin transaction", "begin work", "start transaction", "begin name tx"])
def test_rollback_and_commit(run, table, start):
    run(start, "insert into t values (1)", "rollback")
    assert table() == []
    run(start, "insert into t values (2)", "commit")
    assert table() == [2]


def test_ddl_commits(run, table):
    run("begin", "insert into t values (1)", "create table other (n int)", "rollback")
    assert table() == [1]


def test_an_error_leaves_the_transaction_open(run, table):
    run("begin", "insert into t values (1)")
    assert refused(run, "insert into t values ('x')") > 0
    run("insert into t values (2)", "commit")
    assert table() == [1, 2]


def test_begin_in_a_transaction_changes_nothing(run, table):
    run("begin", "insert into t values (1)", "begin", "rollback")
    assert table() == []


@pytest.mark.usefixtures("table")
def test_without_autocommit_changes_wait_for_commit(run, session):
    run("alter session set autocommit = false", "insert into t values (1)")
    other = session()
    other.execute("use d.public")
    assert other.execute("select count(*) from t").arrow.column(0)[0].as_py() == 0
    run("commit")
    assert other.execute("select count(*) from t").arrow.column(0)[0].as_py() == 1


def test_commit_and_rollback_without_a_transaction_do_nothing(run):
    run("commit", "rollback work")


@pytest.mark.usefixtures("table")
def test_open_transactions_are_listed(run):
    run("begin name mine")
    [row] = run("show transactions")
    assert (row[1], row[3], row[5]) == ("ADMIN", "MINE", "running")
    run("rollback")
    assert run("show transactions") == []


def test_closing_a_session_undoes_what_it_did_not_commit(table, session):
    other = session()
    other.execute("use d.public")
    other.execute("begin")
    other.execute("insert into t values (9)")
    other.close()
    assert table() == []
