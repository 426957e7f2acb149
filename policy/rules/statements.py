"""What `Execute` resources say: which policy stands on what. The plugin has no resource for these."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rules.model import Resource, of_kind

_ROW_POLICY = re.compile(
    r"ALTER\s+(?:TABLE|VIEW)\s+(?:IF\s+EXISTS\s+)?(?P<table>\S+)\s+(?:DROP\s+ALL\s+ROW\s+ACCESS\s+POLICIES\s*,\s*)?"
    r"ADD\s+ROW\s+ACCESS\s+POLICY\s+(?P<policy>\S+)\s+ON",
    re.IGNORECASE,
)
_ATTACHES = re.compile(
    r"\b(ADD\s+ROW\s+ACCESS\s+POLICY|SET\s+(MASKING|AUTHENTICATION|PASSWORD|SESSION|NETWORK_POLICY|NETWORK)\b)",
    re.IGNORECASE,
)
_USER_POLICY = re.compile(
    r"ALTER\s+USER\s+(?:IF\s+EXISTS\s+)?(?P<user>\S+)\s+SET\s+(?P<kind>AUTHENTICATION|PASSWORD|SESSION)\s+POLICY",
    re.IGNORECASE,
)


def unquoted(name: str) -> str:
    """Returns a name as Snowflake folds it, for comparing."""
    return name.replace('"', "").upper()


def attaches(statement: str) -> bool:
    """Tells whether a statement puts a policy on something."""
    return bool(_ATTACHES.search(statement))


def attached_row_policies(resources: Iterable[Resource]) -> set[str]:
    """Returns the URNs of the tables that a row access policy is put on.

    A statement that is not known yet is told by what it was made from: a table and a row access policy.
    """
    resources = list(resources)
    tables = {table.full_name: table for table in of_kind(resources, "Table")}
    by_label = {f"Table:{table.name}": table for table in tables.values()}
    found = set()
    for statement in of_kind(resources, "Execute"):
        if match := _ROW_POLICY.search(statement.text("execute")):
            table = tables.get(unquoted(match["table"]))
            found |= {table.urn} if table else set()
        elif not statement.text("execute"):
            needs = statement.needs.get("execute", frozenset())
            if any(each.startswith("RowAccessPolicy:") for each in needs):
                found |= {by_label[each].urn for each in needs if each in by_label}
    return found


def bound_users(resources: Iterable[Resource], kind: str) -> set[str]:
    """Returns the names of the users, upper case, that an authentication, password or session policy is put on."""
    resources = list(resources)
    by_label = {f"User:{user.name}": user for user in of_kind(resources, "User")}
    found = set()
    for statement in of_kind(resources, "Execute"):
        match = _USER_POLICY.search(statement.text("execute"))
        if match and match["kind"].upper() == kind:
            found.add(unquoted(match["user"]))
        elif not statement.text("execute"):
            needs = statement.needs.get("execute", frozenset())
            if any(each.startswith(f"{kind.capitalize()}Policy:") for each in needs):
                found |= {by_label[each].label.upper() for each in needs if each in by_label}
    return found
