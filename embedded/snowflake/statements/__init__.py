"""What each kind of statement does, one subject a file."""
