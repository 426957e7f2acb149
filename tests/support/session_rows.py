"""A session in a schema of its own, and rows as plain values, as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from embedded.snowflake.session.session import Session

Run = Callable[..., list[tuple[Any, ...]]]


def plain(value: Any) -> Any:
    """A number as int where it is whole, so that tables of expected rows read well."""
    return int(value) if isinstance(value, Decimal) and value == int(value) else value


def rows_of(session: Session, text: str) -> list[tuple[Any, ...]]:
    """The rows that a statement gives."""
    result = session.execute(text)
    rows = result.rows if result.rows is not None else [tuple(row.values()) for row in result.arrow.to_pylist()]
    return [tuple(plain(value) for value in row) for row in rows]


@pytest.fixture
def opened(session: Callable[..., Session]) -> Callable[[], Run]:
    """Open a session in schema D.PUBLIC and give what runs statements in it."""

    def make() -> Run:
        found = session()
        found.execute("create database if not exists d")
        found.execute("use schema d.public")
        return lambda text: rows_of(found, text)

    return make


@pytest.fixture
def run(opened: Callable[[], Run]) -> Run:
    """Run a statement in a session and give its rows."""
    return opened()
