"""Environments that live for the length of a pull request: a zero-copy clone of a stack's database, bound, capped, removed.

`clones` makes, lists and removes them; `rewrite` points their SQL at themselves; `commands` are what a user types.
"""
