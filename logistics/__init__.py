"""The platform's library and its `logistics` command: settings, contracts, SQL objects, connection, operations."""
