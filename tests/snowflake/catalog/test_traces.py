"""The official plugin's statements, as recorded, are accepted and answer with the columns that it reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embedded.snowflake.errors import SnowflakeError

RECORDED = json.loads(Path(__file__).with_name("traces.json").read_text())
# What the recordings found in the account.
GROUND = (
    "create database logistics",
    "create schema logistics.raw",
    "create table cust (id number(38,0), email varchar)",
    "create role r0",
    "create role r1",
    "create user u0",
    "create warehouse wh0",
    "create database role logistics.dr0",
    "create masking policy mp0 as (v varchar) returns varchar -> '*'",
    "create tag tag0",
    "create stage stg0",
    "create api integration api0 api_provider = aws_api_gateway api_allowed_prefixes = ('https://x') enabled = true",
)
# What one recording alone found.
FOUND = {
    "TaskChild": ("create task task0 warehouse = wh0 schedule = '60 minute' as select 1", "alter task task0 resume"),
}


@pytest.mark.parametrize("name", RECORDED["traces"])
def test_recorded_statements(name, admin):
    if not name.endswith("_vanished"):
        admin.script(*GROUND, *FOUND.get(name, ()))
    for text, expected, *rows in RECORDED["traces"][name]:
        if expected.startswith("!"):
            with pytest.raises(SnowflakeError) as refused:
                admin.run(text)
            assert refused.value.code == expected[1:], text
            continue
        result = admin.run(text)
        wanted = RECORDED["columns"].get(expected, "status").split(" | ")
        present = [column.name for column in result.columns]
        assert [column for column in wanted if column not in present] == [], text
        if rows:
            assert result.row_count == rows[0], text


# The kinds that the platform's program declares and recordings are there for.
DECLARED = (
    "AccountRole",
    "Database",
    "Execute",
    "GrantAccountRole",
    "GrantOwnership",
    "GrantPrivilegesToAccountRole",
    "MaskingPolicy",
    "ResourceMonitor",
    "RowAccessPolicy",
    "Schema",
    "StageInternal",
    "StreamOnTable",
    "Table",
    "TableConstraint",
    "Tag",
    "TagAssociation",
    "Task",
    "TaskChild",
    "User",
    "View",
    "Warehouse",
)


@pytest.mark.parametrize("name", DECLARED)
def test_recorded_statements_over_the_wire(name, server):
    # As the plugin's own driver asks: results as JSON.
    form = {"PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "JSON"}
    with server.connect(account=f"TEST-WIRE{DECLARED.index(name)}", session_parameters=form) as connection:
        cursor = connection.cursor()
        for text in (*GROUND, *FOUND.get(name, ())):
            cursor.execute(text)
        _replay(cursor, RECORDED["traces"][name])


def _replay(cursor, recorded):
    from snowflake.connector.errors import Error

    for text, expected, *rows in recorded:
        if expected.startswith("!"):
            with pytest.raises(Error) as refused:
                cursor.execute(text)
            assert f"{refused.value.errno:06}" == expected[1:], text
            continue
        cursor.execute(text)
        wanted = RECORDED["columns"].get(expected, "status").split(" | ")
        assert [column for column in wanted if column not in [found.name for found in cursor.description]] == [], text
        if rows:
            assert len(cursor.fetchall()) == rows[0], text
