"""Makes docs/pictures: the dashboard's pages on an account of its own with ninety days of results.

make pictures
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from dashboard_served import chromium, deployed_account, opened_browser, ready, served
from local_server import PROJECT

FOLDER = PROJECT / "docs" / "pictures"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PICTURES = (
    ("overview", "", "Overview", WIDE, "light"),
    ("quality", "quality", "Quality", WIDE, "light"),
    ("performance", "performance", "Performance", WIDE, "light"),
    ("cost-dark", "cost", "Cost", WIDE, "dark"),
    ("deployments", "deployments", "Deployments", WIDE, "light"),
    ("security", "security", "Security", WIDE, "light"),
    ("lineage", "lineage", "Lineage", WIDE, "light"),
    ("models-phone-dark", "models", "ML", PHONE, "dark"),
)
"""File, address, title, size of the screen, theme."""


def main() -> int:
    """Write every picture; 1 where there is no browser."""
    executable = chromium()
    if executable is None:
        sys.stderr.write("no Chromium on PATH: install it, or leave the pictures as they are\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as base, deployed_account(Path(base)) as deployed:
        deployed.logistics("quality", "--environment", "dev", may_fail=True)
        with served(deployed) as dashboard, opened_browser(executable) as browser:
            for picture in PICTURES:
                take(browser, dashboard.url, *picture)
    return 0


def take(browser: Any, url: str, file: str, path: str, title: str, size: dict[str, int], theme: str) -> None:
    """Write one picture."""
    page = browser.new_page(viewport=size, color_scheme=theme)
    page.goto(f"{url}/{path}")
    ready(page, title)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(1000)  # charts fade in
    page.screenshot(path=FOLDER / f"{file}.png")
    page.close()


if __name__ == "__main__":
    raise SystemExit(main())
