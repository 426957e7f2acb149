"""The documentation site, made from what the program declares: catalog, lineage, who sees what, environments, settings."""

from __future__ import annotations

from logistics.documentation.site import build

__all__ = ["build"]
