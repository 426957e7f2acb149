"""Alerts: opened, kept and closed by what checks found; acknowledged by people; told to the channels of their severity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from logistics.errors import UsageError
from logistics.notices import Channels, tell
from logistics.quality.checks import SEVERITIES
from logistics.sql import identifier, literal

CHANNELS: Mapping[str, tuple[str, ...]] = {
    "info": ("log",),
    "warning": ("log", "webhook"),
    "critical": ("log", "webhook", "e-mail"),
}
"""Where an alert of each severity is told."""
_SHOWN_ALERTS = 20


def refresh(database: str) -> Iterator[str]:
    """Yields the statements that bring the alerts to the newest results; repeated, they change nothing.

    A check has one open alert at most: a failure opens it or is counted in it, a pass or the end of the check closes it. Neither
    `no_data` nor silence changes anything; a check that could not be run counts as failed.
    """
    place = f"{identifier(database)}.monitoring"
    yield f"""update {place}.quality_alerts as alert
set closed_at = change.checked_at
from {place}.vw_quality_alert_changes as change
where alert.check_name = change.check_name and alert.closed_at is null and change.change = 'close'"""
    yield f"""merge into {place}.quality_alerts as alert
using (select * from {place}.vw_quality_alert_changes where change in ('open', 'keep')) as change
    on alert.check_name = change.check_name and alert.closed_at is null
when matched then update set
    alert.severity = change.severity, alert.message = change.message, alert.failures = change.failures,
    alert.occurrences = alert.occurrences + 1, alert.last_seen_at = change.checked_at
when not matched then insert
    (alert_id, check_name, table_name, severity, message, failures, occurrences, opened_at, last_seen_at)
    values (
        md5(change.check_name || change.checked_at::varchar), change.check_name, change.table_name, change.severity,
        change.message, change.failures, 1, change.checked_at, change.checked_at
    )"""


def email_action(database: str, integration: str, addresses: tuple[str, ...]) -> list[str]:
    """Returns the statements by which Snowflake itself mails critical alerts and their recoveries, each once."""
    table = f"{identifier(database)}.monitoring.quality_alerts"
    to = ", ".join(addresses)
    opened = "severity = 'critical' and closed_at is null and opening_emailed_at is null"
    closed = "severity = 'critical' and closed_at is not null and opening_emailed_at is not null and recovery_emailed_at is null"
    told = "coalesce(listagg(message || ' (' || check_name || ', ' || alert_id || ')', '\\n'), '')"
    return [
        f"let opened varchar := (select {told} from {table} where {opened})",
        f"let closed varchar := (select {told} from {table} where {closed})",
        "if (length(opened || closed) > 0) then\n"
        f"  call system$send_email({literal(integration)}, {literal(to)}, 'Critical quality alerts', "
        "'Open:\\n' || :opened || '\\n\\nRecovered:\\n' || :closed);\n"
        "end if",
        f"update {table} set opening_emailed_at = sysdate() where {opened}",
        f"update {table} set recovery_emailed_at = sysdate() where {closed}",
    ]


def acknowledge(cursor: Any, database: str, alert_id: str, by: str, note: str) -> Mapping[str, Any]:
    """Marks an open alert as seen by somebody; it stays open until its check passes.

    Args:
        alert_id: the id, or the beginning of one that is the only such.

    Raises:
        UsageError: there is no such open alert, or more than one.
    """
    table = f"{identifier(database)}.monitoring.quality_alerts"
    cursor.execute(
        f"select alert_id, check_name, acknowledged_by from {table} where closed_at is null and startswith(alert_id, %s)",
        (alert_id,),
    )
    found = cursor.fetchall()
    if len(found) != 1:
        problem = "no open alert has" if not found else f"{len(found)} open alerts begin with"
        raise UsageError(f"{problem} the id {alert_id}: see `logistics quality alerts`")
    full_id, check, before = found[0]
    if before:
        raise UsageError(f"{before} has acknowledged the alert {full_id} of {check} already")
    cursor.execute(
        f"update {table} set acknowledged_by = %s, acknowledged_at = sysdate(), acknowledged_note = %s where alert_id = %s",
        (by, note or None, full_id),
    )
    return {"alert_id": full_id, "check": check, "by": by}


def deliver(cursor: Any, database: str, channels: Channels, execute: Callable[[str], Any]) -> list[str]:
    """Tells each new alert and each recovery once, to the channels of its severity; acknowledged ones are not told again.

    Returns:
        What could not be told; it is tried again at the next run.
    """
    table = f"{identifier(database)}.monitoring.quality_alerts"
    failures: list[str] = []
    for column, condition, word in (
        ("opening", "closed_at is null", "opened"),
        ("recovery", "closed_at is not null and opening_told_at is not null", "recovered"),
    ):
        cursor.execute(
            f"select alert_id, severity, message, check_name, {column}_emailed_at is not null from {table} "
            f"where {condition} and {column}_told_at is null and acknowledged_at is null or "
            f"({condition} and {column}_told_at is null and '{column}' = 'recovery') order by opened_at"
        )
        alerts = cursor.fetchall()
        told = [*_tell(alerts, word, channels, execute, failures)]
        if told:
            names = ", ".join(literal(name) for name in told)
            cursor.execute(f"update {table} set {column}_told_at = sysdate() where alert_id in ({names})")
    return failures


def _tell(
    alerts: list[tuple], word: str, channels: Channels, execute: Callable[[str], Any], failures: list[str]
) -> Iterator[str]:
    """Sends one notice a severity; yields the ids of what every channel has taken."""
    for severity in reversed(SEVERITIES):
        mine = [alert for alert in alerts if alert[1] == severity]
        if not mine:
            continue
        lines = [f"{alert[3]}: {alert[2]} ({alert[0]})" for alert in mine[:_SHOWN_ALERTS]]
        lines += [f"and {len(mine) - _SHOWN_ALERTS} more"] if len(mine) > _SHOWN_ALERTS else []
        title = f"quality: {len(mine)} {severity} alert{'s' if len(mine) > 1 else ''} {word}"
        wanted = [name for name in CHANNELS[severity] if name != "e-mail" or not all(alert[4] for alert in mine)]
        problems = tell(title, "\n".join(lines), {"severity": severity, "state": word}, channels, wanted, execute)
        failures += problems
        yield from () if problems else (str(alert[0]) for alert in mine)
