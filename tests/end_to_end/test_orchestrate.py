"""The health of a deployed platform by the command: well, then with planted faults, then mended, each run on record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest
from deployed import Platform
from local_server import PASSWORD

from logistics.local.server import Server

pytestmark = pytest.mark.slow


class Orchestrated:
    """The command on the deployed platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        root = platform.project.folder
        local = root / ".local"
        (local / "snowflake").mkdir(parents=True, exist_ok=True)
        local.chmod(0o700)
        process = platform.server.process
        assert process is not None
        server = Server(pid=process.pid, started=psutil.Process(process.pid).create_time(), port=platform.server.port)
        (local / "snowflake" / "server.json").write_text(json.dumps(asdict(server)))
        (local / "admin-password").write_text(PASSWORD)
        self._environment = {**os.environ, **platform.project.environment, "LOGISTICS_ROOT": str(root)}

    def logistics(self, *arguments: str) -> tuple[int, Any]:
        """Run a command; its exit code and the JSON that it printed."""
        command = [str(Path(sys.executable).with_name("logistics")), *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.stdout.strip(), done.stderr[-3000:]
        return done.returncode, json.loads(done.stdout)

    def recommended(self, report: Any) -> list[tuple[str, str, str]]:
        """What a report recommends, in its order."""
        return [(each["status"], each["check"], each["subject"]) for each in report["recommendations"]]


@pytest.fixture(scope="module")
def orchestrated(platform: Platform) -> Iterator[Orchestrated]:
    yield Orchestrated(platform)


def test_health_of_a_deployed_platform_with_faults_and_without(orchestrated, wait_for):
    def still() -> bool:
        """Whether the pipelines have taken up what the fixture put in."""
        code, found = orchestrated.logistics(
            "orchestrate", "checks", "tasks", "streams", "freshness", "--format", "json"
        )
        return code == 0 and found["status"] == "ok"

    assert wait_for(still)
    code, report = orchestrated.logistics("orchestrate", "--action", "health_check", "--format", "json")
    jobs = {job["job"]: job for job in report["jobs"]}
    assert [job["state"] for job in jobs.values()] == ["succeeded"] * 3
    well = [
        found
        for job in jobs.values()
        for found in job["findings"]
        if found["check"] not in ("backups", "models", "drift")
    ]
    assert {found["status"] for found in well} == {"ok"}, well

    run = orchestrated.platform.run
    run("drop stream LOGISTICS.MARTS.SHIPMENT_STREAM", role="ACCOUNTADMIN")
    run("alter task LOGISTICS.MARTS.UPDATE_CUSTOMER_SEGMENTS suspend")
    run("alter table LOGISTICS.MARTS.TBL_DIM_VEHICLE set max_data_extension_time_in_days = 2", role="ACCOUNTADMIN")
    run("grant select on table LOGISTICS.MARTS.TBL_DIM_CUSTOMER to role PUBLIC", role="ACCOUNTADMIN")
    code, report = orchestrated.logistics("orchestrate", "--action", "health_check", "--format", "json")
    assert (code, report["status"]) == (1, "critical")
    said = orchestrated.recommended(report)
    assert said[0] == ("critical", "streams", "marts.shipment_stream")
    assert ("critical", "tasks", "marts.update_customer_segments") in said
    assert ("warning", "streams", "marts.vehicle_stream") in said
    drifted = {subject for status, check, subject in said if (status, check) == ("critical", "drift")}
    assert any("shipment_stream" in subject for subject in drifted)
    assert any("PUBLIC" in subject for subject in drifted)
    assert said.index(("critical", "tasks", "marts.update_customer_segments")) < said.index(
        ("warning", "streams", "marts.vehicle_stream")
    )

    rows = orchestrated.platform.rows(
        "select result, status, jobs_total from monitoring.orchestrator_runs order by started_at"
    )
    assert [row[0] for row in rows] == ["succeeded", "succeeded"]
    assert rows[1][1:] == ("critical", 3)
    assert orchestrated.platform.rows("select run_id from monitoring.orchestrator_leases") == [(None,)]
    _, past = orchestrated.logistics("orchestrate", "--action", "report", "--format", "json")
    assert orchestrated.recommended(past) == said
