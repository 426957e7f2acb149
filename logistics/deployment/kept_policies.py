"""Policies of what is kept: a table that is put aside protects its rows by copies of its policies, not by the stack's own.

Snowflake drops no policy that a table still uses. So the stack's policies are left free to go, while who reads a kept table sees
what the policies of its version show.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logistics.connection import shown
from logistics.sql import full_name, literal, quoted

ROW_ACCESS = "ROW ACCESS POLICY"


@dataclass(frozen=True, kw_only=True)
class PolicyUse:
    """One policy on a table.

    Attributes:
        kind: `MASKING POLICY` or `ROW ACCESS POLICY`.
        policy: its full name in double quotes.
        column: the masked column; empty for a row access policy.
        arguments: the columns that it reads: of a mask those beside its own.
    """

    kind: str
    policy: str
    column: str
    arguments: Sequence[str]

    def copy_in(self, schema: str, suffix: str) -> str:
        """Returns the full name that its copy has in a schema."""
        return f"{schema}.{quoted(f'{self._plain}__{suffix}')}"

    @property
    def _plain(self) -> str:
        return self.policy.replace('"', "").split(".", 1)[1].replace(".", "__")

    def exchange(self, table: str, copy: str) -> str:
        """Returns the statement that puts its copy in its place; there is no moment without either."""
        reads = ", ".join(quoted(column) for column in self.arguments)
        if self.kind == ROW_ACCESS:
            return (
                f"ALTER TABLE {table} DROP ROW ACCESS POLICY {self.policy}, ADD ROW ACCESS POLICY {copy} ON ({reads})"
            )
        using = f" USING ({quoted(self.column)}, {reads})" if reads else ""
        return f"ALTER TABLE {table} ALTER COLUMN {quoted(self.column)} SET MASKING POLICY {copy}{using} FORCE"


def uses(cursor: Any, database: str, table: str) -> list[PolicyUse]:
    """Returns the policies that were put on a table; a mask that comes by a tag is the tag's.

    Args:
        cursor: of a connection as the deploying role.
        database: the platform's database.
        table: its full name in double quotes.
    """
    rows = shown(
        cursor,
        "SELECT POLICY_DB, POLICY_SCHEMA, POLICY_NAME, POLICY_KIND, REF_COLUMN_NAME, REF_ARG_COLUMN_NAMES, TAG_NAME "
        f"FROM TABLE({quoted(database)}.INFORMATION_SCHEMA.POLICY_REFERENCES("
        f"REF_ENTITY_NAME => {literal(table)}, REF_ENTITY_DOMAIN => 'TABLE'))",
    )
    return [_use(row) for row in rows if not row["tag_name"] and row["policy_kind"] in _KINDS]


_KINDS = {"MASKING_POLICY": "MASKING POLICY", "ROW_ACCESS_POLICY": ROW_ACCESS}


def _use(row: Mapping[str, Any]) -> PolicyUse:
    return PolicyUse(
        kind=_KINDS[row["policy_kind"]],
        policy=full_name(row["policy_db"], row["policy_schema"], row["policy_name"]),
        column=row["ref_column_name"] or "",
        arguments=json.loads(row["ref_arg_column_names"] or "[]"),
    )


def copy_statement(cursor: Any, use: PolicyUse, copy: str) -> str:
    """Returns the statement that makes a policy's copy, with the arguments and the body that the policy has now."""
    [policy] = shown(cursor, f"DESCRIBE {use.kind} {use.policy}")
    return (
        f"CREATE {use.kind} IF NOT EXISTS {copy} AS {policy['signature']} RETURNS {policy['return_type']} -> "
        f"{policy['body']}"
    )


def on_copies(cursor: Any, database: str, schema: str, table: str, suffix: str) -> Iterator[tuple[PolicyUse, str, str]]:
    """Yields each policy of a table, the name of its copy, and the statement that makes the copy.

    Args:
        cursor: of a connection as the deploying role.
        database: the platform's database.
        schema: where copies lie, a full name.
        table: the table's full name.
        suffix: what the copies' names end in.
    """
    for use in uses(cursor, database, table):
        copy = use.copy_in(schema, suffix)
        yield use, copy, copy_statement(cursor, use, copy)
