"""A Pulumi-compatible engine and command line, in Python."""
