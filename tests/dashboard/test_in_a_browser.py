"""The dashboard as people have it: its own process on a deployed account, in Chromium."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from dashboard_served import free_port, ready
from identity_provider import CLIENT, identity_provider

PAGES = ("Overview", "Quality", "Performance", "Cost", "ML", "Deployments", "Security", "Lineage")
MOST_STATEMENTS = 8
"""Of one page, whoever opens it first."""
_WAIT = 180_000

_LOW_CONTRAST = """() => {
  const lum = c => { const f = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
    return .2126 * f[0] + .7152 * f[1] + .0722 * f[2] };
  const rgb = t => { const m = t.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : [...m.slice(0, 3), 1] };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3]));
  const ground = e => { const found = []; for (; e; e = e.parentElement) found.push(rgb(getComputedStyle(e).backgroundColor));
    let g = [255, 255, 255]; for (const layer of found.reverse()) g = over(layer, g); return g };
  const poor = [];
  for (const e of document.querySelectorAll('[data-testid=stMain] *, [data-testid=stSidebar] *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || !box.width || e.closest('canvas, svg, code, [data-testid=stIconMaterial]')) continue;
    const style = getComputedStyle(e); let ink = rgb(style.color);
    let opacity = 1; for (let p = e; p; p = p.parentElement) opacity *= Number(getComputedStyle(p).opacity);
    if (opacity < .3) continue;
    const g = ground(e), c = over([...ink.slice(0, 3), ink[3] * opacity], g), [a, b] = [lum(c), lum(g)];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) poor.push(e.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return poor }"""


def open_page(page: Any, name: str) -> None:
    """Choose a page from the menu and wait until it has its data."""
    page.get_by_test_id("stSidebarNavLink").filter(has_text=name).first.click()
    ready(page, name)


@pytest.mark.slow
def test_every_page(deployed, serve, browser, seen, subtests, tmp_path):
    with serve(deployed) as dashboard:
        page = browser.new_page()
        page.set_default_timeout(_WAIT)
        seen.watch(page)
        page.goto(dashboard.url)
        ready(page, "Overview")
        for name in PAGES:
            with subtests.test("shows its data with few statements", page=name):
                before = deployed.statements()
                open_page(page, name)
                assert page.get_by_test_id("stAlertContentError").count() == 0, page.inner_text("body")
                assert page.get_by_test_id("stException").count() == 0, page.inner_text("body")
                page.get_by_test_id("stDataFrame").first.wait_for()
                assert deployed.statements() - before <= MOST_STATEMENTS
            with subtests.test("asks nothing again within five minutes", page=name):
                before = deployed.statements()
                page.reload()
                ready(page, name)
                page.get_by_text("0 statements sent").wait_for()
                assert deployed.statements() == before
        with subtests.test("what is shown can be downloaded"):
            open_page(page, "Deployments")
            with page.expect_download() as started:
                page.get_by_role("button", name="Download deployments (CSV)").click()
            lines = (started.value.path()).read_text().splitlines()
            assert lines[0].startswith("result,kind,version_before") and len(lines) > 80
        with subtests.test("refresh shows a change"):
            open_page(page, "Overview")
            last = page.get_by_test_id("stMetric").filter(has_text="Last deployment")
            assert "✔" in last.inner_text()
            with deployed.cursor() as cursor:
                cursor.execute(
                    "insert into deployments.runs (run_id, kind, environment, result, started_at, user_name) "
                    "select 'run-new', 'deploy', 'dev', 'failed', current_timestamp(), 'erik'"
                )
            page.get_by_role("button", name="Refresh").focus()
            page.keyboard.press("Enter")
            last.filter(has_text="▲").wait_for()
            open_page(page, "Deployments")  # with a run of which little is known
            assert page.get_by_test_id("stException").count() == 0
        with subtests.test("the app in Snowflake has its files, and its own role"):
            _in_snowflake(deployed)
        with subtests.test("nothing is asked elsewhere, no error is in the console"):
            assert seen.elsewhere == []
            # Streamlit looks for its health under a page's address first.
            assert [said for said in seen.errors if "404" not in said] == []
        page.close()
        with subtests.test("a planted fault is an alert"):
            _planted_fault(deployed, browser, dashboard.url)
        for theme in ("light", "dark"):
            with subtests.test("readable on a phone", theme=theme):
                _readable_on_a_phone(browser, dashboard.url, theme)
        assert "Traceback" not in dashboard.log.read_text()
    for email, shown in (("sam@logistics.example", "SCIENTIST_SAM as DATA_SCIENTIST"), ("eve@elsewhere.example", None)):
        with subtests.test("everybody signs in", email=email):
            _signed_in(deployed, serve, browser, tmp_path, email, shown)


def _in_snowflake(deployed: Any) -> None:
    """The app's definition names the folder of the stage where the files lie; its owner reads no customer."""
    with deployed.cursor() as cursor:
        cursor.execute("describe streamlit monitoring.logistics_dashboard")
        shown = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
        folder = shown["root_location"].rpartition("/")[2]
        cursor.execute(f"list @monitoring.dashboard_files/{folder}/")
        names = {row[0].split(f"{folder}/")[1] for row in cursor.fetchall()}
        assert {shown["main_file"], "declared.json", "board/queries.py", ".streamlit/config.toml"} <= names
        cursor.execute("show streamlits in schema monitoring")
        owner = [column[0] for column in cursor.description].index("owner")
        assert [row[owner] for row in cursor.fetchall()] == ["DASHBOARD"]


def _readable_on_a_phone(browser: Any, url: str, theme: str) -> None:
    """Nothing is wider than the screen, and every text stands out from its ground."""
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=theme)
    for name in PAGES:
        page.goto(f"{url}/{'' if name == 'Overview' else 'models' if name == 'ML' else name.lower()}")
        ready(page, name)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        assert page.evaluate(_LOW_CONTRAST) == [], name
    page.close()


def _planted_fault(deployed: Any, browser: Any, url: str) -> None:
    """An alert of this moment appears with shape and word and makes the platform's health critical."""
    page = browser.new_page()
    page.set_default_timeout(_WAIT)
    page.goto(url)
    ready(page, "Overview")
    assert page.get_by_text("▲ critical").count() == 0
    with deployed.cursor() as cursor:
        cursor.execute(
            "insert into monitoring.quality_alerts (alert_id, check_name, table_name, severity, message, occurrences, opened_at, "
            "last_seen_at) select 'fault', 'planted', 'marts.tbl_dim_customer', 'critical', '*planted* <b>fault</b>', 1, "
            "sysdate(), sysdate()"
        )
    # What a table says is text: neither Markdown nor HTML comes of it.
    told = page.locator("p", has_text="*planted* <b>fault</b>").first
    for _ in range(10):  # a click while the page is drawn is lost
        page.get_by_role("button", name="Refresh").click()
        page.wait_for_timeout(5000)
        if told.is_visible():
            break
    assert told.is_visible(), page.inner_text("body")
    page.get_by_text("▲ critical").first.wait_for()
    open_page(page, "Quality")
    told.wait_for()
    page.close()


def _signed_in(deployed: Any, serve: Any, browser: Any, folder: Path, email: str, shown: str | None) -> None:
    """Who signs in sees with the own user and role; who is no user sees nothing but that."""
    port = free_port()
    file = folder / f"{email}.toml"
    with identity_provider(email) as provider:
        file.write_text(
            f"[auth]\nredirect_uri = 'http://127.0.0.1:{port}/oauth2callback'\ncookie_secret = '{secrets.token_hex()}'\n"
            f"client_id = '{CLIENT}'\nclient_secret = 'none'\n"
            f"server_metadata_url = '{provider.url}/.well-known/openid-configuration'\n"
        )
        with serve(deployed, "--sign-in", str(file), port=port) as dashboard:
            page = browser.new_page()
            page.set_default_timeout(_WAIT)
            page.goto(dashboard.url)
            page.get_by_role("button", name="Sign in").click()
            if shown is None:
                page.get_by_text(f"No user of dev has the address {email}").wait_for()
                assert page.get_by_text("Data of").count() == 0
            else:
                ready(page, "Overview")
                assert shown in page.get_by_test_id("stSidebar").inner_text()
                page.goto(f"{dashboard.url}/deployments")
                page.get_by_text("not there yet, or this role may not read it").first.wait_for()
            page.close()
