"""The models' lifecycle: features, training, registry, gates, serving, drift and comparisons.

`core` holds all that also runs inside Snowflake, as a procedure's handler: it imports nothing of the platform beside itself.
"""
