import pytest

IN_RAW = {"database": "D", "schema": "S"}
PARAMETER = {
    "key": "STATEMENT_TIMEOUT_IN_SECONDS",
    "value": "172800",
    "default": "172800",
    "level": "",
    "description": "",
}
WAREHOUSE = {
    "name": "W",
    "size": "X-Small",
    "type": "STANDARD",
    "auto_suspend": 60,
    "auto_resume": True,
    "scaling_policy": "STANDARD",
    "resource_monitor": "null",
    "comment": "",
}
TABLE = {"name": "T", "cluster_by": "", "change_tracking": "OFF", "retention_time": "1", "comment": ""}
COLUMN = {"kind": "COLUMN", "null?": "Y", "default": None, "comment": None, "policy name": None}
SCRIPT = [
    ("SHOW WAREHOUSES", [WAREHOUSE]),
    ("SHOW PARAMETERS IN WAREHOUSE", [PARAMETER]),
    ("SHOW TABLES", [TABLE]),
    ("SHOW SCHEMAS", [{"name": "S", "retention_time": "1"}]),
    (
        "DESCRIBE TABLE",
        [{**COLUMN, "name": "A", "type": "VARCHAR(16777216)"}, {**COLUMN, "name": "B", "type": "NUMBER(38,0)"}],
    ),
    ("SHOW ROLES", [{"name": "R", "comment": ""}]),
    ("SHOW GRANTS ON", []),
]
TWO = [{"name": "A", "type": "VARCHAR"}, {"name": "B", "type": "INT"}]


@pytest.mark.parametrize(
    ("type_", "before", "after", "changed"),
    [
        ("Warehouse", {"warehouseSize": "XSMALL"}, {"warehouseSize": "x-small"}, {}),
        ("Warehouse", {"warehouseSize": "XSMALL"}, {"warehouseSize": "SMALL"}, {"warehouseSize": "UPDATE"}),
        ("Warehouse", {"warehouseSize": "XSMALL"}, {}, {"warehouseSize": "DELETE_REPLACE"}),
        ("Warehouse", {}, {"autoSuspend": 60}, {}),
        ("Warehouse", {}, {"autoSuspend": 30}, {"autoSuspend": "UPDATE"}),
        ("Warehouse", {"scalingPolicy": "STANDARD"}, {"scalingPolicy": "standard"}, {}),
        ("Warehouse", {"name": "W"}, {"name": '"W"'}, {}),
        ("Warehouse", {"name": "W"}, {"name": "w"}, {"name": "UPDATE"}),
        ("Warehouse", {"initiallySuspended": True}, {"initiallySuspended": False}, {}),
        ("Warehouse", {"comment": ""}, {}, {}),
        ("Warehouse", {}, {"comment": "c"}, {"comment": "ADD"}),
        ("Warehouse", {"statementTimeoutInSeconds": 172800}, {}, {}),
        ("Warehouse", {}, {"statementTimeoutInSeconds": 60}, {"statementTimeoutInSeconds": "UPDATE"}),
        (
            "Table",
            {"columns": TWO},
            {"columns": [{"name": "A", "type": "text"}, {"name": "B", "type": "NUMBER(38, 0)"}]},
            {},
        ),
        ("Table", {"columns": TWO}, {"columns": TWO[:1]}, {"columns[1]": "DELETE"}),
        (
            "Table",
            {"columns": TWO},
            {"columns": [TWO[0], {**TWO[1], "nullable": False}]},
            {"columns[1].nullable": "UPDATE"},
        ),
        ("Table", {"columns": TWO}, {"columns": TWO, "database": "E"}, {"database": "UPDATE_REPLACE"}),
        ("Table", {"columns": TWO}, {"columns": TWO, "clusterBies": ["A"]}, {"clusterBies": "ADD"}),
    ],
    ids=str,
)
def test_tells_updates_from_replacements(scripted, type_, before, after, changed):
    from embedded.provider.service import _path

    stack = scripted(SCRIPT)
    base = {**IN_RAW, "name": "T"} if type_ == "Table" else {"name": "W"}
    stack.up(type_, "it", {**base, **before})
    found = stack.diff("it", {**base, **after})
    assert {_path(path): verb + "_REPLACE" * replace for path, (verb, replace) in found.details.items()} == changed


def test_sends_no_statement(scripted):
    stack = scripted(SCRIPT)
    stack.up("Warehouse", "w", {"name": "W"})
    stack.sent.clear()
    stack.diff("w", {"name": "W", "warehouseSize": "LARGE"})
    assert stack.sent == []


@pytest.mark.parametrize(("inputs", "first"), [({"name": "R"}, True), ({}, False)], ids=["named", "auto-named"])
def test_deletes_first_only_what_the_program_named(scripted, inputs, first):
    stack = scripted([*SCRIPT, ("SHOW TABLES", lambda sql: [{**TABLE, "name": sql.split("'")[1]}])])
    table = {**IN_RAW, "columns": TWO, **inputs}
    stack.up("Table", "t", table)
    found = stack.diff("t", {**table, "schema": "OTHER"})
    assert found.replaces == ["schema"]
    assert found.delete_first is first


def test_a_grant_that_lost_its_privilege_differs(scripted):
    grant = {
        "accountRoleName": "R",
        "privileges": ["USAGE"],
        "onAccountObject": {"objectType": "DATABASE", "objectName": "D"},
    }
    stack = scripted(SCRIPT)
    stack.up("GrantPrivilegesToAccountRole", "g", grant)
    assert stack.diff("g", grant).details == {("privileges",): ("ADD", False)}


def test_a_parameter_set_by_others_differs_until_unset(scripted):
    own = {**PARAMETER, "value": "60", "level": "WAREHOUSE"}
    stack = scripted(SCRIPT)
    stack.up("Warehouse", "w", {"name": "W"})
    elsewhere = scripted([*SCRIPT, ("SHOW PARAMETERS IN WAREHOUSE", [own])])
    elsewhere.resources = stack.resources
    assert elsewhere.refresh("w")
    assert elsewhere.diff("w", {"name": "W"}).changed == ["statementTimeoutInSeconds"]
    elsewhere.up("Warehouse", "w", {"name": "W"})
    assert 'ALTER WAREHOUSE "W" UNSET STATEMENT_TIMEOUT_IN_SECONDS' in elsewhere.sent


def test_takes_over_what_others_changed(scripted):
    stack = scripted(SCRIPT)
    stack.up("Warehouse", "w", {"name": "W", "warehouseSize": "XSMALL"})
    elsewhere = scripted([*SCRIPT, ("SHOW WAREHOUSES", [{**WAREHOUSE, "size": "Large", "auto_suspend": 5}])])
    elsewhere.resources = stack.resources
    assert elsewhere.refresh("w")
    kept = elsewhere.resources["w"]
    assert (kept.outputs["warehouseSize"], kept.outputs["autoSuspend"]) == ("LARGE", 5)
    assert kept.inputs["warehouseSize"] == "LARGE"
    assert sorted(elsewhere.diff("w", {"name": "W", "warehouseSize": "XSMALL"}).changed) == [
        "autoSuspend",
        "warehouseSize",
    ]
