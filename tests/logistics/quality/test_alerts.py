"""Alerts: one open a check, counted, closed by a pass, acknowledged, told once to the channels of their severity."""

from __future__ import annotations

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from logistics.errors import UsageError
from logistics.notices import Channels
from logistics.quality.alerts import acknowledge, deliver, refresh

TABLE = "marts.tbl_dim_customer"
NAME = f"{TABLE}: customer_tier accepted"
IRON = {"customer_id": "'C1'", "customer_tier": "'IRON'"}


def alerts(account, columns="check_name, occurrences, closed_at is not null"):
    return account.ask(f"select {columns} from logistics.monitoring.quality_alerts order by opened_at")


def mend(account):
    account.cursor.execute(f"update logistics.{TABLE} set customer_tier = 'GOLD'")


def test_one_alert_is_open_and_closes_when_the_check_passes(account):
    account.put(TABLE, IRON)
    for _ in range(2):
        account.check(NAME)
    assert alerts(account) == [(NAME, 2, False)]
    for statement in refresh("LOGISTICS"):
        account.cursor.execute(statement)
    assert alerts(account) == [(NAME, 2, False)], "the same results again change nothing"
    mend(account)
    account.check(NAME)
    assert alerts(account) == [(NAME, 2, True)]
    account.put(TABLE, IRON)
    account.check(NAME)
    assert alerts(account) == [(NAME, 2, True), (NAME, 1, False)]


def test_an_alert_of_a_check_that_is_no_longer_declared_closes(account):
    account.put(TABLE, IRON)
    account.check(NAME)
    account.check(f"{TABLE}: key")
    assert alerts(account) == [(NAME, 1, True)]


def test_an_acknowledged_alert_stays_open_and_is_not_told(account, tmp_path):
    account.put(TABLE, IRON)
    account.check(NAME)
    ((alert_id,),) = alerts(account, "alert_id")
    assert acknowledge(account.cursor, "LOGISTICS", alert_id[:8], "anna", "it's known")["check"] == NAME
    assert alerts(account, "acknowledged_by, acknowledged_note, closed_at") == [("anna", "it's known", None)]
    channels = Channels(log=tmp_path / "notices.log")
    assert deliver(account.cursor, "LOGISTICS", channels, account.cursor.execute) == []
    assert not channels.log.exists()
    for wrong, problem in ((alert_id, "anna has acknowledged"), ("zzz", "no open alert")):
        with pytest.raises(UsageError, match=problem):
            acknowledge(account.cursor, "LOGISTICS", wrong, "ben", "")


@pytest.fixture
def webhook():
    """An address that keeps what it is sent."""
    kept = []

    class Keep(BaseHTTPRequestHandler):
        def do_POST(self):
            kept.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format, *args):
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Keep)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", kept
    server.shutdown()
    server.server_close()
    thread.join()


def test_opening_and_recovery_are_told_once_by_severity(account, tmp_path, webhook):
    url, kept = webhook
    mails = []
    channels = Channels(
        log=tmp_path / "n" / "notices.log", webhook_url=url, email_integration="mail", email_to=("a@b.c", "d@e.f")
    )
    account.put(TABLE, IRON)
    info = next(check for check in account.quality.checks if check.name == f"{TABLE}: some rows")
    empty = replace(info, failures="1", severity="info")
    account.run(account.quality, [*(c for c in account.quality.checks if c.name == NAME), empty])
    for _ in range(2):
        assert deliver(account.cursor, "LOGISTICS", channels, mails.append) == []
    lines = channels.log.read_text().splitlines()
    assert [line.split(": ")[1] for line in lines] == ["1 critical alert opened", "1 info alert opened"] or len(
        lines
    ) == 2
    assert len(kept) == 1
    assert NAME in kept[0]
    assert len(mails) == 1
    assert mails[0].startswith("CALL SYSTEM$SEND_EMAIL('mail', 'a@b.c, d@e.f', 'quality: 1 critical alert opened'")
    mend(account)
    account.check(NAME)
    deliver(account.cursor, "LOGISTICS", channels, mails.append)
    assert "1 critical alert recovered" in kept[1]
    assert len(mails) == 2


def test_a_channel_that_fails_is_named_and_tried_again(account, tmp_path):
    account.put(TABLE, IRON)
    account.check(NAME)
    channels = Channels(log=tmp_path / "notices.log", webhook_url="ftp://example.org/secret-token")
    for _ in range(2):
        (problem,) = deliver(account.cursor, "LOGISTICS", channels, account.cursor.execute)
        assert problem == "webhook: a webhook's address has to begin with https://"
    assert alerts(account, "opening_told_at") == [(None,)]
