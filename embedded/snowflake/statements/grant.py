"""GRANT and REVOKE: roles, privileges, ownership, future grants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.kinds import Kind, find_kind, kind_of, read_kind
from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.resolve import full_name, resolve
from embedded.snowflake.errors import (
    SnowflakeError,
    SqlCompilationError,
    does_not_exist,
    insufficient_privileges,
    unsupported,
)
from embedded.snowflake.result import Result, status
from embedded.snowflake.security.account_privileges import ACCOUNT_PRIVILEGES
from embedded.snowflake.security.privileges import active_roles, grants, holds, reach, role_closure, visible
from embedded.snowflake.security.records import (
    drop_grant_option,
    future_key,
    put_grant,
    put_membership,
    remove_grant,
    remove_membership,
)
from embedded.snowflake.session.dispatch import Statement, handles
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session

DONE = "Statement executed successfully."
# A name given for one kind may mean an object of these kinds too.
_ALSO = {"VIEW": {"MATERIALIZED VIEW"}, "TABLE": {"DYNAMIC TABLE", "EXTERNAL TABLE", "EVENT TABLE"}}


@dataclass
class Target:
    """What privileges are granted on: the account, some objects, or (future) objects of a kind to come in a container."""

    kind: str
    objects: list[CatalogObject] = field(default_factory=list)
    future: CatalogObject | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The privileges that can be granted on it."""
        return ACCOUNT_PRIVILEGES if self.kind == "ACCOUNT" else tuple(kind_of(self.kind).privileges)


@handles("GRANT", commits=True)
def grant(session: Session, statement: Statement) -> Result:
    """Give a role, privileges or ownership."""
    tokens = statement.tokens
    tokens.expect("GRANT")
    role = _read_granted_role(session, tokens)
    if role is not None:
        _grant_role(session, tokens, role)
    elif tokens.accept("OWNERSHIP", "ON"):
        _grant_ownership(session, tokens)
    else:
        _grant_privileges(session, tokens)
    return status(DONE)


@handles("REVOKE", commits=True)
def revoke(session: Session, statement: Statement) -> Result:
    """Take back a role, privileges, or only the right to pass them on."""
    tokens = statement.tokens
    tokens.expect("REVOKE")
    role = _read_granted_role(session, tokens)
    if role is not None:
        _revoke_role(session, tokens, role)
        return status(DONE)
    option_only = tokens.accept("GRANT", "OPTION", "FOR")
    wanted = read_privileges(tokens)
    target = read_target(session, tokens)
    tokens.expect("FROM")
    grantee = read_grantee(session, tokens)
    cascade = tokens.accept("CASCADE")
    tokens.accept("RESTRICT")
    tokens.end()
    names = _checked(target, wanted)
    with session.account.catalog.transaction() as changes:
        if target.future is not None:
            _revoke_future(session, changes, target, names, grantee, option_only)
        else:
            for on in target.objects or [None]:
                _revoke_on(session, changes, on, names, grantee, option_only, cascade)
    return status(DONE)


# -- roles


def _read_granted_role(session: Session, tokens: TokenStream) -> CatalogObject | None:
    if tokens.at("APPLICATION", "ROLE"):
        raise unsupported("GRANT APPLICATION ROLE")
    if tokens.accept("DATABASE", "ROLE"):
        return reach(session, "DATABASE ROLE", tokens.name())
    if tokens.at("ROLE") and tokens.word(1) not in (",", "ON"):
        tokens.next()
        return reach(session, "ROLE", tokens.name())
    return None


def read_grantee(session: Session, tokens: TokenStream, *, users: bool = False) -> CatalogObject:
    """Read who is granted to: `[ROLE] r`, `DATABASE ROLE d.r`, and with `users` `USER u`.

    Raises:
        SnowflakeError: no such role or user (002003); shares and users as grantees of privileges are unsupported (000002).
    """
    if tokens.word() == "SHARE" or (tokens.word() == "USER" and not users):
        raise unsupported(f"GRANT TO {tokens.word()}")
    if tokens.accept("DATABASE", "ROLE"):
        return resolve(session, "DATABASE ROLE", tokens.name())
    if users and tokens.accept("USER"):
        return resolve(session, "USER", tokens.name())
    if tokens.word() == "ROLE" and tokens.peek(1) is not None:
        tokens.next()
    return resolve(session, "ROLE", tokens.name())


def _may_grant_role(session: Session, role: CatalogObject) -> None:
    catalog, roles = session.account.catalog, active_roles(session)
    if role.owner not in roles and not holds(catalog, roles, "MANAGE GRANTS", None):
        raise insufficient_privileges(role.kind, role.name)


def _grant_role(session: Session, tokens: TokenStream, role: CatalogObject) -> None:
    tokens.expect("TO")
    grantee = read_grantee(session, tokens, users=True)
    tokens.end()
    _may_grant_role(session, role)
    catalog = session.account.catalog
    if grantee.kind != "USER" and grantee.oid in role_closure(catalog, [role.oid]) and grantee.name != "PUBLIC":
        raise SqlCompilationError(
            f"Role '{grantee.name}' is already granted to '{role.name}': a cycle is not allowed.", 3030, "42501"
        )
    if grantee.kind == "DATABASE ROLE" and (role.kind != "DATABASE ROLE" or role.container != grantee.container):
        raise SqlCompilationError(
            f"Role '{role.name}' can not be granted to a role of another database.", 3031, "42501"
        )
    with catalog.transaction() as changes:
        put_membership(changes, role.oid, grantee.oid, session.role)


def _revoke_role(session: Session, tokens: TokenStream, role: CatalogObject) -> None:
    tokens.expect("FROM")
    grantee = read_grantee(session, tokens, users=True)
    tokens.end()
    _may_grant_role(session, role)
    with session.account.catalog.transaction() as changes:
        remove_membership(changes, role.oid, grantee.oid)


# -- reading


def read_privileges(tokens: TokenStream) -> list[str] | None:
    """Read `privilege, … ON`; None stands for ALL PRIVILEGES.

    Raises:
        SqlCompilationError: no ON follows (001003).
    """
    if tokens.accept("ALL"):
        tokens.accept("PRIVILEGES")
        tokens.expect("ON")
        return None
    names, words = [], []
    while not tokens.accept("ON"):
        if tokens.accept(","):
            names.append(" ".join(words))
            words = []
        elif tokens.at("("):
            raise unsupported("GRANT of privileges on columns")
        else:
            words.append(tokens.next().text.upper())
    return [*names, " ".join(words)]


def read_target(session: Session, tokens: TokenStream) -> Target:
    """Read what stands after ON.

    Raises:
        SnowflakeError: a kind that there is not (000002), or an object that is not there or not to be seen (002003).
    """
    if tokens.accept("ACCOUNT"):
        return Target("ACCOUNT")
    for word in ("ALL", "FUTURE"):
        if tokens.accept(word):
            return _read_many(session, tokens, future=word == "FUTURE")
    kind = _read_grant_kind(tokens)
    item = _reach_grantable(session, kind, tokens)
    return Target(item.kind, [item])


def _read_grant_kind(tokens: TokenStream) -> Kind:
    if tokens.accept("INTEGRATION"):
        return kind_of("INTEGRATION")
    return read_kind(tokens)


def _reach_grantable(session: Session, kind: Kind, tokens: TokenStream) -> CatalogObject:
    from embedded.snowflake.statements.objects import check_kind, read_signature

    name = tokens.name()
    signature = read_signature(tokens) if kind.has_signature else ""
    item = resolve(session, kind.name, name, signature)
    if not visible(session, item):
        raise does_not_exist(kind.name, str(name))
    if kind.name != "INTEGRATION" and item.kind not in _ALSO.get(kind.name, ()):
        check_kind(kind, item)
    return item


def _read_many(session: Session, tokens: TokenStream, *, future: bool) -> Target:
    kind = read_kind(tokens, plural=True)
    tokens.expect("IN")
    place_kind = "DATABASE" if tokens.accept("DATABASE") else "SCHEMA"
    if place_kind == "SCHEMA":
        tokens.expect("SCHEMA")
    place = reach(session, place_kind, tokens.name())
    if future:
        return Target(kind.name, future=place)
    catalog = session.account.catalog
    places = [place] if place.kind == "SCHEMA" or kind.scope == "database" else catalog.children(place.oid, "SCHEMA")
    return Target(kind.name, [item for holder in places for item in catalog.children(holder.oid, kind.name)])


def _checked(target: Target, wanted: list[str] | None) -> list[str]:
    """The privileges to grant or revoke; ALL means all that the kind has.

    Raises:
        SqlCompilationError: one that the kind does not have (003008).
    """
    if wanted is None:
        return [name for name in target.allowed if name != "IMPORTED PRIVILEGES"]
    for name in wanted:
        if name not in target.allowed and name != "OWNERSHIP":
            raise SqlCompilationError(f"Invalid privilege '{name}' for object type '{target.kind}'.", 3008, "42601")
    return wanted


# -- privileges


def _grant_privileges(session: Session, tokens: TokenStream) -> None:
    wanted = read_privileges(tokens)
    target = read_target(session, tokens)
    tokens.expect("TO")
    grantee = read_grantee(session, tokens)
    with_option = tokens.accept("WITH", "GRANT", "OPTION")
    tokens.end()
    names = _checked(target, wanted)
    with session.account.catalog.transaction() as changes:
        if target.future is not None:
            _grant_future(session, changes, target, names, grantee, with_option)
        elif target.kind == "ACCOUNT":
            _grant_on(session, changes, None, names, grantee, with_option, every=wanted is None)
        for item in target.objects:
            _grant_on(session, changes, item, names, grantee, with_option, every=wanted is None)


def _may_grant(session: Session, item: CatalogObject | None, privilege: str) -> bool:
    """Whether the session may grant: MANAGE GRANTS, ownership (of a managed schema: the schema's), or a grant option."""
    catalog, roles = session.account.catalog, active_roles(session)
    if holds(catalog, roles, "MANAGE GRANTS", None):
        return True
    if item is not None:
        place = catalog.get(item.container) if item.container != ACCOUNT else None
        if place is not None and place.body.get("managed_access"):
            return place.owner in roles
        if item.owner in roles:
            return True
    on = item.oid if item is not None else ACCOUNT
    return any(
        record["privilege"] == privilege and record["grant_option"] and record["grantee"] in roles
        for record in grants(catalog).on.get(on, ())
    )


def _grant_on(
    session: Session,
    changes: CatalogTransaction,
    item: CatalogObject | None,
    names: Iterable[str],
    grantee: CatalogObject,
    with_option: bool,
    *,
    every: bool,
) -> None:
    names = list(names)
    granted = [name for name in names if _may_grant(session, item, name)]
    if not granted and names:
        raise SnowflakeError("SQL access control error:\nGrant not executed: Insufficient privileges.", 3001, "42501")
    refused = [name for name in names if name not in granted]
    if refused and not every:
        raise insufficient_privileges(
            item.kind if item else "account", item.name if item else session.account.account_name
        )
    for name in granted:
        stored = "USAGE" if name == "IMPORTED PRIVILEGES" else name
        on = item.oid if item is not None else ACCOUNT
        put_grant(changes, on, stored, grantee.oid, grant_option=with_option, granted_by=_grantor(session, item, name))
    if refused:
        raise SnowflakeError(f"Grant partially executed: privileges [{', '.join(refused)}] not granted.", 3011, "42501")


def _grantor(session: Session, item: CatalogObject | None, privilege: str) -> int:
    """Who is noted as the one who granted: the owner, or the role whose grant option was used."""
    catalog, roles = session.account.catalog, active_roles(session)
    if item is None or item.owner == 0:
        return session.role
    if item.owner in roles or holds(catalog, roles, "MANAGE GRANTS", None):
        return item.owner
    records = grants(catalog).on.get(item.oid, ())
    options = [record for record in records if record["privilege"] == privilege and record["grant_option"]]
    return next((record["grantee"] for record in options if record["grantee"] in roles), session.role)


def _grant_future(
    session: Session,
    changes: CatalogTransaction,
    target: Target,
    names: Iterable[str],
    grantee: CatalogObject,
    with_option: bool,
) -> None:
    place = _manage_future(session, target)
    from datetime import UTC, datetime

    for name in names:
        changes.put_record(
            "future_grant",
            future_key(place.oid, target.kind, name, grantee.oid),
            {
                "container": place.oid,
                "kind": target.kind,
                "privilege": name,
                "grantee": grantee.oid,
                "grant_option": with_option,
                "granted_by": session.role,
                "created_on": datetime.now(UTC).isoformat(),
            },
        )


def _manage_future(session: Session, target: Target) -> CatalogObject:
    """The container of future grants, if the session may make them: MANAGE GRANTS, or a managed schema's owner."""
    place, catalog, roles = target.future, session.account.catalog, active_roles(session)
    if place is None:
        raise ValueError("no future grant")
    managed = place.body.get("managed_access") and place.owner in roles
    if not managed and not holds(catalog, roles, "MANAGE GRANTS", None):
        raise insufficient_privileges(place.kind, place.name)
    return place


def _revoke_future(
    session: Session,
    changes: CatalogTransaction,
    target: Target,
    names: Iterable[str],
    grantee: CatalogObject,
    option_only: bool,
) -> None:
    place = _manage_future(session, target)
    for name in names:
        key = future_key(place.oid, target.kind, name, grantee.oid)
        record = changes.catalog.record("future_grant", key)
        if record is not None and option_only:
            changes.put_record("future_grant", key, {**record, "grant_option": False})
        elif record is not None:
            changes.remove_record("future_grant", key)


def _revoke_on(
    session: Session,
    changes: CatalogTransaction,
    item: CatalogObject | None,
    names: Iterable[str],
    grantee: CatalogObject,
    option_only: bool,
    cascade: bool,
) -> None:
    on = item.oid if item is not None else ACCOUNT
    stored = {"USAGE" if name == "IMPORTED PRIVILEGES" else name for name in names}
    for record in list(grants(session.account.catalog).on.get(on, ())):
        if record["grantee"] != grantee.oid or record["privilege"] not in stored:
            continue
        if not _may_grant(session, item, record["privilege"]):
            raise SnowflakeError(
                "SQL access control error:\nRevoke not executed: Insufficient privileges.", 3001, "42501"
            )
        _revoke_dependent(session, changes, record, cascade)
        if option_only:
            drop_grant_option(changes, record)
        else:
            remove_grant(changes, record)


def _revoke_dependent(session: Session, changes: CatalogTransaction, record: dict[str, Any], cascade: bool) -> None:
    """Take back what the grantee has passed on; without CASCADE that it has is an error (003012)."""
    owner = changes.catalog.get(record["on"]).owner if record["on"] else 0
    if record["grantee"] == owner or not record["grant_option"]:
        return
    for other in grants(session.account.catalog).on.get(record["on"], ()):
        if (
            other["granted_by"] == record["grantee"]
            and other["privilege"] == record["privilege"]
            and other is not record
        ):
            if not cascade:
                raise SnowflakeError(
                    f"Cannot revoke privilege '{record['privilege']}': it was granted on. Use CASCADE to revoke it everywhere.",
                    3012,
                    "42501",
                )
            _revoke_dependent(session, changes, other, cascade)
            remove_grant(changes, other)


# -- ownership


def _grant_ownership(session: Session, tokens: TokenStream) -> None:
    target = read_target(session, tokens)
    tokens.expect("TO")
    grantee = read_grantee(session, tokens)
    mode = next((word for word in ("COPY", "REVOKE") if tokens.accept(word, "CURRENT", "GRANTS")), None)
    tokens.end()
    with session.account.catalog.transaction() as changes:
        if target.future is not None:
            _grant_future(session, changes, target, ["OWNERSHIP"], grantee, False)
        for item in target.objects:
            _transfer(session, changes, item, grantee, mode)


def _transfer(
    session: Session, changes: CatalogTransaction, item: CatalogObject, grantee: CatalogObject, mode: str | None
) -> None:
    """Give an object another owner; its grants are copied, revoked, or must not be there (003036)."""
    catalog, roles = session.account.catalog, active_roles(session)
    if item.owner not in roles and not holds(catalog, roles, "MANAGE GRANTS", None):
        raise insufficient_privileges(item.kind, item.name)
    records = [record for record in grants(catalog).on.get(item.oid, ()) if record["grantee"] != item.owner]
    if records and mode is None:
        first = records[0]
        raise SnowflakeError(
            f"SQL execution error: Dependent grant of privilege '{first['privilege']}' on securable "
            f"'{full_name(catalog, item)}' to role '{catalog.get(first['grantee']).name}' exists. It must be revoked first. More "
            "than one dependent grant may exist: use 'SHOW GRANTS' command to view them. To revoke all dependent grants while "
            "transferring object ownership, use convenience command "
            "'GRANT OWNERSHIP ON <target_objects> TO <target_role> REVOKE CURRENT GRANTS'.",
            3036,
            "42501",
        )
    for record in records:
        if mode == "REVOKE":
            remove_grant(changes, record)
        elif record["granted_by"] == item.owner:
            changes.put_record(
                "grant",
                f"{record['on']}|{record['privilege']}|{record['grantee']}",
                {**record, "granted_by": grantee.oid},
            )
    new = item.changed(owner=grantee.oid)
    if item.kind == "TASK" and item.owner != grantee.oid:
        new.body["state"] = "suspended"
    changes.put(new)


__all__ = ["find_kind", "grant", "read_grantee", "read_privileges", "read_target", "revoke"]
