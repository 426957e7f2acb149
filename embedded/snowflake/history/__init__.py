"""What was done: queries, tasks, logins, loads, metering."""
