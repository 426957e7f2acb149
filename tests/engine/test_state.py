"""The JSON of a stack's state."""

from __future__ import annotations

from typing import Any

import pytest

from embedded.engine import state
from embedded.engine.errors import EngineError
from embedded.engine.state import PendingOperation, Resource, Snapshot
from embedded.engine.values import Secret

FULL: dict[str, Any] = {
    "urn": "urn:pulumi:dev::proj::tst:index:Res::a",
    "custom": True,
    "delete": True,
    "id": "a-1",
    "type": "tst:index:Res",
    "inputs": {"x": 1},
    "outputs": {"x": 1, "l": [None, 2.5]},
    "parent": "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev",
    "protect": True,
    "taint": True,
    "external": True,
    "dependencies": ["urn:pulumi:dev::proj::tst:index:Res::b"],
    "initErrors": ["no"],
    "provider": "urn:pulumi:dev::proj::pulumi:providers:tst::default::some-id",
    "propertyDependencies": {"x": ["urn:pulumi:dev::proj::tst:index:Res::b"]},
    "pendingReplacement": True,
    "additionalSecretOutputs": ["x"],
    "aliases": ["urn:pulumi:dev::proj::tst:index:Res::old"],
    "customTimeouts": {"create": 300},
    "importID": "i",
    "retainOnDelete": True,
    "deletedWith": "urn:pulumi:dev::proj::tst:index:Res::b",
    "replaceWith": ["urn:pulumi:dev::proj::tst:index:Res::b"],
    "created": "2026-01-01T00:00:00Z",
    "modified": "2026-01-01T00:00:00.5Z",
    "sourcePosition": "project:///__main__.py#26",
    "stackTrace": [{"sourcePosition": "project:///__main__.py#26"}, {}],
    "ignoreChanges": ["x"],
    "hideDiff": ["x"],
    "replaceOnChanges": ["x"],
    "replacementTrigger": "t",
    "refreshBeforeUpdate": True,
    "viewOf": "urn:pulumi:dev::proj::tst:index:Res::b",
    "resourceHooks": {"BeforeCreate": ["h"]},
    "extensionRef": {"name": "e"},
    "snippetID": "s",
}


def test_every_field_survives_in_order() -> None:
    written = state.resource_to_json(state.resource_from_json(FULL, None), None)
    assert list(written.items()) == list(FULL.items())


def test_empty_fields_are_left_out() -> None:
    written = state.resource_to_json(Resource(urn=FULL["urn"], type="t"), None)
    assert written == {"urn": FULL["urn"], "custom": False, "type": "t"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"novelty": 1}, "unsupported fields: novelty"), ({"urn": ""}, "no URN"), ({"type": ""}, "no type")],
)
def test_what_is_not_understood_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        state.resource_from_json({**FULL, **changes}, None)


@pytest.mark.parametrize(
    ("field", "feature"),
    [
        ("taint", "taint"),
        ("viewOf", "views"),
        ("resourceHooks", "hooks"),
        ("replaceWith", "replaceWith"),
        ("refreshBeforeUpdate", "refreshBeforeUpdate"),
        ("snippetID", "snippets-prototype"),
        ("extensionRef", "extensionParameterization"),
    ],
)
def test_features(field: str, feature: str) -> None:
    plain = {key: FULL[key] for key in ("urn", "custom", "type")}
    using = Snapshot(resources=[state.resource_from_json({**plain, field: FULL[field]}, None)])
    assert state.features_of(using) == [feature]
    assert state.features_of(Snapshot(resources=[state.resource_from_json(plain, None)])) == []


@pytest.mark.parametrize(("version", "features"), [(2, []), (5, []), (4, ["novelty"])])
def test_other_schemas_are_refused(version: int, features: list[str]) -> None:
    with pytest.raises(EngineError, match="unsupported"):
        state.check_schema(version, features, "somewhere")


def test_deployment_round_trip() -> None:
    resource = state.resource_from_json({**FULL, "inputs": {}}, None)
    resource.inputs = {"s": Secret("hunter2")}
    snapshot = Snapshot(
        secrets_provider={"type": "passphrase", "state": {"salt": "v1:x"}},
        resources=[resource],
        pending_operations=[PendingOperation(resource, "creating")],
        metadata={"integrity_error": {"error": "e"}},
    )
    written = state.deployment_to_json(snapshot, lambda text: text[::-1])
    assert list(written) == ["manifest", "secrets_providers", "resources", "pending_operations", "metadata"]
    assert "hunter2" not in str(written)
    read = state.deployment_from_json(written, lambda text: text[::-1])
    assert state.deployment_to_json(read, None, show_secrets=True) == state.deployment_to_json(
        snapshot, None, show_secrets=True
    )


def test_timestamps_are_gos() -> None:
    from datetime import UTC, datetime

    assert state.timestamp(datetime(2026, 1, 2, 3, 4, 5, 120000, tzinfo=UTC)) == "2026-01-02T03:04:05.12Z"
    assert state.timestamp(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
