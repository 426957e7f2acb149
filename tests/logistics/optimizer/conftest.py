"""A local Snowflake with the stack's warehouses, and histories of made-up work in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from local_server import LocalServer, local_server
from workloads import Workload

from logistics.optimizer.findings import Recommendation
from logistics.optimizer.run import Report, Request, optimize
from logistics.settings import StackSettings, load_stack

ROOT = Path(__file__).parents[3]
SETUP = (
    "create database LOGISTICS",
    "create schema LOGISTICS.MARTS",
    "create role DATA_ENGINEER",
    "grant role DATA_ENGINEER to role ACCOUNTADMIN",
    "grant all on database LOGISTICS to role DATA_ENGINEER",
    "grant all on schema LOGISTICS.MARTS to role DATA_ENGINEER",
    "grant select on future tables in schema LOGISTICS.MARTS to role DATA_ENGINEER",
    "create resource monitor DAILY_COST_MONITOR with credit_quota = 100 frequency = daily start_timestamp = immediately",
    "create warehouse COMPUTE_WH_DEV initially_suspended = true resource_monitor = DAILY_COST_MONITOR",
    "create warehouse COMPUTE_WH_XS initially_suspended = true",
    "create warehouse COMPUTE_WH_MULTI initially_suspended = true max_cluster_count = 10",
    "grant usage on warehouse COMPUTE_WH_DEV to role DATA_ENGINEER",
)


@dataclass
class World:
    """A server, a session on it, and the settings of the dev stack."""

    server: LocalServer
    cursor: Any
    settings: StackSettings
    schemas: int = 0

    def workload(self) -> Workload:
        """A new, empty history."""
        self.schemas += 1
        return Workload(self.cursor, f"LOGISTICS.HISTORY_{self.schemas}")

    def report(self, work: Workload, days: int = 30, partition_rows: int | None = None, **settings: Any) -> Report:
        """What the optimizer says of a history, with some settings changed."""
        platform = self.settings.platform.model_copy(update=settings)
        request = Request(days=days, history=work.schema, partition_rows=partition_rows)
        return optimize(self.settings.model_copy(update={"platform": platform}), self.server.environment(), request)

    def found(self, work: Workload, **more: Any) -> dict[str, Recommendation]:
        """The same by kind."""
        return {item.kind: item for item in self.report(work, **more).recommendations}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with local_server() as server, server.connect() as connection:
        cursor = connection.cursor()
        for text in SETUP:
            cursor.execute(text)
        yield World(server, cursor, load_stack(ROOT, "dev"))


@pytest.fixture
def work(world: World) -> Workload:
    """An empty history; COMPUTE_WH_DEV is an X-Small that is suspended after a minute."""
    empty = world.workload()
    empty.warehouse()
    return empty


@pytest.fixture
def recommendation() -> Callable[..., Recommendation]:
    """Makes a recommendation of which only what is given matters."""
    blank = Recommendation(
        category="query",
        kind="slow_query",
        severity="info",
        object_type="QUERY",
        object_name="Q",
        title="t",
        reason="r",
        mend="m",
    )
    return lambda **said: replace(blank, **said)
