"""A run of the optimizer: every judgement in its turn, into one report."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from logistics.connection import connect
from logistics.optimizer.budget import judge_budget
from logistics.optimizer.clustering import judge_clustering
from logistics.optimizer.findings import Recommendation, priced, ranked
from logistics.optimizer.forecast import ALL, Forecast, credits_today, daily_credits, forecast, together
from logistics.optimizer.history import OWN_TAG, History, open_history
from logistics.optimizer.patterns import patterns
from logistics.optimizer.queries import judge_queries
from logistics.optimizer.sizing import judge_warehouses
from logistics.optimizer.thresholds import MONTH_DAYS, Thresholds
from logistics.optimizer.unused import covers_window, judge_unused
from logistics.optimizer.warehouses import stack_warehouses, usage, warehouse_keys
from logistics.settings import StackSettings
from logistics.sql import literal
from logistics.summary import ENGINEER


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of a run.

    Attributes:
        days: days of history.
        history: DATABASE.SCHEMA in place of ACCOUNT_USAGE; None for that.
        partition_rows: rows of a simulated partition; None by the tables' sizes.
    """

    days: int = 30
    history: str | None = None
    partition_rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a run found.

    Attributes:
        recommendations: in the order of what they are worth.
        forecasts: by warehouse, and ALL for their sum.
        credits: what each warehouse used in the window.
        notes: what could not be judged, and why.
    """

    run_id: str
    environment: str
    started_at: datetime
    ended_at: datetime
    days: int
    covered_days: float
    history: str
    statements: int
    credits: Mapping[str, float]
    recommendations: Sequence[Recommendation]
    forecasts: Mapping[str, Forecast]
    notes: Sequence[str]
    usd_per_credit: float

    @property
    def credits_used(self) -> float:
        """Credits of all the stack's warehouses in the window."""
        return sum(self.credits.values())

    @property
    def saving_credits(self) -> float:
        """What the recommendations save in 30 days together: of a warehouse's credits, each saves its share of what the others leave."""
        month = MONTH_DAYS / max(self.covered_days, 1.0)
        left = {name: used * month for name, used in self.credits.items()}
        for item in self.recommendations:
            name = str(item.evidence.get("warehouse") or "")
            used = self.credits.get(name, 0.0) * month
            if used and item.saving_credits is not None and item.saving_credits > 0:
                left[name] *= max(0.0, 1 - item.saving_credits / used)
        total, rest = self.credits_used * month, sum(left.values())
        for item in self.recommendations:
            if item.saving_credits and item.saving_credits > 0 and "warehouse" not in item.evidence and total:
                rest *= max(0.0, 1 - item.saving_credits / total)
        return total - rest

    @property
    def saving_usd(self) -> float:
        """The same in USD, with the storage that is saved."""
        storage = sum(item.saving_usd or 0.0 for item in self.recommendations if item.saving_credits is None)
        return self.saving_credits * self.usd_per_credit + storage


def optimize(settings: StackSettings, variables: Mapping[str, str], request: Request) -> Report:
    """Reads the history of a stack and returns what is to be done; nothing is changed.

    The deploying role reads the history; the rows of tables are measured as DATA_ENGINEER, who sees them all.

    Raises:
        ConnectionFailed: the account cannot be reached.
        UsageError: the history cannot be read, or a package is missing.
        LogisticsError: Snowflake refuses a statement.
    """
    logging.getLogger("sqlglot").setLevel(
        logging.ERROR
    )  # a statement that sqlglot cannot read is left out, not warned of
    names = list(warehouse_keys(settings.platform))
    with ExitStack() as stack:
        cursor = stack.enter_context(connect(settings, variables)).cursor()
        history = open_history(cursor, request.history, request.days, names, settings.platform.database)
        return _Run(settings, variables, request, history, stack).report()


class _Run:
    """The judgements of one run, each of which may leave a note of what it could not judge."""

    def __init__(
        self,
        settings: StackSettings,
        variables: Mapping[str, str],
        request: Request,
        history: History,
        stack: ExitStack,
    ) -> None:
        self._settings = settings
        self._platform = settings.platform
        self._variables = variables
        self._request = request
        self._history = history
        self._stack = stack
        self._limits = replace(Thresholds(), slow_seconds=float(settings.platform.slow_statement_seconds))
        self._notes: list[str] = []
        self._warehouses = stack_warehouses(history.cursor, self._platform)
        self._past = daily_credits(history)

    def report(self) -> Report:
        """Returns what all judgements found."""
        history = self._history
        days = history.extent[1]
        forecasts = self._forecasts()
        found: list[Recommendation] = []
        for judge in (self._queries, self._sizes, self._clustering, self._unused):
            found += judge()
        found += self._budget(forecasts)
        usd = float(self._platform.credit_price_usd)
        ended = history.cursor.execute("SELECT CURRENT_TIMESTAMP()").fetchone()[0]
        return Report(
            run_id=str(uuid.uuid4()),
            environment=self._platform.environment,
            started_at=history.until,
            ended_at=ended,
            days=self._request.days,
            covered_days=days,
            history=history.schema,
            statements=history.extent[0],
            credits=self._credits(),
            recommendations=self._worth_most(ranked(priced(found, usd))),
            forecasts=forecasts,
            notes=self._notes,
            usd_per_credit=usd,
        )

    def _worth_most(self, found: Sequence[Recommendation]) -> list[Recommendation]:
        """Returns the first of each kind, and notes how many were left out."""
        kinds: dict[str, list[Recommendation]] = {}
        for item in found:
            kinds.setdefault(item.kind, []).append(item)
        most = self._limits.max_of_kind
        self._notes += [
            f"{len(items) - most} more of kind {kind} are left out"
            for kind, items in kinds.items()
            if len(items) > most
        ]
        kept = {id(item) for items in kinds.values() for item in items[:most]}
        return [item for item in found if id(item) in kept]

    def _credits(self) -> dict[str, float]:
        history = self._history
        rows = history.rows(
            f"SELECT WAREHOUSE_NAME, SUM(CREDITS_USED_COMPUTE) AS CREDITS FROM {history.view('WAREHOUSE_METERING_HISTORY')} "
            f"WHERE {history.within()} AND {history.of_stack} GROUP BY WAREHOUSE_NAME"
        )
        return {row["warehouse_name"]: float(row["credits"] or 0.0) for row in rows}

    def _forecasts(self) -> dict[str, Forecast]:
        made = {name: forecast(name, days) for name, days in self._past.items()}
        found = {name: item for name, item in made.items() if item is not None}
        if ALL not in found:
            self._notes.append("no forecast: WAREHOUSE_METERING_HISTORY has no whole day yet")
        elif not found[ALL].backtest_days:
            days = len(found[ALL].past)
            self._notes.append(
                f"the forecast rests on {days} days and was not tried on any: a back-test needs five weeks"
            )
        return found

    def _budget(self, forecasts: Mapping[str, Forecast]) -> Iterable[Recommendation]:
        """Judges what the warehouses under the monitor use together: all of them in production, else the environment's."""
        monitor = self._platform.named("daily_cost_monitor")
        watched = sorted(item.name for item in self._warehouses if item.monitor == monitor)
        if not watched:
            self._notes.append(f"no budget warnings: {monitor} watches none of the warehouses; deploy first")
            return []
        if len(watched) == 1:
            found = forecasts.get(watched[0])
        else:
            found = forecast("monitored", together(self._past, watched))
        today = credits_today(self._history)
        return judge_budget(found, sum(today.get(name, 0.0) for name in watched), watched, self._platform)

    def _queries(self) -> Iterable[Recommendation]:
        return judge_queries(patterns(self._history, self._limits), self._history, self._limits)

    def _sizes(self) -> Iterable[Recommendation]:
        days = self._history.extent[1]
        if days < self._limits.min_coverage_days:
            self._notes.append(
                f"warehouses are not judged: the history covers {days:.1f} days, {self._limits.min_coverage_days:g} are needed"
            )
            return []
        warehouses = self._warehouses
        self._notes += [
            f"{item.name} is not judged: it is no standard warehouse" for item in warehouses if not item.standard
        ]
        if not self._history.has("WAREHOUSE_LOAD_HISTORY"):
            self._notes.append("clusters are judged without WAREHOUSE_LOAD_HISTORY, which may not be read")
        used = usage(self._history, warehouses)
        return judge_warehouses(warehouses, used, days, self._platform, self._limits)

    def _clustering(self) -> Iterable[Recommendation]:
        engineer = self._stack.enter_context(connect(self._settings, self._variables, role=ENGINEER)).cursor()
        engineer.execute(f"ALTER SESSION SET TIMEZONE = 'UTC', QUERY_TAG = {literal(OWN_TAG)}")
        limits = self._limits
        if self._request.partition_rows:
            limits = replace(limits, min_table_partitions=8)
        return list(judge_clustering(self._history, engineer, limits, self._request.partition_rows))

    def _unused(self) -> Iterable[Recommendation]:
        missing = [
            name for name in ("ACCESS_HISTORY", "TABLES", "TABLE_STORAGE_METRICS") if not self._history.has(name)
        ]
        if missing:
            self._notes.append(
                f"unused objects are not judged: {', '.join(missing)} may not be read (ACCESS_HISTORY needs Enterprise edition)"
            )
            return []
        if not covers_window(self._history, self._request.days):
            self._notes.append(
                f"unused objects are not judged: ACCESS_HISTORY does not reach back {self._request.days} days; a shorter --days may do"
            )
            return []
        return judge_unused(self._history, self._request.days, self._platform)
