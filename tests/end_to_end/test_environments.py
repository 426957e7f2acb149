"""Dev, staging and prod stand side by side, each in its own account or by a suffix in one."""

from __future__ import annotations

import pytest
from local_server import copy_project, pulumi_project
from snowflake.connector.errors import ProgrammingError

ROLES = ("ANALYST", "ENGINEER", "SCIENTIST")
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


@pytest.mark.slow
def test_two_stacks_share_an_account_by_a_suffix(platform, tmp_path):
    folder = copy_project(tmp_path / "project")
    path = folder / "Pulumi.staging.yaml"
    text = path.read_text().replace("accountName: STAGING", "accountName: DEV")
    path.write_text(text.replace("environment: staging", "environment: staging\n  logistics:nameSuffix: _STG"))
    project = pulumi_project(folder, tmp_path, platform.server)

    def grants() -> list[tuple]:
        """Everything granted, with the hour and the number of a grant left out."""
        asked = "select privilege, granted_on, name, table_catalog, table_schema, grantee_name, deleted_on is null "
        return sorted(platform.rows(f"{asked} from snowflake.account_usage.grants_to_roles", role="ACCOUNTADMIN"))

    before = grants()
    project.pulumi("stack", "init", "staging", "--non-interactive")
    project.pulumi("up", "--stack", "staging", "--yes", "--skip-preview", "--non-interactive")
    own = platform.rows("show roles like 'DATA_%'", role="ACCOUNTADMIN")
    assert {row[1] for row in own} == {f"DATA_{who}{end}" for who in ROLES for end in ("", "_STG")}
    with platform.server.connect(
        "LOCAL-DEV", role="DATA_ENGINEER_STG", warehouse="COMPUTE_WH_STAGING_STG"
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("use secondary roles none")
        cursor.execute(
            "insert into LOGISTICS_STG.marts.tbl_dim_customer (customer_id, contact_email) values ('C000000009', 'x@y.z')"
        )
        with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
            cursor.execute("select * from LOGISTICS.marts.tbl_dim_customer")
    assert platform.rows("select count(*) from marts.tbl_dim_customer") == [(3,)]
    with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
        platform.run("use secondary roles none", "select * from LOGISTICS_STG.marts.tbl_dim_customer")
    platform.project.pulumi("preview", "--stack", "dev", "--refresh", "--expect-no-changes", "--non-interactive")
    project.pulumi("preview", "--stack", "staging", "--refresh", "--expect-no-changes", "--non-interactive")
    project.pulumi("destroy", "--stack", "staging", "--yes", "--skip-preview", "--non-interactive")
    assert [row for row in grants() if row[-1]] == [row for row in before if row[-1]]
    assert not [row for row in platform.rows("show warehouses", role="ACCOUNTADMIN") if row[0].endswith("_STG")]
    platform.project.pulumi("preview", "--stack", "dev", "--expect-no-changes", "--non-interactive")
