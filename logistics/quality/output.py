"""A run as a table, JSON or JUnit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from logistics.quality.run import Result, Run

EXIT_CODES = {None: 0, "info": 0, "warning": 5, "critical": 1}
"""What the command ends with for the gravest severity that failed."""


def exit_code(run: Run) -> int:
    """Returns 1 where a critical check failed or could not be run, 5 for a warning, else 0."""
    return EXIT_CODES[run.worst]


def as_json(run: Run, environment: str) -> str:
    """Returns the run with every result and the rows that failed."""
    found = {
        "environment": environment,
        "run_id": run.run_id,
        "status": {None: "ok", "info": "ok"}.get(run.worst, run.worst),
        "seconds": round(run.seconds, 3),
        "statements": run.statements,
        "counts": dict(Counter(result.result for result in run.results)),
        "checks": [_plain(result) for result in run.results],
    }
    return json.dumps(found, indent=2, default=str)


def _plain(result: Result) -> dict[str, Any]:
    check = result.check
    return {
        "check": check.name,
        "table": check.table,
        "kind": check.kind,
        "severity": check.severity,
        "owner": check.owner,
        "result": result.result,
        "failures": result.failures,
        "rows_checked": result.rows_checked,
        "value": result.value,
        "message": result.message,
        "what_to_do": check.what_to_do,
        "rows": [{"key": sample.key, "offending": sample.offending} for sample in result.samples],
    }


def as_table(run: Run) -> str:
    """Returns what failed, the gravest first, each with its rows and what to do; then the counts."""
    order = {"critical": 0, "warning": 1, "info": 2}
    bad = sorted(
        (result for result in run.results if result.bad), key=lambda each: (order[each.check.severity], each.check.name)
    )
    counts = Counter(result.result for result in run.results)
    told = ", ".join(f"{counts[word]} {word.replace('_', ' ')}" for word in ("passed", "failed", "error", "no_data"))
    lines = [line for result in bad for line in _lines(result)]
    return "\n".join([*lines, f"{len(run.results)} checks in {run.seconds:.1f} s: {told} (run {run.run_id})"])


def _lines(result: Result) -> Iterator[str]:
    yield f"{result.check.severity.upper():8}  {result.check.name}: {result.message}"
    for sample in result.samples:
        beside = {name: value for name, value in sample.offending.items() if name not in sample.key}
        yield f"          {_pairs(sample.key)}{f'  has {_pairs(beside)}' if beside else ''}"
    if result.check.what_to_do:
        yield f"          {result.check.owner}: {result.check.what_to_do}"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={'NULL' if value is None else value}" for name, value in values.items())


def as_junit(run: Run, environment: str) -> str:
    """Returns JUnit XML: a suite a table; a failed check is a failure, one that could not be run an error."""
    root = ElementTree.Element("testsuites", name=f"quality of {environment}", time=f"{run.seconds:.3f}")
    suites: dict[str, ElementTree.Element] = {}
    for result in run.results:
        check = result.check
        suite = suites.get(check.table)
        if suite is None:
            suite = suites[check.table] = ElementTree.SubElement(root, "testsuite", name=check.table)
        case = ElementTree.SubElement(suite, "testcase", classname=check.table, name=check.rule)
        tag = {"failed": "failure", "error": "error", "no_data": "skipped"}.get(result.result)
        if tag:
            told = ElementTree.SubElement(case, tag, message=_xml(result.message), type=check.severity)
            told.text = _xml("\n".join(_lines(result))) if result.bad else None
    for element in (root, *suites.values()):
        _count(element)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _count(element: ElementTree.Element) -> None:
    for name, path in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(len(list(element.iter(path)))))


def _xml(text: str) -> str:
    """Returns a text without the characters that XML cannot hold."""
    return "".join(letter for letter in text if letter in "\t\n\r" or (letter >= " " and letter not in "￾￿"))
