"""`@ updating....`: a dot a second while nothing else is written, so that a log shows that something goes on."""

from __future__ import annotations

import sys
from threading import Event, Lock, Thread

from embedded.engine.display.options import DisplayOptions

_SECONDS_BETWEEN_DOTS = 1.0


class Spinner:
    """Writes its text once and then a dot a second; anything else begins a new line."""

    def __init__(self, text: str, options: DisplayOptions) -> None:
        """Start, unless progress is suppressed."""
        self._text = text
        self._lock = Lock()
        self._stop = Event()
        self._on_line = False
        self._thread: Thread | None = None
        if not options.suppress_progress:
            self._dot()
            self._thread = Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_DOTS):
            self._dot()

    def _dot(self) -> None:
        with self._lock:
            if self._stop.is_set():
                return
            sys.stdout.write("." if self._on_line else f"{self._text}.")
            sys.stdout.flush()
            self._on_line = True

    def interrupt(self, text: str) -> None:
        """Write something else."""
        with self._lock:
            if self._on_line:
                sys.stdout.write("\n")
                self._on_line = False
            sys.stdout.write(text)
            sys.stdout.flush()

    def stop(self) -> None:
        """Write no more dots."""
        self._stop.set()
        with self._lock:
            if self._on_line:
                sys.stdout.write("\n")
                sys.stdout.flush()
                self._on_line = False
