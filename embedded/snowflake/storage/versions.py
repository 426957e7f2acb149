"""Row versions: how a row's life is written in its hidden columns.

`_rid` is the row's identity, `_from` the version that made it so, `_to` the version that ended it. A version is an integer of the
account that grows with each commit of a table. What an explicit transaction has not committed yet carries PENDING plus the
transaction's id in place of a version.
"""

from __future__ import annotations

INFINITE = 2**62
PENDING = 2**61


def table_name(oid: int) -> str:
    """The DuckDB table that holds a table's rows."""
    return f"main.t_{oid}"


def column_name(column_id: int) -> str:
    """The DuckDB column that holds a column's values."""
    return f"c{column_id}"


def visible(transaction: int | None) -> str:
    """The condition for rows that are there now, for a session in an explicit transaction or in none (None)."""
    if transaction is None:
        return f"_from < {PENDING} and _to >= {PENDING}"
    own = PENDING + transaction
    return f"(_from < {PENDING} or _from = {own}) and _to >= {PENDING} and _to <> {own}"


def visible_at(version: int) -> str:
    """The condition for rows that were there at a version."""
    return f"_from <= {version} and _to > {version}"
