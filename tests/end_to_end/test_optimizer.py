"""The optimizer on a deployed stack: what it finds is written as a commit, deployed, and taken back by rollback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from local_server import copy_project, log_in
from workloads import Workload

COPYING = "LOGISTICS.MARTS.REFRESH_TBL_FACT_SHIPMENTS_PARTITIONED"
HISTORY = "HISTORY_OF_WORK.H"
FAKE_GH = """#!/bin/sh
cat > "$GH_BODY"
echo "$@" > "$GH_ARGUMENTS"
echo https://example.org/pull/1
"""


class Bench:
    """A git repository with the project and a local Snowflake of its own, worked on by the `logistics` command alone."""

    def __init__(self, folder: Path) -> None:
        self.root = copy_project(folder)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI", "SNOWFLAKE", "GIT_"))}
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "T"), ("EMAIL", "t@x.y"))
        }
        self.environment = kept | who | {"LOGISTICS_ROOT": str(self.root), "GIT_CONFIG_GLOBAL": os.devnull}
        self.logistics("local", "start", "--port", "0")

    def run(self, *command: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command that ends with `code`."""
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
        return done

    def logistics(self, *arguments: str, code: int = 0) -> str:
        """Run the command; returns what it printed."""
        return self.run(str(Path(sys.prefix) / "bin/logistics"), *arguments, code=code).stdout

    def git(self, *arguments: str) -> str:
        """Run git; returns what it printed."""
        return self.run("git", *arguments).stdout

    @contextmanager
    def cursor(self, role: str = "ACCOUNTADMIN") -> Iterator[Any]:
        """A session on its account."""
        shown = self.logistics(
            "env", "--", sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"
        )
        variables = json.loads(shown)
        with log_in(
            int(variables["SNOWFLAKE_PORT"]),
            variables["SNOWFLAKE_PASSWORD"],
            role=role,
            database="LOGISTICS",
            warehouse="COMPUTE_WH_XS",
        ) as connection:
            yield connection.cursor()

    def warehouse(self) -> tuple[str, int]:
        """Size and idle seconds of COMPUTE_WH_DEV."""
        with self.cursor() as cursor:
            cursor.execute("show warehouses like 'COMPUTE_WH_DEV'")
            row = dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True))
        return row["size"], row["auto_suspend"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A dev stack with a warehouse that is too large and idles too long, and a history that shows it."""
    made = Bench(tmp_path_factory.mktemp("optimizer") / "project")
    try:
        file = made.root / "Pulumi.dev.yaml"
        text = file.read_text().replace("warehouseSize: X-SMALL", "warehouseSize: MEDIUM")
        file.write_text(text.replace("autoSuspendSeconds: 60", "autoSuspendSeconds: 600"))
        bounds = made.root / "policy/environments/dev.json"
        bounds.write_text(bounds.read_text().replace('"maxSeconds": 300', '"maxSeconds": 600'))
        (made.root / ".gitignore").write_text(".local/\n.venv\n")
        for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "first")):
            made.git(*arguments)
        made.logistics("deploy", "--yes")
        with made.cursor() as cursor:
            _record(cursor)
            cursor.execute(f"alter task {COPYING} suspend")  # the rows to come are of no customer
        with made.cursor("DATA_ENGINEER") as cursor:
            cursor.execute(
                "insert into marts.tbl_fact_shipments (shipment_id, order_id, customer_id, vehicle_id, shipment_date, revenue) "
                "select seq8()::varchar, 'O', 'C' || mod(seq8() * 7919, 500), 'V', '2024-01-01'::date + mod(seq8(), 365)::int, "
                "1 + mod(seq8(), 100) "
                "from table(generator(rowcount => 40000))"
            )
        yield made
    finally:
        made.logistics("local", "stop")


def _record(cursor: Any) -> None:
    """Short statements every 20 minutes that filter a table by its customers."""
    cursor.execute("create database HISTORY_OF_WORK")
    work = Workload(cursor, HISTORY)
    work.statements(
        2000,
        "select count(*) from marts.tbl_fact_shipments where customer_id = 'C7' and revenue > 0",
        seconds="1 + mod(N, 3) / 10",
        size="Medium",
        partitions_scanned="40",
        partitions_total="40",
    )
    work.credits("20 + 5 * mod(D, 7)", days=60)
    work.load(1, 0, 200)


@pytest.mark.slow
def test_safe_changes_become_a_commit_that_deploys_and_rolls_back(bench, tmp_path):
    _pull_requests(bench, tmp_path)
    salted = (bench.root / "Pulumi.dev.yaml").read_text()
    found = json.loads(
        bench.logistics(
            "optimize",
            "--history",
            HISTORY,
            "--partition-rows",
            "1000",
            "--format",
            "json",
            "--apply",
            "--pull-request",
        )
    )
    kinds = {item["kind"]: item for item in found["recommendations"]}
    assert kinds["warehouse_size_down"]["change"] == {
        "setting": "logistics:warehouseSize",
        "before": "MEDIUM",
        "after": "SMALL",
    }
    assert kinds["auto_suspend"]["change"]["after"] == 60
    key = kinds["clustering_key"]
    assert (key["object_name"], key["evidence"]["partitions_read_share_now"]) == (
        "LOGISTICS.MARTS.TBL_FACT_SHIPMENTS",
        1.0,
    )
    assert "cluster by (customer_id)" in key["title"] and key["evidence"]["partitions_read_share_after"] <= 0.05
    assert found["forecasts"][0]["backtest_days"] and found["forecasts"][0]["backtest_wape"] < 0.2

    applied = found["applied"]
    assert "autoSuspend" in applied["preview"] and "warehouseSize" in applied["preview"]
    assert "1 file changed, 2 insertions(+), 1 deletion(-)" in bench.git("show", "--stat", applied["branch"])
    assert (bench.root / "Pulumi.dev.yaml").read_text() == salted  # the work tree is the user's
    assert bench.warehouse() == ("Medium", 600)  # and the account is Pulumi's
    _check_recorded(bench, found)
    _check_pull_request(bench, tmp_path, applied)

    with bench.cursor("DATA_ENGINEER") as cursor:
        cursor.execute("delete from marts.tbl_fact_shipments")  # the deployment's tests would find them
    with bench.cursor() as cursor:
        cursor.execute(f"alter task {COPYING} resume")
    bench.git("stash")  # the salt
    bench.git("merge", "-q", applied["branch"])
    bench.git("stash", "pop")
    bench.logistics("deploy", "--yes")
    assert bench.warehouse() == ("Small", 60)
    bench.logistics("rollback", "--yes")
    assert bench.warehouse() == ("Medium", 600)
    bench.git("stash")
    bench.git("revert", "--no-edit", applied["commit"])
    bench.git("stash", "pop")
    assert "warehouseSize: MEDIUM" in (bench.root / "Pulumi.dev.yaml").read_text()


def _check_recorded(bench: Bench, found: dict[str, Any]) -> None:
    """The finance owner reads the run's results."""
    with bench.cursor("FINANCE_OWNER") as cursor:
        cursor.execute("use warehouse COMPUTE_WH_DEV")
        run = cursor.execute("select recommendations, applied_branch from monitoring.optimizer_runs").fetchall()
        assert run == [(len(found["recommendations"]), found["applied"]["branch"])]
        top = cursor.execute(
            "select kind, evidence:warehouse::varchar from monitoring.optimizer_recommendations where rank = 1"
        ).fetchone()
        assert top == (found["recommendations"][0]["kind"], "COMPUTE_WH_DEV")
        days = cursor.execute(
            "select count(*), min(credits_low) >= 0 from monitoring.cost_forecasts where warehouse_name = 'ALL'"
        )
        assert days.fetchone() == (30, True)


def _pull_requests(bench: Bench, folder: Path) -> None:
    """Give the repository an origin, and PATH a stand-in of `gh`."""
    stand_in = folder / "bin" / "gh"
    stand_in.parent.mkdir()
    stand_in.write_text(FAKE_GH)
    stand_in.chmod(0o755)
    bench.git("init", "-q", "--bare", str(folder / "origin.git"))
    bench.git("remote", "add", "origin", str(folder / "origin.git"))
    bench.environment |= {
        "PATH": f"{stand_in.parent}{os.pathsep}{bench.environment['PATH']}",
        "GH_BODY": str(folder / "body"),
        "GH_ARGUMENTS": str(folder / "arguments"),
    }


def _check_pull_request(bench: Bench, folder: Path, applied: dict[str, Any]) -> None:
    assert applied["pull_request"] == "https://example.org/pull/1"
    pushed = bench.git("--git-dir", str(folder / "origin.git"), "rev-parse", applied["branch"]).strip()
    assert pushed == applied["commit"]
    assert f"--head {applied['branch']}" in (folder / "arguments").read_text()
    assert "confidence" in (folder / "body").read_text()
