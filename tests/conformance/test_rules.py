"""Each rule of the official engine's behaviour, and the test that proves it: `rules.tsv`."""

from __future__ import annotations

import csv
import re
import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCENARIOS = runpy.run_path(str(HERE / "engine" / "scenarios.py"))["SCENARIOS"]
with (HERE / "rules.tsv").open(encoding="utf-8", newline="") as file:
    RULES = [(row["rule"], row["test"]) for row in csv.DictReader(file, delimiter="\t")]


@pytest.mark.parametrize(("rule", "test"), RULES, ids=[rule for rule, _ in RULES])
def test_the_test_of_the_rule_exists(rule: str, test: str) -> None:
    path, function, case = re.fullmatch(r"(\S+)::(\w+)(?:\[embedded-(.+)\])?", test).groups()  # type: ignore[union-attr]
    assert rule and re.search(rf"^def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    if case:
        recorded = [scenario["wanted"] is None for scenario in SCENARIOS if scenario["name"] == case]
        assert recorded and all(known == (function == "test_as_recorded") for known in recorded)


def test_each_scenario_proves_a_rule_and_each_rule_is_told_once() -> None:
    assert {scenario["name"] for scenario in SCENARIOS} <= {test.partition("[embedded-")[2][:-1] for _, test in RULES}
    assert len({rule for rule, _ in RULES}) == len(RULES)
