"""What the platform declares: one Pulumi component a file, put in order by `__main__.py`."""
