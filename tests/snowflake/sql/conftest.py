"""Fixtures of the translator's tests: rows of a query, its single value, its columns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedded.snowflake.account import Account
from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.result import Result
from embedded.snowflake.security.bootstrap import bootstrap
from embedded.snowflake.session.session import Session

Run = Callable[..., list[tuple[Any, ...]]]
_numbers = itertools.count(1)


def rows_of(result: Result) -> list[tuple[Any, ...]]:
    if result.arrow is None:
        return list(result.rows or [])
    columns = [column.to_pylist() for column in result.arrow.columns]
    return list(zip(*columns, strict=True)) if columns else []


@pytest.fixture(scope="module")
def shared_account() -> Iterator[Account]:
    made = Account("TEST-SQL", None)
    bootstrap(made.catalog, "a-test-password")
    yield made
    made.close()


def runner(session: Session) -> Run:
    """A function that runs statements in a session and gives the last one's rows; its `columns` are name and type."""

    def run(*statements: str, binds: list[Any] | None = None) -> list[tuple[Any, ...]]:
        result = None
        for text in statements:
            result = session.execute(text, binds)
        run.columns = [(column.name, str(column.type)) for column in result.columns]
        return rows_of(result)

    run.session = session
    return run


def _in_own_database(account: Account) -> Run:
    found = [account.catalog.find(kind, ACCOUNT, name) for kind, name in (("USER", "ADMIN"), ("ROLE", "ACCOUNTADMIN"))]
    run = runner(Session(account, *(item.oid for item in found)))
    run.database = f"DB{next(_numbers)}"
    run(f"create database {run.database}", f"use schema {run.database}.public", "alter session set timezone = 'UTC'")
    return run


@pytest.fixture(scope="session")
def runner_of() -> Callable[[Account], Run]:
    """Give a session of ADMIN in an account, in the schema PUBLIC of a new database."""
    return _in_own_database


@pytest.fixture
def query(shared_account: Account) -> Iterator[Run]:
    """Run statements in one session of ADMIN, in the schema PUBLIC of a database of the test's own (`run.database`)."""
    run = _in_own_database(shared_account)
    yield run
    run.session.close()
