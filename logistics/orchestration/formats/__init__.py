"""The forms in which a report is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from logistics.orchestration.formats.html import as_html
from logistics.orchestration.formats.markdown import as_markdown
from logistics.orchestration.formats.table import as_table
from logistics.orchestration.report import as_json

FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "table": as_table,
    "markdown": as_markdown,
    "html": as_html,
    "json": as_json,
}
"""What turns a report into text, by the word that `--format` takes."""

__all__ = ["FORMATS"]
