"""Imports every module of functions, so that they register."""

from embedded.snowflake.sql.functions import (
    aggregates,
    conditional,
    context,
    dates,
    numbers,
    regexp,
    scheduler,
    semi,
    streams,
    strings,
    system,
    windows,
)

__all__ = [
    "aggregates",
    "conditional",
    "context",
    "dates",
    "numbers",
    "regexp",
    "scheduler",
    "semi",
    "streams",
    "strings",
    "system",
    "windows",
]
