"""Credits a day before and after a change: what warehouses and tasks are declared, times how long they are assumed to run.

An account's own metering is not at hand where no credentials are; hours that somebody measured may be given instead. Sizes
and prices by Snowflake's documentation: a standard warehouse takes a credit an hour at X-SMALL and twice as much a size up,
is billed by the second with a minute at least, and runs on until it is suspended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from croniter import croniter

from logistics.deployment.state import Checkpoint
from logistics.deployment.steps import Step
from logistics.errors import UsageError

_SIZES = ("XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "2XLARGE", "3XLARGE", "4XLARGE", "5XLARGE", "6XLARGE")
_ALIASES = {
    "XXLARGE": "2XLARGE",
    "XXXLARGE": "3XLARGE",
    "X4LARGE": "4XLARGE",
    "X5LARGE": "5XLARGE",
    "X6LARGE": "6XLARGE",
}
_LEAST_SECONDS = 60
_DEFAULT_SUSPEND_SECONDS = 600
_WEEK = timedelta(days=7)
_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
_TRIGGERED_RUNS = (0, 24, 288)
"""Runs a day of a task that a stream starts: at rest, hourly, every five minutes."""
_PEOPLE_HOURS = {"bound": (0.5, 2.0, 8.0), "other": (0.0, 0.5, 4.0)}
"""Hours a day that people work on a warehouse that a monitor bounds in its own right, and on any other."""
_MEASURED = (0.75, 1.0, 1.5)
RESTS_ON = (
    f"people work {_PEOPLE_HOURS['bound'][0]:g} to {_PEOPLE_HOURS['bound'][2]:g} hours a day on the environment's warehouse "
    f"(expected {_PEOPLE_HOURS['bound'][1]:g}), up to {_PEOPLE_HOURS['other'][2]:g} on the others (expected "
    f"{_PEOPLE_HOURS['other'][1]:g})",
    f"a task runs as its schedule says, one that a stream starts {_TRIGGERED_RUNS[0]} to {_TRIGGERED_RUNS[2]} times a day "
    f"(expected {_TRIGGERED_RUNS[1]}), together with those behind it; each time is a minute and that until the warehouse is suspended",
    "a larger warehouse does the same work in as much less time at best (lowest), in the same time at worst (highest); expected: halfway",
    "the highest value has all clusters of a multi-cluster warehouse at work a quarter of the time",
)


@dataclass(frozen=True, kw_only=True)
class Range:
    """Credits a day: lowest, expected, highest."""

    low: float = 0.0
    expected: float = 0.0
    high: float = 0.0

    def __add__(self, other: Range) -> Range:
        return Range(low=self.low + other.low, expected=self.expected + other.expected, high=self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        return Range(low=self.low - other.low, expected=self.expected - other.expected, high=self.high - other.high)


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    """What counts of a warehouse.

    Attributes:
        name: in the account.
        key: its resource's name, the same on both sides.
        rate: credits an hour of one cluster.
        clusters: at most.
        suspend_seconds: idle seconds before it is suspended.
        monitored: whether a resource monitor bounds it.
        task_runs: runs a day of the tasks on it: lowest, expected, highest.
    """

    name: str
    key: str
    size: str
    rate: float
    clusters: int
    suspend_seconds: int
    monitored: bool
    task_runs: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """An environment's credits a day on both sides.

    Attributes:
        stack: the environment.
        before, after: of all warehouses, by name.
        quota_before, quota_after: credits a day that the monitors allow; None where there is none.
        price_usd: of a credit.
        measured: whether hours were given.
        notes: what changes and is not counted.
    """

    stack: str
    before: Mapping[str, Range]
    after: Mapping[str, Range]
    sizes: Mapping[str, tuple[str, str]]
    bounded_before: Range
    bounded_after: Range
    quota_before: float | None
    quota_after: float | None
    price_usd: Decimal
    measured: bool = False
    notes: tuple[str, ...] = ()

    @property
    def difference(self) -> Range:
        """What the change adds."""
        return sum(self.after.values(), Range()) - sum(self.before.values(), Range())

    @property
    def budget(self) -> float | None:
        """What the gate holds the head to: the lower quota, so that no change raises its own budget."""
        quotas = [quota for quota in (self.quota_before, self.quota_after) if quota is not None]
        return min(quotas) if quotas else None

    @property
    def over_budget(self) -> bool:
        """Whether the expected credits of what monitors bound are above the budget."""
        return self.budget is not None and self.bounded_after.expected > self.budget

    @property
    def raises_budget(self) -> bool:
        """Whether the change lets more be spent, or bounds nothing any more."""
        return self.quota_before is not None and (self.quota_after is None or self.quota_after > self.quota_before)


def read_usage(path: Path | None) -> dict[str, float]:
    """Returns measured hours a day by warehouse, from a JSON file such as `{"COMPUTE_WH_PROD": 3.5}`.

    Raises:
        UsageError: the file is something else.
    """
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        hours = {str(name).upper(): float(value) for name, value in found.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f'{path}: hours a day by warehouse are expected, such as {{"COMPUTE_WH_PROD": 3.5}}: {error}'
        ) from None
    wrong = [name for name, value in hours.items() if not 0 <= value <= 24]
    if wrong:
        raise UsageError(f"{path}: {wrong[0]} is {hours[wrong[0]]:g}: allowed: 0 to 24 hours a day")
    return hours


def forecast(
    stack: str, state: Checkpoint, steps: Iterable[Step], price_usd: Decimal, usage: Mapping[str, float]
) -> Forecast:
    """Returns an environment's forecast.

    Args:
        stack: the environment.
        state: of the base, deployed.
        steps: to the head.
        price_usd: of a credit.
        usage: measured hours a day by warehouse, in place of assumed ones.
    """
    steps = list(steps)
    kinds = ("Warehouse", "ResourceMonitor", "Task")
    old = {kind: {resource.urn: resource.inputs for resource in state.of_kind(kind)} for kind in kinds}
    new = {kind: _after(old[kind], [step for step in steps if step.kind == kind]) for kind in kinds}
    before, after = _warehouses(old), _warehouses(new)
    by_key = {each.key: each for each in before}
    ranges_before = {each.name: _credits(each, each, usage) for each in before}
    ranges_after = {each.name: _credits(each, by_key.get(each.key, each), usage) for each in after}
    new_by_key = {each.key: each for each in after}
    sizes = {key: (_said(by_key.get(key)), _said(new_by_key.get(key))) for key in sorted({*by_key, *new_by_key})}
    return Forecast(
        stack=stack,
        before=ranges_before,
        after=ranges_after,
        sizes={key: pair for key, pair in sizes.items() if pair[0] != pair[1]},
        bounded_before=sum((ranges_before[each.name] for each in before if each.monitored), Range()),
        bounded_after=sum((ranges_after[each.name] for each in after if each.monitored), Range()),
        quota_before=_quota(old["ResourceMonitor"]),
        quota_after=_quota(new["ResourceMonitor"]),
        price_usd=price_usd,
        measured=bool(usage),
        notes=tuple(sorted(set(_uncounted(steps)))),
    )


def _after(inputs: Mapping[str, Mapping[str, Any]], steps: Iterable[Step]) -> dict[str, Mapping[str, Any]]:
    found = dict(inputs)
    for step in steps:
        if step.op == "delete":
            found.pop(step.urn, None)
        else:
            found[step.urn] = step.new
    return found


def _warehouses(inputs: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Warehouse]:
    found = []
    for urn, about in sorted(inputs["Warehouse"].items()):
        name = str(about.get("name") or urn.rsplit("::", 1)[-1]).upper()
        size = _size(about.get("warehouseSize"))
        tasks = [task for task in inputs["Task"].values() if str(task.get("warehouse", "")).upper() == name]
        found.append(
            Warehouse(
                name=name,
                key=urn.rsplit("::", 1)[-1],
                size=size,
                rate=float(2 ** _SIZES.index(size)),
                clusters=int(about.get("maxClusterCount") or 1),
                suspend_seconds=int(about.get("autoSuspend") or _DEFAULT_SUSPEND_SECONDS),
                monitored=bool(about.get("resourceMonitor")),
                task_runs=_all_runs(tasks),
            )
        )
    return found


def _size(value: Any) -> str:
    text = str(value or "XSMALL").upper().replace("-", "")
    text = _ALIASES.get(text, text)
    if text not in _SIZES:
        raise UsageError(f"{value} is no size of a warehouse that has a price here: allowed: {', '.join(_SIZES)}")
    return text


def _said(each: Warehouse | None) -> str:
    if each is None:
        return "not there"
    clusters = f", up to {each.clusters} clusters" if each.clusters > 1 else ""
    return f"{each.size}{clusters}, {each.rate:g} credits an hour, suspended after {each.suspend_seconds} s"


def _all_runs(tasks: Iterable[Mapping[str, Any]]) -> tuple[float, float, float]:
    """Returns how often a day a warehouse is woken: each schedule for itself, all streams together, since one feeds the next."""
    counts = [(bool(task.get("schedule")), _runs(task)) for task in tasks]
    scheduled = [runs for has_schedule, runs in counts if has_schedule]
    triggered = [runs for has_schedule, runs in counts if not has_schedule]
    low, expected, high = (
        sum(runs[place] for runs in scheduled) + max((runs[place] for runs in triggered), default=0.0)
        for place in range(3)
    )
    return (low, expected, high)


def _runs(task: Mapping[str, Any]) -> tuple[float, float, float]:
    """Returns a task's runs a day; a child of another task runs as that one does, on a warehouse that is up already."""
    if task.get("afters") or task.get("started") in (False, "false"):
        return (0, 0, 0)
    schedule = task.get("schedule") or {}
    cron, minutes, seconds = (schedule.get(key) for key in ("usingCron", "minutes", "seconds"))
    count = float(_TRIGGERED_RUNS[1])
    if cron:
        count = _cron_runs(str(cron))
    elif minutes or seconds:
        count = 86400 / (float(minutes or 0) * 60 + float(seconds or 0))
    else:
        return tuple(map(float, _TRIGGERED_RUNS))  # type: ignore[return-value]
    return (0.0 if task.get("when") else count, count / 2 if task.get("when") else count, count)


def _cron_runs(cron: str) -> float:
    """Returns the runs a day of a schedule, on the average of a week."""
    fields = " ".join(cron.split()[:5])
    times = croniter(fields, _MONDAY - timedelta(seconds=1))
    count = 0
    while times.get_next(datetime) < _MONDAY + _WEEK:
        count += 1
    return count / _WEEK.days


def _credits(now: Warehouse, was: Warehouse, usage: Mapping[str, float]) -> Range:
    """Returns a warehouse's credits a day; its people's work is that of the base, done in more or less time."""
    up = _LEAST_SECONDS + now.suspend_seconds
    tasks = [min(24.0, runs * up / 3600) for runs in now.task_runs]
    people = _PEOPLE_HOURS["bound" if now.key.endswith(("_dev", "_staging", "_prod")) else "other"]
    if now.name in usage:
        tasks, people = [0.0, 0.0, 0.0], tuple(usage[now.name] * share for share in _MEASURED)
    quicker = min(1.0, was.rate / now.rate)
    share = (quicker, (1 + quicker) / 2, 1.0)
    clusters = (1.0, 1.0, 1 + (now.clusters - 1) / 4)
    low, expected, high = (
        min(24.0, hours * part + task) * count * now.rate
        for hours, task, part, count in zip(people, tasks, share, clusters, strict=True)
    )
    return Range(low=low, expected=expected, high=high)


def _quota(monitors: Mapping[str, Mapping[str, Any]]) -> float | None:
    quotas = [float(about["creditQuota"]) for about in monitors.values() if about.get("creditQuota") is not None]
    return sum(quotas) if quotas else None


_NOT_COUNTED = {
    ("Table", "clusterBies"): "automatic clustering of {name}",
    ("Table", "clusterBy"): "automatic clustering of {name}",
    ("Table", "dataRetentionTimeInDays"): "storage of {name} for Time Travel",
}


def _uncounted(steps: Iterable[Step]) -> Iterable[str]:
    for step in steps:
        for (kind, key), said in _NOT_COUNTED.items():
            if step.kind == kind and any(diff.split("[")[0].split(".")[0] == key for diff in step.diffs):
                yield said.format(name=step.name)
        if step.kind in ("DynamicTable", "Streamlit", "Alert", "Pipe") and step.op in ("create", "update", "replace"):
            yield f"what {step.kind} {step.name} uses"
