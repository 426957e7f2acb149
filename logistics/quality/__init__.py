"""The data's quality: checks declared in contracts and sql/tests, run set by set, with history, alerts and mending.

`checks` says what a check is, `declared` collects those of the platform, `statements` makes one statement a table of them,
`tasks` the tasks and the alert that are deployed, `run` runs them on demand, `anomalies` judges what they measured by its history,
`alerts` keeps and tells alerts, `heal` mends tasks and streams.
"""
