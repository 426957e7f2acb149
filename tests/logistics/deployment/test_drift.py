"""What is adopted of a drift: the setting of that object alone, or nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from local_server import PROJECT

from logistics.deployment.drift import Drift, adopt, setting_of, with_setting
from logistics.errors import UsageError
from logistics.settings import load_stack


@pytest.fixture
def adopted(tmp_path):
    """Adopts values of a dev stack; returns what the stack file then says."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        (tmp_path / name).write_text((PROJECT / name).read_text())
    context = cast(Any, SimpleNamespace(root=tmp_path, settings=load_stack(tmp_path, "dev")))

    def adopting(kind: str, resource: str, **values: Any) -> Any:
        said = {name: (value, None) for name, value in values.items()}
        adopt(context, [Drift(what="changed", kind=kind, name=resource, values=said, author=None)])
        return load_stack(tmp_path, "dev").platform

    adopting.file = tmp_path / "Pulumi.dev.yaml"
    return adopting


WAREHOUSES = ("compute_wh_dev", "compute_wh_xs", "compute_wh_multi")
SUSPENSION = ("warehouse_auto_suspend_seconds", "xs_auto_suspend_seconds", "multi_cluster_auto_suspend_seconds")


@pytest.mark.parametrize(("warehouse", "setting"), list(zip(WAREHOUSES, SUSPENSION, strict=True)), ids=WAREHOUSES)
def test_the_suspension_of_one_warehouse_is_no_other_s(adopted, warehouse, setting):
    platform = adopted("Warehouse", warehouse, autoSuspend=300)
    assert {name: getattr(platform, name) for name in SUSPENSION} == {
        name: 300 if name == setting else None for name in SUSPENSION
    }
    assert platform.auto_suspend_seconds == 60


@pytest.mark.parametrize(
    ("kind", "resource", "value", "setting"),
    [
        ("Warehouse", "compute_wh_dev", {"warehouseSize": "XXLARGE"}, ("warehouse_size", "2X-LARGE")),
        ("Warehouse", "compute_wh_multi", {"warehouseSize": "LARGE"}, ("multi_cluster_size", "LARGE")),
        ("Warehouse", "compute_wh_dev", {"maxClusterCount": 3}, ("warehouse_max_clusters", 3)),
        ("Warehouse", "compute_wh_multi", {"maxClusterCount": 3}, ("multi_cluster_max_clusters", 3)),
        ("ResourceMonitor", "daily_cost_monitor", {"creditQuota": 7}, ("daily_credit_quota", 7)),
    ],
    ids=lambda value: str(value),
)
def test_a_value_goes_where_its_own_setting_is(adopted, kind, resource, value, setting):
    assert getattr(adopted(kind, resource, **value), setting[0]) == setting[1]


@pytest.mark.parametrize(
    ("kind", "resource", "value"),
    [
        ("Warehouse", "compute_wh_xs", {"warehouseSize": "LARGE"}),
        ("Warehouse", "compute_wh_xs", {"maxClusterCount": 2}),
        ("Warehouse", "compute_wh_dev", {"statementTimeoutInSeconds": 10}),
        ("ResourceMonitor", "another_monitor", {"creditQuota": 7}),
        ("Warehouse", "compute_wh_dev", {"autoSuspend": 5}),
        ("Warehouse", "compute_wh_dev", {"warehouseSize": "SMALL", "comment": "by hand"}),
    ],
    ids=[
        "size of XS",
        "clusters of XS",
        "all warehouses'",
        "other monitor",
        "out of bounds",
        "one of two has no setting",
    ],
)
def test_what_no_setting_says_for_it_alone_is_refused_and_nothing_is_written(adopted, kind, resource, value):
    before = adopted.file.read_text()
    with pytest.raises(UsageError, match="revert it"):
        adopted(kind, resource, **value)
    assert adopted.file.read_text() == before


def test_the_rest_of_the_file_stays_as_it_is_written():
    text = "config:\n  logistics:warehouseSize: X-SMALL  # why\n  logistics:auditCron: x\n"
    assert with_setting(text, "warehouseSize", "SMALL") == text.replace("X-SMALL", "SMALL")
    assert with_setting(text, "dailyCreditQuota", 7).splitlines()[1] == "  logistics:dailyCreditQuota: 7"


def test_the_environment_s_warehouse_is_the_one_of_the_stack():
    assert setting_of("Warehouse", "autoSuspend", "compute_wh_prod", "prod") == "warehouseAutoSuspendSeconds"
    assert setting_of("Warehouse", "autoSuspend", "compute_wh_prod", "dev") is None
