"""Versions that tables are read at while a view is translated for a stream or for Time Travel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Pin = Callable[[int], int | str | None]
_pin: ContextVar[Pin | None] = ContextVar("pin", default=None)


def pinned_version(table: int) -> int | str | None:
    """The version at which a table is to be read here, or a condition over its row versions; None for the current rows."""
    pin = _pin.get()
    return pin(table) if pin is not None else None


def is_pinned() -> bool:
    """Whether tables are read at given versions here."""
    return _pin.get() is not None


@contextmanager
def pinned(pin: Pin) -> Iterator[None]:
    """Read each table at what `pin` gives for its oid (a version, or a condition), in translations inside the block."""
    token = _pin.set(pin)
    try:
        yield
    finally:
        _pin.reset(token)
