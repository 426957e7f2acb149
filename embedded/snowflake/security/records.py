"""The records of grants and memberships: made, taken back, and given to new objects by future grants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.store import CatalogTransaction


def put_grant(
    changes: CatalogTransaction, on: int, privilege: str, grantee: int, *, grant_option: bool, granted_by: int
) -> None:
    """Give a role a privilege on an object (0: the account); one that is there keeps its date and its grant option."""
    key = f"{on}|{privilege}|{grantee}"
    old = changes.catalog.record("grant", key)
    record = {
        "on": on,
        "privilege": privilege,
        "grantee": grantee,
        "grant_option": grant_option or bool(old and old["grant_option"]),
        "granted_by": granted_by,
        "created_on": old["created_on"] if old else datetime.now(UTC).isoformat(),
    }
    changes.put_record("grant", key, record)


def remove_grant(changes: CatalogTransaction, record: dict[str, Any]) -> None:
    """Take a privilege back."""
    changes.remove_record("grant", f"{record['on']}|{record['privilege']}|{record['grantee']}")


def drop_grant_option(changes: CatalogTransaction, record: dict[str, Any]) -> None:
    """Leave the privilege, without the right to pass it on."""
    changes.put_record(
        "grant", f"{record['on']}|{record['privilege']}|{record['grantee']}", {**record, "grant_option": False}
    )


def put_membership(changes: CatalogTransaction, role: int, grantee: int, granted_by: int) -> None:
    """Give a role to a role or a user."""
    key = f"{role}|{grantee}"
    if changes.catalog.record("membership", key) is None:
        record = {
            "role": role,
            "grantee": grantee,
            "granted_by": granted_by,
            "created_on": datetime.now(UTC).isoformat(),
        }
        changes.put_record("membership", key, record)


def remove_membership(changes: CatalogTransaction, role: int, grantee: int) -> None:
    """Take a role back from a role or a user."""
    changes.remove_record("membership", f"{role}|{grantee}")


def future_key(container: int, kind: str, privilege: str, grantee: int) -> str:
    """The key of a future grant's record."""
    return f"{container}|{kind}|{privilege}|{grantee}"


def apply_future_grants(changes: CatalogTransaction, item: CatalogObject) -> CatalogObject:
    """Give the roles with future grants their privileges on a new object; OWNERSHIP changes its owner.

    A schema with future grants on the kind hides those of its database, as in Snowflake.
    """
    records = list(changes.catalog.records("future_grant").values())
    container = item.container
    while container:
        found = [record for record in records if record["container"] == container and record["kind"] == item.kind]
        if found:
            return _apply_future(changes, item, found)
        container = changes.get(container).container
    return item


def _apply_future(changes: CatalogTransaction, item: CatalogObject, found: list[dict[str, Any]]) -> CatalogObject:
    for record in found:
        if record["privilege"] == "OWNERSHIP":
            item = changes.put(item.changed(owner=record["grantee"]))
        else:
            put_grant(
                changes,
                item.oid,
                record["privilege"],
                record["grantee"],
                grant_option=record["grant_option"],
                granted_by=record["granted_by"],
            )
    return item


def forget(changes: CatalogTransaction, oid: int) -> None:
    """Take out every record that names an object which is gone for good."""
    for collection, fields in (
        ("grant", ("on", "grantee")),
        ("membership", ("role", "grantee")),
        ("future_grant", ("container", "grantee")),
    ):
        for key, record in changes.catalog.records(collection).items():
            if any(record[field] == oid for field in fields):
                changes.remove_record(collection, key)
