"""The report of a run: what each job came to, what was found, and what to do about it, in order of value.

Its form is stable: keys are added, none is taken away or changes its meaning without another number in `schema`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from logistics.orchestration.findings import EXIT_CODES, OK, STATUSES, UNKNOWN, Finding, by_value, finding_of, worst
from logistics.orchestration.records import Run
from logistics.orchestration.scheduler import Outcome

SCHEMA = 1
_DONE = "succeeded"
_JOB_VALUE = 60.0


def build(run: Run, account: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Returns the report of a run that has ended; times are ISO 8601 in UTC, durations seconds."""
    return assemble(run, account, [_job(outcome) for outcome in outcomes])


def assemble(run: Run, account: str, jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the report over jobs that are in the report's own form."""
    findings = [finding_of(found) for job in jobs for found in job["findings"]]
    counts = Counter(finding.status for finding in findings)
    ended_at = run.ended_at or datetime.now(UTC).isoformat(timespec="milliseconds")
    return {
        "schema": SCHEMA,
        "run_id": run.run_id,
        "environment": run.environment,
        "account": account,
        "action": run.action,
        "started_by": run.started_by,
        "started_at": run.started_at,
        "ended_at": ended_at,
        "seconds": _seconds(run.started_at, ended_at),
        "result": run.result,
        "status": worst(job["status"] for job in jobs),
        "summary": {status: counts[status] for status in STATUSES},
        "recommendations": _recommendations(jobs, findings),
        "jobs": list(jobs),
        "notes": list(run.notes),
    }


def exit_code(report: Mapping[str, Any], fail_on: str) -> int:
    """Returns what the command ends with: 1 for a job that failed, else by the worst status that counts.

    Args:
        report: the report.
        fail_on: `warning`, so that every status but ok counts; `critical`, so that only this one does.
    """
    if any(job["state"] in ("failed", "timed_out", "skipped") for job in report["jobs"]):
        return 1
    code = EXIT_CODES[report["status"]]
    return code if fail_on == "warning" or code == 1 else 0


def as_json(report: Mapping[str, Any]) -> str:
    """Returns the report as JSON text, one document."""
    return json.dumps(report, indent=2, default=str) + "\n"


def recorded_job(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a job in the report's form from its row of ORCHESTRATOR_JOBS."""
    findings = row["findings"]
    return {
        "job": row["job"],
        "about": "",
        "state": row["state"],
        "status": row["status"] or UNKNOWN,
        "reason": row["reason"] or "",
        "needs": [],
        "attempts": int(row["attempts"]),
        "exit_code": None if row["exit_code"] is None else int(row["exit_code"]),
        "started_at": _iso(row["started_at"]),
        "ended_at": _iso(row["ended_at"]),
        "seconds": float(row["duration_seconds"]),
        "findings": json.loads(findings) if isinstance(findings, str) else findings or [],
    }


def _job(outcome: Outcome) -> dict[str, Any]:
    verdict = outcome.verdict
    return {
        "job": outcome.job.name,
        "about": outcome.job.about,
        "state": outcome.state,
        "status": verdict.status if verdict else UNKNOWN,
        "reason": outcome.reason,
        "needs": list(outcome.job.needs),
        "attempts": outcome.attempts,
        "exit_code": outcome.exit_code,
        "started_at": _iso(outcome.started_at),
        "ended_at": _iso(outcome.ended_at),
        "seconds": round(outcome.seconds, 3),
        "findings": [finding.as_json() for finding in verdict.findings] if verdict else [],
    }


def _recommendations(jobs: Iterable[Mapping[str, Any]], findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Returns what to do, the most valuable first: of what was found, and of jobs that could not do their work."""
    wrong = [finding for finding in findings if finding.status != OK]
    wrong += [_undone(job) for job in jobs if job["state"] != _DONE]
    return [{"rank": rank, **finding.as_json()} for rank, finding in enumerate(by_value(wrong), start=1)]


def _undone(job: Mapping[str, Any]) -> Finding:
    """Returns what is to be said of a job that did not do its work; who skipped it is said by the job that failed."""
    is_cause = job["state"] not in ("skipped", "stopped")
    return Finding(
        check=job["job"],
        status=UNKNOWN,
        subject="the job itself",
        evidence=f"{job['state'].replace('_', ' ')}: {job['reason']}",
        recommendation="mend what it says and run it again" if is_cause else "",
        value=_JOB_VALUE if is_cause else 0.0,
    )


def _seconds(started_at: str, ended_at: str) -> float:
    return round((datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds(), 3)


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")
