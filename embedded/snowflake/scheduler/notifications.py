"""What tasks tell by their integrations, and the checks of who may send what by which integration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.resolve import full_name
from embedded.snowflake.errors import SnowflakeError, SqlExecutionError, does_not_exist
from embedded.snowflake.scheduler.outbox import Notification
from embedded.snowflake.security.privileges import active_roles, holds

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.scheduler.runs import GraphRun, TaskRun
    from embedded.snowflake.session.session import Session

_MIME_TYPES = ("text/plain", "text/html", "application/json")


def usable_integration(session: Session, name: str) -> CatalogObject:
    """An enabled notification integration that the session may use.

    Raises:
        SnowflakeError: there is none (002003), or it is not enabled (001044).
    """
    catalog = session.account.catalog
    found = catalog.find("NOTIFICATION INTEGRATION", ACCOUNT, name) or catalog.find(
        "NOTIFICATION INTEGRATION", ACCOUNT, name.upper()
    )
    if (
        found is None
        or found.kind != "NOTIFICATION INTEGRATION"
        or not holds(catalog, active_roles(session), "USAGE", found)
    ):
        raise does_not_exist("Integration", name)
    if not found.body["properties"].get("ENABLED"):
        raise SqlExecutionError(f"Integration '{found.name}' is not enabled.", 1044, "42P13")
    return found


def send_email(session: Session, integration: str, recipients: str, subject: str, content: str, mime: str) -> None:
    """SYSTEM$SEND_EMAIL: put an email in the outbox.

    Raises:
        SnowflakeError: the integration is not there, not enabled, or not for email; a recipient is not allowed (394209).
    """
    addresses = [address.strip() for address in recipients.split(",") if address.strip()]
    deliver(session, integration, mime, content, {"subject": subject, "toAddress": addresses}, "STORED_PROCEDURE")


def deliver(session: Session, integration: str, mime: str, message: str, options: dict[str, Any], source: str) -> None:
    """Put a message in the outbox as an integration would send it.

    Args:
        session: who sends.
        integration: the integration's name.
        mime: the message's type.
        message: its text.
        options: of an email: subject, toAddress, ccAddress, bccAddress.
        source: what sends it.

    Raises:
        SnowflakeError: the integration or a recipient is not allowed, or something needed is empty.
    """
    found = usable_integration(session, integration)
    properties = found.body["properties"]
    channel = properties.get("TYPE", "EMAIL")
    if mime not in _MIME_TYPES:
        raise SqlExecutionError(f"Unsupported MIME type '{mime}': use one of {', '.join(_MIME_TYPES)}.", 100132)
    if not message:
        raise SqlExecutionError("The content of a notification may not be empty.", 394210)
    if channel != "EMAIL":
        session.account.outbox.deliver(Notification(source, found.name, channel, message, mime))
        return
    recipients: dict[str, list[str]] = {
        key: list(options.get(name) or ())
        for key, name in (("to", "toAddress"), ("cc", "ccAddress"), ("bcc", "bccAddress"))
    }
    if not any(recipients.values()):
        recipients["to"] = list(properties.get("DEFAULT_RECIPIENTS") or ())
    subject = options.get("subject") or properties.get("DEFAULT_SUBJECT") or ""
    _check_email(session, properties, subject, [address for listed in recipients.values() for address in listed])
    session.account.outbox.deliver(Notification(source, found.name, channel, message, mime, subject, recipients))


def _check_email(session: Session, properties: dict[str, Any], subject: str, addresses: list[str]) -> None:
    if not addresses:
        raise SqlExecutionError("An email needs at least one recipient.", 394209)
    if not subject:
        raise SqlExecutionError("The subject of an email may not be empty.", 394210)
    allowed = properties.get("ALLOWED_RECIPIENTS")
    users = [user.body.get("properties", {}).get("EMAIL") or "" for user in session.account.catalog.all("USER")]
    known = {address.lower() for address in (allowed or users) if address}
    refused = [address for address in addresses if address.lower() not in known]
    if refused:
        raise SqlExecutionError(
            f"Email recipients in the given list at indexes [{', '.join(str(addresses.index(a) + 1) for a in refused)}]"
            " are not allowed. Either these email addresses are not yet validated or do not belong to any user in the"
            " current account.",
            394209,
            "22023",
        )


# -- tasks


def graph_ended(account: Account, run: GraphRun) -> None:
    """Tell by the root's ERROR_INTEGRATION which tasks failed, or by its SUCCESS_INTEGRATION that none did."""
    properties = run.root.body["properties"]
    failed = [done for done in run.runs.values() if done.state == "FAILED"]
    if failed and properties.get("ERROR_INTEGRATION"):
        _tell(account, run, properties["ERROR_INTEGRATION"], "USER_TASK_FAILED", failed)
    succeeded = [done for done in run.runs.values() if done.state == "SUCCEEDED"]
    if not failed and succeeded and not run.cancelled and properties.get("SUCCESS_INTEGRATION"):
        _tell(account, run, properties["SUCCESS_INTEGRATION"], "USER_TASK_SUCCEEDED", succeeded)


def _tell(account: Account, run: GraphRun, integration: str, kind: str, tasks: list[TaskRun]) -> None:
    catalog = account.catalog
    now = account.clock.now()
    message = {
        "version": "1.0",
        "messageId": run.group_id,
        "messageType": kind,
        "timestamp": now.isoformat(),
        "accountName": account.account_name,
        "taskName": full_name(catalog, run.root),
        "taskId": run.root.body.get("id"),
        "rootTaskName": full_name(catalog, run.root),
        "rootTaskId": run.root.body.get("id"),
        "messages": [
            {
                "taskName": full_name(catalog, done.task),
                "runId": str(run.run_id),
                "scheduledTime": done.scheduled_time.isoformat(),
                "queryStartTime": done.started.isoformat() if done.started else None,
                "completedTime": done.completed.isoformat() if done.completed else None,
                "queryId": done.query_id,
                "errorCode": done.error.code if done.error else None,
                "errorMessage": done.error.message if done.error else None,
            }
            for done in tasks
        ],
    }
    found = catalog.find("NOTIFICATION INTEGRATION", ACCOUNT, integration)
    if found is None or not found.body["properties"].get("ENABLED"):
        return
    channel = found.body["properties"].get("TYPE", "QUEUE")
    account.outbox.deliver(
        Notification(
            "TASK",
            found.name,
            channel,
            orjson.dumps(message).decode(),
            "application/json",
            f"Task {run.root.name}: {kind}",
            {"to": list(found.body["properties"].get("ALLOWED_RECIPIENTS") or ())},
        )
    )


__all__ = ["SnowflakeError", "deliver", "graph_ended", "send_email", "usable_integration"]
