"""The engine does what the official CLI was recorded to do."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
_recorder = runpy.run_path(str(HERE / "recorder.py"))
SCENARIOS = runpy.run_path(str(HERE / "scenarios.py"))["SCENARIOS"]
RECORDED = [scenario for scenario in SCENARIOS if scenario["wanted"] is None]
DESCRIBED = [scenario for scenario in SCENARIOS if scenario["wanted"] is not None]

# Where another version of the SDK than the recorded one (3.260.0) makes the same engine do something else.
SDK_DIFFERENCES: dict[str, dict[int, dict[str, Any]]] = {
    # Since 3.27x a program goes on with unknown outputs of what failed, where it ended with a traceback before.
    "continue-on-error": {0: {"diagnostics": ["error a: create of a failed as asked", "error update failed"]}},
}
SDK_DIFFERENCE = "A program goes on with unknown outputs of what failed"
NOT_YET: dict[str, str] = {}


def _cases(scenarios: list[dict[str, Any]]) -> list[Any]:
    return [
        pytest.param(
            scenario,
            id=scenario["name"],
            marks=[pytest.mark.xfail(reason=NOT_YET[scenario["name"]], strict=True)]
            if scenario["name"] in NOT_YET
            else [],
        )
        for scenario in scenarios
    ]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", _cases(RECORDED))
def test_as_recorded(
    scenario: dict[str, Any],
    cli: str,
    tmp_path: Path,
    scenario_environment: dict[str, str],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    if scenario["name"] == "policy":
        scenario_environment["POLICY_ENVIRONMENT"] = str(request.getfixturevalue("policy_environment"))
    wanted = json.loads((HERE / "golden" / f"{scenario['name']}.json").read_text())["runs"]
    for number, changes in SDK_DIFFERENCES.get(scenario["name"], {}).items():
        wanted[number].update(changes)
        record_property("difference", f"{scenario['name']}, command {number + 1}: explained: {SDK_DIFFERENCE}")
    got = _recorder["Scenario"](scenario["steps"], cli, tmp_path, scenario_environment).run()
    found = _recorder["differences"](wanted, got)
    for difference in found:
        record_property("difference", f"{scenario['name']}: UNEXPLAINED: {difference}")
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", _cases(DESCRIBED))
def test_as_described(scenario: dict[str, Any], cli: str, tmp_path: Path, scenario_environment: dict[str, str]) -> None:
    got = _recorder["Scenario"](scenario["steps"], cli, tmp_path, scenario_environment).run()
    told = [_recorder["summary"](run) for run in got]
    order = _sorted_steps if scenario["any_order"] else str
    assert [order(run) for run in told] == [order(run) for run in scenario["wanted"]]


def _sorted_steps(run: str) -> str:
    """A run's line with its steps in the order of the alphabet."""
    steps, mark, rest = run.partition(" (exit")
    return "; ".join(sorted(steps.split("; "))) + mark + rest


def test_every_recording_has_its_scenario() -> None:
    assert {path.stem for path in (HERE / "golden").glob("*.json")} == {scenario["name"] for scenario in RECORDED}


def test_explained_differences_are_in_the_documentation() -> None:
    text = " ".join((HERE.parents[2] / "embedded" / "engine" / "README.md").read_text().split())
    assert SDK_DIFFERENCE in text
