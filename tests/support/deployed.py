"""The platform deployed for real: server process, connector, `embedded/bin/pulumi`, the project's own program."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_server import LocalServer, Project, copy_project, pulumi_project

CUSTOMERS = [
    ("C000000001", "anna@one.example", "PREMIUM", 12),
    ("C000000002", "ben@two.example", "GOLD", 7),
    ("C000000003", "cleo@three.example", "BRONZE", 1),
]


@dataclass(frozen=True)
class Platform:
    """A deployed dev stack with three customers, and how to reach it."""

    server: LocalServer
    project: Project

    def rows(
        self, text: str, role: str = "DATA_ENGINEER", user: str = "ADMIN", account: str = "LOCAL-DEV", **login: Any
    ) -> list[tuple]:
        """The rows that a role sees."""
        with self.server.connect(
            account, user, role=role, database="LOGISTICS", warehouse="COMPUTE_WH_DEV", **login
        ) as connection:
            return connection.cursor().execute(text).fetchall()

    def run(self, *texts: str, role: str = "DATA_ENGINEER", account: str = "LOCAL-DEV") -> None:
        """Run statements in one session."""
        with self.server.connect(account, role=role, database="LOGISTICS", warehouse="COMPUTE_WH_DEV") as connection:
            for text in texts:
                connection.cursor().execute(text)


def deploy(server: LocalServer, folder: Path, stack: str = "dev") -> Project:
    """Make the stack and run its first `up`."""
    folder.mkdir(parents=True, exist_ok=True)
    project = pulumi_project(copy_project(folder / "project"), folder, server)
    server.connect(f"LOCAL-{stack.upper()}").close()
    project.pulumi("stack", "init", stack, "--non-interactive")
    project.pulumi("up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive")
    return project


def fill(platform: Platform) -> None:
    """Put in the three customers, and let the analyst's user see the first two."""
    values = ", ".join(f"('{key}', '{email}', '{tier}', {orders})" for key, email, tier, orders in CUSTOMERS)
    platform.run(
        f"insert into marts.tbl_dim_customer (customer_id, contact_email, customer_tier, order_frequency_30d) values {values}",
        "insert into governance.user_customer_access values ('TEST_ANALYST', 'C000000001'), ('TEST_ANALYST', 'C000000002')",
    )
    platform.run(
        "create user TEST_ANALYST password = 'Test-analyst-1' default_role = DATA_ANALYST",
        "grant role DATA_ANALYST to user TEST_ANALYST",
        "create user TEST_SCIENTIST password = 'Test-scientist-1' default_role = DATA_SCIENTIST",
        "grant role DATA_SCIENTIST to user TEST_SCIENTIST",
        role="ACCOUNTADMIN",
    )


def eventually(question: Callable[[], bool], seconds: float = 60) -> bool:
    """Ask until the answer is yes, or the time is over."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
