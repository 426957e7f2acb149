"""What is wrong with statements: slow, repeated, spilling, scanning all, failing; each with its reason and its mend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from logistics.optimizer.findings import Recommendation
from logistics.optimizer.history import History
from logistics.optimizer.patterns import Pattern
from logistics.optimizer.texts import parsed, reasons, without_values
from logistics.optimizer.thresholds import GIB, MONTH_DAYS, Thresholds

_QUEUED_PART, _COMPILED_PART, _BLOCKED_PART = 0.3, 0.5, 0.3
"""Shares of the elapsed time from which on a slow statement's reason is the queue, its compilation, or a lock."""


def judge_queries(patterns: Iterable[Pattern], history: History, limits: Thresholds) -> Iterator[Recommendation]:
    """Yields what is to be said of each pattern; one that is slow because it spills is told once, as spilling."""
    days = max(history.extent[1], 1.0)
    for pattern in patterns:
        judged = [
            found
            for judge in (_spilling, _full_scan, _repeated, _failing)
            if (found := judge(pattern, days, limits)) is not None
        ]
        if not any(found.kind in ("spilling", "full_scan") for found in judged):
            judged += [found] if (found := _slow(pattern, days, limits)) is not None else []
        yield from judged


def _slow(pattern: Pattern, days: float, limits: Thresholds) -> Recommendation | None:
    often = pattern.runs >= limits.min_runs or pattern.credit_share >= limits.min_credit_share
    if pattern.elapsed_p95 <= limits.slow_seconds or not often:
        return None
    reason, mend = _reason_of_slowness(pattern)
    return _about(
        pattern,
        days,
        kind="slow_query",
        severity="warning" if pattern.credit_share >= limits.min_credit_share else "info",
        title=f"slow: {pattern.elapsed_p95:,.0f} s (95th percentile of {pattern.runs} runs)",
        reason=reason,
        mend=mend,
        confidence=0.6,
    )


def _reason_of_slowness(pattern: Pattern) -> tuple[str, str]:
    """Returns what takes the time, by the times that history keeps apart, and what the text says on top."""
    said = [
        (reason, mend)
        for part, share, reason, mend in (
            (
                pattern.queued,
                _QUEUED_PART,
                "it waits for the warehouse",
                "see the warehouse's recommendation; or run it at another hour",
            ),
            (
                pattern.blocked,
                _BLOCKED_PART,
                "it waits for locks of other transactions",
                "change the table in one statement at a time, and commit sooner",
            ),
            (
                pattern.compilation,
                _COMPILED_PART,
                "its compilation takes longer than its work",
                "simplify it: fewer nested views, joins and columns",
            ),
        )
        if part > share * pattern.elapsed
    ] + reasons(pattern.text)
    if not said:
        scanned = pattern.bytes_scanned / GIB / max(pattern.runs, 1)
        said = [
            (
                f"its execution takes the time: it reads {scanned:,.2f} GiB and gives "
                f"{pattern.rows_produced // max(pattern.runs, 1):,} rows a run",
                "filter earlier, or keep its result as a table that is refreshed (an incremental model or a dynamic table)",
            )
        ]
    return "; ".join(reason for reason, _ in said), "; ".join(mend for _, mend in said)


def _spilling(pattern: Pattern, days: float, limits: Thresholds) -> Recommendation | None:
    remote = pattern.spilled_remote > 0
    if not pattern.spilled or not (
        remote or pattern.spilled_local >= max(pattern.bytes_scanned * limits.spilled_share, GIB)
    ):
        return None
    where = "remote" if remote else "local"
    said = reasons(pattern.text)
    why = "".join(f"; {reason}" for reason, _ in said)
    how = "".join(f"; {mend}" for _, mend in said)
    return _about(
        pattern,
        days,
        kind="spilling",
        severity="critical" if remote and pattern.credit_share >= limits.min_credit_share else "warning",
        title=f"spills {pattern.spilled / GIB:,.1f} GiB to {where} storage in {pattern.spilled_runs} of {pattern.runs} runs",
        reason=f"its joins, sorts or groups do not fit into the memory of {pattern.warehouse}{why}",
        mend=f"work on fewer rows or columns at a time, or run it on a larger warehouse (each size has twice the memory){how}",
        confidence=0.9 if remote else 0.7,
    )


def _full_scan(pattern: Pattern, days: float, limits: Thresholds) -> Recommendation | None:
    large = pattern.partitions_total >= limits.min_partitions * pattern.runs
    if not large or pattern.scanned_share < limits.scanned_share or not _filters(pattern):
        return None
    if pattern.credit_share < limits.min_credit_share and pattern.elapsed_p95 <= limits.slow_seconds:
        return None
    said = reasons(pattern.text)
    wrapped = any("no partition can be left out" in reason for reason, _ in said)
    partitions = pattern.partitions_total // max(pattern.runs, 1)
    avoidable = pattern.credits * (pattern.scanned_share - 0.5) * MONTH_DAYS / days
    return _about(
        pattern,
        days,
        kind="full_scan",
        severity="warning",
        title=f"reads {pattern.scanned_share:.0%} of {partitions:,} partitions although it filters",
        reason="; ".join(reason for reason, _ in said)
        if wrapped
        else "the rows it filters by are spread over all partitions",
        mend="; ".join(mend for _, mend in said)
        if wrapped
        else "cluster the table by the filtered columns (see the clustering recommendations)",
        saving_credits=max(0.0, avoidable),
        saving_method="if half of the partitions could be left out, by its share of the warehouse's credits",
        confidence=0.5,
    )


def _filters(pattern: Pattern) -> bool:
    """Whether a statement has a condition on rows; one that wants all rows has to read all."""
    from sqlglot import exp

    tree = parsed(pattern.text)
    return tree is not None and tree.find(exp.Where) is not None


def _repeated(pattern: Pattern, days: float, limits: Thresholds) -> Recommendation | None:
    saving = pattern.credits * pattern.repeats / max(pattern.runs, 1) * MONTH_DAYS / days
    if pattern.repeats < limits.repeated_runs or (
        saving < limits.min_saving_credits and pattern.credit_share < limits.min_credit_share
    ):
        return None
    return _about(
        pattern,
        days,
        kind="repeated_query",
        severity="warning" if saving >= limits.min_saving_credits else "info",
        title=f"{pattern.repeats:,} of {pattern.runs:,} runs computed an answer that was there before",
        reason="the same text read the same bytes and gave the same number of rows again, and was not answered from the result cache",
        mend="let the result cache answer it (the same text, USE_CACHED_RESULT, no function such as CURRENT_TIMESTAMP), ask less often, "
        "or keep the result in a model that is refreshed when its sources change",
        saving_credits=saving,
        saving_method="its share of the warehouse's credits by execution time, times the share of runs that repeat",
        confidence=0.6,
    )


def _failing(pattern: Pattern, days: float, limits: Thresholds) -> Recommendation | None:
    if pattern.runs < limits.min_runs or pattern.failed < limits.failed_share * pattern.runs:
        return None
    if pattern.credit_share < limits.min_credit_share and pattern.failed < limits.repeated_runs:
        return None
    return _about(
        pattern,
        days,
        kind="failing_query",
        severity="warning",
        title=f"{pattern.failed:,} of {pattern.runs:,} runs fail",
        reason=f"Snowflake says: {_first_words(pattern.error)}"
        if pattern.error
        else "see ERROR_MESSAGE of QUERY_HISTORY",
        mend="mend or stop it; what it did until it failed is paid for",
        saving_credits=pattern.credits * pattern.failed / pattern.runs * MONTH_DAYS / days,
        saving_method="its share of the warehouse's credits by execution time, times the share of runs that fail",
        confidence=0.6,
    )


def _first_words(message: str) -> str:
    """Returns an error's kind without what it quotes, which may be a row's value."""
    return " ".join(message.split())[:200].split(" '")[0].split(' "')[0]


def _about(pattern: Pattern, days: float, **said: Any) -> Recommendation:
    return Recommendation(
        category="query",
        object_type="QUERY",
        object_name=f"{pattern.fingerprint}@{pattern.warehouse}",
        query_text=without_values(pattern.text) if pattern.text else None,
        evidence=_evidence(pattern, days),
        **said,
    )


def _evidence(pattern: Pattern, days: float) -> dict[str, Any]:
    return {
        "warehouse": pattern.warehouse,
        "query_type": pattern.query_type,
        "slowest_query_id": pattern.sample,
        "days": round(days, 1),
        "runs": pattern.runs,
        "users": pattern.users,
        "failed_runs": pattern.failed,
        "repeated_runs": pattern.repeats,
        "elapsed_seconds_p95": round(pattern.elapsed_p95, 2),
        "elapsed_seconds_max": round(pattern.elapsed_max, 2),
        "execution_seconds_total": round(pattern.execution, 1),
        "compilation_seconds_total": round(pattern.compilation, 1),
        "queued_seconds_total": round(pattern.queued, 1),
        "blocked_seconds_total": round(pattern.blocked, 1),
        "gib_scanned_total": round(pattern.bytes_scanned / GIB, 3),
        "gib_spilled_local": round(pattern.spilled_local / GIB, 3),
        "gib_spilled_remote": round(pattern.spilled_remote / GIB, 3),
        "partitions_scanned_share": round(pattern.scanned_share, 3),
        "credits": round(pattern.credits, 3),
        "credits_share_of_warehouse": round(pattern.credit_share, 4),
    }
