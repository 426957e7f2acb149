"""The account's clock: real time, unless a test drives it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time to everything that depends on it: schedules, suspension, metering, history."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward by some seconds; it keeps running."""
        with self._lock:
            self._ahead += timedelta(seconds=seconds)
