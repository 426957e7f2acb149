"""Users, roles, grants, privilege checks and policies."""
