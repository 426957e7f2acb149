"""CREATE OR ALTER: an object that is there becomes as the statement describes it, and keeps grants, tags, policies and data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Definition, Kind
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.policies import check_columns_free
from embedded.snowflake.catalog.tables import TableColumn
from embedded.snowflake.errors import SqlCompilationError, unsupported
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.result import Result, status
from embedded.snowflake.security.privileges import require
from embedded.snowflake.statements import physical
from embedded.snowflake.statements.alter_column import check_type_change

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

# Kinds that Snowflake has CREATE OR ALTER for and that are done here.
KINDS = frozenset(
    {
        "ALERT",
        "AUTHENTICATION POLICY",
        "DATABASE",
        "DATABASE ROLE",
        "FILE FORMAT",
        "FUNCTION",
        "MASKING POLICY",
        "PASSWORD POLICY",
        "PROCEDURE",
        "ROLE",
        "ROW ACCESS POLICY",
        "SCHEMA",
        "SEQUENCE",
        "SESSION POLICY",
        "STAGE",
        "TABLE",
        "TAG",
        "USER",
        "VIEW",
    }
)
# What of an object's body the statement does not describe.
_KEPT = ("tags", "row_access_policy", "policies", "masking_policies", "password", "password_last_set", "clone", "state")


def create_or_alter(session: Session, kind: Kind, old: CatalogObject, definition: Definition) -> Result:
    """Make an object that is there as the definition says.

    Raises:
        SnowflakeError: the kind has no CREATE OR ALTER (000002), or the change is one that ALTER refuses.
    """
    if kind.name not in KINDS or old.kind != kind.name:
        raise unsupported(f"CREATE OR ALTER {kind.name}")
    require(session, "OWNERSHIP", old)
    new = old.changed(comment=definition.comment)
    kept = {key: new.body[key] for key in _KEPT if key in new.body}
    with session.account.catalog.transaction() as changes:
        if kind.name == "TABLE":
            _alter_table(session, changes, new, definition)
        else:
            new.body = {**definition.body, **kept}
            if kind.settle is not None:
                kind.settle(session, new, frozenset(definition.body.get("properties", {})))
            changes.put(new)
    return status(f"{quote_if_needed(old.name)} successfully altered.")


def _alter_table(session: Session, changes: CatalogTransaction, new: CatalogObject, definition: Definition) -> None:
    """Match columns by name: those missing are added, those no longer named are dropped, the others altered."""
    if "as_select" in definition.body or "clone" in definition.body or definition.body.get("row_access_use"):
        raise unsupported("CREATE OR ALTER TABLE with AS, CLONE or policies")
    old_columns = {column["name"]: column for column in new.body["columns"]}
    wanted = definition.body["columns"]
    check_columns_free(
        new.body, [column for name, column in old_columns.items() if name not in {one["name"] for one in wanted}]
    )
    columns, added, changed = [], [], []
    for column in wanted:
        old = old_columns.get(column["name"])
        if old is None:
            column = {**column, "id": new.body["next_column_id"]}
            new.body["next_column_id"] += 1
            added.append(column)
        else:
            column = _merged(old, column)
            changed.append((old, column))
        columns.append(column)
    ids = {old["id"]: old["name"] for old in wanted}
    now = {column["name"]: column["id"] for column in columns}
    new.body["columns"] = columns
    new.body["constraints"] = [
        {**constraint, "columns": [now[ids[column]] for column in constraint["columns"]]}
        for constraint in definition.body["constraints"]
    ]
    for key in ("cluster_by", "properties", "parameters"):
        new.body[key] = definition.body[key]
    changes.put(new)
    _do_physical(session, changes, new, added, changed)


def _merged(old: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """A column as wanted, with its identity, policy and tags kept."""
    before, after = TableColumn.from_json(old), TableColumn.from_json(wanted)
    if before.type != after.type:
        check_type_change(before.name, before.type, after.type)
    if bool(before.identity) != bool(after.identity):
        raise SqlCompilationError(f"Cannot change whether column '{before.name}' is an identity.", 2, "0A000")
    return {**wanted, "id": old["id"], "masking_policy": old.get("masking_policy"), "tags": old.get("tags", {})}


def _do_physical(
    session: Session,
    changes: CatalogTransaction,
    table: CatalogObject,
    added: list[dict[str, Any]],
    changed: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    for column in added:
        physical.add_column(session, changes, table, TableColumn.from_json(column))
    for old, column in changed:
        before, after = TableColumn.from_json(old), TableColumn.from_json(column)
        if before.type != after.type:
            physical.change_type(session, changes, table, after, before.type)
        if before.nullable and not after.nullable:
            physical.check_not_null(session, changes, table, after)
