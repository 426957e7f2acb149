"""The resource types this provider manages, as descriptions of their statements."""
