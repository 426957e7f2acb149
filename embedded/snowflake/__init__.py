"""A local Snowflake: a server that speaks Snowflake's wire protocol, on sqlglot and DuckDB.

What lies where (each package's docstring says more):

    wire/        HTTP routes, login, results on the wire
    session/     sessions, the statement's way from text to handler, transactions
    statements/  what each kind of statement does, one subject a file
    catalog/     the account's objects, names, parameters; SHOW and DESCRIBE
    sql/         queries: names resolved, policies put in, translated to DuckDB
    storage/     table rows with versions; DML; stages and COPY
    change/      streams
    security/    users, roles, grants, privileges, policies
    scheduler/   tasks, alerts, dynamic tables, warehouses, resource monitors
    history/     query, task, login, load and metering history
"""
