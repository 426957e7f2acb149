"""What network, authentication, password and session policies come to for a user: on the user, or else on the account."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from embedded.snowflake.catalog.model import ACCOUNT, CatalogObject
from embedded.snowflake.catalog.parameters import setting
from embedded.snowflake.errors import AuthenticationError, SnowflakeError
from embedded.snowflake.security.passwords import verify_password
from embedded.snowflake.tokens import TokenStream

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.catalog.store import Catalog

# Of a user without a password policy: five wrong passwords lock for a quarter of an hour.
DEFAULT_RETRIES, DEFAULT_LOCKOUT_MINUTES, DEFAULT_IDLE_MINUTES = 5, 15, 240
_DRIVERS = ("SNOWFLAKE_UI", "SNOWSQL", "SNOWFLAKE_CLI")


def policy_of(catalog: Catalog, user: CatalogObject | None, kind: str) -> CatalogObject | None:
    """The policy of a kind that holds for a user: its own, or else the account's."""
    oid = (user.body.get("policies", {}).get(kind) if user else None) or catalog.record("account_policy", kind)
    return catalog.get(oid) if oid else None


def policy_number(catalog: Catalog, user: CatalogObject | None, kind: str, key: str, default: int) -> int:
    """A number that a policy sets; the default without the policy or without the number."""
    policy = policy_of(catalog, user, kind)
    value = policy.body["properties"].get(key) if policy else None
    return default if value is None else int(value)


def idle_minutes(catalog: Catalog, user: CatalogObject | None) -> int | None:
    """Minutes without a statement after which a session ends; None without a session policy (its tokens end it then)."""
    if policy_of(catalog, user, "SESSION POLICY") is None:
        return None
    return policy_number(catalog, user, "SESSION POLICY", "SESSION_IDLE_TIMEOUT_MINS", DEFAULT_IDLE_MINUTES)


# -- where from


def check_address(account: Account, user: CatalogObject | None, address: str) -> None:
    """Make sure that the network policy lets a client's address in: the user's policy, or else the account's.

    Raises:
        AuthenticationError: it does not (390422).
    """
    catalog = account.catalog
    name = setting(catalog, "NETWORK_POLICY", user).value
    policy = catalog.find("NETWORK POLICY", ACCOUNT, TokenStream(name).identifier()) if name else None
    if policy is None:
        return
    if not _lets_in(catalog, policy.body.get("properties", {}), address):
        raise AuthenticationError(
            f"Incoming request with IP/Token {address} is not allowed to access Snowflake. Contact your account administrator.",
            390422,
        )


def _lets_in(catalog: Catalog, lists: dict[str, Any], address: str) -> bool:
    allowed = [*(lists.get("ALLOWED_IP_LIST") or ()), *_rules(catalog, lists.get("ALLOWED_NETWORK_RULE_LIST"))]
    blocked = [*(lists.get("BLOCKED_IP_LIST") or ()), *_rules(catalog, lists.get("BLOCKED_NETWORK_RULE_LIST"))]
    if _within(address, blocked):
        return False
    return not allowed or _within(address, allowed)


def _rules(catalog: Catalog, names: list[str] | None) -> list[str]:
    """The addresses of network rules, which a policy names in full."""
    found: list[str] = []
    for written in names or ():
        name = TokenStream(written).name()
        for rule in catalog.all("NETWORK RULE"):
            schema = catalog.get(rule.container)
            in_database = name.database in (None, catalog.get(schema.container).name)
            if rule.name == name.name and in_database and name.schema in (None, schema.name):
                found.extend(rule.body["properties"].get("VALUE_LIST") or ())
    return found


def _within(address: str, ranges: list[str]) -> bool:
    here = ipaddress.ip_address(address)
    networks = (ipaddress.ip_network(text, strict=False) for text in ranges)
    return any(here.version == network.version and here in network for network in networks)


# -- how


def check_method(account: Account, user: CatalogObject, method: str, client: str) -> None:
    """Make sure that the authentication policy allows a method and a client.

    Args:
        account: where the user is.
        user: who logs in.
        method: PASSWORD, KEYPAIR or PROGRAMMATIC_ACCESS_TOKEN.
        client: the client's name, as it says at login.

    Raises:
        AuthenticationError: it does not (390202).
    """
    policy = policy_of(account.catalog, user, "AUTHENTICATION POLICY")
    if policy is None:
        return
    values = policy.body["properties"]
    for key, wanted in (("AUTHENTICATION_METHODS", method), ("CLIENT_TYPES", _client_type(client))):
        allowed = [str(item).upper() for item in values.get(key) or ["ALL"]]
        if "ALL" not in allowed and wanted not in allowed:
            raise AuthenticationError("Authentication attempt rejected by the current authentication policy.", 390202)


def _client_type(client: str) -> str:
    name = client.upper().replace(" ", "_")
    return next((kind for kind in _DRIVERS if name.startswith(kind)), "DRIVERS")


# -- passwords


def password_must_change(account: Account, user: CatalogObject) -> bool:
    """Whether a password has to be changed first: the user is told to, or it is older than its policy allows."""
    if user.body.get("properties", {}).get("MUST_CHANGE_PASSWORD"):
        return True
    policy = policy_of(account.catalog, user, "PASSWORD POLICY")
    changed = user.body.get("password_last_set")
    if policy is None or changed is None:
        return False
    days = policy_number(account.catalog, user, "PASSWORD POLICY", "PASSWORD_MAX_AGE_DAYS", 90)
    return days > 0 and datetime.fromisoformat(changed) + timedelta(days=days) <= account.clock.now()


_CHARACTERS = (
    ("PASSWORD_MIN_UPPER_CASE_CHARS", 1, str.isupper, "uppercase letter"),
    ("PASSWORD_MIN_LOWER_CASE_CHARS", 1, str.islower, "lowercase letter"),
    ("PASSWORD_MIN_NUMERIC_CHARS", 1, str.isdigit, "digit"),
    ("PASSWORD_MIN_SPECIAL_CHARS", 0, lambda letter: not letter.isalnum(), "special character"),
)


def check_password(account: Account, user: CatalogObject, password: str) -> None:
    """Make sure that a new password is as the password policy wants it; without a policy any will do.

    Raises:
        SnowflakeError: it is not (003002), with every reason.
    """
    catalog, kind = account.catalog, "PASSWORD POLICY"
    if policy_of(catalog, user, kind) is None:
        return
    reasons = []
    if len(password) < policy_number(catalog, user, kind, "PASSWORD_MIN_LENGTH", 14):
        reasons.append("Password is too short.")
    if len(password) > policy_number(catalog, user, kind, "PASSWORD_MAX_LENGTH", 256):
        reasons.append("Password is too long.")
    for key, default, test, what in _CHARACTERS:
        least = policy_number(catalog, user, kind, key, default)
        if sum(test(letter) for letter in password) < least:
            reasons.append(f"Password should have at least {least} {what}(s).")
    kept = policy_number(catalog, user, kind, "PASSWORD_HISTORY", 5)
    former = [user.body.get("password"), *user.body.get("former_passwords", ())]
    if any(verify_password(password, old) for old in former[:kept]):
        reasons.append("Password was used before.")
    age = policy_number(catalog, user, kind, "PASSWORD_MIN_AGE_DAYS", 0)
    changed = user.body.get("password_last_set")
    if age and changed and datetime.fromisoformat(changed) + timedelta(days=age) > account.clock.now():
        reasons.append("Password was changed too recently.")
    if reasons:
        raise SnowflakeError(
            f"SQL execution error: New password rejected by current password policy. Reason: '{' '.join(reasons)}'",
            3002,
            "28P02",
        )
