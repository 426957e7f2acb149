"""Starts the dashboard on a machine, and puts its files where Snowflake runs it."""

from __future__ import annotations

from logistics.dashboard.bundle import Bundle, bundle

__all__ = ["Bundle", "bundle"]
