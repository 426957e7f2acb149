"""Deploys a stack and goes back: plan, backup, update, tests, evidence, and rollback from the stack's history.

`engine` drives either Pulumi engine through its Automation API; `history` reads the stack's versions; `replay` turns a past
checkpoint into a program; `restore` brings back what DDL took away; `deploy` and `rollback` join them.
"""
