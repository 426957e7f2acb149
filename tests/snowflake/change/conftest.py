"""A session in a schema of its own, and rows as plain values."""

from session_rows import opened, run

__all__ = ["opened", "run"]
