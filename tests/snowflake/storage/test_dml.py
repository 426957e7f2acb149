"""DML: what it does to rows, what it answers, what it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from embedded.snowflake.errors import SnowflakeError

Run = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def table(run: Run) -> Run:
    run("create table t (a int, b varchar(5) default 'dflt', c int not null default 7)")
    run("insert into t (a, b) values (1, 'one'), (2, 'two'), (3, 'three')")
    return run


COUNTS = [
    pytest.param("insert into t (a) values (4), (5)", [(2,)], id="insert-values"),
    pytest.param("insert into t (a, c) select a + 10, c from t where a < 3", [(2,)], id="insert-select"),
    pytest.param("insert overwrite into t (a) select a from t where a = 1", [(1,)], id="overwrite"),
    pytest.param("update t set b = 'x' where a > 1", [(2, 0)], id="update"),
    pytest.param(
        "update t set b = s.v from (select 1 k, 'p' v union all select 1, 'q') s where t.a = s.k", [(1, 1)], id="joined"
    ),
    pytest.param("delete from t using (select 2 k) s where t.a = s.k", [(1,)], id="delete-using"),
    pytest.param("delete from t", [(3,)], id="delete-all"),
    pytest.param(
        "merge into t using (select 1 k union all select 9) s on t.a = s.k when matched then update set b = 'm' "
        "when not matched then insert (a) values (k)",
        [(1, 1)],
        id="merge",
    ),
    pytest.param(
        "merge into t using (select 3 k union all select 3) s on t.a = s.k when matched then delete",
        [(1,)],
        id="merge-delete",
    ),
    pytest.param("insert all into t (a) into t (a, b) values (n, 'z') select 8 n", [(1, 1)], id="insert-all"),
]


@pytest.mark.parametrize(("statement", "counts"), COUNTS)
def test_counts(table: Run, statement: str, counts: list[tuple[int, ...]]) -> None:
    assert table(statement) == counts


REFUSED = [
    pytest.param("insert into t (a, b) values (1, 'too long')", 100078, id="text-too-long"),
    pytest.param("insert into t (a, c) values (1, null)", 100072, id="null"),
    pytest.param("update t set c = null", 100072, id="null-by-update"),
    pytest.param("insert into t (a) values ('x')", 100038, id="no-number"),
    pytest.param("insert into t values (1, 'b')", 2020, id="too-few-values"),
    pytest.param("insert into t (nope) values (1)", 904, id="no-column"),
    pytest.param("insert into nope values (1)", 2003, id="no-table"),
    pytest.param("insert into t (a, a) values (1, 1)", 2025, id="column-twice"),
    pytest.param("update t set a = current_date()", 2023, id="no-such-cast"),
    pytest.param(
        "merge into t using (select 1 k union all select 1) s on t.a = s.k when matched then update set b = 'm'",
        100090,
        id="merge-twice",
    ),
]


@pytest.mark.parametrize(("statement", "number"), REFUSED)
def test_refused_and_nothing_changed(table: Run, statement: str, number: int) -> None:
    before = table("select * from t order by a")
    with pytest.raises(SnowflakeError) as caught:
        table(statement)
    assert caught.value.errno == number
    assert table("select * from t order by a") == before


def test_merge_takes_unqualified_names_of_an_insert_from_the_source(table: Run) -> None:
    table(
        "merge into t using (select 50 as a, 'new' as b) s on t.a = s.a when not matched then insert (a, b) values (a, b)"
    )
    assert table("select a, b from t where a = 50") == [(50, "new")]


def test_identity_and_sequence_go_on_after_a_rollback(run: Run) -> None:
    run("create sequence q start 5 increment 5")
    run("create table i (n int autoincrement start 100 increment 10, s int default q.nextval, v int)")
    run("begin")
    run("insert into i (v) values (1)")
    run("rollback")
    run("insert into i (v) values (2), (3)")
    assert run("select n, s from i order by n") == [(110, 10), (120, 15)]


def test_ddl_commits_the_transaction_before_it(table: Run) -> None:
    table("begin")
    table("insert into t (a) values (77)")
    table("create table other (x int)")
    table("rollback")
    assert table("select count(*) from t where a = 77") == [(1,)]


def test_a_failed_statement_leaves_its_transaction_open(table: Run) -> None:
    table("begin")
    table("insert into t (a) values (10)")
    with pytest.raises(SnowflakeError):
        table("insert into t (a, c) values (11, null)")
    table("commit")
    assert table("select max(a) from t") == [(10,)]


def test_update_waits_for_the_other_transaction(table: Run, opened: Callable[[], Run]) -> None:
    other, done = opened(), threading.Event()
    table("begin")
    table("update t set b = 'first' where a = 1")

    def change() -> None:
        other("update t set b = b || '!' where a = 1 and b = 'first'")
        done.set()

    thread = threading.Thread(target=change)
    thread.start()
    assert not done.wait(0.2)
    table("update t set b = 'frst' where a = 1")
    table("commit")
    thread.join(timeout=120)
    assert done.is_set()
    assert table("select b from t where a = 1") == [("frst",)]


def test_deadlock_is_refused(table: Run, opened: Callable[[], Run]) -> None:
    other, failed = opened(), []
    table("create table u (a int)")
    table("insert into u values (1)")
    table("begin")
    other("begin")
    table("update t set a = a")
    other("update u set a = a")

    def cross() -> None:
        try:
            other("update t set a = a")
        except SnowflakeError as error:
            failed.append(error.errno)
            other("rollback")

    thread = threading.Thread(target=cross)
    thread.start()
    try:
        table("update u set a = a")
    except SnowflakeError as error:
        failed.append(error.errno)
        table("rollback")
    thread.join(timeout=120)
    assert failed == [625]


def test_added_column_and_its_past(table: Run) -> None:
    table("alter table t add column d int default 4")
    table("alter table t alter column b set data type varchar(50)")
    table("update t set b = 'longer than before' where a = 1")
    assert table("select b, d from t where a = 1") == [("longer than before", 4)]


def test_clone_is_apart(table: Run) -> None:
    table("create table u clone t")
    table("delete from t")
    assert table("select count(*) from u") == [(3,)]


def test_clean_up_keeps_what_a_stream_needs(table: Run, account: Any) -> None:
    from embedded.snowflake.storage.cleanup import clean

    table("create stream s on table t")
    table("update t set b = 'u' where a = 1")
    table("update t set b = 'w' where a = 1")
    account.clock.advance(5 * 86_400)
    assert clean(account) == 0
    assert len(table("select * from s")) == 2
    table("create table sink as select a from s")
    account.clock.advance(5 * 86_400)
    assert clean(account) > 0
    assert table("select b from t where a = 1") == [("w",)]
