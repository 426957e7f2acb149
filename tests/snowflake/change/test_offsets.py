"""A stream's offset as a time: what SYSTEM$STREAM_GET_TABLE_TIMESTAMP tells is where a new stream can begin again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., list[tuple[Any, ...]]]


def test_a_stream_made_anew_at_the_old_offset_holds_the_same_changes(run: Run) -> None:
    run("create table t (k int)")
    run("insert into t values (1)")
    run("create stream s on table t")
    run("insert into t values (2)")
    [(nanoseconds,)] = run("select system$stream_get_table_timestamp('s')")
    run("drop stream s")
    run("insert into t values (3)")
    run(f"create stream s on table t at (timestamp => to_timestamp_ltz({nanoseconds}, 9))")
    assert run("select k from s order by k") == [(2,), (3,)]


def test_consuming_moves_the_offset(run: Run) -> None:
    run("create table t (k int)")
    run("create table done (k int)")
    run("create stream s on table t")
    [(before,)] = run("select system$stream_get_table_timestamp('s')")
    run("insert into t values (1)")
    run("insert into done select k from s")
    [(after,)] = run("select system$stream_get_table_timestamp('s')")
    assert after > before
