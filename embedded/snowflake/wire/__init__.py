"""Snowflake's HTTP protocol: routes, login, results on the wire."""
