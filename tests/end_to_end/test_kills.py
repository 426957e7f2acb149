"""SIGKILL as each phase of a deployment or a rollback begins, and amid its update: the next command says where it stood, and ends it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_platform import DEPOT, SmallPlatform

pytestmark = pytest.mark.slow
MADE = "tbl_dock created"
DOCK = DEPOT.replace("depot", "dock")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallPlatform]:
    """A first version, deployed."""
    made = SmallPlatform(Path(tmp_path_factory.mktemp("kills")) / "project")
    try:
        yield made.start()
    finally:
        made.stop()


def test_what_sigkill_ends_is_taken_up_by_the_next_command(small):
    """One chain, since each part starts from the versions of the one before."""
    _kill_deployments(small)
    _kill_rollbacks(small)
    _undo_a_killed_deployment(small)


def _kill_deployments(small: SmallPlatform) -> None:
    small.edit("Pulumi.dev.yaml", "warehouseSize: X-SMALL", "warehouseSize: SMALL")
    small.write("sql/tables/marts/tbl_dock.yaml", DOCK)
    first = small.held_at("backup", "deploy", "--yes")
    refused = small.logistics("rollback", "--yes", code=4)
    assert f"dev is held by deploy, process {first.pid} of " in refused
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()

    told = small.killed_at("keep", "deploy", "--yes")
    assert "was killed in phase backup, before anything was changed" in told
    assert small.size == "X-Small"
    assert "was killed in phase keep;" in small.killed_at("update", "deploy", "--yes")
    assert "was killed in phase update" in small.killed_at(MADE, "deploy", "--yes")
    assert "was killed in phase update" in small.killed_at("tests", "deploy", "--yes")
    assert small.rows("select * from marts.tbl_dock") == [] and small.size == "Small"
    # What the killed one had not tested yet is tested now, and goes back to the version before it.
    small.rows("insert into marts.tbl_depot values ('D1', null)")
    told = small.logistics("deploy", "--yes", code=1)
    assert "was killed in phase tests" in told and "rolled back to version 1, verified" in told
    assert small.rows("show tables like 'TBL_DOCK'") == [] and small.size == "X-Small"


def _kill_rollbacks(small: SmallPlatform) -> None:
    small.killed_at("backup", "rollback", "--to", "2", "--yes")
    stood = "backup, before anything was changed"
    for phase in ("restore", "update", MADE, "refill", "verify"):
        to = ("--to", "2") if stood.startswith("backup") else ()
        assert f"was killed in phase {stood}" in small.killed_at(phase, "rollback", "--yes", *to)
        stood = "update" if phase == MADE else phase
    told = small.logistics("rollback", "--yes")
    assert "was killed in phase verify" in told and "back at version 2, verified" in told
    assert small.rows("select * from marts.tbl_dock") == [] and small.size == "Small"
    assert "killed" not in small.logistics("rollback", "--to", "2", "--yes")


def _undo_a_killed_deployment(small: SmallPlatform) -> None:
    small.edit("sql/tables/marts/tbl_visit.yaml", "primary_key", "cluster_by: [visit_id]\nprimary_key")
    small.killed_at("updated", "deploy", "--yes")
    told = small.logistics("rollback", "--yes")
    assert "was killed in phase update" in told and "verified" in told
    [(key,)] = small.rows("select clustering_key from information_schema.tables where table_name = 'TBL_VISIT'")
    assert key is None
