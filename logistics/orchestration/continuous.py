"""Runs again and again on a schedule, until it is asked to stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from logistics.errors import Locked, LogisticsError, UsageError
from logistics.orchestration.scheduler import Stop

_FIELDS = 5


class Schedule:
    """Five cron fields and, if it is not UTC, a time zone: `*/15 * * * *`, `0 6 * * * Europe/Berlin`."""

    def __init__(self, text: str) -> None:
        """Reads a schedule.

        Raises:
            UsageError: it is none; says what is allowed.
        """
        self.text = text
        words = text.split()
        fields, zone = words[:_FIELDS], " ".join(words[_FIELDS:]) or "UTC"
        self._cron = " ".join(fields)
        if len(fields) != _FIELDS or not croniter.is_valid(self._cron):
            raise UsageError(
                f"{text!r} is no schedule: allowed: five cron fields and a time zone, such as '*/15 * * * * UTC'"
            )
        self._zone = _zone(zone, text)

    def after(self, time: datetime) -> datetime:
        """Returns the first time of the schedule after another, in UTC."""
        return croniter(self._cron, time.astimezone(self._zone)).get_next(datetime).astimezone(UTC)


def _zone(name: str, text: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"{text!r}: {name} is no time zone: allowed: UTC, or a name such as Europe/Berlin") from None


def run_continuously(
    schedule: Schedule,
    once: Callable[[], None],
    stop: Stop,
    said: Callable[[str], None],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    wait: Callable[[float], bool] | None = None,
) -> None:
    """Runs at once and then at each time of a schedule; times that pass while a run is at work are left out.

    A run that is refused or fails is told, and the next one takes place all the same.

    Args:
        schedule: when.
        once: one run.
        stop: ends it.
        said: takes a line.
        clock: the time.
        wait: waits for seconds; returns whether the stop was asked for.
    """
    waits = wait or stop.event.wait
    while not stop.asked:
        try:
            once()
        except Locked as error:
            said(f"left out: {error}")
        except LogisticsError as error:
            said(f"failed: {error}")
        if stop.asked:
            return
        due = schedule.after(clock())
        said(f"next at {due:%Y-%m-%d %H:%M} UTC")
        while not stop.asked and (left := (due - clock()).total_seconds()) > 0:
            waits(min(left, 60.0))
