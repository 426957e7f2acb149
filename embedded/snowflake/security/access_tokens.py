"""Programmatic access tokens: made for a user, shown once, kept as hashes, bound to a role if so wished."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any

from embedded.snowflake.errors import AuthenticationError

if TYPE_CHECKING:
    from embedded.snowflake.account import Account
    from embedded.snowflake.catalog.model import CatalogObject

_PREFIX = "pat-local-"


def new_secret() -> str:
    """A token's text, to be shown once."""
    return _PREFIX + secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What is kept of a token: it has too much chance in it to be guessed, so that a plain hash will do."""
    return hashlib.sha256(secret.encode()).hexdigest()


def looks_like_one(text: str) -> bool:
    """Whether a password is a token: clients may give it in the password's place."""
    return text.startswith(_PREFIX)


def tokens_of(user: CatalogObject) -> dict[str, dict[str, Any]]:
    """The user's tokens by name: hash, role restriction (oid), expiry, creation, whether disabled, comment."""
    return user.body.get("access_tokens", {})


def _find(user: CatalogObject | None, secret: str) -> dict[str, Any] | None:
    digest = hashed(secret)
    found = tokens_of(user).values() if user is not None else ()
    return next((token for token in found if hmac.compare_digest(token["hash"], digest)), None)


def check(account: Account, user: CatalogObject | None, secret: str) -> None:
    """Make sure that a token is one of the user's, not disabled and not expired.

    Raises:
        AuthenticationError: it is not (394400).
    """
    token = _find(user, secret)
    now = account.clock.now()
    if token is None or token["disabled"] or datetime.fromisoformat(token["expires_at"]) <= now:
        raise AuthenticationError("Programmatic access token is invalid.", 394400)


def restricted_role(account: Account, user: CatalogObject, secret: str) -> int | None:
    """The role that a session by this token is held to, or None.

    Raises:
        AuthenticationError: the role is gone (394400).
    """
    token = _find(user, secret) if looks_like_one(secret) else None
    if token is None or token["role"] is None:
        return None
    if not any(role.oid == token["role"] for role in account.catalog.all("ROLE")):
        raise AuthenticationError("Programmatic access token is invalid: its role was dropped.", 394400)
    return token["role"]
