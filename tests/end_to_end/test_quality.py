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
    platform.run(f"alter task {task} suspend", role="ACCOUNTADMIN")
    planned = quality("heal", "--dry-run")
    assert f"would resume task {task}" in planned[1]
    assert platform.rows("select count(*) from monitoring.healing_log") == [(0,)]
    code, printed = quality("heal")
    assert (code, f"done resume task {task}" in printed) == (0, True), printed
    state = platform.rows("show tasks like 'UPDATE_CUSTOMER_SEGMENTS' in database logistics", role="ACCOUNTADMIN")
    assert "started" in state[0]
    logged = platform.rows("select object_name, fault, action, result from monitoring.healing_log")
    assert logged == [(task, "suspended", "resume", "done")]
