"""A review of the whole platform: all environments planned, one made on data and taken back."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from local_server import PROJECT
from rich.table import Table

from logistics.review.report import Request, review

GOAL_SECONDS = 60
_PATCH = Path("tests/logistics/review/changes/loosens_the_mask.patch")


def bench_review(table: Table) -> None:
    """Review a change of one policy for one environment and for all of them."""
    for environment in ("dev", "all"):
        used, began = _cpu_seconds(), time.perf_counter()
        report = review(Request(root=PROJECT, environment=environment, patch=PROJECT / _PATCH))
        seconds, cpu = time.perf_counter() - began, _cpu_seconds() - used
        rows = sum(each.rows for each in report.rehearsals)
        table.add_row(
            f"review of {environment}, {rows:,} rows of data",
            f"{seconds:.0f} s",
            f"{cpu:.0f} s of CPU on {os.cpu_count()} cores; goal {GOAL_SECONDS} s",
        )


def _cpu_seconds() -> float:
    """Seconds of CPU that this process and its ended children used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
