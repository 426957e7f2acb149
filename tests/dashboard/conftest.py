"""A deployed account, the dashboard on it, and a browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from dashboard_served import Deployed, chromium, deployed_account, opened_browser, served
from local_server import PROJECT

sys.path.insert(0, str(PROJECT / "dashboard"))


@dataclass
class Seen:
    """What a browser's page told beside what it showed."""

    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        """Keep its console's errors, its exceptions, and what it asks of other hosts."""
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note)

    def _note(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            self.elsewhere.append(request.url)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A dev stack by `logistics up`, its results tables filled."""
    pytest.importorskip("streamlit")
    with deployed_account(tmp_path_factory.mktemp("dashboard")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium with an empty profile."""
    found = chromium()
    if found is None:
        pytest.skip("no Chromium on this machine")
    with opened_browser(found) as opened:
        yield opened


@pytest.fixture(scope="module")
def serve() -> Any:
    """Starts the dashboard for a block."""
    return served


@pytest.fixture
def seen() -> Seen:
    """Keeps what a page told beside what it showed."""
    return Seen()
