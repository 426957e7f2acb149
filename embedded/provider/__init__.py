"""The Snowflake resource provider, over snowflake-connector-python."""
