"""What `pulumi-resource-snowflake statements` says that steps would send."""

from __future__ import annotations

import io
import json

import pytest

from embedded.provider.statements import main

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
PLACE = {"database": "D", "schema": "S", "name": "T"}
A, B = {"name": "A", "type": "NUMBER(38,0)"}, {"name": "B", "type": "VARCHAR(5)"}
TABLE = "snowflake:index/table:Table"
MASK = {"name": "M", "body": "val", "returnDataType": "VARCHAR", "arguments": [{"name": "VAL", "type": "VARCHAR"}]}
CASES = [
    pytest.param(
        {"op": "delete", "type": TABLE, "id": "D|S|T", "old": {**PLACE, "columns": [A]}},
        ['DROP TABLE IF EXISTS "D"."S"."T"'],
        id="delete",
    ),
    pytest.param(
        {
            "op": "update",
            "type": TABLE,
            "id": "D|S|T",
            "old": {**PLACE, "columns": [A]},
            "new": {**PLACE, "columns": [A, B]},
        },
        ['ALTER TABLE "D"."S"."T" ADD COLUMN "B" VARCHAR(5)'],
        id="update",
    ),
    pytest.param(
        {
            "op": "create",
            "type": "snowflake:index/maskingPolicy:MaskingPolicy",
            "new": {**MASK, "database": "D", "schema": UNKNOWN},
        },
        [
            'CREATE MASKING POLICY "D"."<known after the update>"."M" AS ("VAL" VARCHAR(16777216)) '
            "RETURNS VARCHAR(16777216) -> val COMMENT = ''"
        ],
        id="create-with-an-unknown",
    ),
    pytest.param(
        {
            "op": "create",
            "type": "snowflake:index/task:Task",
            "new": {**PLACE, "sqlStatement": "select 1", "started": True, "schedule": {"minutes": 5}},
        },
        [
            'CREATE TASK "D"."S"."T" SCHEDULE = \'5 MINUTE\' AS select 1',
            'ALTER TASK "D"."S"."T" RESUME',
        ],
        id="create-that-waits",
    ),
    pytest.param(
        {
            "op": "update",
            "type": "snowflake:index/warehouse:Warehouse",
            "id": '"W"',
            "old": {"name": "W", "warehouseSize": "X-SMALL"},
            "new": {"name": "W", "warehouseSize": "SMALL"},
        },
        ["ALTER WAREHOUSE \"W\" SET WAREHOUSE_SIZE = 'SMALL' WAIT_FOR_COMPLETION = true"],
        id="warehouse",
    ),
]


@pytest.mark.parametrize(("step", "statements"), CASES)
def test_a_step_tells_its_statements(step, statements):
    told = io.StringIO()
    assert main(io.StringIO(json.dumps([step])), told) == 0
    assert json.loads(told.getvalue()) == [statements]
