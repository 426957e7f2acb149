"""Programs of users: stored procedures and functions, in SQL and Python."""
