"""Who sees what: masking and row access policies, roles, users and grants."""
