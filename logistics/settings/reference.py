"""The reference of all settings, as README.md shows it; a test holds the two together."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from logistics.settings.load import PROJECT, allowed_values
from logistics.settings.model import AccountSettings, PlatformSettings, UserSettings

_SECTIONS: tuple[tuple[str, type[BaseModel], str], ...] = (
    ("The platform", PlatformSettings, f"{PROJECT}:"),
    ("A user, in `logistics:users`", UserSettings, ""),
    ("The account; the plugin's other keys may be added", AccountSettings, "snowflake:"),
)


def reference() -> str:
    """Returns a Markdown table for each section: key, default, what is allowed, meaning."""
    return "\n\n".join(_section(title, model, prefix) for title, model, prefix in _SECTIONS)


def _section(title: str, model: type[BaseModel], prefix: str) -> str:
    rows = [_row(prefix + (field.alias or name), field) for name, field in model.model_fields.items()]
    return "\n".join([f"**{title}**", "", "| Key | Default | Allowed | What it does |", "|-|-|-|-|", *rows])


def _row(key: str, field: FieldInfo) -> str:
    cells = (f"`{key}`", _default(field), allowed_values(field), field.description or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value: Any = field.get_default(call_default_factory=True)
    if value in ("", [], None):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
