"""What the user sees of a deployment: progress lines or a live tree, a rich diff, or JSON."""
