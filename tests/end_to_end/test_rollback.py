"""A deployment that takes rows, columns and a stream away, and the rollback that brings them back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_server import copy_project, log_in
from small_platform import SmallPlatform

DEPOTS = [("D1", "Lyon"), ("D2", "Lima"), ("D3", None)]
DEPOT_CONTRACT = """\
table: tbl_depot
schema: marts
comment: Where vehicles stand at night
primary_key: [depot_id]
columns:
  - {name: depot_id, type: varchar(10), nullable: false}
  - {name: city, type: varchar(40)}
  - {name: opened_on, type: date}
"""
VISIT_CONTRACT = """\
table: tbl_depot_visit
schema: marts
comment: Which customer came to which depot
primary_key: [visit_id]
row_access_policy: customer_data_policy
readers: [data_scientist, data_analyst]
columns:
  - {name: visit_id, type: varchar(10), nullable: false}
  - {name: customer_id, type: varchar(20), nullable: false}
"""
DEPOT_STREAM = """\
-- comment: Changes of tbl_depot
create stream marts.depot_stream on table marts.tbl_depot;
"""


class Bench:
    """A copy of the project with a local Snowflake of its own, worked on by the `logistics` command alone."""

    def __init__(self, folder: Path) -> None:
        self.root = copy_project(folder)
        foreign = ("PULUMI", "SNOWFLAKE")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        self.environment = kept | {"LOGISTICS_ROOT": str(self.root)}
        self.logistics("local", "start", "--port", "0")

    def logistics(self, *arguments: str, code: int = 0) -> str:
        """Run a command that ends with `code`; returns what it printed."""
        command = [str(Path(sys.prefix) / "bin/logistics"), *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout + done.stderr

    def rows(self, *texts: str, role: str = "DATA_ENGINEER") -> list[tuple[Any, ...]]:
        """Run statements in one session; returns the last one's rows."""
        printed = self.logistics(
            "env", "--stack", "dev", "--", sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"
        )
        variables = json.loads(printed)
        with log_in(
            int(variables["SNOWFLAKE_PORT"]),
            variables["SNOWFLAKE_PASSWORD"],
            role=role,
            database="LOGISTICS",
            warehouse="COMPUTE_WH_DEV",
        ) as connection:
            for text in texts:
                found = connection.cursor().execute(text).fetchall()
        return found

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text in one of the project's files."""
        path = self.root / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The first version deployed, with depots and their visits beside the platform's own tables."""
    made = Bench(tmp_path / "project")
    try:
        (made.root / "sql/tables/marts").mkdir(parents=True, exist_ok=True)
        (made.root / "sql/tables/marts/tbl_depot.yaml").write_text(DEPOT_CONTRACT)
        (made.root / "sql/tables/marts/tbl_depot_visit.yaml").write_text(VISIT_CONTRACT)
        (made.root / "sql/streams/depot_stream.sql").write_text(DEPOT_STREAM)
        made.logistics("deploy", "--yes")
        depots = ", ".join(f"('{key}', nullif('{city}', 'None'))" for key, city in DEPOTS)
        made.rows(
            f"insert into marts.tbl_depot (depot_id, city) values {depots}",
            "insert into marts.tbl_depot_visit values ('V1', 'C1')",
        )
        yield made
    finally:
        made.logistics("local", "stop")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallPlatform]:
    """A small project's first version deployed, with depots."""
    made = SmallPlatform(tmp_path / "project")
    try:
        made.start()
        made.rows("insert into marts.tbl_depot values ('D1', 'Lyon'), ('D2', 'Lima')")
        yield made
    finally:
        made.stop()


def take_away(bench: Bench) -> None:
    """The second version: a column, a table and a stream are gone, a warehouse is larger."""
    contract = DEPOT_CONTRACT.replace("  - {name: city, type: varchar(40)}\n", "") + "allow: {drop: [city]}\n"
    (bench.root / "sql/tables/marts/tbl_depot.yaml").write_text(contract)
    (bench.root / "sql/tables/marts/tbl_depot_visit.yaml").unlink()
    (bench.root / "sql/streams/depot_stream.sql").unlink()
    bench.edit("Pulumi.dev.yaml", "warehouseSize: X-SMALL", "warehouseSize: SMALL")


@pytest.mark.slow
def test_what_a_deployment_took_away_comes_back_with_its_rows(bench):
    take_away(bench)
    refused = bench.logistics("deploy", "--yes", code=2)
    assert "delete   Table tbl_depot_visit" in refused and "--allow-destructive" in refused
    bench.logistics("deploy", "--yes", "--allow-destructive")
    assert bench.rows("show warehouses like 'COMPUTE_WH_DEV'", role="ACCOUNTADMIN")[0][3] == "Small"
    bench.rows("insert into marts.tbl_depot (depot_id) values ('D4')")

    planned = bench.logistics("rollback", "--dry-run")
    assert "UNDROP TABLE" in planned and "nothing was changed" in planned and "lost" not in planned
    bench.logistics("rollback", "--yes")

    assert bench.rows("select depot_id, city from marts.tbl_depot order by 1") == [*DEPOTS, ("D4", None)]
    assert bench.rows("select * from marts.tbl_depot_visit") == [("V1", "C1")]
    # Each row that the stream had not given yet, from before and after it was dropped, is in it once.
    changed = "select depot_id from marts.depot_stream where metadata$action = 'INSERT' order by 1"
    assert bench.rows(changed) == [("D1",), ("D2",), ("D3",), ("D4",)]
    assert bench.rows("show warehouses like 'COMPUTE_WH_DEV'", role="ACCOUNTADMIN")[0][3] == "X-Small"
    # Protection came back before the grants: a role without rows sees none.
    assert bench.rows("select * from marts.tbl_depot_visit", role="DATA_SCIENTIST") == []
    assert "nothing to change" in bench.logistics("rollback", "--to", "1", "--yes")


@pytest.mark.slow
def test_a_renamed_column_has_its_past_name_and_its_values_again_and_forward_too(small):
    depot = "sql/tables/marts/tbl_depot.yaml"
    small.edit(depot, "name: city,", "name: town, renamed_from: city,")
    small.edit(depot, "varchar(40)}", "varchar(40)}\n  - {name: opened_on, type: date}")
    small.edit("sql/tests/depot_has_city.sql", "where city", "where town")
    small.logistics("columns", "--environment", "dev")
    small.logistics("deploy", "--yes")
    small.rows("insert into marts.tbl_depot values ('D3', 'Rome', '2026-01-01')")

    planned = small.logistics("rollback", "--to", "1", "--dry-run")
    assert "CITY (now TOWN)" in planned and "lost" not in planned
    small.logistics("rollback", "--to", "1", "--yes")
    told = "select city from marts.tbl_depot order by depot_id"
    assert small.rows(told) == [("Lyon",), ("Lima",), ("Rome",)]
    assert len(small.rows("describe table marts.tbl_depot")) == 2
    assert "nothing to change" in small.logistics("rollback", "--to", "1", "--yes")

    small.rows("insert into marts.tbl_depot values ('D4', 'Oslo')")
    small.logistics("rollback", "--to", "3", "--yes")
    assert [row[0] for row in small.rows(told.replace("city", "town"))] == ["Lyon", "Lima", "Rome", "Oslo"]
    assert small.rows("select count(opened_on) from marts.tbl_depot") == [(1,)]


@pytest.mark.slow
def test_what_was_changed_by_hand_is_found_with_its_author_and_reverted_or_adopted(small):
    assert "as it was deployed" in small.logistics("drift")
    small.rows(
        "alter warehouse COMPUTE_WH_DEV set warehouse_size = 'LARGE'",
        "grant select on table marts.tbl_depot to role DASHBOARD",
        role="ACCOUNTADMIN",
    )
    told = small.logistics("drift", code=1)
    assert "warehouseSize" in told and "LARGE" in told and "by ADMIN as ACCOUNTADMIN" in told
    assert "SELECT ON TABLE" in told and "to DASHBOARD" in told and "grant select" in told
    small.logistics("drift", "--revert")
    assert "as it was deployed" in small.logistics("drift")
    assert small.size == "X-Small"

    small.rows("alter warehouse COMPUTE_WH_DEV set warehouse_size = 'SMALL'", role="ACCOUNTADMIN")
    small.logistics("drift", "--adopt")
    assert "logistics:warehouseSize: SMALL" in (small.root / "Pulumi.dev.yaml").read_text()


@pytest.mark.slow
def test_a_deployment_whose_tests_fail_goes_back_by_itself(small):
    small.rows("insert into marts.tbl_depot values ('D3', null)")
    small.edit("Pulumi.dev.yaml", "warehouseSize: X-SMALL", "warehouseSize: SMALL")
    told = small.logistics("deploy", "--yes", code=1)
    assert "depot_has_city (1 rows" in told and "rolled back to version 1, verified" in told
    assert small.size == "X-Small"
    recorded = small.rows("select kind, result from deployments.runs order by started_at", role="ACCOUNTADMIN")
    assert recorded[-2:] == [("deploy", "rolled back"), ("rollback", "succeeded")]
