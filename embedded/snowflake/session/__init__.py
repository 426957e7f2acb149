"""Sessions, and a statement's way from text to result."""
