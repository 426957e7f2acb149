"""SHOW GRANTS in its forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.resolve import full_name, resolve
from embedded.snowflake.errors import does_not_exist, unsupported
from embedded.snowflake.names import quote_if_needed
from embedded.snowflake.result import TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.security.privileges import active_roles, grants, holds, reach, role_name, visible
from embedded.snowflake.session.dispatch import Statement, handles

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

_CREATED = ("created_on", TIMESTAMP_LTZ)
_PRIVILEGES = (_CREATED, "privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option", "granted_by")
_FUTURE = (_CREATED, "privilege", "grant_on", "name", "grant_to", "grantee_name", "grant_option", "granted_by")
_MEMBERS = (_CREATED, "role", "granted_to", "grantee_name", "granted_by")

Row = tuple[Any, ...]


@handles("SHOW", "GRANTS")
def show_grants(session: Session, statement: Statement) -> Result:
    """List grants: on an object, to or of a role or user; without a form those of the current user."""
    tokens = statement.tokens
    tokens.expect("SHOW", "GRANTS")
    form = next((word for word in ("ON", "TO", "OF") if tokens.accept(word)), None)
    user = session.account.catalog.get(session.user)
    result = _FORMS[form](session, tokens) if form else _of_user(session, user)
    if tokens.accept("LIMIT"):
        result.rows = (result.rows or [])[: tokens.number()]
    tokens.end()
    return result


@handles("SHOW", "FUTURE", "GRANTS")
def show_future_grants(session: Session, statement: Statement) -> Result:
    """List future grants in a schema or database, or those to a role."""
    tokens = statement.tokens
    tokens.expect("SHOW", "FUTURE", "GRANTS")
    records = session.account.catalog.records("future_grant").values()
    if tokens.accept("TO"):
        grantee = _read_role(session, tokens)
        chosen = [record for record in records if record["grantee"] == grantee.oid]
    else:
        tokens.expect("IN")
        kind = "DATABASE" if tokens.accept("DATABASE") else "SCHEMA"
        if kind == "SCHEMA":
            tokens.accept("SCHEMA")
        place = reach(session, kind, tokens.name())
        chosen = [record for record in records if record["container"] == place.oid]
    tokens.end()
    return listing(_FUTURE, sorted(_future_row(session, record) for record in chosen))


def _future_row(session: Session, record: dict[str, Any]) -> Row:
    catalog = session.account.catalog
    grantee = catalog.get(record["grantee"])
    kind = record["kind"]
    return (
        datetime.fromisoformat(record["created_on"]),
        record["privilege"],
        kind.replace(" ", "_"),
        f"{full_name(catalog, catalog.get(record['container']))}.<{kind}>",
        grantee.kind.replace(" ", "_"),
        quote_if_needed(grantee.name),
        str(record["grant_option"]).lower(),
        role_name(catalog, record["granted_by"]),
    )


# -- ON


def _on(session: Session, tokens: TokenStream) -> Result:
    from embedded.snowflake.statements.grant import read_target

    if tokens.accept("ACCOUNT"):
        rows = [_row(session, record) for record in grants(session.account.catalog).on.get(ACCOUNT, ())]
        return listing(_PRIVILEGES, _sorted(rows))
    target = read_target(session, tokens)
    rows = []
    for item in target.objects:
        rows.extend(_ownership(session, item))
        rows.extend(_row(session, record) for record in grants(session.account.catalog).on.get(item.oid, ()))
    return listing(_PRIVILEGES, _sorted(rows))


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row[1], row[2], row[3], row[5]))


def _row(session: Session, record: dict[str, Any]) -> Row:
    catalog = session.account.catalog
    on = catalog.get(record["on"]) if record["on"] else None
    grantee = catalog.get(record["grantee"])
    return (
        datetime.fromisoformat(record["created_on"]),
        record["privilege"],
        shown_kind(on.kind) if on else "ACCOUNT",
        shown_name(session, on) if on else session.account.account_name,
        grantee.kind.replace(" ", "_"),
        quote_if_needed(grantee.name),
        str(record["grant_option"]).lower(),
        role_name(catalog, record["granted_by"]),
    )


def shown_kind(kind: str) -> str:
    """A kind as SHOW GRANTS writes it."""
    if kind.endswith(" INTEGRATION"):
        return "INTEGRATION"
    return "ROLE" if kind == "DATABASE ROLE" else kind.replace(" ", "_")


def shown_name(session: Session, item: CatalogObject) -> str:
    """A full name as SHOW GRANTS writes it; a function's with its argument types."""
    return full_name(session.account.catalog, item) + item.signature


def _ownership(session: Session, item: CatalogObject) -> list[Row]:
    if not item.owner:
        return []
    catalog = session.account.catalog
    owner = catalog.get(item.owner)
    return [
        (
            item.created_on,
            "OWNERSHIP",
            shown_kind(item.kind),
            shown_name(session, item),
            owner.kind.replace(" ", "_"),
            quote_if_needed(owner.name),
            "true",
            owner.name,
        )
    ]


# -- TO


def _to(session: Session, tokens: TokenStream) -> Result:
    if tokens.accept("USER"):
        user = resolve(session, "USER", tokens.name())
        if not visible(session, user):
            raise does_not_exist("User", quote_if_needed(user.name))
        return _of_user(session, user)
    if tokens.word() in ("SHARE", "APPLICATION"):
        raise unsupported(f"SHOW GRANTS TO {tokens.word()}")
    return _to_role(session, _read_role(session, tokens))


def _read_role(session: Session, tokens: TokenStream) -> CatalogObject:
    if tokens.accept("DATABASE", "ROLE"):
        return resolve(session, "DATABASE ROLE", tokens.name())
    tokens.expect("ROLE")
    return resolve(session, "ROLE", tokens.name())


def _of_user(session: Session, user: CatalogObject) -> Result:
    records = grants(session.account.catalog).roles_of.get(user.oid, ())
    return listing(_MEMBERS, [_member_row(session, record) for record in records])


def _to_role(session: Session, role: CatalogObject) -> Result:
    catalog = session.account.catalog
    if not visible(session, role) and not holds(catalog, active_roles(session), "MANAGE GRANTS", None):
        raise does_not_exist(role.kind, quote_if_needed(role.name))
    index = grants(catalog)
    rows = [_row(session, record) for record in index.to.get(role.oid, ()) if _lives(session, record["on"])]
    for record in index.roles_of.get(role.oid, ()):
        granted = catalog.get(record["role"])
        rows.append(
            (
                datetime.fromisoformat(record["created_on"]),
                "USAGE",
                granted.kind.replace(" ", "_"),
                shown_name(session, granted),
                role.kind.replace(" ", "_"),
                quote_if_needed(role.name),
                "false",
                role_name(catalog, record["granted_by"]),
            )
        )
    for item in catalog.owned_by(role.oid):
        if catalog.is_live(item):
            rows.extend(_ownership(session, item))
    return listing(_PRIVILEGES, _sorted(rows))


def _lives(session: Session, oid: int) -> bool:
    catalog = session.account.catalog
    return oid == ACCOUNT or catalog.is_live(catalog.get(oid))


# -- OF


def _of(session: Session, tokens: TokenStream) -> Result:
    if tokens.word() in ("SHARE", "APPLICATION"):
        raise unsupported(f"SHOW GRANTS OF {tokens.word()}")
    role = _read_role(session, tokens)
    records = grants(session.account.catalog).members_of.get(role.oid, ())
    return listing(_MEMBERS, [_member_row(session, record) for record in records])


def _member_row(session: Session, record: dict[str, Any]) -> Row:
    catalog = session.account.catalog
    role, grantee = catalog.get(record["role"]), catalog.get(record["grantee"])
    return (
        datetime.fromisoformat(record["created_on"]),
        full_name(catalog, role),
        grantee.kind.replace(" ", "_"),
        full_name(catalog, grantee) if grantee.kind == "DATABASE ROLE" else grantee.name,
        role_name(catalog, record["granted_by"]),
    )


_FORMS: dict[str, Callable[[Any, Any], Result]] = {"ON": _on, "TO": _to, "OF": _of}
