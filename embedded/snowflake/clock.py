"""The account's clock: real time, unless a test or a person drives it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time to everything that depends on it: schedules, suspension, metering, retention, history.

    Attributes:
        manual: whether it stands still until it is moved (`serve --clock manual`).
    """

    def __init__(self, *, manual: bool = False) -> None:
        self.manual = manual
        self._ahead = timedelta()
        self._standing = datetime.now(UTC) if manual else None
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time, in UTC."""
        standing = self._standing
        return standing if standing is not None else datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward by some seconds; one that is not manual keeps running."""
        self.move(self.now() + timedelta(seconds=seconds))

    def move(self, when: datetime) -> None:
        """Let it be a time; a clock never goes back, so that an earlier one is left alone."""
        with self._lock:
            ahead = when - self.now()
            if ahead <= timedelta():
                return
            if self._standing is not None:
                self._standing = when
            else:
                self._ahead += ahead
