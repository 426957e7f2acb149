"""Snowflake Scripting: blocks are parsed to a tree of statements, which an interpreter runs in a session."""
