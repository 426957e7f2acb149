"""Reports in all forms, the order of recommendations, exit codes."""

from __future__ import annotations

import json
import re

import pytest

from logistics.orchestration.findings import Finding
from logistics.orchestration.formats import FORMATS
from logistics.orchestration.jobs import Job
from logistics.orchestration.reading import Verdict
from logistics.orchestration.records import new_run
from logistics.orchestration.report import build, exit_code, recorded_job
from logistics.orchestration.scheduler import Outcome

NASTY = "<script>alert(1)</script> | `x` [bold]\nsecond line"


def outcome(name, *findings, state="succeeded", reason=""):
    status = max((each.status for each in findings), key=_rank, default="ok")
    verdict = Verdict(understood=True, status=status, findings=findings) if state == "succeeded" else None
    return Outcome(job=Job(name=name, command=["x"]), state=state, reason=reason, attempts=1, verdict=verdict)


def _rank(status):
    return ["ok", "unknown", "warning", "critical"].index(status)


def finding(check, status, value=50.0, **more):
    return Finding(check=check, status=status, value=value, recommendation="do it", **more)


def report_of(*outcomes):
    run = new_run("dev", "all", "command")
    run.result = "succeeded" if all(each.state == "succeeded" for each in outcomes) else "failed"
    return build(run, "LOCAL-DEV", outcomes)


@pytest.fixture
def report():
    return report_of(
        outcome("one", finding("cheap", "warning", 10), finding("dear", "warning", 90), finding("fine", "ok", 100)),
        outcome("two", finding("grave", "critical", 1, subject="t", evidence=NASTY)),
        outcome("three", state="failed", reason="it broke"),
        outcome("four", state="skipped", reason="needs three, which failed"),
    )


def test_recommendations_come_in_order_of_value(report):
    assert [each["check"] for each in report["recommendations"]] == ["grave", "dear", "cheap", "three", "four"]
    assert [each["rank"] for each in report["recommendations"]] == [1, 2, 3, 4, 5]
    assert report["summary"] == {"ok": 1, "unknown": 0, "warning": 2, "critical": 1}
    assert report["status"] == "critical"


def test_the_form_of_the_report_stays(report):
    assert set(report) == {
        "schema", "run_id", "environment", "account", "action", "started_by", "started_at", "ended_at", "seconds",
        "result", "status", "summary", "recommendations", "jobs", "notes",
    }  # fmt: skip
    assert set(report["jobs"][0]) == {
        "job", "about", "state", "status", "reason", "needs", "attempts", "exit_code", "started_at", "ended_at", "seconds",
        "findings",
    }  # fmt: skip
    assert set(report["jobs"][0]["findings"][0]) == {
        "check",
        "status",
        "subject",
        "evidence",
        "recommendation",
        "value",
    }
    assert json.loads(FORMATS["json"](report)) == report


@pytest.mark.parametrize(
    ("outcomes", "codes"),
    [
        ([outcome("a", finding("c", "ok"))], (0, 0)),
        ([outcome("a", finding("c", "warning"))], (5, 0)),
        ([outcome("a", finding("c", "unknown"))], (6, 0)),
        ([outcome("a", finding("c", "critical"))], (1, 1)),
        ([outcome("a", finding("c", "ok")), outcome("b", state="failed")], (1, 1)),
        ([outcome("a", finding("c", "ok")), outcome("b", state="skipped")], (1, 1)),
        ([], (0, 0)),
    ],
    ids=["ok", "warning", "unknown", "critical", "failed", "skipped", "none"],
)
def test_the_exit_code_says_the_worst(outcomes, codes):
    made = report_of(*outcomes)
    assert (exit_code(made, "warning"), exit_code(made, "critical")) == codes


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_tells_all(report, form):
    text = FORMATS[form](report)
    for word in ("LOCAL-DEV", "grave", "dear", "critical", "it broke", "do it"):
        assert word in text
    assert text.endswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_report_can_be_written(form):
    assert "nothing looked at" in FORMATS[form](report_of()) or form == "json"


def test_html_is_whole_by_itself_and_text_cannot_become_markup(report):
    page = FORMATS["html"](report)
    assert "<script" not in page
    assert not re.search(r"(src|href|url\()", page)
    assert "prefers-color-scheme: dark" in page


def test_markdown_keeps_its_tables_whatever_the_text(report):
    page = FORMATS["markdown"](report)
    assert "<script" not in page.replace("\\<", "")
    rows = [line for line in page.splitlines() if line.startswith("| 1 ")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 7


def test_a_recorded_job_is_in_the_reports_form(report):
    job = report["jobs"][1]
    row = {
        "job": "two", "state": "succeeded", "status": "critical", "reason": None, "attempts": 1, "exit_code": None,
        "started_at": None, "ended_at": None, "duration_seconds": 0, "findings": json.dumps(job["findings"]),
    }  # fmt: skip
    assert recorded_job(row) == job
