"""Starts the dashboard on a machine, and puts its files where Snowflake runs it."""
