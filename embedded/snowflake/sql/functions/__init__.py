"""Snowflake's functions, by subject; importing the package registers all of them."""
