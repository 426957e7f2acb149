"""Blocks through the connector. What they give follows Snowflake's documentation of Snowflake Scripting."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector import ProgrammingError

Run = Callable[..., list[tuple[Any, ...]]]

SCALARS = {
    "return": ("begin return 1 + 1; end", 2),
    "no return": ("begin let x := 1; end", None),
    "declare": ("declare x int default 4; begin return x; end;", 4),
    "documented: area": (
        "DECLARE radius_of_circle FLOAT; area_of_circle FLOAT; BEGIN radius_of_circle := 3;"
        " area_of_circle := PI() * radius_of_circle * radius_of_circle; RETURN area_of_circle; END",
        28.274333882308138,
    ),
    "documented: profit": (
        "DECLARE profit number(38, 2) DEFAULT 0.0; BEGIN LET cost number(38, 2) := 100.0;"
        " LET revenue number(38, 2) DEFAULT 110.0; profit := revenue - cost; RETURN profit; END",
        Decimal("10.00"),
    ),
    "inferred text grows": ("begin let s := ''; s := s || 'abc'; return s; end", "abc"),
    "typed variable rounds": ("declare x number(5,1); begin x := 1.25; return x; end", Decimal("1.3")),
    "if": (
        "begin let x := 3; if (x = 1) then return 'a'; elseif (x = 3) then return 'b'; else return 'c'; end if; end",
        "b",
    ),
    "else": ("begin if (null) then return 'a'; else return 'c'; end if; end", "c"),
    "case of a value": ("begin let x := 'b'; case (x) when 'a' then return 1; when 'b' then return 2; end; end", 2),
    "searched case": ("begin case when 1 > 2 then return 1; else return 2; end case; end", 2),
    "case expression": ("begin let x := case when true then 'y' end; return x; end", "y"),
    "for": ("begin let s := 0; for i in 1 to 5 do s := s + i; end for; return s; end", 15),
    "for reverse": ("begin let s := ''; for i in reverse 1 to 3 do s := s || i; end for; return s; end", "321"),
    "for loop": ("begin let s := 0; for i in 1 to 2 loop s := s + i; end loop; return s; end", 3),
    "for without turns": ("begin let s := 0; for i in 3 to 1 do s := 1; end for; return s; end", 0),
    "while": ("begin let n := 0; while (n < 4) do n := n + 1; end while; return n; end", 4),
    "repeat": ("begin let n := 9; repeat n := n + 1; until (n > 3) end repeat; return n; end", 10),
    "loop and break": ("begin let n := 0; loop n := n + 1; if (n = 7) then break; end if; end loop; return n; end", 7),
    "continue": (
        "begin let s := 0; for i in 1 to 4 do if (i = 2) then continue; end if; s := s + i; end for; return s; end",
        8,
    ),
    "documented: labels": (
        "BEGIN LET inner_counter := 0; LET outer_counter := 0; LOOP LOOP IF (inner_counter < 5) THEN"
        " inner_counter := inner_counter + 1; CONTINUE OUTER; ELSE BREAK OUTER; END IF; END LOOP INNER;"
        " outer_counter := outer_counter + 1; BREAK; END LOOP OUTER; RETURN inner_counter || '-' || outer_counter; END",
        "5-0",
    ),
    "nested scope": ("begin let x := 1; begin let x := 2; end; return x; end", 1),
    "outer variable": ("begin let x := 1; begin x := 2; end; return x; end", 2),
    "subquery": ("begin let n := (select count(*) from t); return n; end", 3),
    "bind in a subquery": ("begin let k := 1; let n := (select count(*) from t where id > :k); return n; end", 2),
    "path is no variable": ("begin let id := 9; return (select parse_json('{\"id\": 5}'):id::int); end", 5),
    "select into": (
        "declare a int; b varchar; begin select id, name into :a, :b from t where id = 2; return a || b; end",
        "2b",
    ),
    "cursor": (
        "declare c cursor for select id from t order by id; s int default 0; begin for r in c do s := s * 10 + r.id; end for;"
        " return s; end",
        123,
    ),
    "fetch": (
        "declare c cursor for select id from t where id > ? order by id; x int; y int; begin open c using (1);"
        " fetch c into x; fetch c into y; close c; return x || '-' || y; end",
        "2-3",
    ),
    "fetch past the end": (
        "declare c cursor for select id from t where id = 1; x int; begin open c; fetch c into x; fetch c into x;"
        " return x; end",
        None,
    ),
    "cursor for resultset": (
        "begin let rs resultset := (select id from t); let c cursor for rs; let n := 0; for r in c do n := n + 1; end for;"
        " return n; end",
        3,
    ),
    "row in SQL": (
        "begin let c cursor for select id, name from t where name is not null; for r in c do"
        " insert into log values (:r.name); end for; return (select listagg(what, ',') within group (order by what) from log);"
        " end",
        "a,b",
    ),
    "sqlrowcount": ("begin update t set name = 'z' where id < 3; return sqlrowcount; end", 2),
    "sqlfound": ("begin delete from t where id = 77; return sqlfound || '/' || sqlnotfound; end", "false/true"),
    "dynamic": (
        "begin let q := 'insert into log values (?)'; execute immediate :q using ('x'); return sqlrowcount; end",
        1,
    ),
    "dynamic resultset": (
        "declare rs resultset; q varchar default 'select id from t where id > ?'; k int default 1; n int default 0; begin"
        " rs := (execute immediate :q using (k)); for r in rs do n := n + r.id; end for; return n; end",
        5,
    ),
    "identifier": (
        "declare name varchar default 't'; n int; begin select count(*) into :n from identifier(:name); return n; end",
        3,
    ),
    "identifier in ddl": (
        "declare name varchar default 'made'; begin create or replace table identifier(:name) (a int);"
        " insert into identifier(:name) values (1); return (select count(*) from made); end",
        1,
    ),
    "async": (
        "begin let rs resultset := async (select id from t where id = 2); await rs; let c cursor for rs;"
        " for r in c do return r.id; end for; end",
        2,
    ),
    "variant": ("begin let o := {'a': [1, 2]}; return o:a[1]::int; end", 2),
    "null statement": ("begin null; return 1; end", 1),
    "block in a string": (
        "begin execute immediate 'begin insert into log values (''q''); end'; return (select what from log); end",
        "q",
    ),
}


@pytest.mark.parametrize(("text", "expected"), SCALARS.values(), ids=SCALARS)
@pytest.mark.parametrize("form", ["bare", "immediate"])
def test_block_returns(run: Run, text: str, expected: Any, form: str) -> None:
    [(found,)] = run(text if form == "bare" else f"execute immediate $${text}$$")
    assert found == expected


def test_the_column_of_a_block_is_named_after_it(cursor: Any, run: Run) -> None:
    run("begin return 1; end")
    assert cursor.description[0].name == "anonymous block"


@pytest.mark.parametrize(
    "value",
    ["rs", "resultset_from_cursor(c)", "select id from t where id > 1 order by id"],
    ids=["resultset", "cursor", "query"],
)
def test_return_table(cursor: Any, run: Run, value: str) -> None:
    text = "declare rs resultset; c cursor for select id from t where id > 1 order by id; begin"
    text += f" rs := (select id from t where id > 1 order by id); open c; return table({value}); end"
    assert run(text) == [(2,), (3,)]
    assert cursor.description[0].name == "ID"


def test_exceptions_tell_what_happened(run: Run) -> None:
    text = """declare my_exception exception (-20002, 'Raised MY_EXCEPTION.');
    begin
      raise my_exception;
    exception
      when statement_error then return 'wrong';
      when my_exception or expression_error then
        return object_construct('SQLCODE', sqlcode, 'SQLERRM', sqlerrm, 'SQLSTATE', sqlstate);
    end"""
    [(found,)] = run(text)
    assert json.loads(found) == {"SQLCODE": -20002, "SQLERRM": "Raised MY_EXCEPTION.", "SQLSTATE": "P0001"}


HANDLED = {
    "expression": ("let x := 1 / 0", "expression_error", (100051, "Division by zero", "22012")),
    "statement": (
        "select * from nowhere",
        "statement_error",
        (2003, "SQL compilation error:\nObject 'NOWHERE' does not exist or not authorized.", "42S02"),
    ),
}


@pytest.mark.parametrize(("statement", "name", "expected"), HANDLED.values(), ids=HANDLED)
def test_built_in_exceptions(run: Run, statement: str, name: str, expected: tuple[Any, ...]) -> None:
    text = f"begin {statement}; exception when {name} then return [sqlcode, sqlerrm, sqlstate]; when other then return 'other'; end"
    [(found,)] = run(text)
    assert tuple(json.loads(found)) == expected


def test_a_handler_that_continues(run: Run) -> None:
    text = """begin
      insert into log values ('before');
      select * from nowhere;
      insert into log values ('after');
      return 'done';
    exception
      when statement_error continue then insert into log values ('handled');
    end"""
    assert run(text) == [("done",)]
    assert [row for (row,) in run("select what from log")] == ["before", "handled", "after"]


def test_errors_of_handlers_go_out(run: Run) -> None:
    text = """declare e exception (-20005, 'first'); begin
      begin raise e; exception when e then raise; end;
    exception when other then return sqlerrm || sqlcode; end"""
    assert run(text) == [("first-20005",)]


UNCAUGHT = {
    "own exception": (
        "declare\n  e exception (-20002, 'Raised.');\nbegin\n  raise e;\nend",
        -20002,
        "Uncaught exception of type 'E' on line 4 at position 2 : Raised.",
    ),
    "statement": (
        "begin\n  let x := 1;\n    select * from nowhere;\nend",
        2003,
        "Uncaught exception of type 'STATEMENT_ERROR' on line 3 at position 4 : SQL compilation error:",
    ),
    "expression": (
        "begin\n  return 'a'::int;\nend",
        100038,
        "Uncaught exception of type 'EXPRESSION_ERROR' on line 2 at position 2",
    ),
    "unset variable": ("begin select :nothing; end", 2049, "Bind variable :NOTHING not set"),
    "unknown name": ("begin nothing := 1; end", 904, "invalid identifier 'NOTHING'"),
    "closed cursor": (
        "declare c cursor for select 1; x int; begin fetch c into x; end",
        90235,
        "Cursor 'C' is not open",
    ),
    "two rows": (
        "declare x int; begin select id into :x from t; end",
        90237,
        "expects exactly 1 returned row, but got 3",
    ),
    "no row": (
        "declare x int; begin select id into :x from t where id > 9; end",
        90237,
        "expects exactly 1 returned row, but got 0",
    ),
    "syntax": ("begin let x := 1 return x; end", 1003, "syntax error"),
    "no end": ("declare x int; begin x := 1;", 1003, "unexpected '<EOF>'"),
    "exception number": ("declare e exception (-1, 'x'); begin raise e; end", 1003, "Invalid exception number"),
    "break outside": ("begin break; end", 1003, "outside of a loop"),
    "nested procedure": (
        "declare p procedure () returns int as begin return 1; end; begin call p(); end",
        2,
        "nested in a block",
    ),
}


@pytest.mark.parametrize(("text", "number", "message"), UNCAUGHT.values(), ids=UNCAUGHT)
def test_uncaught(run: Run, text: str, number: int, message: str) -> None:
    with pytest.raises(ProgrammingError) as caught:
        run(text)
    assert caught.value.errno == number
    assert message in str(caught.value)


def test_statements_of_a_staged_file(run: Run, tmp_path: Path) -> None:
    run("create or replace stage s")
    script = tmp_path / "set up.sql"
    script.write_text(
        "-- what a release needs\ninsert into log values ('a;b');\nbegin insert into log values ('c'); end;\nselect * from log;"
    )
    run(f"put 'file://{script}' @s/releases/ auto_compress = false")
    assert run("execute immediate from '@s/releases/set up.sql'") == [("a;b",), ("c",)]
    assert run("begin execute immediate from '@s/releases/set up.sql'; return 'done'; end") == [("done",)]
    assert run("select count(*) from log") == [(4,)]
    script.write_text("insert into log values ('d'); select nothing; insert into log values ('e')")
    run(f"put 'file://{script}' @s/releases/ auto_compress = false overwrite = true")
    with pytest.raises(ProgrammingError, match="invalid identifier 'NOTHING'"):
        run("execute immediate from '@s/releases/set up.sql'")
    assert run("select what from log order by what desc limit 1") == [("d",)]
    with pytest.raises(ProgrammingError, match=r"Remote file 's/releases/other\.sql' was not found"):
        run("execute immediate from @s/releases/other.sql")


def test_begin_alone_is_a_transaction(run: Run) -> None:
    for begin in ("begin", "begin;", "begin transaction", "begin work name w", "begin name n"):
        run(begin)
        run("insert into log values ('x')")
        run("rollback")
    assert run("select count(*) from log") == [(0,)]


def test_transactions_in_a_block(run: Run) -> None:
    text = "begin begin transaction; insert into log values ('a'); rollback; begin; insert into log values ('b'); commit; end"
    run(text)
    assert run("select what from log") == [("b",)]


def test_a_transaction_left_open_is_undone(run: Run) -> None:
    with pytest.raises(ProgrammingError, match="incomplete and it was rolled back") as caught:
        run("begin begin transaction; insert into log values ('a'); end")
    assert caught.value.errno == 90232
    assert run("select count(*) from log") == [(0,)]


def test_the_callers_transaction_is_not_the_blocks(run: Run) -> None:
    run("begin transaction")
    with pytest.raises(ProgrammingError, match="started at a different scope"):
        run("begin commit; end")
    run("rollback")


def test_session_variables(run: Run) -> None:
    run("set limit_id = 2")
    assert run("begin return (select count(*) from t where id >= $limit_id); end") == [(2,)]
    run("set block = 'begin return 5; end'")
    assert run("execute immediate $block") == [(5,)]


def test_binds_of_execute_immediate(run: Run) -> None:
    assert run("execute immediate 'select ? + ?' using (1, 2)") == [(3,)]


def test_statements_of_a_block_are_in_history(run: Run) -> None:
    run("begin insert into log values ('traced'); end")
    texts = [text for (text,) in run("select query_text from table(information_schema.query_history())")]
    assert "insert into log values ('traced')" in texts


MANY = """create or replace table many (a int);
begin
  let x := 1;
  insert into many values (:x);
  if (x = 1) then drop table if exists nothing; end if;
  for r in reverse 1 to 2 do insert into many select case when true then 5 end; end for;
end;
create or replace procedure p() returns int as
begin
  return (select count(*) from many);
end;
call p();"""


def test_blocks_among_several_statements(cursor: Any) -> None:
    cursor.execute(MANY, num_statements=4)
    while cursor.nextset():
        pass
    assert cursor.execute("call p()").fetchall() == [(3,)]


def test_execute_string_takes_blocks_in_dollars(cursor: Any) -> None:
    cursors = cursor.connection.execute_string(
        "select 1; execute immediate $$ begin let x := 1; return x + 1; end $$; select 3"
    )
    assert [one.fetchall() for one in cursors] == [[(1,)], [(2,)], [(3,)]]


TEMPLATE = """--!jinja
{% for place in places.split(',') %}insert into log values ('{{ place }} {{ count + 1 }}');
{% endfor %}select count(*) as n from log where what like '% {{ count + 1 }}';"""


def test_statements_of_a_template(run: Run, tmp_path: Path) -> None:
    run("create or replace stage s")
    run("set many = 6")
    script = tmp_path / "each.sql"
    script.write_text(TEMPLATE)
    run(f"put 'file://{script}' @s auto_compress = false")
    shown = run("execute immediate from @s/each.sql using (places => 'a,b', count => $many) dry_run = true")
    assert "insert into log values ('b 7');" in shown[0][0] and run("select count(*) from log") == [(0,)]
    assert run("execute immediate from @s/each.sql using (places => 'a,b', count => $many)") == [(2,)]
    with pytest.raises(ProgrammingError, match="'count' is undefined") as caught:
        run("execute immediate from @s/each.sql using (places => 'a')")
    assert caught.value.errno == 1501
