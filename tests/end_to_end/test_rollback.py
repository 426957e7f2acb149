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
import snowflake.connector
from local_server import copy_project

CUSTOMERS = [
    ("C1", "anna@one.example", "FRANCE"),
    ("C2", "ben@two.example", "PERU"),
    ("C3", "cleo@three.example", None),
]


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
        with snowflake.connector.connect(
            account="LOCAL-DEV",
            user="ADMIN",
            password=variables["SNOWFLAKE_PASSWORD"],
            host="127.0.0.1",
            port=int(variables["SNOWFLAKE_PORT"]),
            protocol="http",
            role=role,
            database="LOGISTICS",
            warehouse="COMPUTE_WH_DEV",
            enable_server_session_keep_alive_auto_detection=False,
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
    """The first version deployed, with rows in it."""
    made = Bench(tmp_path / "project")
    try:
        made.logistics("deploy", "--yes")
        values = ", ".join(f"('{key}', '{mail}', nullif('{country}', 'None'))" for key, mail, country in CUSTOMERS)
        made.rows(
            f"insert into marts.tbl_dim_customer (customer_id, contact_email, country) values {values}",
            "insert into ml_features.tbl_ml_features_partitioned (feature_date, customer_id, feature_name) values ('2026-01-01', 'C1', 'orders_30d')",
            "insert into marts.tbl_dim_vehicle (vehicle_id) values ('V1')",
        )
        yield made
    finally:
        made.logistics("local", "stop")


def take_away(bench: Bench) -> None:
    """The second version: a column, a table and a stream are gone, a warehouse is larger."""
    [contract] = bench.root.glob("sql/**/tbl_dim_customer.yaml")
    lines = contract.read_text().splitlines(keepends=True)
    contract.write_text("".join(line for line in lines if "name: country" not in line))
    for name in ("tbl_ml_features_partitioned", "vehicle_stream"):
        for file in bench.root.glob(f"sql/**/{name}.*"):
            file.unlink()
    bench.edit("Pulumi.dev.yaml", "warehouseSize: X-SMALL", "warehouseSize: SMALL")


@pytest.mark.slow
def test_what_a_deployment_took_away_comes_back_with_its_rows(bench):
    take_away(bench)
    refused = bench.logistics("deploy", "--yes", code=2)
    assert "delete Table tbl_ml_features_partitioned" in refused and "--allow-destructive" in refused
    bench.logistics("deploy", "--yes", "--allow-destructive")
    assert bench.rows("show warehouses like 'COMPUTE_WH_DEV'", role="ACCOUNTADMIN")[0][3] == "Small"
    bench.rows("insert into marts.tbl_dim_vehicle (vehicle_id) values ('V2')")

    planned = bench.logistics("rollback", "--dry-run")
    assert "UNDROP TABLE" in planned and "nothing was changed" in planned and "lost" not in planned
    bench.logistics("rollback", "--yes")

    assert bench.rows("select customer_id, contact_email, country from marts.tbl_dim_customer order by 1") == CUSTOMERS
    assert len(bench.rows("select customer_id from ml_features.tbl_ml_features_partitioned")) == 1
    assert bench.rows("select vehicle_id from marts.vehicle_stream order by 1") == [("V1",), ("V2",)]
    assert bench.rows("show warehouses like 'COMPUTE_WH_DEV'", role="ACCOUNTADMIN")[0][3] == "X-Small"
    # Protection came back before the grants: a role without rows sees none.
    assert bench.rows("select * from ml_features.tbl_ml_features_partitioned", role="DATA_SCIENTIST") == []
    assert "nothing to change" in bench.logistics("rollback", "--to", "1", "--yes")
