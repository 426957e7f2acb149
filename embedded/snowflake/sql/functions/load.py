"""Imports every module of functions, so that they register."""

from embedded.snowflake.sql.functions import (
    aggregates,
    clustering,
    codes,
    conditional,
    context,
    dates,
    higher_order,
    numbers,
    refused,
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
    "clustering",
    "codes",
    "conditional",
    "context",
    "dates",
    "higher_order",
    "numbers",
    "refused",
    "regexp",
    "scheduler",
    "semi",
    "streams",
    "strings",
    "system",
    "windows",
]
