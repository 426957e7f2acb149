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
