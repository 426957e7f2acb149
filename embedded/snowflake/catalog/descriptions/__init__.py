"""One module for each family of kinds; importing it makes its kinds known."""

from __future__ import annotations

import importlib
import pkgutil


def load() -> None:
    """Make all kinds known."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
