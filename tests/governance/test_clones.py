"""A clone of staging stands for itself: its policies, views and tasks name no other database, and it goes as it came."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deployed import deploy
from local_server import local_server

from logistics.declarations import load_declarations
from logistics.environments.clones import clone, clones, remove
from logistics.environments.rewrite import rebased
from logistics.errors import LogisticsError, UsageError
from logistics.settings import load_stack

ROOT = Path(__file__).parents[2]
CLONE = "LOGISTICS_PR_7"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select * from LOGISTICS.marts.x", "select * from NEW.marts.x"),
        ('select * from "LOGISTICS"."MARTS".x', 'select * from NEW."MARTS".x'),
        ("select logistics.a from x.logistics.y", "select NEW.a from x.logistics.y"),
        ("system$stream_has_data('LOGISTICS.MARTS.S')", "system$stream_has_data('NEW.MARTS.S')"),
        ("select 'all of LOGISTICS.x', 1 -- LOGISTICS.y", "select 'all of LOGISTICS.x', 1 -- LOGISTICS.y"),
        ("call LOGISTICS.ml.run('it''s', LOGISTICS.f(1))", "call NEW.ml.run('it''s', NEW.f(1))"),
        ("select 'it''s' from logistics_old.x", "select 'it''s' from logistics_old.x"),
    ],
    ids=["bare", "quoted", "not after a dot", "a name in a text", "other texts", "a call", "other names"],
)
def test_a_statement_is_pointed_at_the_clone(text, expected):
    assert rebased(text, "LOGISTICS", "NEW") == expected


@pytest.mark.slow
def test_a_clone_is_made_bound_and_removed(tmp_path):
    settings = load_stack(ROOT, "staging")
    declared = load_declarations(ROOT, settings)
    with local_server(tmp_path / "data") as server:
        deploy(server, tmp_path, "staging")
        with server.connect("LOCAL-STAGING", role="ACCOUNTADMIN", warehouse="COMPUTE_WH_STAGING") as connection:
            cursor = connection.cursor()
            for row in cursor.execute("show tasks in database LOGISTICS").fetchall():
                cursor.execute(f'alter task LOGISTICS."{row[4]}"."{row[1]}" suspend')
            cursor.execute(
                "insert into LOGISTICS.marts.tbl_dim_customer (customer_id, contact_email) values ('C000000001', 'a@b.c')"
            )
            before = cursor.execute("show databases").fetchall()
            lines: list[str] = []
            made = clone(settings, declared, cursor, "pr-7", timedelta(hours=1), 3, lines.append)
            assert made.database == CLONE
            for text, source in _texts(cursor, CLONE):
                assert source not in text.upper().replace(CLONE, "")
            assert {row[10] for row in cursor.execute(f"show tasks in database {CLONE}").fetchall()} == {"suspended"}
            assert [each.name for each in clones(settings, cursor)] == ["pr-7"]
            cursor.execute(
                f"insert into {CLONE}.marts.tbl_dim_customer (customer_id, contact_email) values ('C2', 'd@e.f')"
            )
            seen = f"select customer_id, contact_email from {CLONE}.marts.tbl_dim_customer order by 1"
            assert cursor.execute(seen).fetchall() == []
            with server.connect("LOCAL-STAGING", role="DATA_ENGINEER", warehouse="COMPUTE_WH_PR_7") as engineer:
                assert engineer.cursor().execute(seen).fetchall() == [("C000000001", "a@b.c"), ("C2", "d@e.f")]
                there = engineer.cursor().execute(seen.replace(CLONE, "LOGISTICS")).fetchall()
                assert there == [("C000000001", "a@b.c")]
            with server.connect("LOCAL-STAGING", role="DATA_ANALYST", warehouse="COMPUTE_WH_PR_7") as analyst:
                assert analyst.cursor().execute(seen).fetchall() == []
                cursor.execute(f"insert into {CLONE}.governance.user_customer_access values ('ADMIN', 'C2')")
                assert analyst.cursor().execute(seen).fetchall() == [("C2", "***@e.f")]
                summary = f"select customer_id from {CLONE}.analytics.mv_customer_summary"
                assert analyst.cursor().execute(summary).fetchall() == [("C2",)]
            with pytest.raises(LogisticsError, match="LOGISTICS_PR_7 exists already"):
                clone(settings, declared, cursor, "pr-7", timedelta(hours=1), 3, lines.append)
            with pytest.raises(UsageError, match="no clone pr-8"):
                remove(settings, cursor, "pr-8")
            assert clones(settings, cursor)[0].expired(datetime.now(UTC) + timedelta(hours=2))
            remove(settings, cursor, "pr-7")
            assert len(cursor.execute("show databases").fetchall()) == len(before)
            assert not cursor.execute("show warehouses like '%PR_7'").fetchall()
            assert not cursor.execute("show resource monitors like '%PR_7'").fetchall()


@pytest.mark.parametrize(
    ("stack", "name", "hours", "problem"),
    [
        ("prod", "pr-1", 1, "prod is not cloned"),
        ("staging", "PR;1", 1, "no name for a clone"),
        ("staging", "pr-1", 0, "time to live"),
    ],
    ids=["prod", "name", "time"],
)
def test_what_is_not_safe_is_refused_before_anything_is_asked(stack, name, hours, problem):
    settings = load_stack(ROOT, stack)
    declared = load_declarations(ROOT, settings)
    with pytest.raises(UsageError, match=problem):
        clone(settings, declared, None, name, timedelta(hours=hours), 1, print)


def _texts(cursor, database):
    """Yield every body of the clone, and what it must not name."""
    for kind, column in (("views", "text"), ("tasks", "definition"), ("tasks", "condition")):
        cursor.execute(f"show {kind} in database {database}")
        place = [each[0] for each in cursor.description].index(column)
        yield from ((row[place] or "", "LOGISTICS.") for row in cursor.fetchall())
    for kind in ("row access", "masking"):
        for row in cursor.execute(f"show {kind} policies in database {database}").fetchall():
            yield cursor.execute(f"describe {kind} policy {database}.{row[3]}.{row[1]}").fetchone()[3], "LOGISTICS."
