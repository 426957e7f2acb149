"""A deployed dev stack, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from deployed import Platform, deploy, eventually, fill
from local_server import local_server


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A dev stack of its own for the module's tests."""
    base = tmp_path_factory.mktemp("platform")
    with local_server(base / "data") as server:
        deployed = Platform(server, deploy(server, base))
        fill(deployed)
        yield deployed


@pytest.fixture
def wait_for() -> Callable[..., bool]:
    """Awaits a condition."""
    return eventually
