"""Where policies and tags are used: the rows of POLICY_REFERENCES and TAG_REFERENCES, and SYSTEM$GET_TAG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.kinds import find_kind
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.policies import CARRIERS, uses_of
from embedded.snowflake.catalog.show import containers
from embedded.snowflake.catalog.tags import tag_source, tag_value
from embedded.snowflake.errors import SqlCompilationError, does_not_exist
from embedded.snowflake.names import ObjectName
from embedded.snowflake.security.privileges import reach, visible
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session

POLICY_REFERENCES_COLUMNS = (
    "POLICY_DB",
    "POLICY_SCHEMA",
    "POLICY_NAME",
    "POLICY_KIND",
    "REF_DATABASE_NAME",
    "REF_SCHEMA_NAME",
    "REF_ENTITY_NAME",
    "REF_ENTITY_DOMAIN",
    "REF_COLUMN_NAME",
    "REF_ARG_COLUMN_NAMES",
    "TAG_DATABASE",
    "TAG_SCHEMA",
    "TAG_NAME",
    "POLICY_STATUS",
)
TAG_REFERENCES_COLUMNS = (
    "TAG_DATABASE",
    "TAG_SCHEMA",
    "TAG_NAME",
    "TAG_VALUE",
    "APPLY_METHOD",
    "LEVEL",
    "OBJECT_DATABASE",
    "OBJECT_SCHEMA",
    "OBJECT_NAME",
    "DOMAIN",
    "COLUMN_NAME",
)
DATA_METRIC_FUNCTION_REFERENCES_COLUMNS = (
    "METRIC_DATABASE_NAME",
    "METRIC_SCHEMA_NAME",
    "METRIC_NAME",
    "METRIC_SIGNATURE",
    "METRIC_DATA_TYPE",
    "REF_ENTITY_DATABASE_NAME",
    "REF_ENTITY_SCHEMA_NAME",
    "REF_ENTITY_NAME",
    "REF_ENTITY_DOMAIN",
    "REF_ARGUMENTS",
    "REF_ID",
    "SCHEDULE",
    "SCHEDULE_STATUS",
)
Row = tuple[Any, ...]


def find_entity(session: Session, written: str, domain: str) -> CatalogObject:
    """The object that a text names, of the domain given (`TABLE` stands for all that has columns; `COLUMN` too).

    Raises:
        SnowflakeError: there is none to be seen (002003), or the domain is unknown (001008).
    """
    kind = find_kind(domain.upper().replace("_", " "))
    if kind is None:
        raise SqlCompilationError(f"invalid value [{domain}] for parameter 'REF_ENTITY_DOMAIN'", 1008, "22023")
    item = reach(session, kind.name, TokenStream(written).name())
    if item.kind != kind.name and not (kind.name in ("TABLE", "VIEW") and item.kind in CARRIERS):
        raise does_not_exist(kind.name, written)
    return item


# -- policies


def policy_references(
    session: Session,
    *,
    policy_name: str | None = None,
    ref_entity_name: str | None = None,
    ref_entity_domain: str | None = None,
) -> list[Row]:
    """The rows of POLICY_REFERENCES: all uses of a policy, or all policies on an entity (a table, view, tag or user)."""
    catalog = session.account.catalog
    if policy_name is not None:
        policy = _find_policy(session, policy_name)
        rows = [row for item in _carriers(session) for row in _rows_of(session, item) if row[0] == policy.oid]
        rows += [row for tag in catalog.all("TAG") for row in _tag_rows(session, tag) if row[0] == policy.oid]
        return [row[1:] for row in rows]
    if ref_entity_name is None or ref_entity_domain is None:
        raise SqlCompilationError(
            "POLICY_REFERENCES needs POLICY_NAME, or REF_ENTITY_NAME and REF_ENTITY_DOMAIN.", 939, "22023"
        )
    item = find_entity(session, ref_entity_name, ref_entity_domain)
    if item.kind == "TAG":
        return [row[1:] for row in _tag_rows(session, item)]
    return [row[1:] for row in (_user_rows(session, item) if item.kind == "USER" else _rows_of(session, item))]


def all_policy_references(session: Session) -> list[Row]:
    """The rows of ACCOUNT_USAGE.POLICY_REFERENCES: every use of a policy in the account."""
    catalog = session.account.catalog
    rows = [row for kind in CARRIERS for item in catalog.all(kind) for row in _rows_of(session, item)]
    rows += [row for tag in catalog.all("TAG") for row in _tag_rows(session, tag)]
    rows += [row for user in catalog.all("USER") for row in _user_rows(session, user)]
    return [row[1:] for row in rows]


def _carriers(session: Session) -> list[CatalogObject]:
    catalog = session.account.catalog
    return [item for kind in CARRIERS for item in catalog.all(kind) if visible(session, item)]


def _find_policy(session: Session, written: str) -> CatalogObject:
    from embedded.snowflake.catalog.resolve import find

    for kind in ("MASKING POLICY", "ROW ACCESS POLICY", "PASSWORD POLICY", "AUTHENTICATION POLICY", "SESSION POLICY"):
        found = find(session, kind, TokenStream(written).name())
        if found is not None and visible(session, found):
            return found
    raise does_not_exist("Policy", written)


def _rows_of(session: Session, item: CatalogObject) -> list[Row]:
    """The policies on a table or view, and on its columns through tags; each row begins with the policy's oid."""
    catalog = session.account.catalog
    domain = "VIEW" if item.kind == "VIEW" else item.kind.replace(" ", "_")
    rows = []
    for policy_oid, column, arguments in uses_of(item):
        policy = catalog.get(policy_oid)
        names = None if column is not None and not arguments else orjson.dumps(arguments).decode()
        rows.append(_policy_row(session, policy, item, domain, column, names, None))
    return rows


def _policy_row(
    session: Session,
    policy: CatalogObject,
    item: CatalogObject,
    domain: str,
    column: str | None,
    arguments: str | None,
    tag: CatalogObject | None,
) -> Row:
    kind = policy.kind.replace(" ", "_")
    tags = (*containers(session, tag), tag.name) if tag is not None else (None, None, None)
    return (
        policy.oid,
        *containers(session, policy),
        policy.name,
        kind,
        *(name or None for name in containers(session, item)),
        item.name,
        domain,
        column,
        arguments,
        *tags,
        "ACTIVE",
    )


def _tag_rows(session: Session, tag: CatalogObject) -> list[Row]:
    catalog = session.account.catalog
    return [
        _policy_row(session, catalog.get(policy), tag, "TAG", None, None, tag)
        for policy in tag.body.get("masking_policies", [])
    ]


def _user_rows(session: Session, user: CatalogObject) -> list[Row]:
    catalog = session.account.catalog
    return [
        _policy_row(session, catalog.get(policy), user, "USER", None, None, None)
        for policy in user.body.get("policies", {}).values()
    ]


# -- tags


def tag_references(session: Session, object_name: str, domain: str) -> list[Row]:
    """The rows of TAG_REFERENCES: the tags on an object (domain COLUMN: `table.column`), inherited ones included."""
    item, column = _tagged(session, object_name, domain)
    rows = []
    for tag in session.account.catalog.all("TAG"):
        found = tag_source(session.account.catalog, tag, item, column)
        if found is not None and visible(session, tag):
            rows.append(_tag_row(session, tag, found[0], found[1], item, column))
    return rows


def tag_references_all_columns(session: Session, object_name: str, domain: str) -> list[Row]:
    """The rows of TAG_REFERENCES_ALL_COLUMNS: the tags on every column of a table or view."""
    item = find_entity(session, object_name, domain)
    catalog, rows = session.account.catalog, []
    for column in item.body.get("columns", []):
        for tag in catalog.all("TAG"):
            found = tag_source(catalog, tag, item, column["name"])
            if found is not None and visible(session, tag):
                rows.append(_tag_row(session, tag, found[0], found[1], item, column["name"]))
    return rows


def all_tag_references(session: Session) -> list[Row]:
    """The rows of ACCOUNT_USAGE.TAG_REFERENCES: every tag that is set, where it is set."""
    from embedded.snowflake.catalog.kinds import kinds

    catalog, rows = session.account.catalog, []
    for kind in kinds():
        for item in catalog.all(kind.name):
            for oid, value in item.body.get("tags", {}).items():
                rows.append(_tag_row(session, catalog.get(int(oid)), value, item.kind, item, None))
            for column in item.body.get("columns", []):
                for oid, value in column.get("tags", {}).items():
                    rows.append(_tag_row(session, catalog.get(int(oid)), value, "COLUMN", item, column["name"]))
    return rows


def _tag_row(
    session: Session, tag: CatalogObject, value: str, level: str, item: CatalogObject, column: str | None
) -> Row:
    own = level == ("COLUMN" if column else item.kind)
    database, schema = containers(session, item)
    return (
        *containers(session, tag),
        tag.name,
        value,
        "MANUAL" if own else "INHERITED",
        _domain(level),
        database or None,
        schema or None,
        item.name,
        "COLUMN" if column else _domain(item.kind),
        column,
    )


def _domain(kind: str) -> str:
    return "TABLE" if kind in CARRIERS else kind.replace(" ", "_")


def _tagged(session: Session, written: str, domain: str) -> tuple[CatalogObject, str | None]:
    """The object that a text names, and its column for the domain COLUMN."""
    if domain.upper() != "COLUMN":
        return find_entity(session, written, domain), None
    tokens = TokenStream(written)
    parts = [tokens.identifier()]
    while tokens.accept("."):
        parts.append(tokens.identifier())
    column = parts.pop()
    if not parts:
        raise does_not_exist("Column", written)
    table = reach(session, "TABLE", ObjectName.of(parts))
    if column not in [entry["name"] for entry in table.body.get("columns", [])]:
        raise does_not_exist("Column", written)
    return table, column


def get_tag(session: Session, tag_name: str, object_name: str, domain: str) -> str | None:
    """SYSTEM$GET_TAG: the value of a tag on an object or column, its own or inherited; None if it is not set.

    Raises:
        SnowflakeError: the tag or the object is not there or not to be seen (002003).
    """
    tag = reach(session, "TAG", TokenStream(tag_name).name())
    if domain.upper() == "ACCOUNT":
        value = session.account.catalog.record("account_tag", str(tag.oid))
        return value if value is None else str(value)
    item, column = _tagged(session, object_name, domain)
    return tag_value(session.account.catalog, tag, item, column)
