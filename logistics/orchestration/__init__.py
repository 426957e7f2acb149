"""Runs the platform's operations together: jobs in parallel, in their order, with limits, and one report of what they found."""
