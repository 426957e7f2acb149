"""What a job's exit code and output say: whether it did its work, and what it found."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from logistics.orchestration.drift_words import in_words
from logistics.orchestration.findings import CRITICAL, OK, UNKNOWN, WARNING, Finding, finding_of, worst
from logistics.orchestration.jobs import Job
from logistics.orchestration.processes import MAX_OUTPUT_BYTES, Attempt

_USAGE, _CONNECTION, _LOCKED = 2, 3, 4
_REASON_LENGTH = 500
_NO_COMMAND = re.compile(r"No such command '?([^'\n.]+)'?")
_LACKS_PACKAGES = "make analysis"
_STATUS_OF_SEVERITY = {"info": OK, "warning": WARNING, "critical": CRITICAL, "error": CRITICAL, "high": CRITICAL}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an attempt came to.

    Attributes:
        understood: the job did its work, and this is what it found; else it failed.
        status: the worst that it found.
        reason: why it failed, in one line.
        may_pass: the failure may pass, so that another attempt is worth it.
    """

    understood: bool
    status: str = OK
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    may_pass: bool = False


def judge(job: Job, attempt: Attempt) -> Verdict:
    """Returns what an attempt of a job came to; never raises."""
    if attempt.exit_code is None:
        return _failed(f"could not be started: {attempt.errors}")
    if attempt.timed_out:
        return _failed(f"had not ended after {job.timeout_seconds:g} s, and was ended", may_pass=True)
    if attempt.overflowed:
        return _failed(f"printed more than {MAX_OUTPUT_BYTES // 2**20} MiB")
    if attempt.exit_code not in (0, *job.found_codes):
        return _refusal(attempt)
    try:
        findings = tuple(READERS[job.reads](job, attempt))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if attempt.exit_code:
            return _refusal(attempt)
        return _failed(f"printed what cannot be read as {job.reads}: {error}")
    return Verdict(understood=True, status=worst(finding.status for finding in findings), findings=findings)


def _refusal(attempt: Attempt) -> Verdict:
    """Returns the failure that an exit code and the standard error tell of."""
    code = attempt.exit_code or 0
    said = _last_line(attempt.errors) or _last_line(attempt.output)
    if code < 0:
        return _failed(f"was ended by {_signal_name(-code)}", may_pass=True)
    if lacking := _NO_COMMAND.search(attempt.errors):
        return _failed(f"this version has no command {lacking[1]}")
    if _LACKS_PACKAGES in attempt.errors:
        return _failed(said)
    kinds = {_USAGE: "was used wrongly", _CONNECTION: "has no connection", _LOCKED: "is locked out"}
    what = kinds.get(code, f"ended with {code}")
    return _failed(f"{what}: {said}" if said else what, may_pass=code != _USAGE)


def _failed(reason: str, *, may_pass: bool = False) -> Verdict:
    return Verdict(
        understood=False, status=UNKNOWN, reason=" ".join(reason.split())[:_REASON_LENGTH], may_pass=may_pass
    )


def _last_line(text: str) -> str:
    """Returns the last line that says something, without the house's `error:` before it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    return (errors or lines or [""])[-1].removeprefix("error: ").removeprefix("Error: ")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _exit_code(job: Job, attempt: Attempt) -> Iterator[Finding]:
    """Reads nothing but the exit code: 0 is good, and a code that says of something found is critical."""
    if attempt.exit_code == 0:
        yield Finding(check=job.name, status=OK, evidence=_last_line(attempt.output))
        return
    if "error:" in attempt.errors.lower():
        raise ValueError("it failed")
    yield Finding(
        check=job.name,
        status=CRITICAL,
        evidence=_last_line(attempt.output),
        recommendation=f"run `{' '.join(job.command[:2])}` and mend what it names",
        value=80,
    )


def _report(_job: Job, attempt: Attempt) -> Iterator[Finding]:
    """Reads what `logistics orchestrate checks --format json` prints."""
    yield from (finding_of(said) for said in _json(attempt)["findings"])


_OF_DRIFT = {
    "gone": (CRITICAL, 70, "is gone"),
    "granted": (CRITICAL, 85, "was granted outside of the stack"),
    "changed": (WARNING, 55, "was changed outside of the stack"),
}


def _drift(_job: Job, attempt: Attempt) -> Iterator[Finding]:
    """Reads what `logistics drift --json` prints."""
    for item in _json(attempt):
        status, value, words = _OF_DRIFT[item["what"]]
        author = item.get("author") or {}
        by = f" by {author['user']} as {author['role']} at {author['at']}" if author.get("user") else ""
        yield Finding(
            check="drift",
            status=status,
            subject=f"{item['kind']} {item['name']}",
            evidence=f"{words}{by}{_values(item.get('values') or {})}",
            recommendation="logistics drift --revert brings back what was deployed; --adopt keeps a setting",
            value=value,
        )
    if attempt.exit_code == 0:
        yield Finding(check="drift", status=OK, evidence="the account is as it was deployed")


def _optimize(_job: Job, attempt: Attempt) -> Iterator[Finding]:
    """Reads what `logistics optimize --format json` prints; a saving adds to what a recommendation is worth."""
    report = _json(attempt)
    for item in report["recommendations"]:
        saving = float(item.get("saving_usd_per_month") or 0.0)
        saves = f" (saves {saving:,.2f} USD a month, confidence {item['confidence']})" if saving > 0 else ""
        yield Finding(
            check=str(item["kind"]),
            status=_STATUS_OF_SEVERITY.get(str(item["severity"]), UNKNOWN),
            subject=str(item["object_name"]),
            evidence=f"{item['title']}: {item['reason']}{saves}",
            recommendation=str(item["mend"]),
            value=min(90.0, 30.0 + max(saving, 0.0) ** 0.5),
        )
    used = report.get("credits_used")
    yield Finding(
        check="optimize", status=OK, evidence=f"{len(report['recommendations'])} recommendations, {used} credits used"
    )


_PASSED = frozenset({"ok", "pass", "passed", "succeeded", "success", "stable", "fresh", "skipped", "no_data"})
_WRONG = frozenset({"failed", "fail", "failure", "drifted", "stale", "warning", "critical", "alert", "error"})
_LISTS = ("results", "checks", "findings", "models", "drift")
_SUBJECTS = ("subject", "object", "object_name", "table", "table_name", "use_case", "model")
_NAMES = ("check", "name", "check_name")
_EVIDENCE = ("message", "evidence", "title", "detail", "reason", "comment")
_MENDS = ("recommendation", "what_to_do", "action", "mend", "todo")
_FLAGS = {"passed": True, "is_drifted": False, "drifted": False, "is_failed": False}


def _listed(job: Job, attempt: Attempt) -> Iterator[Finding]:
    """Reads a list of results, each with whether it passed and how grave it is if it did not."""
    document = _json(attempt)
    items = document if isinstance(document, list) else next((document[key] for key in _LISTS if key in document), None)
    if not isinstance(items, list):
        raise ValueError("it holds no list of results")
    good = 0
    for item in items:
        status = _status_of(item)
        if status == OK:
            good += 1
            continue
        yield Finding(
            check=_first(item, _NAMES) or job.name,
            status=status,
            subject=_first(item, _SUBJECTS),
            evidence=_told(item),
            recommendation=_first(item, _MENDS) or f"run `{' '.join(job.command[:3])}` and see what it names",
            value=60,
        )
    yield Finding(check=job.name, status=OK, evidence=f"{good} of {len(items)} passed")


def _model_drift(_: Job, attempt: Attempt) -> Iterator[Finding]:
    """Reads the readings of `logistics models drift`: a finding for each model of which something has drifted."""
    readings = _json(attempt)
    if not isinstance(readings, list):
        raise ValueError("it holds no list of readings")
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for reading in readings:
        by_model.setdefault(str(reading["use_case"]), []).extend([reading] if reading["is_drifted"] else [])
    for model, drifted in by_model.items():
        if drifted:
            yield Finding(
                check="model_drift",
                status=WARNING,
                subject=model,
                evidence=in_words(drifted),
                recommendation=f"logistics models train {model} trains one on today's rows",
                value=60,
            )
    stable = sum(not drifted for drifted in by_model.values())
    yield Finding(check="model_drift", status=OK, evidence=f"{stable} of {len(by_model)} models have not drifted")


def _status_of(item: Mapping[str, Any]) -> str:
    """Returns the status of one result: ok where it passed, else by its severity; unknown where it does not say."""
    said = str(item.get("status") or item.get("state") or item.get("result") or "").lower()
    flags = [bool(item[key]) is good for key, good in _FLAGS.items() if item.get(key) is not None]
    if flags:
        passed: bool | None = all(flags)
    elif said:
        passed = True if said in _PASSED else False if said in _WRONG else None
    else:
        count = item.get("failures", item.get("failing_rows"))
        passed = None if count is None else not count
    if passed:
        return OK
    severity = str(item.get("severity") or said).lower()
    if passed is None:
        return UNKNOWN
    return WARNING if severity == "info" else _STATUS_OF_SEVERITY.get(severity, WARNING)


def _told(item: Mapping[str, Any]) -> str:
    """Returns what a result says of itself; never rows, which are not for everybody."""
    said = _first(item, _EVIDENCE)
    count = item.get("failures", item.get("failing_rows"))
    return f"{said} ({count} rows)" if isinstance(count, int) and count else said


def _first(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((str(item[key]) for key in keys if isinstance(item.get(key), str) and item[key]), "")


def _values(values: Mapping[str, Any]) -> str:
    said = [f"{name} is {now!r}, deployed {deployed!r}" for name, (now, deployed) in values.items()]
    return f": {'; '.join(said)[:300]}" if said else ""


def _json(attempt: Attempt) -> Any:
    """Returns the JSON document of an output; lines before it, such as notes, are passed over."""
    text = attempt.output.strip()
    try:
        return json.loads(text)
    except ValueError:
        starts = [place for place in (text.find("\n{"), text.find("\n[")) if place >= 0]
        if not starts:
            raise ValueError("it holds no JSON") from None
        return json.loads(text[min(starts) :])


READERS: dict[str, Callable[[Job, Attempt], Iterator[Finding]]] = {
    "exit_code": _exit_code,
    "report": _report,
    "drift": _drift,
    "optimize": _optimize,
    "results": _listed,
    "model_drift": _model_drift,
}
