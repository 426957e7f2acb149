"""Key-pair logins: the JWT that a client signs with its private key (RS256)."""

from __future__ import annotations

import base64
import binascii
import time
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from embedded.snowflake.account import Account
from embedded.snowflake.catalog.model import CatalogObject
from embedded.snowflake.errors import AuthenticationError
from embedded.snowflake.security.passwords import fingerprint, public_key
from embedded.snowflake.security.users import login_of, public_keys

# A token may be issued at most this long before now, whatever it says of its end; and so much may clocks differ.
_LONGEST_SECONDS, _SKEW_SECONDS = 3600, 60


def check(account: Account, user: CatalogObject | None, token: str) -> None:
    """Make sure that a login token is this user's: names it, is signed with one of its keys, and holds now.

    Raises:
        AuthenticationError: it is not (390144, 394300 to 394304).
    """
    head, claims, signed, signature = _split(token)
    if head.get("alg") != "RS256":
        raise _invalid()
    issuer, _, named = str(claims.get("iss", "")).partition(".SHA256:")
    if user is None or not _names(account, user, issuer) or claims.get("sub") != issuer:
        raise _invalid(394300)
    key = next((text for text in public_keys(user) if fingerprint(text) == f"SHA256:{named}"), None)
    if key is None:
        raise _invalid(394304)
    try:
        public_key(key).verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise _invalid() from None
    _check_times(claims)


def _split(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = token.split(".")
    if len(parts) != 3:
        raise _invalid()
    try:
        head, claims = (orjson.loads(_decode(part)) for part in parts[:2])
        signature = _decode(parts[2])
    except (ValueError, binascii.Error):
        raise _invalid() from None
    if not isinstance(head, dict) or not isinstance(claims, dict):
        raise _invalid()
    return head, claims, f"{parts[0]}.{parts[1]}".encode(), signature


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _names(account: Account, user: CatalogObject, issuer: str) -> bool:
    accounts = {account.name, account.account_name}
    users = {user.name.upper(), login_of(user).upper()}
    where, _, who = issuer.upper().partition(".")
    return where in accounts and who in users


def _check_times(claims: dict[str, Any]) -> None:
    now, issued, ends = time.time(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not -_SKEW_SECONDS <= now - issued <= _LONGEST_SECONDS:
        raise _invalid(394302)
    if not isinstance(ends, int | float) or ends <= now:
        raise _invalid(394303)


def _invalid(errno: int = 390144) -> AuthenticationError:
    return AuthenticationError("JWT token is invalid.", errno)
