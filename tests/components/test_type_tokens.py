"""A component's type token is part of every URN beneath it: changing one replaces what is deployed."""

from __future__ import annotations

TOKENS = {
    "compute": "logistics:compute:Compute",
    "storage": "logistics:storage:Storage",
    "dynamic_tables": "logistics:models:DynamicTables",
    "tables": "logistics:storage:Tables",
    "models": "logistics:models:DataModels",
    "roles": "logistics:governance:Roles",
    "logins": "logistics:governance:Logins",
    "masking": "logistics:governance:Masking",
    "row_access": "logistics:governance:RowAccess",
    "access": "logistics:governance:Access",
    "pipelines": "logistics:pipelines:Pipelines",
    "views": "logistics:monitoring:Views",
    "ml": "logistics:ml:MachineLearning",
    "quality": "logistics:monitoring:Quality",
    "dashboard": "logistics:monitoring:Dashboard",
}


def test_components_keep_their_types(run_program):
    recording = run_program()
    assert {r.name: r.type for r in recording.resources.values() if r.type.startswith("logistics:")} == TOKENS


def test_every_resource_lies_in_a_component(run_program):
    recording = run_program()
    assert [
        r.name for r in recording.resources.values() if r.type.startswith("snowflake:") and "logistics:" not in r.parent
    ] == []
