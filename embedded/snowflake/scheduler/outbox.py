"""What an account would send (emails, webhooks, messages of queues): kept in a local folder, never sent.

Each message is one file in the account's folder `outbox`: `.eml` for an email, `.json` for another. An account in memory keeps
them in memory.
"""

from __future__ import annotations

import email
import email.policy
import threading
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from embedded.snowflake.account import Account

SENDER = "no-reply@snowflake.net"


@dataclass(frozen=True)
class Notification:
    """A message on its way out.

    Attributes:
        source: what made it: STORED_PROCEDURE, TASK, ALERT, RESOURCE_MONITOR.
        integration: the notification integration's name, or empty.
        channel: EMAIL, QUEUE or WEBHOOK.
        mime_type: text/plain, text/html or application/json.
        recipients: addresses of an email by field: to, cc, bcc.
    """

    source: str
    integration: str
    channel: str
    message: str
    mime_type: str = "text/plain"
    subject: str = ""
    recipients: dict[str, list[str]] = field(default_factory=dict)

    @property
    def addresses(self) -> str:
        """All recipients, separated by commas."""
        return ", ".join(address for listed in self.recipients.values() for address in listed)


class Outbox:
    """The messages of an account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._kept: list[tuple[str, bytes]] = []
        self._number = 0

    def deliver(self, notification: Notification) -> None:
        """Keep a message, and record it in NOTIFICATION_HISTORY."""
        now = self._account.clock.now()
        with self._lock:
            self._number += 1
            number = self._number
        content, suffix = _rendered(notification, now)
        name = f"{now.strftime('%Y%m%dT%H%M%S%fZ')}-{number:04d}{suffix}"
        if self._account.folder is None:
            self._kept.append((name, content))
        else:
            folder = self._account.folder / "outbox"
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        self._account.history.add("notification_history", _row(notification, now, number))

    def messages(self) -> list[tuple[str, bytes]]:
        """The names and contents of the messages, the oldest first."""
        return list(self._kept) if self._account.folder is None else read_outbox(self._account.folder)


def read_outbox(folder: Path) -> list[tuple[str, bytes]]:
    """The messages in an account's folder, the oldest first."""
    return [(path.name, path.read_bytes()) for path in sorted((folder / "outbox").glob("*"))]


def summary(name: str, content: bytes) -> str:
    """One line about a message: whom it is for, and its subject or beginning."""
    if name.endswith(".eml"):
        made = email.message_from_bytes(content, policy=email.policy.default)
        return f"EMAIL to {made['To'] or '(nobody)'}: {made['Subject']}"
    record = orjson.loads(content)
    return f"{record['channel']} {record['integration']}: {' '.join(record['message'].split())[:100]}"


def _rendered(notification: Notification, now: datetime) -> tuple[bytes, str]:
    if notification.channel == "EMAIL":
        return bytes(_email(notification, now)), ".eml"
    record = {
        "integration": notification.integration,
        "channel": notification.channel,
        "mime_type": notification.mime_type,
        "message": notification.message,
        "created": now.isoformat(),
    }
    return orjson.dumps(record, option=orjson.OPT_INDENT_2), ".json"


def _email(notification: Notification, now: datetime) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Date"] = SENDER, format_datetime(now)
    for key, header in (("to", "To"), ("cc", "Cc"), ("bcc", "Bcc")):
        if notification.recipients.get(key):
            made[header] = ", ".join(notification.recipients[key])
    # A header holds one line.
    made["Subject"] = " ".join(notification.subject.split())
    if notification.integration:
        made["X-Snowflake-Integration"] = notification.integration
    made.set_content(notification.message, subtype=notification.mime_type.partition("/")[2])
    return made


def _row(notification: Notification, now: datetime, number: int) -> dict[str, Any]:
    return {
        "id": int(now.timestamp() * 1_000_000) + number,
        "created": now,
        "processed": now,
        "message_source": notification.source,
        "integration_name": notification.integration or None,
        "subject": notification.subject or None,
        "message": notification.message,
        "status": "SUCCESS",
        "recipients": notification.addresses or None,
    }
