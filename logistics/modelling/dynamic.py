"""What a dynamic table is made with: its policies and masks in the statement itself, so that no row is ever there without them."""

from __future__ import annotations

from logistics.modelling.graph import Model
from logistics.sql import full_name, literal, quoted

_POLICIES = "GOVERNANCE"
"""The schema of the policies and of the tag PII."""


def create_dynamic_table(model: Model, database: str, warehouse: str, retention_days: int) -> str:
    """Returns the statement that makes a dynamic table, protected from its birth and without rows.

    It is refreshed for the first time after its statement (INITIALIZE = ON_SCHEDULE), when it belongs to the role of future
    dynamic tables: a refresh sees what its owner sees, and the deploying role sees no protected row.

    Args:
        model: a compiled model; the names in its query hold the database already.
        database: the database that it lies in and whose policies it takes.
        warehouse: the name of the warehouse that refreshes it.
        retention_days: of Time Travel.
    """
    contract = model.contract
    parts = [
        f"CREATE DYNAMIC TABLE {full_name(database, *model.name.upper().split('.'))} (",
        ",\n".join(f"    {_column(model, column.name, database)}" for column in contract.columns),
        ")",
        f"TARGET_LAG = {literal(_lag(contract.target_lag))}",
        f"WAREHOUSE = {quoted(warehouse)}",
        f"REFRESH_MODE = {contract.refresh_mode.upper()}",
        "INITIALIZE = ON_SCHEDULE",
    ]
    if contract.cluster_by:
        parts.append(f"CLUSTER BY ({', '.join(quoted(name.upper()) for name in contract.cluster_by)})")
    parts += [f"DATA_RETENTION_TIME_IN_DAYS = {retention_days}", f"COMMENT = {literal(contract.comment)}"]
    if contract.row_access_policy:
        column = quoted(str(contract.policy_column).upper())
        parts.append(f"ROW ACCESS POLICY {_governed(database, contract.row_access_policy)} ON ({column})")
    return "\n".join([*parts, "AS", model.query.rstrip().rstrip(";")])


def dynamic_refresh(name: str) -> str:
    """Returns the statement that brings a dynamic table up to the present, with its owner's rights.

    Args:
        name: with database and schema.
    """
    return f"ALTER DYNAMIC TABLE {name} REFRESH"


def _column(model: Model, name: str, database: str) -> str:
    """Returns a column of the list; its type is the query's."""
    column = model.contract.column(name)
    assert column is not None
    parts = [quoted(name.upper())]
    if column.masking_policy:
        parts.append(f"WITH MASKING POLICY {_governed(database, column.masking_policy)}")
    if column.pii:
        parts.append(f"WITH TAG ({_governed(database, 'pii')} = {literal(column.pii)})")
    if column.comment:
        parts.append(f"COMMENT {literal(column.comment)}")
    return " ".join(parts)


def _governed(database: str, name: str) -> str:
    return full_name(database, _POLICIES, name.upper())


def _lag(lag: str) -> str:
    return lag.upper() if lag.lower() == "downstream" else lag.lower()
