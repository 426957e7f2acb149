"""Dev, staging and prod stand side by side, each in its own account."""

from __future__ import annotations

import pytest
from local_server import pulumi_project

SIZES = {"staging": ("COMPUTE_WH_STAGING", "Small"), "prod": ("COMPUTE_WH_PROD", "Medium")}


@pytest.mark.slow
def test_staging_and_prod_leave_dev_alone(platform, tmp_path):
    objects = "select count(*) from snowflake.account_usage.tables where deleted is null"
    before = platform.rows(objects, role="ACCOUNTADMIN")
    for stack, (warehouse, size) in SIZES.items():
        project = pulumi_project(platform.project.folder, tmp_path / stack, platform.server)
        platform.server.connect(f"LOCAL-{stack.upper()}").close()
        project.pulumi("stack", "init", stack, "--non-interactive")
        project.pulumi("preview", "--stack", stack, "--non-interactive")
        project.pulumi("up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive")
        with platform.server.connect(f"LOCAL-{stack.upper()}") as connection:
            shown = connection.cursor().execute("show warehouses like 'COMPUTE_WH_%'").fetchall()
        assert {row[0]: row[3] for row in shown}[warehouse] == size
        assert "COMPUTE_WH_DEV" not in {row[0] for row in shown}
    assert platform.rows(objects, role="ACCOUNTADMIN") == before
    assert platform.rows("select count(*) from marts.tbl_dim_customer") == [(3,)]
    platform.project.pulumi("preview", "--stack", "dev", "--expect-no-changes", "--non-interactive")
