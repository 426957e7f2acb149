"""What runs the orchestrator outside of Snowflake: lines for cron, and units for systemd, filled in for this machine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from logistics.errors import UsageError
from logistics.orchestration.continuous import Schedule

FOLDER = Path(__file__).with_name("units")
KINDS = ("cron", "systemd-service", "systemd-timer", "systemd-continuous")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def unit(kind: str, root: Path, environment: str, action: str, schedule: str) -> str:
    """Returns the text of a unit.

    Args:
        kind: one of KINDS.
        root: the project's folder.
        environment: the stack.
        action: what is run.
        schedule: five cron fields and a time zone.

    Raises:
        UsageError: the schedule is none, or cannot be said in the words of the unit.
    """
    Schedule(schedule)
    words = schedule.split()
    program = Path(sys.executable).with_name("logistics")
    values = {
        "root": str(root),
        "environment": environment,
        "action": action,
        "program": str(program),
        "schedule": schedule,
        "cron": " ".join(words[:5]),
        "zone": " ".join(words[5:]) or "UTC",
        "quoted_root": shlex.quote(str(root)),
        "quoted_program": shlex.quote(str(program)),
    }
    if kind == "systemd-timer":
        values["calendar"] = on_calendar(schedule)
    text = (FOLDER / f"{kind}.txt").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value.replace("%", "\\%" if kind == "cron" else "%%"))
    return text


def on_calendar(schedule: str) -> str:
    """Returns the systemd calendar expression of a cron schedule.

    Raises:
        UsageError: systemd has no words for it: days of the month and of the week at once (cron takes either, systemd
            both), or the last day.
    """
    minute, hour, day, month, weekday, *zone = schedule.lower().split()
    if day != "*" and weekday != "*":
        raise UsageError(f"{schedule!r}: systemd cannot say days of the month or of the week; name one of them")
    if "l" in day or "#" in weekday or "l" in weekday:
        raise UsageError(f"{schedule!r}: systemd has no words for last or numbered days; use cron, or --continuous")
    days = "" if weekday == "*" else f"{','.join(_weekdays(weekday))} "
    date = f"*-{_field(month, 1, _MONTHS)}-{_field(day, 1)}"
    named = schedule.split()[5:] or ["UTC"]
    return f"{days}{date} {_field(hour, 0)}:{_field(minute, 0)}:00 {' '.join(named if zone else ['UTC'])}"


def _field(text: str, first: int, names: Sequence[str] = ()) -> str:
    """Returns a cron field in systemd's words: a list of values, ranges and steps."""
    return ",".join(_part(part, first, names) for part in text.split(","))


def _part(part: str, first: int, names: Sequence[str]) -> str:
    values, _, step = part.partition("/")
    if values == "*":
        return f"{first:02}/{step}" if step else "*"
    said = "..".join(f"{_number(value, names):02}" for value in values.split("-"))
    return f"{said}/{step}" if step else said


def _number(value: str, names: Sequence[str]) -> int:
    return int(value) if value.isdigit() else names.index(value) + 1


def _weekdays(text: str) -> list[str]:
    """Returns cron's days of the week, where 0 and 7 are Sunday, by systemd's names."""
    found = []
    for part in text.split(","):
        values, _, step = part.partition("/")
        first, last = (0, 6) if values == "*" else (_day(values.split("-")[0]), _day(values.split("-")[-1]))
        found += range(first, (last if last >= first else last + 7) + 1, int(step or 1))
    return list(dict.fromkeys(_DAYS[day % 7].title() for day in found))


def _day(text: str) -> int:
    return int(text) if text.isdigit() else _DAYS.index(text)
