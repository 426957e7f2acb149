"""Quality on a deployed stack: tasks and alert run, samples show nobody what is not theirs, faults of tasks and streams are mended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from logistics.cli import commands
from logistics.local import environment

FRESH, HOURLY = "monitoring.quality_freshness", "monitoring.quality_hourly"
ANALYST = {"user": "TEST_ANALYST", "password": "Test-analyst-1", "role": "DATA_ANALYST"}
SCIENTIST = {"user": "TEST_SCIENTIST", "password": "Test-scientist-1", "role": "DATA_SCIENTIST"}
SHOWN = "select customer_id, row_key, offending from analytics.vw_quality_failing_rows"


@pytest.fixture
def quality(platform, monkeypatch, tmp_path):
    """Runs `logistics quality …` on the platform; returns exit code and output."""
    variables = platform.server.environment()
    monkeypatch.setattr(environment, "environment", lambda *_: variables)
    monkeypatch.setattr("logistics.quality.commands.local_folder", lambda _: tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(commands, ["quality", *arguments], env=dict(os.environ), catch_exceptions=False)
        return done.exit_code, done.stdout

    return run


def ended(platform, task: str, runs: int = 1) -> bool:
    name = task.split(".")[1].upper()
    found = platform.rows(
        f"select state, error_message from table(information_schema.task_history(task_name => '{name}')) "
        "where completed_time is not null",
        role="ACCOUNTADMIN",
    )
    assert all(state == "SUCCEEDED" for state, _ in found), found
    return len(found) >= runs


def test_the_deployed_tasks_and_alert_work_by_themselves(platform, wait_for):
    for task in (FRESH, HOURLY):
        platform.run(f"execute task {task}")
        assert wait_for(lambda task=task: ended(platform, task), seconds=240)
    found = dict(
        platform.rows("select result, count(*) from monitoring.quality_results where run_by = 'task' group by 1")
    )
    assert found.get("error", 0) == 0
    assert found["failed"] >= 2, "the planted customers have the wrong tiers, and no segment"
    samples = platform.rows("select distinct check_name from monitoring.quality_failing_rows")
    assert ("customer_tier_matches_lifetime_value",) in samples
    platform.run("execute alert monitoring.raise_quality_alerts", role="ACCOUNTADMIN")
    name = "customer_tier_matches_lifetime_value"
    question = f"select severity from monitoring.quality_alerts where check_name = '{name}' and closed_at is null"
    assert wait_for(lambda: platform.rows(question) == [("critical",)])


def test_the_command_says_which_rows_fail_and_the_reader_sees_their_own(platform, quality, tmp_path):
    code, printed = quality("--check", "customer_tier accepted", "--check", "segment complete", "--format", "json")
    said: dict[str, Any] = json.loads(printed)
    assert (code, said["status"]) == (5, "warning")
    failed = next(check for check in said["checks"] if check["result"] == "failed")
    assert (failed["check"], failed["failures"]) == ("marts.tbl_dim_customer: segment complete", 3)
    assert [row["key"]["customer_id"] for row in failed["rows"]] == ["C000000001", "C000000002", "C000000003"]
    assert f"{failed['check']}: 3 of 3 rows fail" in next(Path(tmp_path).rglob("notices.log")).read_text()
    mine = platform.rows(SHOWN, **ANALYST)
    assert {row[0] for row in mine} == {"C000000001", "C000000002"}
    assert platform.rows(SHOWN, **SCIENTIST) == []
    assert {row[0] for row in platform.rows(SHOWN)} >= {"C000000003"}
    kept = str(platform.rows("select * from monitoring.quality_failing_rows"))
    assert "@" not in kept, "no address is kept"
    code, printed = quality("alerts", "--format", "json")
    alert = next(each for each in json.loads(printed) if each["check_name"] == failed["check"])
    code, printed = quality("acknowledge", alert["alert_id"][:10], "--by", "anna", "--note", "asked the source")
    assert (code, "acknowledged by anna" in printed) == (0, True)
    code, printed = quality("--check", "fuel_efficiency_in_range", "--format", "junit")
    assert code == 0
    assert '<testcase classname="marts.tbl_dim_vehicle" name="fuel_efficiency_in_range" />' in printed
    assert quality("--check", "fuel_efficiency_in_range")[1].startswith("1 checks in ")


def test_what_is_safe_is_mended_and_logged(platform, quality):
    task = "marts.update_customer_segments"
    logged = f"select fault, action, result from monitoring.healing_log where object_name = '{task}'"
    before = platform.rows(logged)
    platform.run(f"alter task {task} suspend", role="ACCOUNTADMIN")
    planned = quality("heal", "--dry-run")
    assert f"would resume task {task}" in planned[1]
    assert platform.rows(logged) == before
    code, printed = quality("heal")
    assert (code, f"done resume task {task}" in printed) == (0, True), printed
    state = platform.rows("show tasks like 'UPDATE_CUSTOMER_SEGMENTS' in database logistics", role="ACCOUNTADMIN")
    assert "started" in state[0]
    assert platform.rows(logged) == [*before, ("suspended", "resume", "done")]


def test_a_failed_task_is_retried_until_it_needs_a_person(platform, quality, wait_for):
    task, name = "governance.fill_audit_log", "FILL_AUDIT_LOG"
    last = (
        f"select state from table(information_schema.task_history(task_name => '{name}')) "
        "where completed_time is not null order by query_start_time desc limit 1"
    )
    body = platform.rows(f"show tasks like '{name}' in database logistics", role="ACCOUNTADMIN")[0][11]
    platform.run(
        f"alter task {task} suspend",
        f"alter task {task} modify as select 1 / 0",
        f"execute task {task}",
        role="ACCOUNTADMIN",
    )
    assert wait_for(lambda: platform.rows(last, role="ACCOUNTADMIN") == [("FAILED",)])
    platform.run(f"alter task {task} modify as {body}", f"alter task {task} resume", role="ACCOUNTADMIN")
    code, printed = quality("heal")
    assert (code, f"retry task {task}" in printed) == (0, True), printed
    assert wait_for(lambda: platform.rows(last, role="ACCOUNTADMIN") == [("SUCCEEDED",)], seconds=240)
    assert f"task {task}" not in quality("heal", "--dry-run")[1]


def test_a_stale_stream_is_made_anew_and_what_it_lost_is_filled_back(platform, quality):
    table, stream = "logistics.marts.tbl_dim_customer", "marts.customer_stream"
    platform.run("alter task marts.update_customer_segments suspend", role="ACCOUNTADMIN")
    readers = sorted(row[1:6] for row in platform.rows(f"show grants on stream {stream}", role="ACCOUNTADMIN"))
    platform.run("update marts.tbl_dim_customer set order_frequency_30d = 40 where customer_id = 'C000000003'")
    segment = (
        "select behavior_segment from ml_features.tbl_ml_customer_behavior_segments where customer_id = 'C000000003'"
    )
    before = platform.rows(segment)
    kept = "data_retention_time_in_days = 0, max_data_extension_time_in_days = 0"
    platform.run(f"alter table {table} set {kept}", role="ACCOUNTADMIN")
    code, printed = quality("heal")
    assert (code, f"done rebuild stream {stream}" in printed) == (0, True), printed
    after = platform.rows(segment)
    assert (after != before, len(after)) == (True, 1)
    platform.run(f"alter table {table} set data_retention_time_in_days = 1", role="ACCOUNTADMIN")
    platform.run(f"alter table {table} unset max_data_extension_time_in_days", role="ACCOUNTADMIN")
    assert readers == sorted(row[1:6] for row in platform.rows(f"show grants on stream {stream}", role="ACCOUNTADMIN"))
    [(action, result)] = platform.rows(
        "select action, result from monitoring.healing_log where object_name = 'marts.customer_stream'"
    )
    assert (action, result) == ("rebuild", "done")
    assert f"stream {stream}" not in quality("heal", "--dry-run")[1]
