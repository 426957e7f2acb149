"""The documentation site stands in a real browser: pages load, links lead somewhere, the filter filters, nothing is fetched."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from logistics.documentation import build

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
in_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
PAGES = ("index", "catalog", "lineage", "who-sees-what", "settings")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    build(ROOT, target)
    return target


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere_and_nothing_comes_from_the_network(site, page):
    text = (site / f"{page}.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text)
    for link in set(re.findall(r'href="([^"]+)"', text)) - {"data:,"}:
        file, _, anchor = link.partition("#")
        target = (site / file if file else site / f"{page}.html").read_text(encoding="utf-8")
        assert not anchor or f'id="{anchor}"' in target, link


@in_browser
@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_without_an_error_on_a_phone(site, page, tmp_path):
    dom, log = _browse(site / f"{page}.html", tmp_path)
    assert "<h1>" in dom
    assert "CONSOLE" not in log


@in_browser
@pytest.mark.slow
def test_the_filter_leaves_what_matches(site, tmp_path):
    dom, log = _browse(f"{site / 'catalog.html'}?q=contact_email", tmp_path)
    shown = set(re.findall(r'<section class="object" id="([^"]+)">', dom))
    assert shown == {"marts.tbl_dim_customer", "raw.raw_customers", "staging.stg_customers"}
    assert "CONSOLE" not in log


def _browse(page: Path | str, home: Path) -> tuple[str, str]:
    """Load a page in an empty profile; returns what stands in it after its script ran, and what the browser logged."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-background-networking", "--disable-gpu"]
    options = [f"--user-data-dir={home / 'profile'}", "--enable-logging=stderr", "--window-size=390,844", "--dump-dom"]
    done = subprocess.run(
        [*command, *options, f"file://{page}"], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout, done.stderr
