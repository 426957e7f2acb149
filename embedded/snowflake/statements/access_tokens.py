"""ALTER USER … PROGRAMMATIC ACCESS TOKEN and SHOW USER PROGRAMMATIC ACCESS TOKENS."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.values import Property, boolean, identifier, integer, read_properties, text
from embedded.snowflake.errors import SqlCompilationError, already_exists, does_not_exist, insufficient_privileges
from embedded.snowflake.names import ObjectName
from embedded.snowflake.result import TIMESTAMP_LTZ, Result, listing, status
from embedded.snowflake.security.access_tokens import hashed, new_secret, tokens_of
from embedded.snowflake.security.privileges import active_roles, holds, reach, role_closure, role_name, user_roles
from embedded.snowflake.session.dispatch import Statement, handles

if TYPE_CHECKING:
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

_DEFAULT_DAYS, _MOST_DAYS = 15, 365
_MANAGE = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS"
_ADDED = {
    "ROLE_RESTRICTION": Property(identifier),
    "DAYS_TO_EXPIRY": Property(integer, _DEFAULT_DAYS),
    "COMMENT": Property(text, ""),
}
_CHANGED = {"DISABLED": Property(boolean), "COMMENT": Property(text)}


def access_token_words(tokens: TokenStream) -> bool:
    """Whether a form of ALTER USER about an access token comes next."""
    return tokens.word() in ("ADD", "REMOVE", "MODIFY", "ROTATE") and (
        tokens.word(1) == "PAT" or (tokens.word(1), tokens.word(2)) == ("PROGRAMMATIC", "ACCESS")
    )


def alter_access_token(session: Session, tokens: TokenStream, user: CatalogObject) -> Result:
    """ADD, ROTATE, MODIFY or REMOVE a token of a user; the secret is told at ADD and ROTATE, and never again.

    Raises:
        SnowflakeError: the session may not do so for this user (003001), or the token is there already or is not (002002, 002003).
    """
    word = tokens.next().text.upper()
    if not tokens.accept("PAT"):
        tokens.expect("PROGRAMMATIC", "ACCESS", "TOKEN")
    name = tokens.identifier()
    _require(session, user)
    kept = dict(tokens_of(user))
    if (name in kept) == (word == "ADD"):
        raise already_exists(name) if word == "ADD" else does_not_exist("Programmatic access token", name)
    result = _ACTIONS[word](session, tokens, user, kept, name)
    tokens.end()
    new = user.changed()
    new.body["access_tokens"] = kept
    with session.account.catalog.transaction() as changes:
        changes.put(new)
    return result


def _require(session: Session, user: CatalogObject) -> None:
    catalog, roles = session.account.catalog, active_roles(session)
    if user.oid != session.user and not holds(catalog, roles, _MANAGE, user):
        raise insufficient_privileges("user", user.name)


def _add(session: Session, tokens: TokenStream, user: CatalogObject, kept: dict[str, Any], name: str) -> Result:
    found = read_properties(tokens, _ADDED, "PROGRAMMATIC ACCESS TOKEN")
    days = found.get("DAYS_TO_EXPIRY", _DEFAULT_DAYS)
    if not 1 <= days <= _MOST_DAYS:
        raise SqlCompilationError(
            f"invalid value [{days}] for parameter 'DAYS_TO_EXPIRY': 1 to {_MOST_DAYS}", 1008, "22023"
        )
    now, secret = session.account.clock.now(), new_secret()
    kept[name] = {
        "hash": hashed(secret),
        "role": _restriction(session, user, found.get("ROLE_RESTRICTION")),
        "days": days,
        "expires_at": (now + timedelta(days=days)).isoformat(),
        "created_on": now.isoformat(),
        "created_by": session.user_name,
        "disabled": False,
        "comment": found.get("COMMENT", ""),
    }
    return listing(("token_name", "token_secret"), [(name, secret)])


def _restriction(session: Session, user: CatalogObject, name: str | None) -> int | None:
    """The role that a token is held to: one that the user has; a service's token must have one."""
    if name is None:
        if str(user.body.get("properties", {}).get("TYPE")).endswith("SERVICE"):
            raise SqlCompilationError(
                "ROLE_RESTRICTION is required for a service user's programmatic access token.", 1003
            )
        return None
    role = session.account.catalog.find("ROLE", ACCOUNT, name)
    if role is None or role.oid not in role_closure(
        session.account.catalog, user_roles(session.account.catalog, user.oid)
    ):
        raise does_not_exist("Role", name)
    return role.oid


def _rotate(session: Session, _: TokenStream, __: CatalogObject, kept: dict[str, Any], name: str) -> Result:
    now, secret = session.account.clock.now(), new_secret()
    kept[name] = {
        **kept[name],
        "hash": hashed(secret),
        "expires_at": (now + timedelta(days=kept[name]["days"])).isoformat(),
    }
    return listing(("token_name", "token_secret", "rotated_token_name"), [(name, secret, name)])


def _modify(_: Session, tokens: TokenStream, __: CatalogObject, kept: dict[str, Any], name: str) -> Result:
    if tokens.accept("RENAME", "TO"):
        kept[tokens.identifier()] = kept.pop(name)
        return status("Statement executed successfully.")
    tokens.expect("SET")
    found = read_properties(tokens, _CHANGED, "PROGRAMMATIC ACCESS TOKEN")
    kept[name] = {**kept[name], **{key.lower(): value for key, value in found.items()}}
    return status("Statement executed successfully.")


def _remove(_: Session, __: TokenStream, ___: CatalogObject, kept: dict[str, Any], name: str) -> Result:
    del kept[name]
    return status("Statement executed successfully.")


_ACTIONS = {"ADD": _add, "ROTATE": _rotate, "MODIFY": _modify, "REMOVE": _remove}
_SHOWN = (
    "name", "user_name", "role_restriction", ("expires_at", TIMESTAMP_LTZ), "status", "comment", ("created_on", TIMESTAMP_LTZ),
    "created_by",
)  # fmt: skip


@handles("SHOW", "USER", "PROGRAMMATIC", "ACCESS", "TOKENS")
def show_access_tokens(session: Session, statement: Statement) -> Result:
    """SHOW USER PROGRAMMATIC ACCESS TOKENS [FOR USER user]: without the secrets."""
    tokens = statement.tokens
    tokens.expect("SHOW", "USER", "PROGRAMMATIC", "ACCESS", "TOKENS")
    name = tokens.name() if tokens.accept("FOR", "USER") else ObjectName(None, None, session.user_name)
    tokens.end()
    user = reach(session, "USER", name)
    _require(session, user)
    now, rows = session.account.clock.now(), []
    for key, token in sorted(tokens_of(user).items()):
        expires = datetime.fromisoformat(token["expires_at"])
        state = "DISABLED" if token["disabled"] else "EXPIRED" if expires <= now else "ACTIVE"
        restriction = role_name(session.account.catalog, token["role"] or 0) or None
        created = datetime.fromisoformat(token["created_on"])
        rows.append(
            (key, user.name, restriction, expires, state, token["comment"] or None, created, token["created_by"])
        )
    return listing(_SHOWN, rows)
