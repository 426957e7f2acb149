"""Queries: names resolved, policies put in, translated to DuckDB."""
