"""Imports every module of functions, so that they register."""

from embedded.snowflake.sql.functions import aggregates

__all__ = ["aggregates"]
