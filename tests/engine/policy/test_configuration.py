"""The configuration of policies: defaults, the pack's own, the file's; checked against the policies' schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2

from embedded.engine.deployment.policy_pack import _abbreviated, _failures, _read_config, _reconciled
from embedded.engine.errors import EngineError

INFO = {
    "name": "guard",
    "supportsConfig": True,
    "initialConfig": {"large": {"enforcementLevel": "DISABLED", "properties": {"least": 3}}},
    "policies": [
        {
            "name": "small",
            "enforcementLevel": "MANDATORY",
            "configSchema": {"properties": {"most": {"type": "number", "default": 5}}},
        },
        {
            "name": "large",
            "enforcementLevel": "ADVISORY",
            "configSchema": {"properties": {"least": {"type": "integer"}, "why": {"type": "string", "minLength": 2}}},
        },
    ],
}
DEFAULT = {"small": ("mandatory", {"most": 5}), "large": ("disabled", {"least": 3})}


@pytest.fixture
def info() -> analyzer_pb2.AnalyzerInfo:
    return json_format.ParseDict(INFO, analyzer_pb2.AnalyzerInfo())


def _configure(info: analyzer_pb2.AnalyzerInfo, content: Any, tmp_path: Path) -> dict[str, tuple[str, dict[str, Any]]]:
    file = tmp_path / "policy.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    configs = _reconciled(info, _read_config(str(file)))
    assert not (found := _failures(info, configs)), found
    return {name: (config.level, config.properties) for name, config in configs.items()}


@pytest.mark.parametrize(
    ("content", "changed"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param(" ", {}, id="empty-file"),
        pytest.param({"small": "advisory"}, {"small": ("advisory", {"most": 5})}, id="level"),
        pytest.param({"small": {"most": 1}}, {"small": ("mandatory", {"most": 1})}, id="property"),
        pytest.param({"large": {"why": "so"}}, {"large": ("disabled", {"least": 3, "why": "so"})}, id="added-property"),
        pytest.param(
            {"all": "remediate"}, {"small": ("remediate", {"most": 5}), "large": ("remediate", {"least": 3})}, id="all"
        ),
        pytest.param(
            {"all": "disabled", "small": "mandatory"}, {"small": ("mandatory", {"most": 5})}, id="own-level-over-all"
        ),
        pytest.param(
            {"large": {"enforcementLevel": "mandatory", "least": 1}}, {"large": ("mandatory", {"least": 1})}, id="both"
        ),
    ],
)
def test_layers(content: Any, changed: dict[str, Any], info: analyzer_pb2.AnalyzerInfo, tmp_path: Path) -> None:
    assert _configure(info, content, tmp_path) == DEFAULT | changed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{", "is no JSON", id="no-json"),
        pytest.param([], "expected an object of policies", id="no-object"),
        pytest.param({"small": 1}, "must be a string or object", id="no-entry"),
        pytest.param({"small": "forbidden"}, "is not a valid enforcement level", id="no-such-level"),
        pytest.param({"small": {"enforcementLevel": 1}}, "is not a valid enforcement level", id="level-is-no-string"),
        pytest.param(
            {"big": "advisory"}, "has no policy 'big' to configure \\(it has: large, small\\)", id="no-such-policy"
        ),
        pytest.param({"environments": ["a/b"]}, "does not support them", id="esc"),
    ],
)
def test_refusals(content: Any, message: str, info: analyzer_pb2.AnalyzerInfo, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=message):
        _configure(info, content, tmp_path)


def test_values_are_held_to_the_schema(info: analyzer_pb2.AnalyzerInfo, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text('{"small": {"most": "many"}, "large": {"why": "x"}}')
    found = _failures(info, _reconciled(info, _read_config(str(file))))
    assert found == ["large: why: 'x' is too short", "small: most: 'many' is not of type 'number'"]


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("./pack", "pack"), ("a/" * 50 + "b", "a/a/.../a/b"), ("x" * 90, "x" * 90)],
    ids=["short", "long", "one-part"],
)
def test_paths_are_abbreviated(path: str, wanted: str) -> None:
    assert _abbreviated(path) == wanted
