"""The parts that stand in for the official ones on a machine that reaches only a Python package registry."""
