"""Stored procedures in SQL: calls, overloads, rights, transactions, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from snowflake.connector import ProgrammingError

Run = Callable[..., list[tuple[Any, ...]]]


def test_arguments_by_place_name_and_default(run: Run) -> None:
    run(
        "create procedure p(a int, b varchar default 'x', c int default 1 + 1) returns varchar as $$ begin return a || b || c; end $$"
    )
    assert run("call p(1)") == [("1x2",)]
    assert run("call p(1, 'y')") == [("1y2",)]
    assert run("call p(c => 5, a => 3)") == [("3x5",)]
    assert run("call d.public.p(%s, %s)", (7, "z")) == [("7z2",)]


def test_overloads_are_told_apart_by_types(run: Run) -> None:
    for kind in ("int", "varchar", "date"):
        run(f"create procedure o(x {kind}) returns varchar as $$ begin return '{kind}'; end $$")
    assert run("call o(1)") == [("int",)]
    assert run("call o('a')") == [("varchar",)]
    assert run("call o('2024-01-01'::date)") == [("date",)]
    run("drop procedure o(date)")
    assert len(run("show procedures like 'O'")) == 2
    with pytest.raises(ProgrammingError, match="Invalid argument types for function 'O'"):
        run("call o(1, 2)")


def test_there_is_no_such_procedure(run: Run) -> None:
    with pytest.raises(ProgrammingError, match=r"Unknown user-defined function D\.PUBLIC\.NOTHING") as caught:
        run("call nothing()")
    assert caught.value.errno == 2141


def test_a_table_as_declared(run: Run, admin: Any) -> None:
    run(
        "create procedure tp(least int) returns table (n varchar, number float) as"
        " $$ declare rs resultset default (select name, id from t where id >= :least order by id); begin return table(rs); end $$"
    )
    cursor = admin.cursor()
    assert cursor.execute("call tp(2)").fetchall() == [("y", 2.0), ("x", 3.0)]
    assert [column.name for column in cursor.description] == ["N", "NUMBER"]


def test_results_go_into_variables_and_result_scan(run: Run) -> None:
    run("create procedure twice(x int) returns int as 'begin return x * 2; end'")
    assert run("begin let y int; call twice(4) into :y; let z := y + 1; return z; end") == [(9,)]
    run("call twice(5)")
    assert run("select twice + 1 from table(result_scan(last_query_id()))") == [(11,)]


def test_procedures_call_each_other(run: Run) -> None:
    run("create procedure inner_p(x int) returns int as $$ begin return 10 / x; end $$")
    run("create procedure outer_p(x int) returns varchar as $$ begin call inner_p(:x); return 'fine'; end $$")
    assert run("call outer_p(5)") == [("fine",)]
    with pytest.raises(ProgrammingError) as caught:
        run("call outer_p(0)")
    assert caught.value.errno == 100051
    assert str(caught.value).count("Uncaught exception of type") == 2


def test_endless_recursion_is_an_error(run: Run) -> None:
    run("create procedure again() returns int as $$ begin call again(); end $$")
    with pytest.raises(ProgrammingError, match="call depth"):
        run("call again()")


def test_nulls_of_a_strict_procedure(run: Run) -> None:
    run("create procedure strictly(x int) returns varchar strict as $$ begin return 'called'; end $$")
    assert run("call strictly(null)") == [(None,)]


@pytest.mark.parametrize("text", ["begin let x; end", "select 1", "begin return 1"])
def test_a_body_that_does_not_parse_is_refused_when_it_is_made(run: Run, text: str) -> None:
    with pytest.raises(ProgrammingError, match="syntax error"):
        run(f"create procedure wrong() returns int as $${text}$$")


@pytest.mark.parametrize("language", ["java", "scala", "javascript"])
def test_other_languages_are_refused_by_name(run: Run, language: str) -> None:
    with pytest.raises(ProgrammingError, match=rf"(?i){language}"):
        run(f"create procedure other() returns varchar language {language} as $$ return 1; $$")
        run("call other()")


def test_a_procedure_of_the_statement(run: Run) -> None:
    text = "with q as procedure (x int) returns int as $$ begin return x * 2; end $$ call q(4)"
    assert run(text) == [(8,)]
    assert run("show procedures like 'Q'") == []


def test_owners_rights(run: Run, caller: Run) -> None:
    run(
        "create procedure counted() returns varchar as $$ begin return current_role() || (select count(*) from t); end $$"
    )
    with pytest.raises(ProgrammingError, match="Unknown user-defined function"):
        caller("call counted()")
    run("grant usage on procedure counted() to role caller_role")
    assert caller("call counted()") == [("ACCOUNTADMIN3",)]
    assert caller("select current_role()") == [("CALLER_ROLE",)]
    run("alter procedure counted() execute as caller")
    with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
        caller("call counted()")


RESTRICTED = {
    "set": ("set v = 1", "Unsupported statement type 'SET'"),
    "use": ("use role public", "Unsupported statement type 'USE'"),
    "alter session": ("alter session set query_tag = 'x'", "Unsupported statement type 'ALTER_SESSION'"),
    "read": ("select $v", "not allowed in owners rights"),
}


@pytest.mark.parametrize(("statement", "message"), RESTRICTED.values(), ids=RESTRICTED)
def test_owners_rights_leave_the_callers_session_alone(run: Run, statement: str, message: str) -> None:
    run("set v = 7")
    run(f"create or replace procedure r() returns varchar as $$ begin {statement}; return 'done'; end $$")
    with pytest.raises(ProgrammingError, match=message):
        run("call r()")
    run("alter procedure r() execute as caller")
    assert run("call r()") == [("done",)]
    run("use role accountadmin")
    run("unset v")
    run("alter session unset query_tag")


def test_callers_rights_see_the_callers_schema(run: Run) -> None:
    for rights in ("owner", "caller"):
        run(
            f"create procedure place_{rights}() returns varchar execute as {rights} as $$ begin return current_schema(); end $$"
        )
    run("create schema elsewhere")
    assert run("call d.public.place_owner()") == [("PUBLIC",)]
    assert run("call d.public.place_caller()") == [("ELSEWHERE",)]


def test_masks_hold_in_what_procedures_read(run: Run, caller: Run) -> None:
    run(
        "create masking policy hide as (v varchar) returns varchar -> case when current_role() = 'ACCOUNTADMIN' then v else '***' end"
    )
    run("alter table t modify column name set masking policy hide")
    run("grant select on table t to role caller_role")
    for rights in ("owner", "caller"):
        run(
            f"create procedure names_{rights}() returns varchar execute as {rights} as $$ begin return (select max(name) from t); end $$"
        )
        run(f"grant usage on procedure names_{rights}() to role caller_role")
    assert caller("call names_owner()") == [("y",)]
    assert caller("call names_caller()") == [("***",)]


def test_transactions_of_a_procedure_are_its_own(run: Run) -> None:
    run(
        "create procedure writes() returns int as $$ begin begin transaction; insert into t values (9, 'in'); commit; return 1; end $$"
    )
    run("begin transaction")
    run("update t set name = 'out' where id = 1 and false")
    run("call writes()")
    run("rollback")
    assert run("select count(*) from t where id = 9") == [(1,)]


def test_a_procedure_may_not_end_its_callers_transaction(run: Run) -> None:
    run("create procedure ends() returns int as $$ begin rollback; return 1; end $$")
    run("begin transaction")
    run("insert into t values (8, 'kept')")
    with pytest.raises(ProgrammingError, match="different scope"):
        run("call ends()")
    run("commit")
    assert run("select count(*) from t where id = 8") == [(1,)]


def test_a_procedure_is_described(run: Run) -> None:
    body = "begin return 1; end"
    run(f"create procedure shown(a int) returns int comment = 'c' as $${body}$$")
    told = dict(run("describe procedure shown(int)"))
    assert told["signature"] == "(A NUMBER)"
    assert told["body"] == body
    assert told["execute as"] == "OWNER"
    [(ddl,)] = run("select get_ddl('procedure', 'shown(int)')")
    assert body in ddl
    run("drop procedure shown(int)")
    with pytest.raises(ProgrammingError):
        run("describe procedure shown(int)")


def test_a_call_can_be_cancelled(run: Run) -> None:
    run("create procedure endless() returns int as $$ begin loop let x := 1; end loop; end $$")
    run("alter session set statement_timeout_in_seconds = 1")
    with pytest.raises(ProgrammingError, match="timeout"):
        run("call endless()")
    run("alter session unset statement_timeout_in_seconds")
