from __future__ import annotations

import pulumi
import pytest

SELECTING = {"SELECT", "READ", "WRITE"}


@pytest.mark.parametrize(
    ("stack", "size", "protected"),
    [("dev", "XSMALL", False), ("staging", "SMALL", False), ("prod", "MEDIUM", True)],
)
def test_each_stack_is_declared(run_program, stack, size, protected):
    recording = run_program(stack)
    warehouse = recording.of("Warehouse")[f"compute_wh_{stack}"]
    assert warehouse.inputs["warehouseSize"] == size
    assert warehouse.inputs["autoSuspend"] == 60
    assert {table.protect for table in recording.of("Table").values()} == {protected}
    assert recording.outputs["environment"] == stack


def test_warehouses_and_monitor_are_the_users(run_program):
    recording = run_program()
    multi = recording.of("Warehouse")["compute_wh_multi"].inputs
    assert (multi["warehouseSize"], multi["minClusterCount"], multi["maxClusterCount"], multi["scalingPolicy"]) == (
        "MEDIUM",
        1,
        10,
        "STANDARD",
    )
    monitor = recording.of("ResourceMonitor")["daily_cost_monitor"].inputs
    assert (monitor["creditQuota"], monitor["frequency"], monitor["notifyTriggers"]) == (100, "DAILY", [80])
    assert (monitor["suspendTrigger"], monitor["suspendImmediateTrigger"], monitor["startTimestamp"]) == (
        90,
        100,
        "IMMEDIATELY",
    )
    assert recording.of("Warehouse")["compute_wh_dev"].inputs["resourceMonitor"] == monitor["name"]


def test_a_monitor_of_the_account_takes_the_place_of_the_deployments(run_program):
    recording = run_program("prod", costMonitor="account")
    assert recording.of("ResourceMonitor") == {}
    assert all("resourceMonitor" not in warehouse.inputs for warehouse in recording.of("Warehouse").values())


def test_no_role_is_granted_anything_before_it_is_protected(run_program):
    """Whatever order the engine takes, a grant on rows comes after the row access policy and the masks beneath it."""
    recording = run_program()
    attachments = {
        r.inputs["execute"].split('"')[5].lower(): r.urn
        for r in recording.of("Execute").values()
        if r.name.startswith("protect_")
    }
    tables = {r.inputs["name"].lower(): r for r in recording.of("Table").values()}
    checked = 0
    for grant in recording.of("GrantPrivilegesToAccountRole").values():
        if not SELECTING & set(grant.inputs["privileges"]):
            continue
        before = recording.closure(grant.urn)
        for name, table in tables.items():
            if table.urn in before and name in attachments and name in _readable(grant, recording):
                assert attachments[name] in before, f"{grant.name} comes before the protection of {name}"
                checked += 1
    assert checked > 20


def _readable(grant, recording) -> set[str]:
    """Tables whose rows a grant opens: the table itself, or what its view or stream lies on."""
    target = grant.inputs["onSchemaObject"]["objectName"].split('"')[5].lower()
    if grant.inputs["onSchemaObject"]["objectType"] == "TABLE":
        return {target}
    return {
        r.inputs["name"].lower() for r in recording.of("Table").values() if r.urn in recording.closure(grant.urn)
    } - {
        "user_customer_access",
        "user_vehicle_access",
    }


def test_every_table_with_customer_or_vehicle_rows_is_protected(run_program):
    recording = run_program()
    attached = {
        r.inputs["execute"].split('"')[5].lower()
        for r in recording.of("Execute").values()
        if r.name.startswith("protect_")
    }
    carrying = {
        table.name
        for table in recording.of("Table").values()
        if {"CUSTOMER_ID", "VEHICLE_ID"} & {column["name"] for column in table.inputs["columns"]}
    }
    assert carrying - attached == {"user_customer_access", "user_vehicle_access"}


def test_access_lists_and_user_tables_are_read_by_no_analyst(run_program):
    recording = run_program()
    readers = {
        grant.name.split("_on_")[0]
        for grant in recording.of("GrantPrivilegesToAccountRole").values()
        if grant.name.endswith(("user_customer_access", "user_vehicle_access"))
    }
    assert readers == {"governance_write"}
    holders = {
        grant.inputs["parentRoleName"]
        for grant in recording.of("GrantAccountRole").values()
        if grant.inputs["roleName"] == "LOGISTICS_GOVERNANCE_WRITE"
    }
    assert holders == {"DATA_ENGINEER"}


def test_a_replaced_protection_is_detached_before_it_is_attached_again(run_program):
    recording = run_program()
    executes = [e for e in recording.of("Execute").values() if not e.name.startswith("seed_")]
    assert executes
    assert all(execute.delete_before_replace for execute in executes)


def test_a_primary_key_goes_before_the_one_of_its_name_comes(run_program):
    keys = run_program().of("TableConstraint").values()
    assert keys
    assert all(key.delete_before_replace for key in keys)


def test_a_changed_seed_is_never_seen_empty(run_program):
    seed = run_program().of("Execute")["seed_maintenance_risk_levels"]
    assert seed.inputs["execute"].startswith("INSERT OVERWRITE INTO")
    assert (seed.inputs["revert"], seed.delete_before_replace) == ("SELECT 1", False)


def test_a_table_made_again_under_its_name_is_protected_again(run_program):
    attachments = [r for r in run_program().of("Execute").values() if r.name.startswith("protect_")]
    assert len(attachments) == len({r.inputs["execute"] for r in attachments}) >= 17
    for attachment in attachments:
        _, _, _, schema, _, table, *_ = attachment.inputs["execute"].split('"')
        assert attachment.replacement_trigger == f"when {schema}.{table} was made"


def test_the_segment_task_is_triggered_by_its_stream_alone(run_program):
    task = run_program().of("Task")["update_customer_segments"].inputs
    assert task["when"] == "system$stream_has_data('LOGISTICS.MARTS.CUSTOMER_STREAM')"
    assert "schedule" not in task
    assert task["started"] is True
    assert task["warehouse"] == "COMPUTE_WH_XS"
    assert task["sqlStatement"].startswith("merge into LOGISTICS.ml_features.tbl_ml_customer_behavior_segments")


def test_the_schedule_is_configuration(run_program):
    task = (
        run_program(segmentsTrigger="cron", segmentsCron="0 */5 * * * UTC")
        .of("Task")["update_customer_segments"]
        .inputs
    )
    assert task["schedule"] == {"usingCron": "0 */5 * * * UTC"}
    assert task["when"]


def test_tasks_are_owned_by_the_role_they_run_as_before_they_exist(run_program):
    recording = run_program()
    for task in recording.of("Task").values():
        owner = "auditor" if task.name == "fill_audit_log" else "data_engineer"
        ownership = recording.of("GrantOwnership")[f"{task.inputs['schema'].lower()}_tasks_to_{owner}"]
        assert ownership.inputs["on"]["future"]["objectTypePlural"] == "TASKS"
        assert ownership.urn in recording.closure(task.urn)


def test_streams_lie_on_tables_that_track_changes(run_program):
    recording = run_program()
    tracked = {
        f'"LOGISTICS"."{t.inputs["schema"]}"."{t.inputs["name"]}"'
        for t in recording.of("Table").values()
        if t.inputs["changeTracking"]
    }
    assert {stream.inputs["table"] for stream in recording.of("StreamOnTable").values()} == tracked


def test_personal_data_is_masked_at_birth_and_tagged(run_program):
    recording = run_program()
    tagged = {name for tag in recording.of("TagAssociation").values() for name in tag.inputs["objectIdentifiers"]}
    masked = {
        f'"LOGISTICS"."{table.inputs["schema"]}"."{table.inputs["name"]}"."{column["name"]}"'
        for table in recording.of("Table").values()
        for column in table.inputs["columns"]
        if column.get("maskingPolicy")
    }
    assert tagged == masked
    assert '"LOGISTICS"."MARTS"."TBL_DIM_CUSTOMER"."CONTACT_EMAIL"' in tagged


def test_a_suffix_keeps_stacks_apart_on_one_account(run_program):
    recording = run_program(nameSuffix="_PR7")
    kinds = ("Warehouse", "Database", "ResourceMonitor", "AccountRole", "User")
    names = {r.inputs["name"] for kind in kinds for r in recording.of(kind).values()}
    assert all(name.endswith("_PR7") for name in names)
    assert (
        "from LOGISTICS_PR7.marts.customer_stream"
        in recording.of("Task")["update_customer_segments"].inputs["sqlStatement"]
    )
    assert "'DATA_ENGINEER_PR7'" in recording.of("RowAccessPolicy")["customer_data_policy"].inputs["body"]


def test_cost_is_priced_by_configuration(run_program):
    statement = run_program(creditPriceUsd=2.5).of("View")["vw_cost_monitoring"].inputs["statement"]
    assert "* 2.50 as estimated_cost_usd" in statement


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warehouseSize": "HUGE"}, "Pulumi.dev.yaml: logistics:warehouseSize is 'HUGE': allowed: X-SMALL, SMALL"),
        ({"warehouseSize": None}, "Pulumi.dev.yaml: logistics:warehouseSize is missing"),
        ({"warehousesize": "SMALL"}, "logistics:warehousesize is an unknown key (did you mean warehouseSize?)"),
        ({"users": [{"name": "X", "role": "KING"}]}, "logistics:users[0].role is 'KING': allowed: DATA_ENGINEER"),
    ],
    ids=["size", "missing", "unknown", "role"],
)
def test_a_wrong_stack_file_stops_before_any_resource(run_program, changes, message):
    with pytest.raises(pulumi.RunError, match=r"Pulumi\.dev\.yaml") as stopped:
        run_program(**changes)
    assert message in str(stopped.value)


def test_the_dashboard_runs_as_a_role_that_reads_no_customer(run_program):
    """The app asks as the role that made it, whoever looks: it is made by DASHBOARD, after all that this role is granted."""
    recording = run_program("prod", nameSuffix="_EU")
    app = recording.of("Streamlit")["logistics_dashboard"]
    maker = recording.of("snowflake")["as_dashboard"]
    assert maker.inputs["role"] == "DASHBOARD_EU"
    assert {key: maker.inputs[key] for key in ("organizationName", "accountName", "user")} == {
        "organizationName": "LOCAL",
        "accountName": "PROD",
        "user": "ADMIN",
    }
    grants = recording.of("GrantPrivilegesToAccountRole").values()
    own = [grant for grant in grants if grant.inputs["accountRoleName"] == "DASHBOARD_EU"]
    assert {grant.urn for grant in own} <= recording.closure(app.urn)
    read = {str(grant.inputs.get("onSchemaObject", {}).get("objectName")) for grant in own}
    assert not any("PREDICTIONS" in name or "MARTS" in name for name in read)
    opened = [grant.inputs["accountRoleName"] for grant in grants if grant.name.endswith("_on_dashboard")]
    assert sorted(opened) == ["DATA_ENGINEER_EU", "FINANCE_OWNER_EU"]
