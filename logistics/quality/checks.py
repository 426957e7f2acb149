"""What a check is: aggregates over one table, and what makes of them failures and a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from logistics.contracts import TableContract
from logistics.sql import identifier

TEST_HEADER = frozenset({"comment", "severity", "owner", "what_to_do", "needs_rows"})
"""What a SQL test says of itself; `needs_rows` makes it wait until the table that it reads first holds rows."""
FAILING_WHOLE = ("freshness", "volume", "consistency", "anomaly")
"""Kinds of which the table fails as a whole; of the others rows fail."""
ANOMALY_SUFFIX = " anomaly"
QUARTER, HOUR = "quarter", "hour"
"""How often a check is looked at: every 15 minutes, or every hour."""
SEVERITIES = ("info", "warning", "critical")
"""From the least to the gravest."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check, ready to be put into its table's statement.

    Attributes:
        name: unique, such as `marts.tbl_dim_customer: key`.
        table: `schema.table`.
        what_to_do: when it fails.
        aggregates: over the table's rows, named `{a0}`, `{a1}` … in the templates below.
        beside: queries of one row with one column `v`, named `{b0}` … in them; `{rows}` is the number of the table's rows.
        failures: template of the number of failing rows; of a table that fails as a whole, 1 or 0.
        value: template of what was measured, a float.
        no_data: template of the condition that there is nothing to judge yet.
        failing_row: condition of a row that fails, over the table, `joins` and `windows`; empty where there is none to show.
        joins: left joins that add columns and no rows.
        windows: names and window expressions that `failing_row` needs.
        shown: columns whose values show what is wrong.
        query: for a SQL test its query, whose rows are those that fail.
        query_columns: the columns of the query that may be kept in samples.
        learned: whether its values are judged by their history too.
    """

    name: str
    table: str
    kind: str
    severity: str
    owner: str
    description: str
    what_to_do: str
    aggregates: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    failures: str
    value: str = "null"
    no_data: str = "false"
    failing_row: str = ""
    joins: tuple[str, ...] = ()
    windows: tuple[tuple[str, str], ...] = ()
    shown: tuple[str, ...] = ()
    query: str = ""
    query_columns: tuple[str, ...] = ()
    learned: bool = False

    @property
    def cadence(self) -> str:
        """How often it is looked at."""
        return QUARTER if self.kind == "freshness" else HOUR

    @property
    def rule(self) -> str:
        """The name within its table."""
        return self.name.split(": ")[-1]


def at_least(severity: str) -> Sequence[str]:
    """Returns a severity and the graver ones."""
    return SEVERITIES[SEVERITIES.index(severity) :]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """All checks in their order, and the contracts that they are about."""

    checks: tuple[Check, ...]
    tables: Mapping[str, TableContract]
    database: str

    def full(self, name: str) -> str:
        """Returns a table's name with its database."""
        return f"{identifier(self.database)}.{name}"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """The deployed alert: its name, how often in minutes it looks, its condition and its action."""

    name: str
    minutes: int
    condition: str
    action: str
