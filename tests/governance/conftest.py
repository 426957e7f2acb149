"""A deployed dev stack with three rows in every protected table, and a session for each role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from deployed import deploy
from local_server import PROJECT, local_server

from logistics.proving.truth_table import TruthTable


@pytest.fixture(scope="module")
def truth_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TruthTable]:
    """The truth table on a platform of its own."""
    base = tmp_path_factory.mktemp("governance")
    with local_server(base / "data") as server, ExitStack() as stack:
        deploy(server, base)
        connect = partial(server.connect, database="LOGISTICS", warehouse="COMPUTE_WH_DEV")
        yield TruthTable(connect, PROJECT / "docs" / "who_sees_what.yaml").prepare(stack)
