"""A connection with a small table, and one call that runs a text as users send it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="module")
def cursor(server: Any) -> Any:
    connection = server.connect(account="TEST-SCRIPTING")
    made = connection.cursor()
    made.execute("create or replace database d")
    yield made
    connection.close()


@pytest.fixture
def run(cursor: Any) -> Callable[..., list[tuple[Any, ...]]]:
    """Run one statement in a database with the tables T (1 a, 2 b, 3 NULL) and LOG (empty), and give its rows."""
    cursor.execute("create or replace table t (id int, name varchar)")
    cursor.execute("insert into t values (1, 'a'), (2, 'b'), (3, null)")
    cursor.execute("create or replace table log (what varchar)")

    def execute(text: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        return cursor.execute(text, parameters).fetchall()

    return execute
