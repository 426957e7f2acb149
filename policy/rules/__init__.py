"""The rules of the platform, as plain functions: nothing here knows the policy library or the platform's own code."""

from rules import access, compute, data, texts, weakening

RULES = (*compute.RULES, *data.RULES, *access.RULES, *texts.RULES, *weakening.RULES)
"""Every rule, in the order of the documentation."""
