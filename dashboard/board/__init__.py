"""The dashboard: queries, the viewer's session, and a page for each subject.

It lies on a stage in Snowflake as well as here, so it imports nothing of the project but, on a machine, `logistics` for the connection.
"""
