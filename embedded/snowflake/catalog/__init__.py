"""The account's objects, their names and their persistence."""
