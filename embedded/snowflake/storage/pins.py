"""Versions that tables are read at while a view is translated for a stream or for Time Travel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Pin = Callable[[int], int | None]
_pin: ContextVar[Pin | None] = ContextVar("pin", default=None)


def pinned_version(table: int) -> int | None:
    """The version at which a table is to be read here, or None for the current rows."""
    pin = _pin.get()
    return pin(table) if pin is not None else None


@contextmanager
def pinned(pin: Pin) -> Iterator[None]:
    """Read each table at the version that `pin` gives for its oid, in translations inside the block."""
    token = _pin.set(pin)
    try:
        yield
    finally:
        _pin.reset(token)
