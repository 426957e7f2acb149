"""What is changed in the files or by hand shows in the preview exactly so, and `up` brings it about in place."""

from __future__ import annotations

import json
import os
import signal

import pytest
from deployed import Platform, deploy
from local_server import copy_project, local_server, pulumi_project


def changes(platform, *arguments):
    """The steps of a preview that change something: operation, type and name."""
    done = platform.project.pulumi("preview", "--json", "--stack", "dev", "--non-interactive", *arguments)
    return sorted(
        (step["op"], step["urn"].split("::")[2].rsplit("$", 1)[-1], step["urn"].rsplit("::", 1)[-1])
        for step in json.loads(done.stdout)["steps"]
        if step["op"] not in ("same", "read", "refresh")
    )


def up(platform, *arguments, check=True):
    """One `up` of the stack."""
    return platform.project.pulumi(
        "up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive", *arguments, check=check
    )


def edit(platform, name, old, new):
    """Replace a text in one of the project's files."""
    path = platform.project.folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_second_up_changes_nothing(platform):
    platform.project.pulumi(
        "up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes"
    )
    assert changes(platform) == []


def test_a_refresh_finds_no_drift_in_what_was_just_made(platform):
    # What SHOW tells besides (rows, bytes, stale_after) moves on; it is no drift of what the program says.
    assert changes(platform, "--refresh") == []


def test_a_warehouse_size_changes_in_place(platform):
    edit(platform, "Pulumi.dev.yaml", "warehouseSize: X-SMALL", "warehouseSize: SMALL")
    [step] = changes(platform)
    assert step[:2] == ("update", "snowflake:index/warehouse:Warehouse")
    up(platform)
    shown = platform.rows("show warehouses like 'COMPUTE_WH_DEV'", role="ACCOUNTADMIN")
    assert [row[3] for row in shown] == ["Small"]
    assert changes(platform) == []


def test_a_column_added_to_a_contract_keeps_the_rows(platform):
    before = platform.rows("select customer_id, contact_email from marts.tbl_dim_customer order by 1")
    edit(
        platform,
        "sql/models/marts/dimensions/tbl_dim_customer.yaml",
        "filled_at: change}",
        'filled_at: change}\n  - {name: loyalty_points, type: "number(10,0)"}',
    )
    edit(
        platform,
        "sql/models/marts/dimensions/tbl_dim_customer.sql",
        "    totals.last_order_at\n",
        "    totals.last_order_at,\n    null::number(10,0) as loyalty_points\n",
    )
    assert [step[:2] for step in changes(platform)] == [
        ("update", "snowflake:index/streamlit:Streamlit"),
        ("update", "snowflake:index/table:Table"),
        ("update", "snowflake:index/task:Task"),
    ]
    up(platform)
    assert platform.rows("select customer_id, contact_email from marts.tbl_dim_customer order by 1") == before
    assert platform.rows("select distinct loyalty_points from marts.tbl_dim_customer") == [(None,)]
    assert changes(platform) == []


def test_a_changed_view_keeps_its_readers(platform):
    shown = "show grants on view monitoring.vw_cost_monitoring"
    before = sorted(row[1:6] for row in platform.rows(shown, role="ACCOUNTADMIN"))
    edit(platform, "sql/views/monitoring/vw_cost_monitoring.sql", "dateadd(day, -30,", "dateadd(day, -60,")
    assert [step[:2] for step in changes(platform)] == [("update", "snowflake:index/view:View")]
    up(platform)
    assert sorted(row[1:6] for row in platform.rows(shown, role="ACCOUNTADMIN")) == before
    assert len(before) > 1
    assert changes(platform, "--refresh") == []


def test_a_table_dropped_by_hand_is_seen_and_made_again(platform):
    primary_key = "show primary keys in table ml_features.tbl_ml_features_partitioned"
    key = [row[4] for row in platform.rows(primary_key)]
    platform.run("drop table LOGISTICS.ML_FEATURES.TBL_ML_FEATURES_PARTITIONED", role="ACCOUNTADMIN")
    seen = changes(platform, "--refresh")
    assert ("create", "snowflake:index/table:Table") in [step[:2] for step in seen]
    up(platform, "--refresh")
    assert platform.rows("select count(*) from ml_features.tbl_ml_features_partitioned") == [(0,)]
    assert key == [row[4] for row in platform.rows(primary_key)] != []
    assert changes(platform, "--refresh") == []


@pytest.mark.slow
@pytest.mark.parametrize("steps_before_the_kill", [3, 25, 60])
def test_an_up_that_was_killed_is_finished_by_the_next(tmp_path, steps_before_the_kill):
    with local_server(tmp_path / "data") as server:
        project = pulumi_project(copy_project(tmp_path / "project"), tmp_path, server)
        server.connect().close()
        project.pulumi("stack", "init", "dev", "--non-interactive")
        process = project.popen("up", "--stack", "dev", "--yes", "--skip-preview", "--non-interactive")
        made = 0
        for line in process.stdout:
            made += " created (" in line
            if made >= steps_before_the_kill:
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        state = json.loads(project.pulumi("stack", "export", "--stack", "dev").stdout)["deployment"]
        finished = [item for item in state["resources"] if item["type"].startswith("snowflake:")]
        assert len(finished) >= steps_before_the_kill - 5
        project.pulumi("cancel", "--yes", "--stack", "dev", "--non-interactive")
        platform = Platform(server, project)
        up(platform, "--refresh")
        project.pulumi(
            "refresh", "--clear-pending-creates", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive"
        )
        assert changes(platform, "--refresh") == []


@pytest.mark.slow
def test_objects_of_an_up_that_never_learnt_of_them_are_taken_up(tmp_path):
    # The worst instant for every kind at once: made in the account, not yet noted as made in the state.
    with local_server(tmp_path / "data") as server:
        platform = Platform(server, deploy(server, tmp_path / "stack"))
        state = json.loads(platform.project.pulumi("stack", "export", "--stack", "dev").stdout)
        resources = state["deployment"]["resources"]
        providers = [item for item in resources if item["type"].startswith("pulumi:providers:")]
        needed = {urn for item in providers for urn in item.get("dependencies", [])}  # a provider's role is known first
        made = [item for item in resources if item["type"].startswith("snowflake:") and item["urn"] not in needed]
        state["deployment"]["resources"] = [item for item in resources if item not in made]
        state["deployment"]["pending_operations"] = [
            {
                "resource": {key: value for key, value in item.items() if key not in ("id", "outputs")},
                "type": "creating",
            }
            for item in made
        ]
        (tmp_path / "state.json").write_text(json.dumps(state))
        platform.project.pulumi("stack", "import", "--stack", "dev", "--force", "--file", str(tmp_path / "state.json"))
        up(platform)
        platform.project.pulumi(
            "refresh", "--clear-pending-creates", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive"
        )
        assert changes(platform, "--refresh") == []
