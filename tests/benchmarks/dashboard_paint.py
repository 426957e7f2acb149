"""What the dashboard costs: first useful paint of each page, statements, and ten viewers at once."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from dashboard_served import Deployed, Served, chromium, deployed_account, opened_browser, ready, served
from rich.table import Table

PAGES = {
    "Overview": "",
    "Quality": "quality",
    "Performance": "performance",
    "Cost": "cost",
    "ML": "models",
    "Deployments": "deployments",
    "Security": "security",
    "Lineage": "lineage",
}
VIEWERS = 10


def bench_dashboard(table: Table) -> None:
    """The dashboard with ninety days of results, in Chromium: until a page shows its data."""
    executable = chromium()
    if executable is None:
        table.add_row("dashboard", "not measured", "no Chromium on this machine")
        return
    with (
        tempfile.TemporaryDirectory() as base,
        deployed_account(Path(base)) as deployed,
        served(deployed) as dashboard,
        opened_browser(executable) as browser,
    ):
        for title, path in PAGES.items():
            _page(table, deployed, dashboard, browser, title, path)
        _many(table, deployed, dashboard, browser)


def _page(table: Table, deployed: Deployed, dashboard: Served, browser: Any, title: str, path: str) -> None:
    before = deployed.statements()
    first = _paint(browser, f"{dashboard.url}/{path}", title)
    sent = deployed.statements() - before
    again = _paint(browser, f"{dashboard.url}/{path}", title)
    table.add_row(
        f"{title}: first useful paint", f"{first:.2f} s, {sent} statements", f"from kept answers {again:.2f} s"
    )


def _paint(browser: Any, url: str, title: str) -> float:
    """Seconds from an empty window to a page with its data."""
    page = browser.new_page()
    begin = time.perf_counter()
    page.goto(url, wait_until="commit")
    ready(page, title, 120_000)
    seconds = time.perf_counter() - begin
    page.close()
    return seconds


def _many(table: Table, deployed: Deployed, dashboard: Served, browser: Any) -> None:
    before = deployed.statements()
    pages = [browser.new_page() for _ in range(VIEWERS)]
    begin = time.perf_counter()
    for page in pages:
        page.goto(dashboard.url, wait_until="commit")
    for page in pages:
        ready(page, "Overview", 180_000)
    seconds = time.perf_counter() - begin
    sent = deployed.statements() - before
    table.add_row(f"{VIEWERS} viewers open the overview at once", f"{seconds:.2f} s for all, {sent} statements", "")
