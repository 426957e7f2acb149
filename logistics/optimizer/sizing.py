"""Warehouses: size up or down, clusters, auto-suspend; what each would save by the recorded work, and whether it may be applied."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from logistics.optimizer.findings import Change, Recommendation
from logistics.optimizer.thresholds import GIB, MONTH_DAYS, Thresholds
from logistics.optimizer.warehouses import NEVER, SUSPEND_CANDIDATES, Usage, Warehouse
from logistics.settings import PlatformSettings
from logistics.settings.values import WAREHOUSE_SIZES

APPLY_CONFIDENCE = 0.7
"""What --apply writes is at least this sure."""

MAX_CLUSTERS = 10
_BUDGET_SHARE = 0.8
"""A change that costs more is applied only while the day's mean stays below this share of the quota: the monitor notifies there."""

_MORE_AT_MOST = 0.25
"""A change that costs more than this share of the warehouse's credits is left to people."""

_CLUSTER_PART_OF_HOUR = 3600.0


def judge_warehouses(
    warehouses: Sequence[Warehouse],
    used: Mapping[str, Usage],
    days: float,
    settings: PlatformSettings,
    limits: Thresholds,
) -> Iterator[Recommendation]:
    """Yields what is to be changed on the stack's warehouses.

    Args:
        warehouses: as they stand now.
        used: what each did; one that did nothing costs nothing.
        days: the days that the history covers.
        settings: limits and quota.
        limits: the thresholds.
    """
    for warehouse in warehouses:
        if warehouse.name not in used or not warehouse.standard or days < limits.min_coverage_days:
            continue
        judge = _Judge(warehouse, used[warehouse.name], days, settings, limits)
        size = judge.size_up() or judge.size_down()
        found = [size, None if size and size.kind == "warehouse_size_up" else judge.clusters(), judge.auto_suspend()]
        yield from (item for item in found if item is not None)


class _Judge:
    """Judges one warehouse."""

    def __init__(
        self, warehouse: Warehouse, used: Usage, days: float, settings: PlatformSettings, limits: Thresholds
    ) -> None:
        self._warehouse = warehouse
        self._used = used
        self._days = days
        self._settings = settings
        self._limits = limits
        self._month = MONTH_DAYS / days

    def size_up(self) -> Recommendation | None:
        """Returns the next size where statements spill for a large part of the time."""
        used, limits, target = self._used, self._limits, self._warehouse.larger
        share = used.spilling_execution / used.execution if used.execution else 0.0
        if target is None or share < limits.spilled_share or not (used.spilled_remote or used.spilled_local > GIB):
            return None
        speedup = used.speedup or limits.unassured_speedup
        rest = used.speedup or 1 / limits.unassured_slowdown
        busy = self._busy_share * (share * speedup + (1 - share) * rest)
        saving = used.credits * self._month * (1 - 2 * (busy + 1 - self._busy_share))
        spilled = used.spilled_local + used.spilled_remote
        return self._recommendation(
            kind="warehouse_size_up",
            severity="critical" if used.spilled_remote else "warning",
            title=f"{self._warehouse.name}: {target} in place of {self._warehouse.size}",
            reason=f"statements that spill take {share:.0%} of its execution time: {spilled / GIB:,.1f} GiB did not fit into memory",
            mend=f"set its size to {target}: twice the memory and twice the credits an hour, for a shorter time",
            evidence={
                "spilling_execution_share": round(share, 3),
                "gib_spilled_local": round(used.spilled_local / GIB, 2),
                "gib_spilled_remote": round(used.spilled_remote / GIB, 2),
                "time_needed_share_on_larger": round(speedup, 3),
                "statements_compared_on_both_sizes": used.compared.get("above", 0),
            },
            saving_credits=saving,
            saving_method="metered credits; spilling statements need "
            + self._by(used.speedup, f"{limits.unassured_speedup:g} of their time (assumed)"),
            confidence=min(
                0.9, 0.6 + 0.2 * (share >= 0.3) + 0.1 * (used.spilled_remote > 0) + 0.1 * (used.speedup is not None)
            ),
            change=self._change("size", self._warehouse.size, target),
        )

    def size_down(self) -> Recommendation | None:
        """Returns the size below where nothing of the recorded work needs this one."""
        used, limits, target = self._used, self._limits, self._warehouse.smaller
        if target is None or used.statements < limits.min_statements or used.spilled_local or used.spilled_remote:
            return None
        slowdown = used.slowdown or limits.unassured_slowdown
        nodes = 2 ** WAREHOUSE_SIZES.index(target)
        slots = self._warehouse.concurrency * self._warehouse.max_clusters
        fits = (
            used.execution_p95 * slowdown <= limits.short_statement_seconds,
            used.bytes_p95 <= limits.bytes_per_node * nodes,
            used.queued <= 0.01 * used.elapsed,
            used.running_p95 * slowdown <= slots,
            slowdown < 1.9,
        )
        saving = used.credits * self._month * (1 - (self._busy_share * slowdown + 1 - self._busy_share) / 2)
        if not all(fits) or not self._worth(saving):
            return None
        return self._recommendation(
            kind="warehouse_size_down",
            severity="warning",
            title=f"{self._warehouse.name}: {target} in place of {self._warehouse.size}",
            reason=f"95 of 100 statements end within {used.execution_p95:,.1f} s and read up to {used.bytes_p95 / GIB:,.2f} GiB; "
            "none spills or waits",
            mend=f"set its size to {target}: half of the credits an hour",
            evidence={
                "execution_seconds_p95": round(used.execution_p95, 2),
                "execution_seconds_p95_expected": round(used.execution_p95 * slowdown, 2),
                "gib_scanned_p95": round(used.bytes_p95 / GIB, 3),
                "running_p95": round(used.running_p95, 2),
                "slowdown_on_smaller": round(slowdown, 3),
                "statements_compared_on_both_sizes": used.compared.get("below", 0),
            },
            saving_credits=saving,
            saving_method="metered credits; half the rate, busy time times "
            + self._by(used.slowdown, f"{limits.unassured_slowdown:g} (assumed)"),
            confidence=0.9
            if used.slowdown
            else 0.75
            if used.execution_p95 <= limits.short_statement_seconds / 4
            else 0.6,
            change=self._change("size", self._warehouse.size, target),
        )

    def clusters(self) -> Recommendation | None:
        """Returns more clusters where statements wait for each other and do not spill."""
        used, limits, now = self._used, self._limits, self._warehouse.max_clusters
        share = used.queued / used.elapsed if used.elapsed else 0.0
        often = used.queued_intervals >= 3 or (
            not used.active_intervals and used.queued_statements >= limits.min_statements
        )
        if share < limits.queued_share or not often or now >= MAX_CLUSTERS:
            return None
        needed = min(MAX_CLUSTERS, max(now + 1, math.ceil(used.peak_load / max(self._warehouse.concurrency, 1))))
        rate = 2 ** WAREHOUSE_SIZES.index(self._warehouse.size)
        hours = used.queued_intervals * 300 / _CLUSTER_PART_OF_HOUR * (needed - now)
        return self._recommendation(
            kind="clusters",
            severity="critical" if share >= 0.3 else "warning",
            title=f"{self._warehouse.name}: up to {needed} clusters in place of {now}",
            reason=f"statements spend {share:.0%} of their time in the queue, in {used.queued_intervals} intervals of five minutes",
            mend=f"let it start up to {needed} clusters (multi-cluster warehouses need Enterprise edition); on Standard, spread the work "
            "over the hours or over warehouses",
            evidence={
                "queued_share_of_elapsed": round(share, 3),
                "queued_seconds": round(used.queued, 1),
                "queued_statements": used.queued_statements,
                "queued_intervals_of_5_minutes": used.queued_intervals,
                "active_intervals_of_5_minutes": used.active_intervals,
                "running_and_queued_p95": round(used.peak_load, 2),
                "max_concurrency_level": self._warehouse.concurrency,
                "queued_seconds_saved_per_month": round(used.queued * self._month),
            },
            saving_credits=-rate * hours * self._month,
            saving_method="every further cluster for the whole of each interval in which statements waited: at most this",
            confidence=0.85 if used.active_intervals else 0.6,
            change=self._change("clusters", now, needed),
        )

    def auto_suspend(self) -> Recommendation | None:
        """Returns the idle seconds that would have cost least on the recorded gaps."""
        used, now = self._used, self._warehouse.auto_suspend
        allowed = [
            seconds for seconds in SUSPEND_CANDIDATES if seconds >= max(30, self._settings.min_auto_suspend_seconds)
        ]
        costs = {seconds: self._seconds_paid(seconds) for seconds in {*allowed, now}}
        best = min(allowed, key=lambda seconds: (costs[seconds], seconds))
        if best == now or not costs[now]:
            return None
        saving = used.credits * self._month * (1 - costs[best] / costs[now])
        if not self._worth(saving) or used.statements < self._limits.min_statements:
            return None
        said = "never suspended" if now == NEVER else f"suspended after {now} idle seconds"
        return self._recommendation(
            kind="auto_suspend",
            severity="warning",
            title=f"{self._warehouse.name}: suspend after {best} s in place of {'never' if now == NEVER else f'{now} s'}",
            reason=f"{said}, it ran without work for {used.idle[now] / 3600:,.1f} h beside {used.busy / 3600:,.1f} h of work",
            mend=f"set its auto-suspend to {best} seconds",
            evidence={
                "busy_hours": round(used.busy / 3600, 2),
                "idle_hours_now": round(used.idle[now] / 3600, 2),
                "idle_hours_after": round(used.idle[best] / 3600, 2),
                "resumes_now": used.resumes[now],
                "resumes_after": used.resumes[best],
                "cold_start_seconds": None if used.cold_extra is None else round(used.cold_extra, 2),
                "cached_share_of_bytes": round(used.cached_share, 3),
                "modelled_seconds_now": round(costs[now]),
                "modelled_seconds_after": round(costs[best]),
            },
            saving_credits=saving,
            saving_method="metered credits times the share of paid seconds saved, from the recorded gaps between statements; each resume "
            "adds the seconds that statements were measured to run longer on a cold cache",
            confidence=self._suspend_confidence(),
            change=self._change("auto_suspend", None if now == NEVER else now, best),
        )

    def _seconds_paid(self, idle_seconds: int) -> float:
        """Returns the seconds that the warehouse runs when it is suspended after so long; each resume is paid for 60 at least."""
        used = self._used
        short = used.resumes[idle_seconds] * max(0, 60 - idle_seconds) if idle_seconds < 60 else 0
        return (
            used.busy + used.idle[idle_seconds] + short + used.resumes[idle_seconds] * max(0.0, used.cold_extra or 0.0)
        )

    def _suspend_confidence(self) -> float:
        cached = 0.8 if self._used.cold_extra is None and self._used.cached_share > 0.5 else 1.0
        return 0.9 * cached * (0.9 if self._days < 7 else 1.0)

    @property
    def _busy_share(self) -> float:
        """Share of the paid time in which it works, with the suspension that it has."""
        idle = self._used.idle[self._warehouse.auto_suspend]
        return self._used.busy / (self._used.busy + idle) if self._used.busy + idle else 1.0

    def _worth(self, saving: float) -> bool:
        least = max(self._limits.min_saving_credits, self._limits.min_saving_share * self._used.credits * self._month)
        return saving >= least

    @staticmethod
    def _by(measured: float | None, otherwise: str) -> str:
        return f"{measured:.2f} of it, as measured on the same statements" if measured else otherwise

    def _change(self, what: str, before: Any, after: Any) -> Change | None:
        key = getattr(self._warehouse.keys, what)
        return Change(key=key, before=before, after=after) if key else None

    def _recommendation(self, *, evidence: dict[str, Any], change: Change | None, **said: Any) -> Recommendation:
        used = self._used
        measured = {
            "warehouse": self._warehouse.name,
            "days": round(self._days, 1),
            "statements": used.statements,
            "credits": round(used.credits, 3),
        }
        return Recommendation(
            category="warehouse",
            object_type="WAREHOUSE",
            object_name=self._warehouse.name,
            evidence=measured | evidence,
            change=change,
            not_applied_because=self._hindrance(change, said["confidence"], said["saving_credits"]) if change else "",
            **said,
        )

    def _hindrance(self, change: Change, confidence: float, saving: float) -> str:
        """Returns why a change is not written by --apply: it is not sure enough, or beyond a limit of the environment."""
        settings = self._settings
        if confidence < APPLY_CONFIDENCE:
            return f"its confidence is below {APPLY_CONFIDENCE:g}"
        if change.key in ("warehouseSize", "multiClusterSize"):
            if WAREHOUSE_SIZES.index(change.after) > WAREHOUSE_SIZES.index(settings.max_warehouse_size):
                return f"maxWarehouseSize is {settings.max_warehouse_size}"
        elif change.key.endswith("Clusters") and change.after > settings.max_clusters:
            return f"maxClusters is {settings.max_clusters}"
        a_day = self._used.credits / self._days - saving / MONTH_DAYS
        if (
            saving < 0
            and self._warehouse.name == settings.warehouse
            and a_day > _BUDGET_SHARE * settings.daily_credit_quota
        ):
            return f"it would take {a_day:,.1f} credits a day of dailyCreditQuota {settings.daily_credit_quota}"
        if -saving > _MORE_AT_MOST * self._used.credits * self._month:
            more = -saving / (self._used.credits * self._month)
            return f"it would cost {more:.0%} more; its statements can run on a larger warehouse instead"
        return ""
