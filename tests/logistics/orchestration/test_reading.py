"""What exit codes and output come to."""

from __future__ import annotations

import json

import pytest

from logistics.orchestration.jobs import Job
from logistics.orchestration.processes import Attempt
from logistics.orchestration.reading import judge

FOUND = Job(name="j", command=["x"], found_codes=[1], reads="report")
REPORT = json.dumps(
    {"findings": [{"check": "streams", "status": "critical", "subject": "s", "evidence": "e", "value": 9}]}
)


@pytest.mark.parametrize(
    ("attempt", "reason", "may_pass"),
    [
        (Attempt(exit_code=None, errors="x: No such file"), "could not be started: x: No such file", False),
        (Attempt(exit_code=-9, timed_out=True), "had not ended after 600 s, and was ended", True),
        (Attempt(exit_code=-9), "was ended by SIGKILL", True),
        (Attempt(exit_code=0, overflowed=True), "printed more than 32 MiB", False),
        (
            Attempt(exit_code=2, errors="Usage: x\n\nError: No such command 'models'."),
            "this version has no command models",
            False,
        ),
        (Attempt(exit_code=2, errors="error: bad file"), "was used wrongly: bad file", False),
        (Attempt(exit_code=3, errors="error: no network"), "has no connection: no network", True),
        (Attempt(exit_code=4, errors="error: held by x"), "is locked out: held by x", True),
        (
            Attempt(exit_code=1, errors="error: numpy is missing: make analysis"),
            "numpy is missing: make analysis",
            False,
        ),
        (Attempt(exit_code=1, errors="warning\nerror: it broke\n"), "ended with 1: it broke", True),
        (Attempt(exit_code=77), "ended with 77", True),
        (Attempt(exit_code=0, output="hello"), "printed what cannot be read as report: it holds no JSON", False),
        (Attempt(exit_code=0, output='{"findings": [{"status": "fine"}]}'), "'fine' is no status", False),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_fails_says_why_and_whether_it_may_pass(attempt, reason, may_pass):
    verdict = judge(FOUND, attempt)
    assert not verdict.understood
    assert reason in verdict.reason
    assert verdict.may_pass is may_pass


@pytest.mark.parametrize("output", [REPORT, f"a note\n{REPORT}"], ids=["alone", "after a note"])
@pytest.mark.parametrize("code", [0, 1])
def test_findings_are_read_with_either_code(output, code):
    verdict = judge(FOUND, Attempt(exit_code=code, output=output))
    assert (verdict.understood, verdict.status, len(verdict.findings)) == (True, "critical", 1)


def test_drift_tells_who_did_it():
    said = [
        {"what": "granted", "kind": "Grant", "name": "SELECT on T to PUBLIC", "values": {}, "author": None},
        {
            "what": "changed",
            "kind": "Warehouse",
            "name": "w",
            "values": {"size": ["LARGE", "SMALL"]},
            "author": {"user": "EVE", "role": "SYSADMIN", "at": "2026-01-01", "statement": "alter"},
        },
    ]
    verdict = judge(FOUND.model_copy(update={"reads": "drift"}), Attempt(exit_code=1, output=json.dumps(said)))
    assert [found.status for found in verdict.findings] == ["critical", "warning"]
    assert "by EVE as SYSADMIN" in verdict.findings[1].evidence
    assert "size is 'LARGE', deployed 'SMALL'" in verdict.findings[1].evidence


def test_only_the_exit_code_counts_where_nothing_else_is_said():
    job = FOUND.model_copy(update={"reads": "exit_code"})
    assert judge(job, Attempt(exit_code=0, output="all good\n")).findings[0].evidence == "all good"
    assert judge(job, Attempt(exit_code=1, output="2 of 9 failed\n")).status == "critical"
    assert not judge(job, Attempt(exit_code=1, errors="error: no database")).understood


RESULTS = [
    ({"check": "fresh", "status": "passed", "severity": "critical"}, None),
    (
        {"check": "key", "status": "failed", "severity": "critical", "table": "t", "failures": 3, "message": "twice"},
        "critical",
    ),
    ({"name": "note", "passed": False, "severity": "info"}, "warning"),
    ({"use_case": "eta", "feature": "distance", "is_drifted": True}, "warning"),
    ({"use_case": "eta", "feature": "weight", "is_drifted": False}, None),
    ({"name": "rows", "failures": 0}, None),
    ({"name": "odd", "status": "purple"}, "unknown"),
    ({"check": "broke", "result": "error", "severity": "critical"}, "critical"),
    ({"check": "empty", "result": "no_data", "severity": "critical"}, None),
]


@pytest.mark.parametrize("wrap", [lambda items: items, lambda items: {"results": items}], ids=["list", "in a document"])
def test_lists_of_results_are_read_by_what_each_says_of_itself(wrap):
    job = FOUND.model_copy(update={"reads": "results"})
    verdict = judge(job, Attempt(exit_code=1, output=json.dumps(wrap([item for item, _ in RESULTS]))))
    assert [found.status for found in verdict.findings] == [status for _, status in RESULTS if status] + ["ok"]
    assert (verdict.findings[0].subject, verdict.findings[0].evidence) == ("t", "twice (3 rows)")
    assert verdict.findings[-1].evidence == "4 of 9 passed"
    assert not judge(job, Attempt(exit_code=0, output="{}")).understood


def test_the_drift_of_a_model_is_one_finding():
    job = FOUND.model_copy(update={"reads": "model_drift"})
    readings = [
        {"use_case": model, "kind": kind, "feature": feature, "statistic": statistic, "value": value, "threshold": limit,
         "is_drifted": value is None or value > limit}
        for model, kind, feature, statistic, value, limit in (
            ("eta", "data", "weight", "psi", 0.3, 0.2),
            ("eta", "data", "distance", "psi", 0.123456, 0.2),
            ("eta", "data", "distance", "ks", 0.271828, 0.1),
            ("eta", "performance", "late", "loss", 0.5, 0.25),
            ("risk", "data", "miles", "psi", 0.1, 0.2),
            ("new", "age", "due", "days", None, 30),
            *(("wide", "data", f"f{n}", "psi", 0.2 + n, 0.2) for n in range(1, 6)),
        )
    ]  # fmt: skip
    found = judge(job, Attempt(exit_code=1, output=json.dumps(readings))).findings
    assert [(each.status, each.subject, each.evidence) for each in found] == [
        ("warning", "eta", "data drift of distance (ks 0.272, allowed 0.1), weight (psi 0.3, allowed 0.2); "
                           "performance drift of late (loss 0.5, allowed 0.25)"),
        ("warning", "new", "age drift of due (days unknown, allowed 30)"),
        ("warning", "wide", "data drift of f5 (psi 5.2, allowed 0.2), f4 (psi 4.2, allowed 0.2), f3 (psi 3.2, allowed 0.2), and 2 more"),
        ("ok", "", "1 of 4 models have not drifted"),
    ]  # fmt: skip
    assert not judge(job, Attempt(exit_code=0, output="{}")).understood


def test_savings_put_recommendations_of_the_optimizer_in_order():
    items = [
        {
            "kind": kind, "severity": "warning", "object_name": kind, "title": "t", "reason": "r", "mend": "m",
            "saving_usd_per_month": saving, "confidence": 0.8,
        }
        for kind, saving in (("none", None), ("costs", -50.0), ("some", 40.0), ("much", 9000.0))
    ]  # fmt: skip
    job = FOUND.model_copy(update={"reads": "optimize"})
    verdict = judge(job, Attempt(exit_code=0, output=json.dumps({"recommendations": items, "credits_used": 1.5})))
    values = {found.check: found.value for found in verdict.findings}
    assert values["much"] > values["some"] > values["none"] == values["costs"]
    assert "saves 40.00 USD a month" in verdict.findings[2].evidence
