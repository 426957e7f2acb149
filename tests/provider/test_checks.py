import pytest

from embedded.provider.checks import Naming

IN_RAW = {"database": "D", "schema": "S"}
TASK = {**IN_RAW, "name": "T", "sqlStatement": "select 1", "started": True}


@pytest.fixture
def check(scripted):
    stack = scripted([])
    return lambda type_, inputs: stack.check(type_, "logical", inputs)


@pytest.mark.parametrize(
    ("type_", "inputs", "path", "reason"),
    [
        ("Warehouse", {"nme": "W"}, "nme", "Invalid or unknown key"),
        ("Warehouse", {"fullyQualifiedName": "W"}, "fullyQualifiedName", "is an output"),
        ("Schema", {"name": "S"}, "database", 'The argument "database" is required'),
        ("Table", {**IN_RAW, "columns": [{"name": "A"}]}, "columns[0].type", 'argument "type" is required'),
        ("Table", {**IN_RAW, "columns": []}, "columns", "requires 1 item minimum"),
        ("Table", {**IN_RAW, "columns": [{"name": "A", "type": "(("}]}, "columns[0].type", "invalid data type"),
        ("Warehouse", {"warehouseSize": "HUGE"}, "warehouseSize", "to be one of"),
        ("Warehouse", {"autoResume": "yes"}, "autoResume", "to be one of [true false]"),
        ("Warehouse", {"autoSuspend": "soon"}, "autoSuspend", "expected number type"),
        ("Warehouse", {"autoSuspend": 1.5}, "autoSuspend", "expected number type"),
        ("Warehouse", {"comment": ["a"]}, "comment", "expected string type"),
        ("Task", {**TASK, "started": "maybe"}, "started", "expected bool type"),
        ("Task", {**TASK, "afters": "X"}, "afters", "expected array type"),
        ("Task", {**TASK, "schedule": "5 minutes"}, "schedule", "expected object type"),
        ("Task", {**TASK, "schedule": {"minutes": 5, "usingCron": "* * * * * UTC"}}, "schedule.minutes", "only one of"),
        ("Task", {**TASK, "schedule": {"minutes": 5}, "afters": ["D.S.R"]}, "afters", "Conflicting"),
        ("Task", {**TASK, "warehouse": '"W'}, "warehouse", "a quote is not closed"),
        ("GrantAccountRole", {"roleName": "R"}, "parentRoleName", "one of"),
        (
            "GrantAccountRole",
            {"roleName": "R", "userName": "U", "parentRoleName": "P"},
            "parentRoleName",
            "only one of",
        ),
        ("GrantPrivilegesToAccountRole", {"accountRoleName": "R", "onAccount": True}, "allPrivileges", "one of"),
        ("ResourceMonitor", {"frequency": "DAILY"}, "frequency", "all of"),
        ("NetworkRule", {**IN_RAW, "type": "IPV9", "mode": "INGRESS", "valueLists": ["x"]}, "type", "to be one of"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses(check, type_, inputs, path, reason):
    failures = dict(check(type_, inputs).failures)
    assert path in failures
    assert reason in failures[path]
    assert f"'{type_}.{path}'" in failures[path]


@pytest.mark.parametrize(
    ("type_", "inputs", "name", "value"),
    [
        ("Warehouse", {"warehouseSize": "x-small"}, "warehouseSize", "x-small"),
        ("Warehouse", {"autoSuspend": "60"}, "autoSuspend", 60),
        ("Warehouse", {"initiallySuspended": "true"}, "initiallySuspended", True),
        ("Warehouse", {"autoResume": True}, "autoResume", "true"),
        ("Warehouse", {}, "autoResume", "default"),
        ("Warehouse", {}, "autoSuspend", -1),
        ("DynamicTable", {}, "refreshMode", "AUTO"),
        ("Task", {"warehouse": 'a."b.c"'}, "warehouse", 'a."b.c"'),
    ],
    ids=str,
)
def test_takes(check, type_, inputs, name, value):
    assert check(type_, inputs).inputs[name] == value


def test_names_an_object_after_the_resource():
    assert Naming("orders").name() != Naming("orders").name()
    assert Naming("orders", b"seed").name() == Naming("orders", b"seed").name()
    assert Naming("orders", b"seed").name().startswith("orders-")
    assert len(Naming("o" * 300).name()) == 255
    assert Naming("orders", proposed="ORDERS").name() == "ORDERS"
    assert Naming("orders", disabled=True).name() is None


def test_keeps_a_made_name(scripted):
    stack = scripted([("SHOW ROLES", lambda sql: [{"name": sql.split("'")[1]}])])
    stack.up("AccountRole", "analyst", {})
    name = stack.resources["analyst"].inputs["name"]
    again = stack.provider.check(
        stack.token("AccountRole"), *map(_encoded, ({}, stack.resources["analyst"].inputs)), Naming("analyst", b"other")
    )
    assert again.inputs["name"] == name
    assert again.inputs["__defaults"] == ["name"]


def _encoded(values):
    from embedded.provider.values import encode_struct

    return encode_struct(values)


def test_marks_sensitive_inputs_secret(check):
    from embedded.provider.values import Secret

    checked = check("User", {"password": "hush", "comment": "c"})
    assert isinstance(checked.inputs["password"], Secret)
    assert checked.inputs["comment"] == "c"


def test_notes_what_was_filled_in(check):
    inputs = check("Table", {**IN_RAW, "columns": [{"name": "A", "type": "INT"}]}).inputs
    assert "name" in inputs["__defaults"]
    assert "changeTracking" in inputs["__defaults"]
    assert inputs["columns"][0]["__defaults"] == ["collate", "comment", "maskingPolicy", "nullable"]
