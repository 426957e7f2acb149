"""The file backend: stacks, checkpoints, history, locks and tags in the official layout, and who is logged in."""
