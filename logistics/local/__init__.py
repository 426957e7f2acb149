"""The local Snowflake of this project: its server, its secrets, and the environment that points at it."""
