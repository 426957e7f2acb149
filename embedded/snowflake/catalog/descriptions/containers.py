"""Databases and schemas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Definition, Kind, kind_of, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.parameters import retention_days
from embedded.snowflake.catalog.show import columns
from embedded.snowflake.errors import SqlCompilationError
from embedded.snowflake.names import ObjectName
from embedded.snowflake.result import TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.security.bootstrap import INFORMATION_SCHEMA_COMMENT
from embedded.snowflake.security.privileges import active_roles, reach, require

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.dispatch import CreateOptions
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

# Session parameters in CREATE that are clauses of their own are read apart; the rest are parameters of the level.
_SCHEMA_CHILDREN = (
    "AGGREGATION POLICY", "ALERT", "AUTHENTICATION POLICY", "DYNAMIC TABLE", "EVENT TABLE", "EXTERNAL TABLE", "FILE FORMAT",
    "FUNCTION", "MASKING POLICY", "MATERIALIZED VIEW", "NETWORK RULE", "PASSWORD POLICY", "PIPE", "PROCEDURE",
    "ROW ACCESS POLICY", "SECRET", "SEQUENCE", "SESSION POLICY", "STAGE", "STREAM", "STREAMLIT", "TABLE", "TAG", "TASK",
    "TEMPORARY TABLE", "VIEW",
)  # fmt: skip


def _read_container(
    kind_name: str, session: Session, tokens: TokenStream, options: CreateOptions, _: ObjectName
) -> Definition:
    from embedded.snowflake.statements.clone import read_clone
    from embedded.snowflake.statements.objects import read_definition

    kind = kind_of(kind_name)
    clone = read_clone(session, tokens, kind)
    managed = tokens.accept("WITH", "MANAGED", "ACCESS")
    definition = read_definition(session, tokens, kind)
    if tokens.accept("WITH", "MANAGED", "ACCESS"):
        managed = True
    definition.body.update(transient="TRANSIENT" in options.modifiers)
    if kind.name == "SCHEMA":
        definition.body["managed_access"] = managed
    if clone is not None:
        definition.body["clone"] = clone
    return definition


def _schema_options(_: Session, item: CatalogObject) -> str:
    words = [("TRANSIENT", "transient"), ("MANAGED ACCESS", "managed_access")]
    return ", ".join(word for word, key in words if item.body.get(key))


def _retention(session: Session, item: CatalogObject) -> str:
    return str(retention_days(session.account.catalog, item)) if item.name != "INFORMATION_SCHEMA" else ""


def _create_schemas(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.statements.clone import clone_children

    changes.create("SCHEMA", item.oid, "INFORMATION_SCHEMA", comment=INFORMATION_SCHEMA_COMMENT)
    clone = item.body.pop("clone", None)
    changes.put(item)
    if clone is None:
        changes.create("SCHEMA", item.oid, "PUBLIC", owner=item.owner)
    else:
        clone_children(session, changes, clone, item)
    session.database, session.schema = item.name, "PUBLIC"


def _enter_schema(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    from embedded.snowflake.statements.clone import clone_children

    clone = item.body.pop("clone", None)
    changes.put(item)
    if clone is not None:
        clone_children(session, changes, clone, item)
    session.database, session.schema = session.account.catalog.get(item.container).name, item.name


def _leave(session: Session, changes: CatalogTransaction, item: CatalogObject) -> None:
    """Refuse the system's own, and end the session's context in what is dropped."""
    if not item.owner:
        raise SqlCompilationError(f"Cannot drop or replace '{item.name}': it belongs to the system.", 3001, "42501")
    if item.kind == "DATABASE" and session.database == item.name:
        session.database = session.schema = None
    elif item.kind == "SCHEMA" and (session.database, session.schema) == (changes.get(item.container).name, item.name):
        session.schema = None


def _alter_database(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    """Replication is of several accounts; a local account has none to replicate to."""
    if tokens.word() in ("ENABLE", "DISABLE") and tokens.word(1) in ("REPLICATION", "FAILOVER"):
        from embedded.snowflake.errors import unsupported

        raise unsupported(f"ALTER DATABASE {tokens.word()} {tokens.word(1)}")
    return _swap(session, tokens, item)


def _alter_schema(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    for word, managed in (("ENABLE", True), ("DISABLE", False)):
        if tokens.accept(word, "MANAGED", "ACCESS"):
            require(session, "OWNERSHIP", item)
            new = item.changed()
            new.body["managed_access"] = managed
            with session.account.catalog.transaction() as changes:
                changes.put(new)
            return True
    return _swap(session, tokens, item)


def _swap(session: Session, tokens: TokenStream, item: CatalogObject) -> bool:
    if not tokens.accept("SWAP", "WITH"):
        return False
    require(session, "OWNERSHIP", item)
    other = reach(session, item.kind, tokens.name(), "OWNERSHIP")
    with session.account.catalog.transaction() as changes:
        changes.put(item.changed(name=other.name, container=other.container))
        changes.put(other.changed(name=item.name, container=item.container))
    return True


def _describe_children(child_kinds: tuple[str, ...]) -> Any:
    def describe(session: Session, item: CatalogObject) -> Result:
        from embedded.snowflake.security.privileges import visible

        catalog, roles = session.account.catalog, active_roles(session)
        found = [
            child
            for child in catalog.children(item.oid)
            if child.kind in child_kinds and visible(session, child, roles)
        ]
        names = [("created_on", TIMESTAMP_LTZ), "name", "kind"]
        return listing(names, [(child.created_on, child.name, child.kind) for child in found])

    return describe


register(
    Kind(
        "DATABASE",
        "DATABASES",
        level="database",
        create_privilege="CREATE DATABASE",
        privileges=(
            "APPLYBUDGET", "CREATE DATABASE ROLE", "CREATE SCHEMA", "IMPORTED PRIVILEGES", "MODIFY", "MONITOR", "REFERENCE_USAGE",
            "USAGE",
        ),
        show=columns(
            "created_on name is_default is_current origin owner comment options retention_time resource_group dropped_on kind"
            " owner_role_type",
            origin=lambda _, item: item.body.get("origin", ""),
            options=lambda _, item: "TRANSIENT" if item.body.get("transient") else "",
            retention_time=lambda session, item: str(retention_days(session.account.catalog, item)),
            resource_group=lambda *_: None,
            kind=lambda _, item: item.body.get("kind", "STANDARD"),
        ),
        describe=_describe_children(("SCHEMA",)),
        read=partial(_read_container, "DATABASE"),
        created=_create_schemas,
        dropping=_leave,
        alter=_alter_database,
        undrop=True,
    )
)  # fmt: skip

register(
    Kind(
        "SCHEMA",
        "SCHEMAS",
        level="schema",
        create_privilege="CREATE SCHEMA",
        privileges=(
            "ADD SEARCH OPTIMIZATION",
            "APPLYBUDGET",
            *(f"CREATE {kind}" for kind in _SCHEMA_CHILDREN),
            "MODIFY",
            "MONITOR",
            "USAGE",
        ),
        show=columns(
            "created_on dropped_on name is_default is_current database_name owner comment options retention_time owner_role_type",
            options=_schema_options,
            retention_time=_retention,
        ),
        describe=_describe_children(("TABLE", "VIEW", "MATERIALIZED VIEW", "DYNAMIC TABLE", "EXTERNAL TABLE")),
        read=partial(_read_container, "SCHEMA"),
        created=_enter_schema,
        dropping=_leave,
        alter=_alter_schema,
        undrop=True,
    )
)
