"""Users: properties, password and keys, SHOW USERS and DESCRIBE USER."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from embedded.snowflake.catalog.kinds import Kind, register
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.catalog.show import columns
from embedded.snowflake.catalog.values import (
    Property,
    boolean,
    identifier,
    integer,
    name,
    nullable_text,
    options,
    texts,
    word,
)
from embedded.snowflake.errors import SqlCompilationError, already_exists, unsupported
from embedded.snowflake.result import TIMESTAMP_LTZ, Result, listing
from embedded.snowflake.security.login_policies import check_password
from embedded.snowflake.security.passwords import fingerprint, hash_password
from embedded.snowflake.security.privileges import active_roles, holds, require
from embedded.snowflake.security.users import login_of

if TYPE_CHECKING:
    from embedded.snowflake.catalog.store import CatalogTransaction
    from embedded.snowflake.session.session import Session
    from embedded.snowflake.tokens import TokenStream

POLICY_KINDS = ("PASSWORD POLICY", "AUTHENTICATION POLICY", "SESSION POLICY")
_KEYS = ("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2")
# What users may change of themselves.
_OWN = frozenset(
    {"PASSWORD", "DEFAULT_WAREHOUSE", "DEFAULT_NAMESPACE", "DEFAULT_ROLE", "DEFAULT_SECONDARY_ROLES", "DISPLAY_NAME"}
)
# As many passwords as a policy can forbid to use again.
_FORMER = 24
_PROPERTIES = {
    "PASSWORD": Property(nullable_text),
    "LOGIN_NAME": Property(nullable_text),
    "DISPLAY_NAME": Property(nullable_text),
    "FIRST_NAME": Property(nullable_text),
    "MIDDLE_NAME": Property(nullable_text),
    "LAST_NAME": Property(nullable_text),
    "EMAIL": Property(nullable_text),
    "MUST_CHANGE_PASSWORD": Property(boolean, False),
    "DISABLED": Property(boolean, False),
    "DAYS_TO_EXPIRY": Property(integer),
    "MINS_TO_UNLOCK": Property(integer),
    "DEFAULT_WAREHOUSE": Property(identifier),
    "DEFAULT_NAMESPACE": Property(name),
    "DEFAULT_ROLE": Property(identifier),
    "DEFAULT_SECONDARY_ROLES": Property(texts),
    "MINS_TO_BYPASS_MFA": Property(integer),
    "DISABLE_MFA": Property(boolean, False),
    "RSA_PUBLIC_KEY": Property(nullable_text),
    "RSA_PUBLIC_KEY_FP": Property(nullable_text),
    "RSA_PUBLIC_KEY_2": Property(nullable_text),
    "RSA_PUBLIC_KEY_2_FP": Property(nullable_text),
    "TYPE": Property(word("PERSON", "SERVICE", "LEGACY_SERVICE", "SNOWFLAKE_SERVICE", "NULL")),
    "WORKLOAD_IDENTITY": Property(options()),
}


def _settle(session: Session, user: CatalogObject, keys: frozenset[str]) -> None:
    """Hash a password, check keys, turn days into a date."""
    properties = user.body.setdefault("properties", {})
    now = session.account.clock.now()
    if "PASSWORD" in keys:
        _set_password(session, user, properties.pop("PASSWORD", None))
    for key in _KEYS:
        if key in keys and properties.get(key):
            properties[key] = _checked_key(properties, key)
            user.body[f"{key.lower()}_last_set"] = now.isoformat()
        properties.pop(f"{key}_FP", None)
    if "DAYS_TO_EXPIRY" in keys:
        days = properties.pop("DAYS_TO_EXPIRY", None)
        user.body["expires_at"] = (now + timedelta(days=days)).isoformat() if days else None
    if "MINS_TO_UNLOCK" in keys:
        minutes = properties.pop("MINS_TO_UNLOCK", None)
        user.body["locked_until"] = (now + timedelta(minutes=minutes)).isoformat() if minutes else None
    if properties.get("TYPE") in ("SERVICE", "SNOWFLAKE_SERVICE"):
        _check_service(user, keys)
    login = login_of(user).upper()
    for other in session.account.catalog.all("USER"):
        if other.oid != user.oid and other.name != user.name and login_of(other).upper() == login:
            raise already_exists(login_of(user))


def _set_password(session: Session, user: CatalogObject, password: str | None) -> None:
    """Keep a new password's hash, and those of the ones before it."""
    if password:
        check_password(session.account, user, password)
    if user.body.get("password"):
        user.body["former_passwords"] = [user.body["password"], *user.body.get("former_passwords", ())][:_FORMER]
    user.body["password"] = hash_password(password) if password else None
    user.body["password_last_set"] = session.account.clock.now().isoformat() if password else None


def _check_service(user: CatalogObject, keys: frozenset[str]) -> None:
    refused = keys & {
        "PASSWORD",
        "FIRST_NAME",
        "MIDDLE_NAME",
        "LAST_NAME",
        "MUST_CHANGE_PASSWORD",
        "MINS_TO_BYPASS_MFA",
    }
    given = [key for key in sorted(refused) if key != "PASSWORD" or user.body.get("password")]
    if given:
        raise SqlCompilationError(f"Cannot set {given[0]} for a user of TYPE=SERVICE.", 2214, "42601")


def _checked_key(properties: dict[str, Any], key: str) -> str:
    """A public key's base64 text without its first and last line, after its fingerprint is found to be the one given."""
    text = "".join(line.strip() for line in properties[key].strip().splitlines() if not line.startswith("-----"))
    found, given = fingerprint(text), properties.get(f"{key}_FP")
    if given and given != found:
        raise SqlCompilationError(f"{key}_FP is not the fingerprint of {key}.", 394, "42601")
    return text


def _dropping(session: Session, _changes: CatalogTransaction, user: CatalogObject) -> None:
    if user.oid == session.user:
        raise SqlCompilationError(f"Cannot drop the current user '{user.name}'.", 3001, "42501")


def _alter(session: Session, tokens: TokenStream, user: CatalogObject) -> bool:
    """ALTER USER's own forms; a user may set some properties of itself without owning itself."""
    from embedded.snowflake.catalog.kinds import kind_of
    from embedded.snowflake.catalog.values import read_properties
    from embedded.snowflake.statements.objects import set_properties

    for words in (("RESET", "PASSWORD"), ("ABORT", "ALL", "QUERIES"), ("ADD",), ("REMOVE",), ("MODIFY",), ("ROTATE",)):
        if tokens.at(*words):
            raise unsupported(f"ALTER USER {' '.join(words)}")
    if tokens.word() in ("SET", "UNSET") and tokens.word(2) == "POLICY":
        require(session, "OWNERSHIP", user)
        _set_policy(session, tokens, user)
        return True
    catalog = session.account.catalog
    if (
        user.oid == session.user
        and not holds(catalog, active_roles(session), "OWNERSHIP", user)
        and tokens.accept("SET")
    ):
        kind = kind_of("USER")
        found = read_properties(tokens, kind.all_properties, "USER")
        if not tokens and found.keys() <= _OWN | kind.all_properties.keys() - _PROPERTIES.keys():
            set_properties(session, kind, user, found)
            return True
        require(session, "OWNERSHIP", user)
    return False


def _set_policy(session: Session, tokens: TokenStream, user: CatalogObject) -> None:
    """SET or UNSET a PASSWORD, AUTHENTICATION or SESSION POLICY of a user."""
    from embedded.snowflake.security.privileges import reach

    sets = tokens.next().text.upper() == "SET"
    kind = f"{tokens.next().text.upper()} POLICY"
    tokens.expect("POLICY")
    new = user.changed()
    if sets:
        if kind not in POLICY_KINDS:
            raise unsupported(f"ALTER USER SET {kind}")
        policy = reach(session, kind, tokens.name())
        force = tokens.accept("FORCE")
        if new.body.get("policies", {}).get(kind) not in (None, policy.oid) and not force:
            raise SqlCompilationError(
                f"Object {user.name} already has a {kind}. Only one {kind} is allowed at a time.", 3551, "0A000"
            )
        new.body.setdefault("policies", {})[kind] = policy.oid
    elif new.body.get("policies", {}).pop(kind, None) is None:
        raise SqlCompilationError(f"Any policy of kind {kind.replace(' ', '_')} is not attached to USER", 3553, "42601")
    with session.account.catalog.transaction() as changes:
        changes.put(new)


# -- SHOW and DESCRIBE


def _property(key: str, default: Any = None) -> Callable[[Any, CatalogObject], Any]:
    def value(_: Any, user: CatalogObject) -> Any:
        found = user.body.get("properties", {}).get(key)
        return default if found is None else found

    return value


def _flag(key: str) -> Callable[[Any, CatalogObject], str]:
    return lambda _, user: str(bool(user.body.get("properties", {}).get(key))).lower()


def _has(key: str) -> Callable[[Any, CatalogObject], str]:
    return lambda _, user: str(bool(user.body.get(key) or user.body.get("properties", {}).get(key))).lower()


def _time(key: str) -> Callable[[Any, CatalogObject], datetime | None]:
    return lambda _, user: datetime.fromisoformat(user.body[key]) if user.body.get(key) else None


def _days_to_expiry(session: Session, user: CatalogObject) -> str | None:
    expires = user.body.get("expires_at")
    if not expires:
        return None
    return str((datetime.fromisoformat(expires) - session.account.clock.now()) / timedelta(days=1))


def _secondary_roles(_: Any, user: CatalogObject) -> str:
    chosen = user.body.get("properties", {}).get("DEFAULT_SECONDARY_ROLES")
    return '["ALL"]' if chosen is None else orjson.dumps([str(item).upper() for item in chosen]).decode()


def _minutes_to_unlock(session: Session, user: CatalogObject) -> str:
    locked = user.body.get("locked_until")
    left = (datetime.fromisoformat(locked) - session.account.clock.now()) if locked else timedelta()
    return str(-(-left // timedelta(minutes=1))) if left > timedelta() else ""


def _lock(session: Session, user: CatalogObject) -> str:
    return str(bool(_minutes_to_unlock(session, user))).lower()


_SHOW = columns(
    "name created_on login_name display_name first_name last_name email mins_to_unlock days_to_expiry comment disabled"
    " must_change_password snowflake_lock default_warehouse default_namespace default_role default_secondary_roles"
    " ext_authn_duo ext_authn_uid mins_to_bypass_mfa owner last_success_login expires_at_time locked_until_time"
    " has_password has_rsa_public_key type has_mfa has_workload_identity",
    login_name=lambda _, user: login_of(user).upper(),
    display_name=lambda _, user: user.body.get("properties", {}).get("DISPLAY_NAME") or user.name,
    first_name=_property("FIRST_NAME", ""),
    last_name=_property("LAST_NAME", ""),
    email=_property("EMAIL", ""),
    mins_to_unlock=_minutes_to_unlock,
    days_to_expiry=lambda session, user: _days_to_expiry(session, user) or "",
    disabled=_flag("DISABLED"),
    must_change_password=_flag("MUST_CHANGE_PASSWORD"),
    snowflake_lock=_lock,
    default_warehouse=_property("DEFAULT_WAREHOUSE", ""),
    default_namespace=_property("DEFAULT_NAMESPACE", ""),
    default_role=_property("DEFAULT_ROLE", ""),
    default_secondary_roles=_secondary_roles,
    ext_authn_duo=lambda *_: "false",
    ext_authn_uid=lambda *_: "",
    mins_to_bypass_mfa=lambda _, user: str(user.body.get("properties", {}).get("MINS_TO_BYPASS_MFA") or ""),
    last_success_login=(TIMESTAMP_LTZ, _time("last_success_login")),
    expires_at_time=(TIMESTAMP_LTZ, _time("expires_at")),
    locked_until_time=(TIMESTAMP_LTZ, _time("locked_until")),
    has_password=_has("password"),
    has_rsa_public_key=_has("RSA_PUBLIC_KEY"),
    type=_property("TYPE", ""),
    has_mfa=lambda *_: "false",
    has_workload_identity=_has("WORKLOAD_IDENTITY"),
)
# DESCRIBE USER: property, default, description, value.
_ROWS: tuple[tuple[str, str, str, Callable[[Any, CatalogObject], Any]], ...] = (
    ("NAME", "null", "Name", lambda _, user: user.name),
    ("COMMENT", "null", "user comment associated to an object in the dictionary", lambda _, user: user.comment),
    ("DISPLAY_NAME", "null", "Display name of the associated object", _SHOW[3].value),
    ("TYPE", "null", "Type of the user", _property("TYPE")),
    ("LOGIN_NAME", "null", "Login name of the user", _SHOW[2].value),
    ("FIRST_NAME", "null", "First name of the user", _property("FIRST_NAME")),
    ("MIDDLE_NAME", "null", "Middle name of the user", _property("MIDDLE_NAME")),
    ("LAST_NAME", "null", "Last name of the user", _property("LAST_NAME")),
    ("EMAIL", "null", "Email address of the user", _property("EMAIL")),
    ("PASSWORD", "null", "Password of the user", lambda _, user: "********" if user.body.get("password") else None),
    ("MUST_CHANGE_PASSWORD", "false", "User must change the password", _flag("MUST_CHANGE_PASSWORD")),
    ("DISABLED", "false", "Whether the user is disabled", _flag("DISABLED")),
    ("SNOWFLAKE_LOCK", "false", "Whether the user or account is locked by Snowflake", _lock),
    ("SNOWFLAKE_SUPPORT", "false", "Snowflake Support is allowed to use the user or account", lambda *_: "false"),
    (
        "DAYS_TO_EXPIRY",
        "null",
        "User record will be treated as expired after specified number of days",
        _days_to_expiry,
    ),
    (
        "MINS_TO_UNLOCK",
        "null",
        "Temporary lock on the user will be removed after specified number of minutes",
        _minutes_to_unlock,
    ),
    ("DEFAULT_WAREHOUSE", "null", "Default warehouse for this user", _property("DEFAULT_WAREHOUSE")),
    ("DEFAULT_NAMESPACE", "null", "Default database namespace prefix for this user", _property("DEFAULT_NAMESPACE")),
    ("DEFAULT_ROLE", "null", "Primary principal of user session will be set to this role", _property("DEFAULT_ROLE")),
    (
        "DEFAULT_SECONDARY_ROLES",
        '["ALL"]',
        "The secondary roles will be set to all roles provided here",
        _secondary_roles,
    ),
    ("EXT_AUTHN_DUO", "false", "Whether Duo Security is enabled as second factor authentication", lambda *_: "false"),
    ("EXT_AUTHN_UID", "null", "External authentication ID of the user", lambda *_: None),
    ("HAS_MFA", "false", "Whether the user has a second factor of authentication", lambda *_: "false"),
    (
        "MINS_TO_BYPASS_MFA",
        "null",
        "Temporary bypass MFA for the user for a number of minutes",
        _property("MINS_TO_BYPASS_MFA"),
    ),
    (
        "MINS_TO_BYPASS_NETWORK_POLICY",
        "null",
        "Temporary bypass network policy for a number of minutes",
        lambda *_: None,
    ),
    ("RSA_PUBLIC_KEY", "null", "RSA public key of the user", _property("RSA_PUBLIC_KEY")),
    (
        "RSA_PUBLIC_KEY_FP",
        "null",
        "Fingerprint of user's RSA public key",
        lambda _, user: _fingerprint(user, "RSA_PUBLIC_KEY"),
    ),
    ("RSA_PUBLIC_KEY_2", "null", "Second RSA public key of the user", _property("RSA_PUBLIC_KEY_2")),
    (
        "RSA_PUBLIC_KEY_2_FP",
        "null",
        "Fingerprint of user's second RSA public key",
        lambda _, user: _fingerprint(user, "RSA_PUBLIC_KEY_2"),
    ),
    ("RSA_PUBLIC_KEY_LAST_SET_TIME", "null", "When the RSA public key was last set", _time("rsa_public_key_last_set")),
    (
        "RSA_PUBLIC_KEY_2_LAST_SET_TIME",
        "null",
        "When the second RSA public key was last set",
        _time("rsa_public_key_2_last_set"),
    ),
    ("PASSWORD_LAST_SET_TIME", "null", "When the password was last set", _time("password_last_set")),
    ("CUSTOM_LANDING_PAGE_URL", "null", "Snowflake Support is allowed to set the landing page", lambda *_: None),
    (
        "CUSTOM_LANDING_PAGE_URL_FLUSH_NEXT_UI_LOAD",
        "false",
        "Whether the landing page is flushed at the next load",
        lambda *_: "false",
    ),
    ("HAS_WORKLOAD_IDENTITY", "false", "Whether the user has a workload identity", _has("WORKLOAD_IDENTITY")),
)


def _fingerprint(user: CatalogObject, key: str) -> str | None:
    text = user.body.get("properties", {}).get(key)
    return fingerprint(text) if text else None


def _describe(session: Session, user: CatalogObject) -> Result:
    rows = []
    for key, default, description, value in _ROWS:
        found = value(session, user)
        if isinstance(found, datetime):
            found = found.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        rows.append((key, "null" if found in (None, "") else str(found), default, description))
    return listing(("property", "value", "default", "description"), rows)


register(
    Kind(
        "USER",
        "USERS",
        properties=_PROPERTIES,
        level="user",
        create_privilege="CREATE USER",
        privileges=("IMPERSONATE", "MODIFY PROGRAMMATIC AUTHENTICATION METHODS", "MONITOR"),
        show=_SHOW,
        describe=_describe,
        settle=_settle,
        dropping=_dropping,
        alter=_alter,
    )
)
