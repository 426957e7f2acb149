"""Schedules as tasks and alerts write them: `5 MINUTE`, `10 SECOND`, `USING CRON 0 9 * * MON-FRI Europe/Berlin`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from embedded.snowflake.errors import SqlCompilationError

_INTERVAL = re.compile(r"\s*(\d+)\s*(H|HOURS?|M|MINUTES?|S|SECONDS?)\s*\Z", re.IGNORECASE)
_CRON = re.compile(r"\s*USING\s+CRON\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*\Z", re.IGNORECASE)
_SECONDS = {"H": 3600, "M": 60, "S": 1}
_LEAST_SECONDS, _MOST_SECONDS = 10, 11_520 * 60
# Snowflake writes the last Friday of a month 5L, croniter L5.
_LAST_WEEKDAY = re.compile(r"\b([0-6]|SUN|MON|TUE|WED|THU|FRI|SAT)L\b", re.IGNORECASE)
_DAYS = {name: str(number) for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}


@dataclass(frozen=True)
class Schedule:
    """Either every `seconds`, or by a cron expression (croniter's spelling) in a time zone."""

    seconds: int | None = None
    cron: str | None = None
    zone: str | None = None

    def next(self, after: datetime, since: datetime) -> datetime:
        """The first time of the schedule later than `after`; intervals are counted from `since`. All in UTC."""
        if self.seconds is not None:
            passed = max(0, (after - since) // timedelta(seconds=self.seconds))
            return since + timedelta(seconds=self.seconds) * (passed + 1)
        from croniter import croniter

        zone = ZoneInfo(self.zone or "UTC")
        times = croniter(self.cron or "", after.astimezone(zone), day_or=True)
        found = times.get_next(datetime)
        # A time that the clocks leap over does not come that day; one that they repeat comes twice.
        while not croniter.match(self.cron or "", found.replace(tzinfo=None)):
            found = times.get_next(datetime)
        return found.astimezone(UTC)


def parse_schedule(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        SqlCompilationError: it is none: wrong form, interval out of range, unknown zone (001008).
    """
    interval, cron = _INTERVAL.match(text), _CRON.match(text)
    if interval:
        seconds = int(interval[1]) * _SECONDS[interval[2][0].upper()]
        if _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
            return Schedule(seconds=seconds)
    if cron:
        return _parse_cron(text, " ".join(cron.group(1, 2, 3, 4, 5)), cron[6])
    raise _invalid(text)


def _parse_cron(text: str, expression: str, zone: str) -> Schedule:
    from croniter import croniter

    try:
        name = ZoneInfo(zone).key
    except (KeyError, ValueError, OSError):
        raise _invalid(text) from None
    written = _LAST_WEEKDAY.sub(lambda match: "L" + _DAYS.get(match[1].upper(), match[1]), expression)
    if not croniter.is_valid(written):
        raise _invalid(text)
    return Schedule(cron=written, zone=name)


def _invalid(text: str) -> SqlCompilationError:
    return SqlCompilationError(
        f"invalid value [{text}] for parameter 'SCHEDULE': use '<n> SECONDS', '<n> MINUTES', '<n> HOURS' (10 seconds to 11520"
        " minutes) or 'USING CRON <minute> <hour> <day of month> <month> <day of week> <time zone>'",
        1008,
        "22023",
    )
