"""Notifications: checked, put in a local outbox, listed by a command."""

from __future__ import annotations

import email
import subprocess
import sys

import orjson
import pytest

from embedded.snowflake.accounts import Accounts
from embedded.snowflake.catalog.model import ACCOUNT
from embedded.snowflake.session.session import Session


@pytest.fixture
def sender(client):
    client.run(
        "create notification integration em type = email enabled = true allowed_recipients = ('a@b.c', 'd@e.f')",
        "create notification integration off type = email enabled = false allowed_recipients = ('a@b.c')",
        "create notification integration hook type = webhook enabled = true webhook_url = 'https://hooks.slack.com/services/x'",
    )
    return client


def outbox(client):
    return [content for _, content in client.account.outbox.messages()]


def test_an_email_is_kept(sender):
    text = "call system$send_email('em', 'a@b.c, d@e.f', 'Fleet late', '<b>3</b> of 9', 'text/html')"
    assert sender.run(text) == [(True,)]
    [message] = [email.message_from_bytes(content) for content in outbox(sender)]
    assert (message["To"], message["Subject"], message.get_content_type()) == (
        "a@b.c, d@e.f",
        "Fleet late",
        "text/html",
    )
    [row] = sender.dicts("select * from table(information_schema.notification_history())")
    assert (row["integration_name"], row["status"]) == ("EM", "SUCCESS")


@pytest.mark.parametrize(
    ("arguments", "errno"),
    [
        ("'em', 'x@y.z', 's', 'm'", 394209),
        ("'em', '', 's', 'm'", 394209),
        ("'em', 'a@b.c', '', 'm'", 394210),
        ("'em', 'a@b.c', 's', ''", 394210),
        ("'off', 'a@b.c', 's', 'm'", 1044),
        ("'nothing', 'a@b.c', 's', 'm'", 2003),
        ("'em', 'a@b.c', 's'", 939),
    ],
)
def test_what_is_refused_sends_nothing(sender, arguments, errno):
    assert sender.errno(f"call system$send_email({arguments})") == errno
    assert outbox(sender) == []


def test_one_message_goes_to_several_integrations(sender):
    sender.run(
        "call system$send_snowflake_notification("
        " snowflake.notification.text_plain('late'),"
        " array_construct(snowflake.notification.integration('hook'),"
        " snowflake.notification.email_integration_config('em', 'Late', array_construct('a@b.c'))))"
    )
    hook, mail = sorted(outbox(sender), key=lambda content: not content.startswith(b"{"))
    assert orjson.loads(hook)["message"] == "late"
    assert email.message_from_bytes(mail)["Subject"] == "Late"


def test_a_task_tells_its_errors_and_successes(sender):
    sender.run(
        "create task bad warehouse = w schedule = '1 minute' error_integration = hook as select 1 / 0",
        "create task good warehouse = w schedule = '1 minute' success_integration = hook as select 1",
        "alter task bad resume",
        "alter task good resume",
    )
    sender.advance(61)
    kinds = [orjson.loads(orjson.loads(content)["message"])["messageType"] for content in outbox(sender)]
    assert sorted(kinds) == ["USER_TASK_FAILED", "USER_TASK_SUCCEEDED"]


def test_the_command_lists_what_lies_in_the_folder(tmp_path):
    accounts = Accounts(tmp_path, "a-test-password")
    account = accounts.create("ORG-MAIN")
    admin = Session(
        account,
        account.catalog.find("USER", ACCOUNT, "ADMIN").oid,
        account.catalog.find("ROLE", ACCOUNT, "ACCOUNTADMIN").oid,
    )
    admin.execute("create notification integration em type = email enabled = true allowed_recipients = ('a@b.c')")
    admin.execute("call system$send_email('em', 'a@b.c', 'Hello', 'there')")
    accounts.close()
    command = [sys.executable, "-m", "embedded.snowflake", "outbox", "--data", str(tmp_path)]
    found = subprocess.run([*command, "--account", "ORG-MAIN"], capture_output=True, text=True, check=True)
    assert found.stdout.endswith(".eml\tEMAIL to a@b.c: Hello\n")
    assert subprocess.run([*command, "--account", "NO"], capture_output=True, check=False).returncode == 1
