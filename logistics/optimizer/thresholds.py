"""The figures from which on something is said; docs/optimizer.md lists them from here."""

from __future__ import annotations

from dataclasses import dataclass

MONTH_DAYS = 30.0
"""Savings are told for this many days."""

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """When a figure of the history is worth a recommendation.

    Attributes:
        slow_seconds: a statement is slow when the 95th percentile of its runs takes longer.
        min_runs: a statement that ran less often is judged by its share of credits alone.
        min_credit_share: share of its warehouse's credits from which a statement matters.
        min_saving_credits: a month's saving below it is not worth a change.
        min_saving_share: the same, as a share of the warehouse's credits.
        repeated_runs: runs of the same text on unchanged data from which on it is repeated.
        queued_share: share of the elapsed time in the queue from which on statements queue.
        spilled_share: share of the execution time in statements that spill from which on a warehouse is too small.
        scanned_share: share of the partitions read from which on a scan is full.
        min_partitions: tables with fewer partitions are cheap to scan whole.
        min_statements: a warehouse that ran fewer statements is not judged.
        min_coverage_days: a warehouse is not judged by a shorter history.
        short_statement_seconds: 95th percentile up to which a smaller warehouse is likely to do.
        bytes_per_node: bytes scanned, 95th percentile, that one node (an X-Small) is trusted with.
        unassured_slowdown: how much longer statements are taken to run on half the size when the history has no example.
        unassured_speedup: how much of their time spilling statements are taken to need on twice the size, likewise.
        failed_share: share of the runs that fail from which on a statement is worth a look.
        max_patterns: statements that are looked at one by one, those with most credits first.
        max_of_kind: recommendations of one kind that are told, those worth most.
        pruning_gain: share of the partitions that a clustering key must save.
        min_table_partitions: smaller tables are not worth a clustering key.
        measure_rows: a larger table is sampled for the measurement, about this many rows.
    """

    slow_seconds: float = 60.0
    min_runs: int = 3
    min_credit_share: float = 0.10
    min_saving_credits: float = 1.0
    min_saving_share: float = 0.05
    repeated_runs: int = 20
    queued_share: float = 0.05
    spilled_share: float = 0.10
    scanned_share: float = 0.80
    min_partitions: int = 100
    min_statements: int = 50
    min_coverage_days: float = 3.0
    short_statement_seconds: float = 10.0
    bytes_per_node: int = 1 * GIB
    unassured_slowdown: float = 1.4
    unassured_speedup: float = 0.5
    failed_share: float = 0.2
    max_patterns: int = 300
    max_of_kind: int = 20
    pruning_gain: float = 0.20
    min_table_partitions: int = 32
    measure_rows: int = 20_000_000
