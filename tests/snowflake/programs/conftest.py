"""Connections for programs: an owner and a caller whose roles differ."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from embedded.snowflake.programs.workers import interpreter

PASSWORD = "a-test-password"
Run = Callable[..., list[tuple[Any, ...]]]


def _missing(module: str) -> bool:
    probe = f"import importlib.util as u, json; print(json.dumps(u.find_spec({module!r}) is None))"
    return json.loads(subprocess.run([interpreter(), "-I", "-c", probe], capture_output=True, check=True).stdout)


@pytest.fixture(scope="session")
def snowpark() -> None:
    """Skip where handlers have no Snowpark."""
    if _missing("snowflake") or _missing("snowflake.snowpark"):
        pytest.skip(
            "needs Snowpark for handlers: requirements/handlers.txt in .venv/handlers or LOCAL_SNOWFLAKE_PYTHON"
        )


@pytest.fixture(scope="session")
def pandas() -> None:
    """Skip where handlers have no pandas."""
    if _missing("pandas"):
        pytest.skip("needs pandas for handlers: requirements/handlers.txt in .venv/handlers or LOCAL_SNOWFLAKE_PYTHON")


def runner(connection: Any) -> Run:
    def run(text: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return connection.cursor().execute(text, parameters).fetchall()

    return run


@pytest.fixture(scope="module")
def admin(server: Any) -> Any:
    """A connection of ADMIN to an account of the module's own."""
    connection = server.connect(account="TEST-PROGRAMS", warehouse="W")
    yield connection
    connection.close()


@pytest.fixture
def run(admin: Any) -> Run:
    """Run one statement in a new database with the table T (1 x, 2 y, 3 x)."""
    execute = runner(admin)
    for text in (
        "create or replace database d",
        "create or replace warehouse w",
        "create or replace table t (id int, name varchar)",
        "insert into t values (1, 'x'), (2, 'y'), (3, 'x')",
    ):
        execute(text)
    return execute


@pytest.fixture
def caller(server: Any, run: Run) -> Any:
    """Run one statement as a user whose role may use the schema but sees no table in it."""
    for text in (
        "create or replace role caller_role",
        f"create or replace user caller password = '{PASSWORD}' default_role = caller_role default_namespace = d.public",
        "grant role caller_role to user caller",
        "grant usage on database d to role caller_role",
        "grant usage on schema d.public to role caller_role",
        "grant usage on warehouse w to role caller_role",
    ):
        run(text)
    connection = server.connect(account="TEST-PROGRAMS", user="CALLER", password=PASSWORD, warehouse="W")
    yield runner(connection)
    connection.close()
