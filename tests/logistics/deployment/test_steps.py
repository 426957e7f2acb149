"""The labels of steps."""

from __future__ import annotations

import pytest

from logistics.deployment.steps import Label, Step, changing, label_of


def step(kind, op, old=None, new=None, diffs=()):
    token = f"snowflake:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return Step(op=op, urn=f"urn:pulumi:dev::p::{token}::x", type=token, old=old or {}, new=new or {}, diffs=diffs)


def columns(*given):
    return {"columns": [dict(zip(("name", "maskingPolicy"), item, strict=False)) for item in given]}


@pytest.mark.parametrize(
    ("given", "label"),
    [
        pytest.param(step("Table", "delete"), Label.DESTRUCTIVE, id="table-deleted"),
        pytest.param(step("Table", "replace"), Label.DESTRUCTIVE, id="table-replaced"),
        pytest.param(step("Table", "update", columns(["A"], ["B"]), columns(["A"])), Label.DESTRUCTIVE, id="column"),
        pytest.param(step("Table", "update", columns(["A"]), columns(["A"], ["B"])), Label.SAFE, id="column-added"),
        pytest.param(step("Table", "update", columns(["A", "M"]), columns(["A", ""])), Label.WEAKENING, id="unmasked"),
        pytest.param(step("MaskingPolicy", "update"), Label.WEAKENING, id="mask-changed"),
        pytest.param(step("MaskingPolicy", "create"), Label.SAFE, id="mask-made"),
        pytest.param(
            step("Execute", "delete", {"execute": "ALTER TABLE t ADD ROW ACCESS POLICY p ON (a)"}),
            Label.WEAKENING,
            id="row-policy-detached",
        ),
        pytest.param(step("Execute", "delete", {"execute": "INSERT INTO t VALUES (1)"}), Label.SAFE, id="statement"),
        pytest.param(
            step("Warehouse", "update", {"warehouseSize": "X-SMALL"}, {"warehouseSize": "SMALL"}),
            Label.COSTLY,
            id="larger",
        ),
        pytest.param(
            step("Warehouse", "update", {"warehouseSize": "2X-LARGE"}, {"warehouseSize": "XLARGE"}),
            Label.SAFE,
            id="smaller",
        ),
        pytest.param(
            step("Warehouse", "update", {"maxClusterCount": 1}, {"maxClusterCount": 3}), Label.COSTLY, id="clusters"
        ),
        pytest.param(step("GrantAccountRole", "delete"), Label.SAFE, id="grant-deleted"),
    ],
)
def test_a_step_has_its_gravest_label(given, label):
    assert label_of(given) is label


def test_columns_in_another_order_are_no_change():
    before, after = columns(["A", "M"], ["B", ""]), columns(["B"], ["A", "M"])
    assert changing([step("Table", "update", before, after, ("columns",))]) == []
    assert changing([step("Table", "update", before, after, ("columns", "comment"))])
    assert changing([step("Table", "update", before, columns(["B"], ["A", "N"]), ("columns",))])


def test_what_the_engine_only_looks_at_is_no_change():
    assert changing([step("Table", op) for op in ("same", "refresh", "read", "create-replacement")]) == []
