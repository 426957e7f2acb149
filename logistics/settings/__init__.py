"""The stack configuration: typed, checked before anything is touched, documented from one place."""

from __future__ import annotations

from logistics.settings.load import load_stack, settings_from, stacks
from logistics.settings.model import AccountSettings, PlatformSettings, StackSettings, UserSettings

__all__ = [
    "AccountSettings",
    "PlatformSettings",
    "StackSettings",
    "UserSettings",
    "load_stack",
    "settings_from",
    "stacks",
]
